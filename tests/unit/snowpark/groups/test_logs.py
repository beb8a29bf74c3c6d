"""Tables of mode log in a group: one capture, windows in the group's own request."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest
from snowflake.snowpark import Row

from lambda_extract.contract import (
    CaptureReply,
    CaptureRequest,
    ColumnSpec,
    CursorValue,
    ExtractReply,
    ExtractRequest,
    LogBound,
    LogIdentity,
    Reply,
    Request,
)
from snowpark.groups import group, table_steps
from snowpark.ledger.records import TableState
from snowpark.session import Snowflake
from snowpark.sync import changes
from snowpark.sync.snapshot import LOG_POSITION
from tests.unit.snowpark import samples
from tests.unit.snowpark.captures.samples import (
    IDENTITY,
    LOG,
    SLOT,
    key_file,
    link_row,
)
from tests.unit.snowpark.groups.test_group_runs import CHANGED, told, world
from tests.unit.snowpark.scripted import Scripted, Sent, refusal, settled

OTHER = dataclasses.replace(IDENTITY, published="5.7")


def logged(name: str = "orders", **settings: Any) -> TableState:
    """Returns a table of mode log that has everything up to capture 4."""
    values = {"mode": "log", "cursor": None, "deletes": "log", **LOG} | settings
    found = settled(name=name, **values)
    assert found.ledger is not None
    ledger = dataclasses.replace(
        found.ledger,
        watermark=CursorValue("0/100", LOG_POSITION),
        capture_version=4,
        log_identity=IDENTITY,
        origin=found.settings.origin,
    )
    return dataclasses.replace(found, ledger=ledger)


def rows_of(
    rows: int = 0, identity: LogIdentity = IDENTITY, **log: Any
) -> ExtractReply:
    """Returns a window of changed keys."""
    found = samples.reply(log=LogBound(identity, **log))
    if rows:
        return found
    return dataclasses.replace(found, files=(), rows=0, bytes=0)


class Source:
    """Answers captures with one that goes on, and windows by what is given."""

    def __init__(self, *windows: Reply, capture: Reply | None = None) -> None:
        self.windows = list(windows)
        self.capture = capture
        self.captures = 0
        self.asked: list[ExtractRequest] = []

    def __call__(self, request: Request) -> Reply:
        if isinstance(request, CaptureRequest):
            self.captures += 1
            return self.capture or CaptureReply(
                request.run_id,
                request.part,
                request.from_lsn or "",
                "0/200",
                True,
                "2026-01-02 03:04:05+00",
                "7:00000001",
                SLOT,
                (),
                0,
                0,
                0.1,
            )
        assert isinstance(request, ExtractRequest)
        self.asked.append(request)
        return self.windows.pop(0) if len(self.windows) > 1 else self.windows[0]


def run_of(source: Source, *tables: TableState, pending: Any = ()) -> Scripted:
    """Returns a session of a group in which captures tell of tables."""
    latest = [link_row(4)]

    def recorded(one: Sent) -> list[Row]:
        latest[0] = link_row(one.values[1], RUN_ID=one.values[2], TO_LSN="0/200")
        return [Row(1)]

    return world(
        source,  # type: ignore[arg-type]
        tables=tables,
        read_log_tables=[Row(t.settings.to_json()) for t in tables],
        read_latest_capture=lambda _: latest,
        insert_capture=recorded,
        read_pending=lambda one: [r for r in pending if r["TABLE_NAME"] in one.values],
    )


def told_of(table: str, **changes: Any) -> Row:
    """Returns a row of `read_pending`: a capture that has keys of a table."""
    values = {
        "TABLE_NAME": table,
        "VERSION": 5,
        "KIND": "capture",
        "TO_LSN": "0/200",
        "MISSED": False,
        "KEY_COUNT": 2,
        "TRUNCATED": False,
        "WHOLE": None,
        "FILES": _files(),
        "ERROR_CODE": None,
        "ERROR_MESSAGE": None,
        "ERROR_RETRYABLE": None,
        "ERROR_HINT": None,
    }
    return Row(**(values | changes))


def _files() -> str:

    return json.dumps([dataclasses.asdict(key_file())])


def sent(session: Scripted, play: Callable[..., Any]) -> list[str]:
    play(Snowflake(session), "hourly")
    return session.names


@pytest.mark.parametrize("play", [group.sync_group, group.extract_group])
def test_a_further_idle_table_sends_no_statement(play: Callable[..., Any]) -> None:
    counts = []
    for number in (1, 40):
        source = Source(rows_of())
        tables = [logged(f"t{i:04d}") for i in range(number)]
        session = run_of(source, *tables)
        counts.append(len(sent(session, play)))
        assert source.captures == 1 and len(source.asked) == number
        assert "insert_watermark" not in session.names
        unchanged = session.only("insert_unchanged_runs")
        told = json.loads(str(unchanged.values[-1]))
        assert [table["watermark"] for table in told] == ["0/200"] * number
    assert counts[0] == counts[1]


def test_an_idle_log_costs_seven_statements_for_all_its_tables() -> None:
    session = run_of(Source(rows_of()), *[logged(f"t{i}") for i in range(3)])
    sent(session, group.sync_group)
    own = [
        "read_log_tables",
        "take_lease",
        "read_latest_capture",
        "extract",
        "insert_capture",
        "release_lease",
        "read_pending",
    ]
    session.in_order(*own)
    assert len(session.sent) <= 15 + len(own), session.names


def test_what_the_log_tells_is_read_with_the_group_and_once() -> None:
    source = Source(rows_of(2))
    session = run_of(source, logged(), pending=[told_of("orders")])
    report = group.extract_group(Snowflake(session), "hourly")
    assert report["extracted"] == 1 and report["left_to_load_step"] == []
    assert told(session)[-1] == ("orders", "extract", "succeeded")
    (request,) = source.asked
    assert request.changes is not None and request.changes.files == (key_file(),)
    table_steps.load_table(Snowflake(session), "orders")
    table_steps.merge_table(Snowflake(session), "orders")
    assert len(source.asked) == 1
    assert session.stays.count("copy_files") == session.stays.count("merge") == 1
    (mark,) = [one for one in session.kept if one.name == "insert_watermark"]
    assert "0/200" in mark.values and 5 in mark.values


def test_a_changed_table_sends_few_statements_of_its_own() -> None:
    def number(changed: int) -> int:
        tables = [logged(f"t{i:02d}") for i in range(12)]
        source = Source(*[rows_of(2)] * changed, rows_of())
        pending = [told_of(t.settings.name) for t in tables[:changed]]
        session = run_of(source, *tables, pending=pending)
        return len(sent(session, group.sync_group))

    # The position of the chain, the settings of its source, and what is pending.
    assert number(8) - number(0) <= 8 * (CHANGED + 3)


@pytest.mark.parametrize(
    "reply",
    [
        rows_of(moved="rewritten"),
        rows_of(compare=True),
        rows_of(identity=OTHER),
    ],
)
def test_what_the_catalog_says_is_more_than_nothing(reply: ExtractReply) -> None:
    session = run_of(Source(reply), logged())
    report = group.extract_group(Snowflake(session), "hourly")
    assert report["unchanged"] == 0
    assert told(session)[-1] == ("orders", "extract", "succeeded")


@pytest.mark.parametrize(
    ("found", "pending"),
    [
        (logged(), [told_of("orders", KIND="gap", FILES=None, TO_LSN=None)]),
        (logged(), [told_of("orders", WHOLE="too_many_changes", FILES=None)]),
        (logged(), [told_of("orders", MISSED=True, FILES=None)]),
        (logged(on_truncate="fail"), [told_of("orders", TRUNCATED=True)]),
        (dataclasses.replace(logged(), ledger=None), []),
    ],
)
def test_what_is_more_than_a_window_goes_alone(
    found: TableState, pending: list[Row]
) -> None:
    source = Source(rows_of())
    session = run_of(source, found, pending=pending)
    report = group.extract_group(Snowflake(session), "hourly")
    assert report["left_to_load_step"] == ["orders"]
    assert source.captures == 1 and not source.asked


def test_a_position_that_was_not_noted_for_long_goes_alone() -> None:
    found = logged()
    assert found.ledger is not None
    early = 5 - changes.CAPTURES_UNNOTED - 1
    ledger = dataclasses.replace(found.ledger, capture_version=early)
    late = dataclasses.replace(found, ledger=ledger)
    source = Source(rows_of())
    session = run_of(source, late)
    session.answers["read_latest_capture"] = [link_row(4, OLDEST=early)]
    report = group.extract_group(Snowflake(session), "hourly")
    assert report["left_to_load_step"] == ["orders"]


@pytest.mark.parametrize("policy", ["fail", "replicate"])
@pytest.mark.parametrize("emptied", [True, False])
def test_only_an_emptied_table_that_shall_wait_goes_alone(
    policy: str, emptied: bool
) -> None:
    source = Source(rows_of(2))
    found = logged(on_truncate=policy)
    session = run_of(source, found, pending=[told_of("orders", TRUNCATED=emptied)])
    report = group.extract_group(Snowflake(session), "hourly")
    alone = emptied and policy == "fail"
    assert report["left_to_load_step"] == (["orders"] if alone else [])
    assert len(source.asked) == (not alone)


def test_a_table_that_was_loaded_from_another_place_fails_alone() -> None:
    found = logged("items", target_table="items")
    assert found.ledger is not None
    moved = dataclasses.replace(found.ledger, origin="other")
    tables = (dataclasses.replace(found, ledger=moved), logged())
    session = run_of(Source(rows_of()), *tables)
    report = group.extract_group(Snowflake(session), "hourly")
    assert report["failed"] == {"items": "origin_changed"}
    assert report["unchanged"] == 1


def test_other_rules_for_columns_are_no_window_of_the_log() -> None:
    found = logged(columns=(ColumnSpec("note", protect="mask"),))
    plain = logged()
    assert plain.ledger is not None
    ledger = dataclasses.replace(plain.ledger, origin=plain.settings.origin)
    source = Source(rows_of())
    session = run_of(source, dataclasses.replace(found, ledger=ledger))
    report = group.extract_group(Snowflake(session), "hourly")
    assert report["left_to_load_step"] == ["orders"] and source.asked == []


def test_a_table_that_the_log_does_not_tell_of_fails_alone() -> None:
    refused = told_of(
        "items",
        FILES=None,
        ERROR_CODE="not_published",
        ERROR_MESSAGE="Not there.",
        ERROR_RETRYABLE=False,
        ERROR_HINT="Add it.",
    )
    tables = (logged("items", target_table="items"), logged())
    session = run_of(Source(rows_of()), *tables, pending=[refused])
    report = group.extract_group(Snowflake(session), "hourly")
    assert report["failed"] == {"items": "not_published"}
    assert report["unchanged"] == 1


def test_a_log_that_cannot_be_captured_fails_its_own_tables() -> None:
    cursor = settled(name="lines", target_table="lines")
    source = Source(samples.reply(), capture=refusal("slot_missing"))
    session = run_of(source, logged(), cursor)
    report = group.extract_group(Snowflake(session), "hourly")
    assert report["failed"] == {"orders": "slot_missing"}
    assert [request.table.name for request in source.asked] == ["lines"]


def test_a_window_behind_another_capture_is_not_used() -> None:
    """Another run has captured between the extraction and the load."""
    source = Source(rows_of(2))
    session = run_of(source, logged(), pending=[told_of("orders")])
    group.extract_group(Snowflake(session), "hourly")
    session.answers["read_latest_capture"] = [link_row(6, RUN_ID="another")]
    table_steps.load_table(Snowflake(session), "orders")
    table_steps.merge_table(Snowflake(session), "orders")
    assert source.captures == 2
    assert len(source.asked) == 2
