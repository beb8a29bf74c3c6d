"""A group run: one extraction, steps that may be repeated, an end that closes all."""

import dataclasses
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from snowflake.snowpark import Row

from lambda_extract.contract import ExtractReply, Reply
from snowpark.alerts import alerts
from snowpark.errors import SyncError, UsageError
from snowpark.groups import asking, extract, group, table_steps
from snowpark.ledger import lease
from snowpark.ledger.records import TableState
from snowpark.session import Snowflake
from tests.unit.snowpark import samples
from tests.unit.snowpark.samples import settings
from tests.unit.snowpark.scripted import (
    Killed,
    Scripted,
    Sent,
    Stop,
    caught,
    merged,
    refusal,
    replies,
    state_row,
    stops,
)
from tests.unit.snowpark.sync.test_increment import known, nothing, window
from tests.unit.snowpark.sync.test_reload import ONE

LINES = known(name="lines", target_table="lines")
ORDERS = known()
# Statements that a changed table adds.
CHANGED = 12
COLUMNS = (
    "GROUP_RUN_ID GROUP_NAME ORIGIN TABLE_NAME STEP STATUS IDENTITY_SHA256 MESSAGE"
    " ERROR_CODE ERROR_MESSAGE ERROR_RETRYABLE ERROR_HINT LANE PLACE"
).split()


def step_rows(one: Sent) -> list[Row]:
    """Returns the rows of an `insert_steps`; a NULL is written out in its text."""
    values = iter(one.values)
    marks = re.findall(r"(\?|NULL) AS", one.text.split("FROM VALUES")[1])
    cells = [None if mark == "NULL" else next(values) for mark in marks]
    return [
        Row(**dict(zip(COLUMNS, cells[i : i + 14]))) for i in range(0, len(cells), 14)
    ]


def steps_of(session: Scripted) -> list[Row]:
    """Returns the steps that stay, in order."""
    inserts = [one for one in session.kept if one.name == "insert_steps"]
    return [row for one in inserts for row in step_rows(one)]


def told(session: Scripted) -> list[tuple[str, ...]]:
    return [(r["TABLE_NAME"] or "", r["STEP"], r["STATUS"]) for r in steps_of(session)]


def outcomes(session: Scripted, run_id: str) -> list[Row]:
    """Returns what the run ledger says of a group run."""
    found = []
    for one in session.kept:
        if one.name == "insert_run" and one.values[0] == run_id:
            status, error = one.values[3], [None] * 4
            if status == "failed":
                error = list(one.values[-5:-1])
            found.append((one.values[1], status, one.values[6], *error))
        if one.name == "insert_failed_runs" and one.values[0] == run_id:
            rest = one.values[3:]
            for i in range(0, len(rest), 5):
                table, *error = rest[i : i + 5]
                found.append((table, "failed", 0, *error))
    names = (
        "TABLE_NAME STATUS ROWS_EXTRACTED ERROR_CODE ERROR_MESSAGE"
        " ERROR_RETRYABLE ERROR_HINT"
    ).split()
    return [Row(**dict(zip(names, cells))) for cells in found]


def staged(session: Scripted) -> list[str]:
    """Returns the staging tables that are there."""
    there: dict[str, None] = {}
    for one in session.kept:
        found = re.search(r'"STAGING"\."([^"]+)"', one.text)
        if found and one.name == "create_staging":
            there[found[1]] = None
        elif found and one.name in ("drop_staging", "drop_table"):
            there.pop(found[1], None)
    return list(there)


def world(
    *answers: Reply | Callable[..., Reply],
    tables: tuple[TableState, ...] = (ORDERS,),
    owners: dict[str, str] | None = None,
    **more: Any,
) -> Scripted:
    """Returns a session that remembers the steps of a group's run."""
    found = {table.settings.name: table for table in tables}
    owner = [""]
    session: Scripted

    def take(one: Sent) -> list[Row]:
        owner[0] = one.values[0]
        return [Row(1)]

    def state(name: str) -> Row:
        return state_row(found[name], (owners or {}).get(name, owner[0]))

    def of_group(one: Sent) -> list[Row]:
        rows = [r for r in steps_of(session) if r["GROUP_RUN_ID"] == one.values[0]]
        hidden = {"MESSAGE": None}
        return [
            Row(
                **(
                    r.as_dict()
                    | (hidden if r["STEP"] == "extract" and r["TABLE_NAME"] else {})
                )
            )
            for r in rows
        ]

    script: dict[str, Any] = {
        "list_group_tables": [
            Row(GROUP_NAME="hourly", TABLE_NAME=name) for name in sorted(found)
        ],
        "take_leases": take,
        "take_lease": take,
        "read_states": lambda _: [state(name) for name in sorted(found)],
        "read_state": lambda one: [state(one.values[0])],
        "read_table_steps": lambda one: [
            r
            for r in steps_of(session)
            if r["TABLE_NAME"] == one.values[0]
            or (r["TABLE_NAME"] is None and r["STEP"] == "extract")
        ],
        "read_group_steps": of_group,
        "read_graph_runs": lambda _: [
            Row(GROUP_RUN_ID=r)
            for r in {s["GROUP_RUN_ID"]: 1 for s in steps_of(session)}
        ],
        "read_lane_steps": lambda one: [
            r
            for r in steps_of(session)
            if r["LANE"] == one.values[0] and r["STEP"] == "extract"
        ],
        "read_lane_states": lambda one: [
            state(str(r["TABLE_NAME"]))
            for r in steps_of(session)
            if r["LANE"] == one.values[1] and r["STEP"] == "extract"
        ],
        "read_outcomes": lambda one: outcomes(session, one.values[0]),
        "read_past": [],
        "show_staging": lambda _: [Row(name=name) for name in staged(session)],
        "read_open_parts": [],
        "extract": replies(*(answers or (window(2),))),
    }
    session = Scripted(**(script | more))
    return session


def graph(session: Scripted, *names: str) -> None:
    """Runs the task graph; an error of a table ends its own tasks alone."""
    snowflake = Snowflake(session)
    group.extract_group(snowflake, "hourly")
    for name in names or ("orders",):
        try:
            table_steps.load_table(snowflake, name)
            table_steps.merge_table(snowflake, name)
        except SyncError:
            continue


def runs(session: Scripted) -> list[tuple[Any, ...]]:
    """Returns table, kind and status of the run rows that stay."""
    found: list[tuple[Any, ...]] = []
    for one in session.kept:
        if one.name == "insert_run":
            found.append(one.values[1:4])
        if one.name == "insert_failed_runs":
            found += [(t, "increment", "failed") for t in one.values[3::5]]
    return found


# --- one call -------------------------------------------------------------------------


def test_all_tables_are_extracted_by_one_statement_and_merged_one_by_one() -> None:
    session = world(window(2), tables=(ORDERS, LINES))
    report = group.sync_group(Snowflake(session), " Hourly ")
    assert session.names.count("extract") == 1 and len(session.requests) == 2
    session.in_order("insert_steps", "take_leases", "read_states", "extract", "merge")
    session.in_order("merge", "merge", "release_leases", "insert_steps")
    assert report["succeeded"] == 2 and report["failed"] == {}
    assert report["rows_extracted"] == 4 and report["changed"] == ["lines", "orders"]
    assert report["summary"] == "Group hourly: 2 of 2 tables are in sync."
    assert runs(session) == [
        ("lines", "increment", "succeeded"),
        ("orders", "increment", "succeeded"),
    ]


def test_one_bad_table_stops_no_other() -> None:
    session = world(refusal("no_such_table"), window(2), tables=(ORDERS, LINES))
    report = group.sync_group(Snowflake(session), "hourly")
    assert list(report["failed"]) == ["lines"]
    assert report["failed"]["lines"]["code"] == "no_such_table"
    assert report["changed"] == ["orders"] and "failed: lines" in report["summary"]
    assert ("", "finished", "failed") in told(session)
    assert session.stays.count("merge") == 1


def test_a_group_that_nobody_configured_is_told_with_those_that_are() -> None:
    session = world(list_group_tables=[], list_groups=[Row("daily"), Row("weekly")])
    with pytest.raises(UsageError) as caught:
        group.sync_group(Snowflake(session), "hourly")
    assert (
        caught.value.code == "unknown_group" and "daily, weekly" in caught.value.message
    )
    none = world(list_group_tables=[], list_groups=[])
    with pytest.raises(UsageError, match="none; call APPLY_CONFIG"):
        group.extract_group(Snowflake(none), "hourly")


def test_wherever_a_call_stops_rows_and_watermarks_agree() -> None:
    def play(snowflake: Snowflake) -> None:
        group.sync_group(snowflake, "hourly")

    for stop, session, error in stops(world, play):
        session.together("merge", "insert_watermark")
        if not isinstance(error, Killed):
            assert not session.is_open
            given = {"release_leases", "release_lease"} & set(session.names)
            begun = "take_leases" in session.names
            assert bool(given) or not begun, stop


@pytest.mark.large
def test_no_statement_about_thousands_of_tables_is_too_large() -> None:
    """5,000 tables in a group: what is named of them is cut or comes in pieces."""
    long = "t" * 90
    for number, answer in ((2600, nothing(1)), (1200, refusal("no_such_table"))):
        tables = tuple(known(name=f"{long}{i:04d}") for i in range(number))
        session = world(answer, tables=tables)
        report = group.sync_group(Snowflake(session), "hourly")
        assert report["tables"] == number
        assert max(size(one) for one in session.sent) < 500_000
    assert report["failed_tables"] == 1200 and len(report["failed"]) == 100
    assert report["summary"].endswith("and 1180 more.")


def test_the_leases_of_a_group_are_kept_while_one_table_takes_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [0.0]
    monkeypatch.setattr(extract.time, "monotonic", lambda: clock[0])
    session = world()
    snowflake = Snowflake(session)
    extract.Holder(snowflake, "r1")
    for _ in range(4):
        clock[0] += lease.LEASE_SECONDS / 4
        lease.renew_lease(snowflake, "orders", "r1")
    assert session.names.count("hold_leases") == 2


# --- the extraction -------------------------------------------------------------------


def test_what_each_table_of_an_extraction_becomes() -> None:
    paused = dataclasses.replace(known(name="paused"), paused=True)
    new = TableState(settings(name="new"), None, None)
    large, held = known(name="large"), known(name="held")
    forbidden = known(name="forbidden", target_schema="CONTROL")
    assert ORDERS.ledger is not None
    other = dataclasses.replace(ORDERS.ledger, origin="other")
    broken = dataclasses.replace(known(name="moved"), ledger=other)
    tables = (forbidden, held, large, broken, new, ORDERS, paused)
    session = world(
        refusal("window_too_large"), window(2), tables=tables, owners={"held": "other"}
    )
    report = group.extract_group(Snowflake(session), "hourly")
    status = {r["TABLE_NAME"]: r for r in steps_of(session) if r["STEP"] == "extract"}
    assert {name: row["STATUS"] for name, row in status.items()} == {
        "forbidden": "failed",
        "held": "failed",
        "large": "alone",
        "moved": "failed",
        "new": "alone",
        "orders": "succeeded",
        "paused": "paused",
    }
    assert report["failed"] == {
        "forbidden": "target_not_allowed",
        "held": "lease_held",
        "moved": "origin_changed",
    }
    assert report["left_to_load_step"] == ["large", "new"] and report["extracted"] == 1
    assert report["tables"] == 7 and status["held"]["ERROR_MESSAGE"].startswith("Run o")
    for name in ("large", "new", "orders"):
        assert status[name]["IDENTITY_SHA256"] is not None


def test_a_table_that_is_passed_over_hides_none_behind_it() -> None:
    """They come in the order of their names."""
    paused = dataclasses.replace(known(name="a_paused"), paused=True)
    held = known(name="b_held")
    session = world(
        window(2), tables=(paused, held, ORDERS), owners={"b_held": "other"}
    )
    report = group.extract_group(Snowflake(session), "hourly")
    assert report["extracted"] == 1 and report["tables"] == 3
    assert told(session)[-1] == ("orders", "extract", "succeeded")


def test_tables_with_news_and_without_are_all_counted() -> None:
    paused = dataclasses.replace(known(name="paused"), paused=True)
    session = world(window(2), nothing(1), tables=(LINES, ORDERS, paused))
    report = group.extract_group(Snowflake(session), "hourly")
    assert (report["tables"], report["unchanged"], report["extracted"]) == (3, 1, 2)
    session = world(window(2), nothing(1), tables=(LINES, ORDERS, paused))
    whole = group.sync_group(Snowflake(session), "hourly")
    # A table that is paused has read nothing.
    assert whole["rows_extracted"] == 2 and whole["tables"] == 3
    assert whole["paused"] == ["paused"] and whole["succeeded"] == 2


def test_a_run_that_did_nothing_but_begin_is_finished() -> None:
    """The root died before it had asked for anything."""
    session = world()
    session.stop = Stop("take_leases", "killed before")
    assert isinstance(
        caught(lambda s: group.extract_group(s, "hourly"), session), Killed
    )
    session.stop, session._dead = None, False
    report = group.finish_group(Snowflake(session), "hourly")
    assert report["group"] == "hourly" and report["tables"] == 0


def test_one_error_of_the_call_is_made_good_by_another_call() -> None:
    calls: list[int] = []
    answer = replies(window(2))

    def extract(one: Sent) -> list[Row]:
        calls.append(len(one.values))
        return answer(one) if len(calls) > 1 else []

    session = world(tables=(ORDERS, LINES), extract=extract)
    report = group.extract_group(Snowflake(session), "hourly")
    assert calls == [1, 1]
    assert report["failed"] == {} and report["extracted"] == 2


def test_an_error_of_the_call_that_stays_is_that_of_each_table() -> None:
    session = world(tables=(ORDERS, LINES), extract=[])
    report = group.extract_group(Snowflake(session), "hourly")
    assert report["failed"] == {"lines": "reply_invalid", "orders": "reply_invalid"}
    assert runs(session) == [
        ("lines", "increment", "failed"),
        ("orders", "increment", "failed"),
    ]


# --- what is true of many tables ------------------------------------------------------


def crowd(number: int, **changes: Any) -> tuple[TableState, ...]:
    return tuple(known(name=f"t{i:04d}", **changes) for i in range(number))


@pytest.mark.parametrize("number", [1, 40, 150])
def test_an_idle_group_of_any_size_sends_few_statements(number: int) -> None:
    session = world(nothing(1), tables=crowd(number))
    report = group.sync_group(Snowflake(session), "hourly")
    assert report["succeeded"] == report["tables"] == number
    assert report["changed"] == [] and report["failed"] == {}
    assert len(session.sent) <= 15, session.names
    for one in session.sent:
        assert size(one) < 500_000, one.name


def size(one: Sent) -> int:
    """Returns the bytes of a statement as Snowflake counts them."""
    return len(one.text.encode()) + sum(len(str(v).encode()) for v in one.values)


@pytest.mark.large
def test_each_further_500_idle_tables_send_five_more_at_most() -> None:
    counts = []
    for number in (500, 1000):
        session = world(moved(), tables=crowd(number))
        group.sync_group(Snowflake(session), "hourly")
        assert all(size(one) < 500_000 for one in session.sent)
        counts.append(len(session.sent))
    assert counts[0] <= 15 and counts[1] - counts[0] <= 5, counts


def moved() -> ExtractReply:
    """Returns a window without rows whose watermark is another one."""
    return nothing(2)


def test_a_table_in_which_nothing_is_new_is_done_with_the_extraction() -> None:
    session = world(nothing(1), tables=(ORDERS, LINES))
    report = group.extract_group(Snowflake(session), "hourly")
    assert (report["extracted"], report["unchanged"]) == (2, 2)
    assert told(session) == [("", "started", "succeeded"), ("", "extract", "done")]
    assert "insert_watermarks" not in session.names
    unchanged = session.only("insert_unchanged_runs")
    told_of = json.loads(str(unchanged.values[-1]))
    assert [table["name"] for table in told_of] == ["lines", "orders"]
    for step in (table_steps.load_table, table_steps.merge_table):
        before = len(session.kept)
        assert step(Snowflake(session), "orders")["step"] == "extract"
        assert {one.name for one in session.kept[before:]} <= {
            "read_table_steps",
            "longest_list",
        }
    final = group.finish_group(Snowflake(session), "hourly")
    assert (final["tables"], final["succeeded"]) == (2, 2)


def test_watermarks_that_move_without_rows_are_one_statement() -> None:
    session = world(moved(), tables=(ORDERS, LINES))
    group.sync_group(Snowflake(session), "hourly")
    marks = session.only("insert_watermarks")
    assert marks.values[1:4] == ("lines", 7, LINES.settings.origin)
    assert marks.values.count("2026-01-02 00:00:00+00") == 2
    session.in_order("extract", "insert_watermarks", "insert_unchanged_runs")
    session.in_order("insert_unchanged_runs", "insert_steps", "release_done")


@pytest.mark.parametrize(
    ("found", "reply"),
    [
        (ORDERS, window(2)),
        (ORDERS, nothing(2, complete=False)),
        (ORDERS, nothing(2, source_changed="The source went back.")),
        (ORDERS, nothing(2, columns=samples.COLUMNS[:3])),
        (ORDERS, nothing(2, relation_id=99)),
        (known(deletes="key_compare"), nothing(2)),
    ],
)
def test_what_is_more_than_nothing_is_left_to_the_load_step(
    found: TableState, reply: Reply
) -> None:
    session = world(reply, tables=(found,))
    report = group.extract_group(Snowflake(session), "hourly")
    assert report["unchanged"] == 0
    assert told(session)[-1] == ("orders", "extract", "succeeded")
    assert "insert_unchanged_runs" not in session.names


def test_a_changed_table_of_a_group_sends_few_statements_of_its_own() -> None:
    def sent(changed: int) -> int:
        tables = crowd(20)
        answers = [window(2)] * changed + [nothing(1)]
        session = world(*answers, tables=tables)
        report = group.sync_group(Snowflake(session), "hourly")
        assert len(report["changed"]) == changed
        return len(session.sent)

    assert sent(10) - sent(0) <= 10 * CHANGED


def test_leases_are_extended_only_when_half_their_time_has_passed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [0.0]
    monkeypatch.setattr(extract.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(asking, "_REQUEST_BYTES", 1700)
    answer = replies(nothing(1))

    def slow(one: Sent) -> list[Row]:
        clock[0] += 300
        return answer(one)

    session = world(tables=crowd(20), extract=slow)
    group.extract_group(Snowflake(session), "hourly")
    asked = session.names.count("extract")
    assert asked >= 4 and session.names.count("hold_leases") == (asked - 1) // 2


def test_the_leases_of_a_group_are_held_while_its_tables_are_merged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [0.0]
    monkeypatch.setattr(extract.time, "monotonic", lambda: clock[0])

    def slow(_: Sent) -> list[Row]:
        clock[0] += lease.LEASE_SECONDS / 2
        return merged()

    session = world(window(2), tables=crowd(4), merge=slow)
    group.sync_group(Snowflake(session), "hourly")
    # Each merge has used up half of the time: before the next one it is given again.
    relevant = [n for n in session.names if n in ("merge", "hold_leases")]
    assert relevant == ["merge", "hold_leases"] * 3 + ["merge"]


def test_an_extraction_that_fails_gives_the_leases_back() -> None:
    session = world(stop=Stop("insert_steps", nth=2))
    with pytest.raises(SyncError):
        group.extract_group(Snowflake(session), "hourly")
    assert session.names[-1] == "release_leases"
    (run_id,) = session.values("release_leases")[0]
    assert session.values("take_leases")[0][0] == run_id


def test_a_run_that_vanished_is_recorded_by_the_group_that_took_over() -> None:
    lost = dataclasses.replace(ORDERS, previous_run_id="gone")
    session = world(tables=(lost,))
    group.extract_group(Snowflake(session), "hourly")
    assert session.values("insert_abandoned_runs") == [("gone", "orders")]


def test_dates_that_are_read_otherwise_end_the_whole_group() -> None:
    row = state_row(ORDERS, "r", DATES_READ_AS="x")

    def states(_: Sent) -> list[Row]:
        owner = session.values("take_leases")[0][0]
        return [Row(**(row.as_dict() | {"LEASE_RUN_ID": owner}))]

    session = world(read_states=states)
    with pytest.raises(UsageError) as caught:
        group.extract_group(Snowflake(session), "hourly")
    assert caught.value.code == "date_input_formats"
    assert session.names[-1] == "release_leases"


# --- load and merge -------------------------------------------------------------------


def test_a_graph_loads_in_one_task_and_merges_in_the_next() -> None:
    session = world()
    graph(session)
    assert told(session) == [
        ("", "started", "succeeded"),
        ("orders", "extract", "succeeded"),
        ("orders", "load", "succeeded"),
        ("orders", "merge", "succeeded"),
    ]
    session.in_order("copy_files", "insert_steps", "begin", "merge", "commit")
    session.in_order("commit", "drop_staging", "release_lease", "insert_steps")
    assert session.names.count("extract") == session.names.count("copy_files") == 1


def test_steps_that_are_called_again_do_nothing() -> None:
    session = world()
    graph(session)
    before = list(session.stays)
    snowflake = Snowflake(session)
    for call in (table_steps.load_table, table_steps.merge_table):
        assert "done before" in call(snowflake, "orders")["summary"]
    assert set(session.stays[len(before) :]) <= {"read_table_steps", "longest_list"}


@pytest.mark.parametrize(
    ("found", "answers", "kind"),
    [
        (TableState(settings(), None, None), (ONE, samples.reply()), "snapshot"),
        (ORDERS, (refusal("window_too_large"), window(2)), "increment"),
    ],
)
def test_what_goes_alone_is_done_in_the_load_step(
    found: TableState, answers: Any, kind: str
) -> None:
    session = world(*answers, tables=(found,))
    graph(session)
    assert told(session)[-1] == ("orders", "load", "done")
    assert runs(session) == [("orders", kind, "succeeded")]
    assert "release_lease" in session.names


def test_a_paused_table_is_passed_over_in_every_step() -> None:
    session = world(tables=(dataclasses.replace(ORDERS, paused=True),))
    graph(session)
    assert len(told(session)) == 2 and session.requests == []
    report = group.finish_group(Snowflake(session), "hourly")
    assert report["paused"] == ["orders"] and report["succeeded"] == 0
    assert "paused: orders" in report["summary"]


def test_a_refused_extraction_is_the_error_of_the_load_step() -> None:
    session = world(refusal("no_such_table"))
    graph(session)
    assert told(session)[-1] == ("orders", "load", "failed")
    assert runs(session) == [("orders", "increment", "failed")]
    assert "release_done" in session.names
    with pytest.raises(SyncError) as caught:
        table_steps.load_table(Snowflake(session), "orders")
    assert caught.value.code == "no_such_table" and caught.value.table == "orders"


def test_a_failed_step_that_may_succeed_is_repeated_as_a_whole_sync() -> None:
    session = world(refusal("source_unreachable", True), window(2))
    graph(session)
    assert told(session)[-1] == ("orders", "load", "failed")
    report = table_steps.load_table(Snowflake(session), "orders")
    assert report["status"] == "succeeded" and "merge" in session.stays
    assert told(session)[-1] == ("orders", "load", "done")


def test_a_failed_merge_is_repeated_as_a_whole_sync() -> None:
    session = world(window(2))
    session.stop = Stop("merge")
    graph(session)
    assert told(session)[-1] == ("orders", "merge", "failed")
    session.in_order("rollback", "insert_run", "drop_staging", "release_lease")
    table_steps.merge_table(Snowflake(session), "orders")
    assert told(session)[-1] == ("orders", "merge", "done")
    assert runs(session)[-1] == ("orders", "increment", "succeeded")


def test_a_repetition_that_fails_is_recorded_in_its_turn() -> None:
    session = world(refusal("source_unreachable", True))
    graph(session)
    with pytest.raises(SyncError):
        table_steps.load_table(Snowflake(session), "orders")
    assert told(session)[-2:] == [("orders", "load", "failed")] * 2


def test_a_merge_without_a_load_is_refused() -> None:
    session = world()
    snowflake = Snowflake(session)
    for code in ("nothing_extracted", "nothing_loaded"):
        with pytest.raises(UsageError) as caught:
            table_steps.merge_table(snowflake, "orders")
        assert caught.value.code == code and caught.value.table == "orders"
        if code == "nothing_extracted":
            group.extract_group(snowflake, "hourly")


@pytest.mark.parametrize("step", ["load", "merge"])
def test_a_step_of_a_run_that_lost_its_table_ends_it(step: str) -> None:
    session = world()
    snowflake = Snowflake(session)
    group.extract_group(snowflake, "hourly")
    if step == "merge":
        table_steps.load_table(snowflake, "orders")
    session.answers["hold_lease"] = [Row(0)]
    call = table_steps.load_table if step == "load" else table_steps.merge_table
    with pytest.raises(SyncError) as caught:
        call(snowflake, "orders")
    assert caught.value.code == "lease_lost" and caught.value.table == "orders"
    assert told(session)[-1] == ("orders", step, "failed")
    assert runs(session) == [("orders", "increment", "failed")]
    assert "merge" not in session.names


def test_a_load_that_fails_drops_what_it_staged() -> None:
    session = world(copy_files=[Row(rows_loaded=1)])
    graph(session)
    session.in_order("create_staging", "drop_staging", "insert_run", "release_lease")
    assert told(session)[-1] == ("orders", "load", "failed")


def test_another_configuration_between_extract_and_load_is_read_anew() -> None:
    session = world(window(2), window(3))
    snowflake = Snowflake(session)
    group.extract_group(snowflake, "hourly")
    owner = session.values("take_leases")[0][0]
    other = state_row(known(exclude=("note",)), owner)
    session.answers["read_state"] = [other]
    table_steps.load_table(snowflake, "orders")
    assert session.names.count("extract") == 2
    assert told(session)[-1] == ("orders", "load", "done")


def test_wherever_a_graph_stops_rows_and_watermarks_agree() -> None:
    def play(snowflake: Snowflake) -> None:
        group.extract_group(snowflake, "hourly")
        table_steps.load_table(snowflake, "orders")
        table_steps.merge_table(snowflake, "orders")

    for stop, session, error in stops(world, play):
        session.together("merge", "insert_watermark")
        if isinstance(error, SyncError):
            assert not session.is_open, stop


# --- the end --------------------------------------------------------------------------


def test_the_end_tells_of_all_tables_and_gives_the_leases_back() -> None:
    session = world(refusal("no_such_table"), window(2), tables=(ORDERS, LINES))
    graph(session, "lines", "orders")
    report = group.finish_group(Snowflake(session), "hourly")
    assert list(report["failed"]) == ["lines"] and report["changed"] == ["orders"]
    failed = report["failed"]["lines"]
    assert failed == {
        "code": "no_such_table",
        "message": "no_such_table.",
        "retryable": False,
        "hint": "Wait.",
    }
    session.in_order("release_leases", "insert_steps")
    assert json.loads(steps_of(session)[-1]["MESSAGE"]) == report


def test_a_run_that_has_ended_is_not_ended_again() -> None:
    session = world()
    graph(session)
    first = group.finish_group(Snowflake(session), "hourly")
    before = len(session.kept)
    assert group.finish_group(Snowflake(session), "hourly") == first
    again = {one.name for one in session.kept[before:]}
    assert again <= {"read_graph_runs", "read_group_steps", "longest_list"}


@pytest.mark.parametrize("last", ["extract", "load"])
def test_a_step_that_vanished_is_told_and_cleaned_up_at_the_end(last: str) -> None:
    session = world()
    snowflake = Snowflake(session)
    group.extract_group(snowflake, "hourly")
    if last == "load":
        table_steps.load_table(snowflake, "orders")
    report = group.finish_group(snowflake, "hourly")
    assert report["failed"]["orders"]["code"] == "step_lost"
    assert f"step '{last}'" in report["failed"]["orders"]["message"]
    assert report["failed"]["orders"]["retryable"]
    assert runs(session) == [("orders", "increment", "failed")]
    session.in_order("insert_failed_runs", "release_leases")
    assert staged(session) == [] and ("drop_staging" in session.names) == (
        last == "load"
    )


def test_an_extraction_that_nobody_looked_at_is_recorded_at_the_end() -> None:
    session = world(refusal("no_such_table"))
    group.extract_group(Snowflake(session), "hourly")
    report = group.finish_group(Snowflake(session), "hourly")
    assert list(report["failed"]) == ["orders"]
    assert runs(session) == [("orders", "increment", "failed")]


def test_a_group_without_any_run_has_nothing_to_finish() -> None:
    session = world()
    with pytest.raises(UsageError) as caught:
        group.finish_group(Snowflake(session), "hourly")
    assert caught.value.code == "nothing_to_finish"


def test_runs_that_were_given_up_are_closed_with_the_latest() -> None:
    session = world()
    snowflake = Snowflake(session)
    group.extract_group(snowflake, "hourly")
    group.extract_group(snowflake, "hourly")
    report = group.finish_group(snowflake, "hourly")
    ended = [r for r in steps_of(session) if r["STEP"] == "finished"]
    assert len({r["GROUP_RUN_ID"] for r in ended}) == 2
    assert report["run_id"] == ended[-1]["GROUP_RUN_ID"]


def test_the_finalizer_raises_alerts_after_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = world()
    graph(session)

    def raise_alerts(_: Snowflake) -> dict[str, Any]:
        assert told(session)[-1][1] == "finished"
        return {"summary": "quiet", "more": 1}

    monkeypatch.setattr(alerts, "raise_alerts", raise_alerts)
    session.answers["take_tidy_lease"] = [Row(0)]
    report = group.end_graph(Snowflake(session), "hourly")
    assert report["alert"] == "quiet" and report["succeeded"] == 1
    assert report["tidy"] == "Not due."


def test_a_long_error_is_told_as_far_as_there_is_room() -> None:
    """A hundred of them have to fit into one statement."""
    error = SyncError("x", "m" * 999 + "nz", hint="h" * 999 + "iz")
    _, found = group._told("orders", error)
    assert (found["message"], found["hint"]) == ("m" * 999 + "n", "h" * 999 + "i")


def test_a_long_name_is_told_as_far_as_there_is_room() -> None:
    assert group._shown("a" * 100) == '"' + "a" * 100 + '"'
    assert group._shown("a" * 101) == group._shown("a" * 100)
