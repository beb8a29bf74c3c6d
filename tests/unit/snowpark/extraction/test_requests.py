"""Each request has what its step needs, in its place."""

import dataclasses

import pytest

from lambda_extract.contract import (
    CHECKED_TABLES,
    Bound,
    ColumnSpec,
    DigestRequest,
    ExtractRequest,
    KeysRequest,
    Limits,
    Overlap,
    Partition,
    PendingBound,
    PlanRequest,
    Window,
)
from snowpark.extraction import requests
from snowpark.extraction.progress import Progress, start
from tests.unit.snowpark.captures.samples import IDENTITY, ORDERS
from tests.unit.snowpark.samples import RUN_ID, cursor_value, settings, state

TABLE = settings(chunk_rows=7, file_bytes=9, load_method="snowpipe")
BOUND = Bound(
    watermark=cursor_value(1),
    pending_bound=PendingBound("2026-01-01 00:00:00+00", "2026-01-02 00:00:00+00"),
    overlap=Overlap(2, "ab" * 16),
)
WHOLE = Partition("p00001")


def progress(**changes: object) -> Progress:
    found = dataclasses.replace(start(state()), bound=BOUND)
    return dataclasses.replace(found, **changes)  # type: ignore[arg-type]


def test_the_first_window_proves_the_overlap_and_the_next_does_not() -> None:
    begin = progress(position=cursor_value(1), end=cursor_value(3))
    first = requests.next_window(TABLE, begin, RUN_ID)
    assert first == ExtractRequest(
        run_id=RUN_ID,
        table=TABLE.table_spec,
        part="w00001",
        limits=Limits(chunk_rows=1_000_000, file_bytes=9),
        cursor=TABLE.cursor_spec,
        window=Window(
            lower=cursor_value(1),
            upper=cursor_value(3),
            pending_bound=BOUND.pending_bound,
            overlap=BOUND.overlap,
            first=True,
            identity=begin.source_identity,
        ),
        load_method="snowpipe",
    )
    second = requests.next_window(TABLE, progress(windows=1), RUN_ID)
    assert second.window is not None
    assert second.window.overlap is None and not second.window.first
    assert second.window.pending_bound == BOUND.pending_bound


@pytest.mark.parametrize(
    ("attempt", "windows", "part"),
    [(0, 0, "w00001"), (0, 41, "w00042"), (3, 0, "w3-00001")],
)
def test_each_attempt_has_names_of_its_own(
    attempt: int, windows: int, part: str
) -> None:
    found = progress(attempt=attempt, windows=windows)
    assert requests.next_window(TABLE, found, RUN_ID).part == part


@pytest.mark.parametrize("one_moment", [True, False])
def test_a_plan_has_the_cursor_and_a_cut_range_has_none(one_moment: bool) -> None:
    plan = requests.snapshot_request(TABLE, RUN_ID, one_moment=one_moment)
    assert plan == PlanRequest(
        run_id=RUN_ID,
        table=TABLE.table_spec,
        limits=Limits(7, 9),
        cursor=TABLE.cursor_spec,
        one_moment=one_moment,
    )
    assert not requests.snapshot_request(TABLE, RUN_ID).one_moment
    cut = requests.range_request(TABLE, WHOLE, RUN_ID)
    assert cut.cursor is None and cut.partition == WHOLE
    assert (cut.run_id, cut.table, cut.limits) == (RUN_ID, plan.table, plan.limits)


def test_parts_keys_and_rows_name_what_they_read() -> None:
    assert requests.part_request(TABLE, WHOLE, RUN_ID, "a2") == ExtractRequest(
        run_id=RUN_ID,
        table=TABLE.table_spec,
        part="p00001-a2",
        limits=Limits(7, 9),
        partition=WHOLE,
        load_method="snowpipe",
    )
    assert requests.keys_request(TABLE, WHOLE, RUN_ID, Limits(5, 6)) == KeysRequest(
        run_id=RUN_ID,
        table=TABLE.table_spec,
        part="keys-p00001",
        partition=WHOLE,
        limits=Limits(5, 6),
    )
    assert requests.rows_request(TABLE, ["a", "b"], RUN_ID, "repair") == ExtractRequest(
        run_id=RUN_ID,
        table=TABLE.table_spec,
        part="repair",
        limits=Limits(7, 9),
        partition=Partition("repair"),
        key_hashes=("a", "b"),
    )


def test_the_rows_of_no_key_are_none() -> None:
    # No hash at all would mean every row.
    assert requests.rows_request(TABLE, [], RUN_ID, "r").key_hashes == ("",)


def test_the_newest_cursor_is_asked_for_by_itself() -> None:
    assert requests.newest_request(TABLE, "updated_at", RUN_ID) == DigestRequest(
        run_id=RUN_ID,
        table=TABLE.table_spec,
        partition=Partition("whole"),
        columns=("updated_at",),
        key=("updated_at",),
        step="newest",
        cursor=TABLE.cursor_spec,
    )


@pytest.mark.parametrize("deletes", ["soft_column", "key_compare"])
@pytest.mark.parametrize("bounded", [True, False])
def test_a_digest_leaves_out_what_is_deleted_or_not_promised_yet(
    deletes: str, bounded: bool
) -> None:
    table = settings(deletes=deletes, delete_column="gone")
    upto = cursor_value(2) if bounded else None
    found = requests.digest_request(
        table,
        RUN_ID,
        columns=["id", "note"],
        key=["id"],
        step="rows",
        depth=4,
        within=["abcd"],
        upto=upto,
    )
    assert found == DigestRequest(
        run_id=RUN_ID,
        table=table.table_spec,
        partition=Partition("whole"),
        columns=("id", "note"),
        key=("id",),
        deleted_column="gone" if deletes == "soft_column" else "",
        step="rows",
        depth=4,
        within=("abcd",),
        cursor=table.cursor_spec if bounded else None,
        upto=upto,
    )


@pytest.mark.parametrize("settled", [True, False])
def test_only_a_plan_that_shall_settle_names_the_log(settled: bool) -> None:
    """Whoever only compares or counts has no need of its rights."""
    plan = requests.snapshot_request(ORDERS, RUN_ID, settled=settled)
    assert plan.log == (ORDERS.log_spec if settled else None)
    assert ORDERS.log_spec is not None
    assert requests.snapshot_request(ORDERS, RUN_ID).log is None


@pytest.mark.parametrize(
    ("number", "sizes"),
    [
        (0, [0]),
        (1, [1]),
        (CHECKED_TABLES, [CHECKED_TABLES]),
        (CHECKED_TABLES + 1, [CHECKED_TABLES, 1]),
        (2 * CHECKED_TABLES, [CHECKED_TABLES] * 2),
    ],
)
def test_each_table_of_a_source_is_checked_once(number: int, sizes: list[int]) -> None:
    """A source without tables is looked at as well."""
    tables = [settings(name=f"t{i:04d}", relation=f"t{i:04d}") for i in range(number)]
    found = requests.check_requests("shop", tables, RUN_ID)
    assert [len(one.tables) for one in found] == sizes
    told = [item.table.name for one in found for item in one.tables]
    assert told == [table.name for table in tables]
    assert {one.source for one in found} == {"shop"}


def test_a_check_says_what_each_table_needs() -> None:
    full = settings(name="full", mode="full", cursor=None)
    (found,) = requests.check_requests("shop", [full, TABLE, ORDERS], RUN_ID)
    assert [t.keyed for t in found.tables] == [False, True, True]
    assert [t.logged for t in found.tables] == [False, False, True]
    assert [t.cursor for t in found.tables] == [None, TABLE.cursor_spec, None]
    assert found.log == ORDERS.log_spec
    (none,) = requests.check_requests("shop", [full], RUN_ID)
    assert none.log is None


def test_only_a_table_of_mode_log_has_changed_keys() -> None:
    with pytest.raises(ValueError, match="mode log"):
        requests.changes_request(
            TABLE, RUN_ID, "p", files=(), known=IDENTITY, truncated=False
        )


def test_only_the_first_window_may_ask_whether_most_rows_have_changed() -> None:
    table = dataclasses.replace(ORDERS, whole_table_percent=30)
    for more, expected in ((None, (0, 0)), (0, (30, 0)), (7, (30, 7))):
        request = requests.changes_request(
            table,
            RUN_ID,
            "p",
            files=(),
            known=IDENTITY,
            truncated=False,
            more_keys=more,
        )
        assert request.changes is not None
        assert (request.changes.whole_percent, request.changes.more_keys) == expected
    # Who says nothing of other windows asks for the keys alone.
    alone = requests.changes_request(
        table, RUN_ID, "p", files=(), known=IDENTITY, truncated=False
    )
    assert alone.changes is not None
    assert (alone.changes.whole_percent, alone.changes.more_keys) == (0, 0)


def test_a_capture_names_the_columns_that_no_key_may_have() -> None:
    """What is hashed or masked would stand in the files as it is."""
    columns = (ColumnSpec("note", protect="mask"), ColumnSpec("id", rename="number"))
    table = dataclasses.replace(ORDERS, columns=columns)
    assert table.log_spec is not None
    found = requests.capture_request(
        "shop",
        table.log_spec,
        [table],
        RUN_ID,
        part="c1",
        from_lsn=None,
        server="",
        max_wal_bytes=1,
    )
    (told,) = found.tables
    assert told.protected == ("note",)
