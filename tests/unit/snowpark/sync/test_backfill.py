"""A range is read again, part by part; the watermark stays."""

from typing import Any

import pytest

from lambda_extract.contract import AlteredValue, ExtractRequest, PlanRequest, Warning
from snowpark.errors import SyncError, UsageError
from snowpark.ledger.records import TableState
from snowpark.session import Snowflake
from snowpark.sync import backfill
from tests.unit.snowpark import samples
from tests.unit.snowpark.samples import COLUMNS, planned
from tests.unit.snowpark.scripted import (
    Killed,
    Scripted,
    merged,
    refusal,
    settled,
    stops,
)
from tests.unit.snowpark.sync.test_reload import NEW, whole

FOUND = settled()
EMPTY = samples.reply(files=(), rows=0, bytes=0)


def filled(
    session: Scripted, lower: object = "a", upper: object = "b"
) -> dict[str, Any]:
    return backfill.backfill_table(Snowflake(session), "orders", lower, upper)


def asked(session: Scripted) -> list[ExtractRequest]:
    return [r for r in session.requests if isinstance(r, ExtractRequest)]


def two_parts(found: TableState = FOUND) -> Scripted:
    return whole(found, planned(2), samples.reply())


def test_each_part_is_committed_on_its_own_and_the_watermark_stays() -> None:
    session = two_parts()
    report = filled(session)
    assert "insert_watermark" not in session.names
    assert session.commits == 2 and session.stays.count("merge") == 2
    (row,) = session.values("insert_run")
    assert row[2:4] == ("backfill", "succeeded") and report["rows_extracted"] == 4
    session.in_order(*["extract", "copy_files", "begin", "merge", "read_fence"] * 2)
    session.in_order("insert_run", "commit", "drop_staging", "release_lease")
    assert row[5:7] == (2, 4) and report["files"] == 2 and report["bytes"] == 240
    touched = session.values("insert_touch")
    assert [v[0] for v in touched] == [8, 9] and touched[0][2] == "backfill"
    assert [v[1] for v in session.values("read_fence")] == [7, 8]


@pytest.mark.parametrize(("lower", "upper"), [("a", None), (None, "b"), ("a", "b")])
def test_the_range_is_what_was_asked_for(lower: str | None, upper: str | None) -> None:
    session = two_parts()
    filled(session, lower, upper)
    plan = session.requests[0]
    assert isinstance(plan, PlanRequest) and plan.partition is not None
    assert plan.partition.columns == ("updated_at",) and plan.cursor is None
    assert plan.partition.lower == (None if lower is None else (lower,))
    assert plan.partition.upper == (None if upper is None else (upper,))


@pytest.mark.parametrize(
    ("lower", "upper"),
    [(None, None), ("", "b"), (" ", "b"), ("a", 7), ("a" * 1001, None)],
)
def test_bounds_that_say_nothing_are_refused_before_anything_is_asked(
    lower: object, upper: object
) -> None:
    session = two_parts()
    with pytest.raises(UsageError) as caught:
        filled(session, lower, upper)
    assert caught.value.code == "invalid_argument" and session.names == []
    assert caught.value.table == "orders"


@pytest.mark.parametrize("found", [NEW, settled(mode="full", cursor=None)])
def test_a_table_without_cursor_or_load_has_nothing_to_be_filled(
    found: TableState,
) -> None:
    session = two_parts(found)
    with pytest.raises(UsageError) as caught:
        filled(session)
    assert caught.value.code == "nothing_to_backfill" and session.requests == []
    assert session.names[-1] == "release_lease"


@pytest.mark.parametrize(
    ("answers", "status", "rows"),
    [
        ((samples.reply(), EMPTY), "succeeded", 2),
        ((EMPTY, samples.reply()), "succeeded", 2),
        ((EMPTY, EMPTY), "unchanged", 0),
    ],
)
def test_parts_without_rows_are_passed_over(
    answers: Any, status: str, rows: int
) -> None:
    session = whole(FOUND, planned(2), *answers)
    filled(session)
    (row,) = [one.values for one in session.kept if one.name == "insert_run"]
    assert row[3] == status and row[6] == rows
    assert session.names.count("drop_staging") == bool(rows)


def test_a_plan_without_parts_is_no_backfill_that_went_well() -> None:
    session = whole(FOUND, planned(0))
    with pytest.raises(SyncError) as caught:
        filled(session)
    assert caught.value.code == "reply_invalid"
    assert session.only("insert_run").values[3] == "failed"


def test_a_part_that_is_too_large_is_cut_into_smaller_ones() -> None:
    session = whole(
        FOUND, planned(2), refusal("window_too_large"), planned(3), samples.reply()
    )
    filled(session)
    plans = [r for r in session.requests if isinstance(r, PlanRequest)]
    rows = FOUND.settings.chunk_rows
    assert [p.limits.chunk_rows for p in plans] == [rows, rows // 2]
    assert plans[1].partition == planned(2).partitions[0]
    assert len(asked(session)) == 5 and len({r.part for r in asked(session)}) == 5
    assert session.stays.count("merge") == 4 and session.stays.count("insert_run") == 1


@pytest.mark.parametrize(
    ("code", "chunk_rows"), [("worker_lost", 100_000), ("window_too_large", 1999)]
)
def test_another_refusal_ends_the_backfill(code: str, chunk_rows: int) -> None:
    session = whole(settled(chunk_rows=chunk_rows), planned(2), refusal(code))
    with pytest.raises(SyncError) as caught:
        filled(session)
    assert caught.value.code == code and len(asked(session)) == 1
    assert session.only("insert_run").values[3] == "failed"


@pytest.mark.parametrize("key", [(), ("id", "absent")])
def test_a_reply_without_its_key_is_none(key: tuple[str, ...]) -> None:
    session = whole(FOUND, planned(1), samples.reply(key=key))
    with pytest.raises(SyncError) as caught:
        filled(session)
    assert caught.value.code == "reply_invalid" and "merge" not in session.names


def test_rows_that_the_merge_did_not_take_are_found() -> None:
    session = whole(FOUND, planned(1), samples.reply(), merge=merged(1))
    with pytest.raises(SyncError) as caught:
        filled(session)
    assert caught.value.code == "duplicate_keys" and session.commits == 0


def test_warnings_of_the_parts_are_told() -> None:
    warned = samples.reply(warnings=(Warning("code", "What.", "Do."),))
    report = filled(whole(FOUND, planned(1), warned))
    assert report["warnings"] == [{"code": "code", "message": "What.", "hint": "Do."}]


def test_rows_of_other_columns_are_not_merged() -> None:
    session = whole(FOUND, planned(2), samples.reply(columns=COLUMNS[:-1]))
    with pytest.raises(UsageError) as caught:
        filled(session)
    assert caught.value.code == "columns_changed" and "SYNC_TABLE" in caught.value.hint
    assert "merge" not in session.names


def test_files_come_by_copy_though_the_table_has_a_pipe() -> None:
    session = two_parts(settled(load_method="snowpipe"))
    filled(session)
    assert {request.load_method for request in asked(session)} == {"copy"}
    assert "forget_rows" not in session.names


def test_altered_values_are_recorded_with_their_part() -> None:
    altered = samples.reply(altered=(AlteredValue("note", 1),))
    session = whole(FOUND, planned(1), altered)
    filled(session)
    session.in_order("begin", "merge", "insert_altered_values", "commit")


def test_wherever_it_stops_what_is_committed_is_told_at_the_end() -> None:
    def play(snowflake: Snowflake) -> None:
        backfill.backfill_table(snowflake, "orders", "a", None)

    for stop, session, error in stops(two_parts, play):
        assert session.stays.count("merge") == session.commits, stop
        if isinstance(error, Killed):
            done = session.stays.count("merge") == 2
            assert session.stays.count("insert_run") == done
        elif "extract" in session.names:
            assert error is None or session.names[-1] == "release_lease"
