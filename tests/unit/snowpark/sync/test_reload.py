"""A whole table is read and replaced: plan, parts, one transaction, breakers."""

import dataclasses
from typing import Any

import pytest
from snowflake.connector.errors import ProgrammingError
from snowflake.snowpark import Row

from lambda_extract.contract import (
    AlteredValue,
    Bound,
    ColumnSpec,
    ExtractRequest,
    LogBound,
    PlanReply,
    PlanRequest,
    Warning,
    encode,
)
from snowpark.columns import column as columns
from snowpark.columns.shape import Change
from snowpark.errors import SyncError, UsageError
from snowpark.ledger.records import TableState
from snowpark.ledger.run import Run
from snowpark.session import Snowflake
from snowpark.sync import snapshot, sync
from tests.unit.snowpark.captures.samples import IDENTITY, link_row
from tests.unit.snowpark.samples import RUN_ID, cursor_value, planned, reply, settings
from tests.unit.snowpark.scripted import (
    Killed,
    Scripted,
    described,
    refusal,
    replies,
    settled,
    state_row,
    stops,
)
from tests.unit.snowpark.sync.test_increment import nothing, window

FOUND = settled()
NEW = TableState(settings(), None, None)
FULL = settled(mode="full", cursor=None)
PLAN = dataclasses.replace(planned(2), bound=Bound(cursor_value(5)), key_enforced=True)


def new_run() -> Run:
    return Run(RUN_ID, "orders", "2026-01-02T03:04:05+00:00")


def session_of(*answers: Any, plan: PlanReply = PLAN, **more: Any) -> Scripted:
    """Returns a session that plans, and then answers parts one after the other."""
    parts = answers or (reply(),)
    script: dict[str, Any] = {
        "read_open_parts": [],
        "extract": replies(plan, *parts),
        "overwrite": [Row(4)],
        "count_rows": [Row(4)],
    }
    return Scripted(**(script | more))


def reload(
    session: Scripted, found: TableState = FOUND, run: Run | None = None, **more: Any
) -> bool:
    return snapshot.run_snapshot(Snowflake(session), found, run or new_run(), **more)


def parts(session: Scripted) -> list[str]:
    """Returns which parts were recorded, and stay."""
    return [one.values[3] for one in session.kept if one.name == "insert_part"]


# --- a reload that goes well ----------------------------------------------------------


def test_rows_are_replaced_with_the_bound_that_was_taken_before_they_were_read() -> (
    None
):
    session, run = session_of(), new_run()
    reload(session, run=run)
    session.in_order("extract", "insert_part", "extract", "insert_part", "hold_lease")
    session.in_order("copy_files", "begin", "overwrite", "insert_part", "insert_run")
    # Nobody says that an overwrite locks its target: one row is written as it is.
    session.in_order("begin", "lock_target", "overwrite")
    session.in_order("insert_watermark", "read_fence", "commit", "drop_staging")
    assert "hold_lease" not in session.names[session.names.index("begin") :]
    row = session.only("insert_watermark").values
    assert row[1:4] == (8, RUN_ID, "snapshot") and cursor_value(5).value in row
    digest = columns.digest(PLAN.columns, PLAN.key, PLAN.relation_id, FOUND.settings)
    assert row[row.index(digest) + 1] == 4
    for one in session.sent:
        if one.name == "insert_part":
            assert one.values[0] == "orders" and one.values[1] == RUN_ID
    assert parts(session) == ["#plan", "p00001", "p00002", "#closed"]
    assert (run.tally.kind, run.tally.rows, run.tally.windows) == ("snapshot", 4, 2)
    assert run.tally.watermark == cursor_value(5).value
    assert run.tally.files == 2 and run.tally.bytes == 240


def test_the_first_load_makes_the_target_and_begins_the_versions() -> None:
    session = session_of(stop=None)
    session.answers |= {"describe_target": _missing, "lock_target": [Row(0)]}
    reload(session, NEW)
    session.in_order("copy_files", "create_target", "begin", "overwrite", "commit")
    # Nothing to lock in an empty target: the leases are locked, as briefly as can be.
    session.in_order("insert_watermark", "hold_lease", "read_fence", "commit")
    assert session.only("insert_watermark").values[1] == 1
    assert session.stays.count("insert_shape") == 1


def _missing(_: Any) -> list[Row]:
    raise ProgrammingError("does not exist", errno=2003)


def test_all_parts_are_loaded_together() -> None:
    session = session_of()
    reload(session)
    copied = session.only("copy_files").text
    for request in session.requests[1:]:
        assert isinstance(request, ExtractRequest) and request.part in copied


def test_wherever_it_stops_the_target_is_the_old_or_the_new_one() -> None:
    def play(snowflake: Snowflake) -> None:
        snapshot.run_snapshot(snowflake, FOUND, new_run())

    for stop, session, error in stops(session_of, play):
        session.together("overwrite", "insert_watermark", "insert_run")
        assert ("#closed" in parts(session)) is ("overwrite" in session.stays), stop
        if isinstance(error, SyncError):
            assert not session.is_open


def test_a_failure_after_the_parts_keeps_them_for_the_next_call() -> None:
    def play(snowflake: Snowflake) -> None:
        snapshot.run_snapshot(snowflake, FOUND, new_run())

    for _, session, _ in stops(session_of, play, "killed before", "refused"):
        if "copy_files" in session.names and not session.commits:
            assert parts(session) == ["#plan", "p00001", "p00002"]


def test_a_plan_without_parts_empties_nothing() -> None:
    session = session_of(plan=dataclasses.replace(PLAN, partitions=()))
    with pytest.raises(SyncError) as caught:
        reload(session)
    assert caught.value.code == "parts_missing" and "overwrite" not in session.names


@pytest.mark.usefixtures("slow_clock")
def test_parts_are_asked_for_as_many_at_a_time_as_the_source_allows() -> None:
    plan = dataclasses.replace(PLAN, partitions=planned(5).partitions)
    session = session_of(plan=plan)
    reload(session, settled(max_parallel=2))
    waves = [len(one.values) for one in session.sent if one.name == "extract"]
    assert waves == [1, 4, 4, 1]
    held = [n for n in session.names if n in ("extract", "hold_lease")][1:7]
    assert held == ["extract", "hold_lease"] * 3


def test_whoever_lost_the_lease_between_two_waves_stops() -> None:
    session = session_of(hold_lease=[Row(0)])
    with pytest.raises(SyncError) as caught:
        reload(session)
    assert caught.value.code == "lease_lost" and "create_staging" not in session.names


# --- parts that fail ------------------------------------------------------------------


def test_a_part_that_may_succeed_is_asked_for_again_under_another_name() -> None:
    session = session_of(refusal("worker_lost", True), reply(), reply())
    reload(session)
    asked = [r.part for r in session.requests if isinstance(r, ExtractRequest)]
    assert [name[:6] for name in asked] == ["p00001", "p00002", "p00001"]
    assert len(set(asked)) == 3
    assert parts(session) == ["#plan", "p00002", "p00001", "#closed"]


def test_a_wave_with_a_part_that_cannot_succeed_is_not_repeated() -> None:
    answers = refusal("worker_lost", retryable=True), refusal("permission_denied")
    for refused in (answers, answers[::-1]):
        session = session_of(*refused)
        with pytest.raises(SyncError) as caught:
            reload(session, settled(max_parallel=2))
        assert caught.value.code == refused[0].error.code
        asked = [r for r in session.requests if isinstance(r, ExtractRequest)]
        assert len(asked) == 2


def test_a_part_that_cannot_succeed_is_an_error_at_once() -> None:
    session = session_of(refusal("no_such_table"), reply(), reply())
    with pytest.raises(SyncError) as caught:
        reload(session)
    assert caught.value.code == "no_such_table" and len(session.requests) == 3
    assert parts(session) == ["#plan", "p00002"]


def test_parts_that_are_too_large_are_planned_again_at_half_the_size() -> None:
    session = Scripted(
        read_open_parts=[],
        extract=replies(PLAN, refusal("window_too_large"), reply(), PLAN, reply()),
    )
    reload(session)
    plans = [r for r in session.requests if isinstance(r, PlanRequest)]
    rows = FOUND.settings.chunk_rows
    assert [r.limits.chunk_rows for r in plans] == [rows, rows // 2]
    assert parts(session).count("#closed") == 2


@pytest.mark.parametrize("times", [1, 2, 3])
def test_columns_that_change_meanwhile_start_over_but_not_for_ever(times: int) -> None:
    other = dataclasses.replace(reply(), columns=reply().columns[:-1])
    script: list[Any] = [PLAN, other, reply()] * times + [PLAN, reply()]
    session = Scripted(read_open_parts=[], extract=replies(*script))
    if times < 3:
        reload(session)
        assert "commit" in session.names
    else:
        with pytest.raises(SyncError) as caught:
            reload(session)
        assert caught.value.code == "columns_changed"
    assert parts(session).count("#closed") == min(times + 1, 3)


# --- a snapshot that goes on ----------------------------------------------------------


def open_rows(plan: PlanReply = PLAN, *done: str, by: str = "earlier-1") -> list[Row]:
    found = [Row(SNAPSHOT_ID=by, PART="#plan", MESSAGE=encode(plan))]
    for name in done:
        path = dataclasses.replace(
            reply().files[0], path=f"data/orders/earlier/{name}-1-1/00000.csv.zst"
        )
        manifest = encode(reply(run_id="earlier", part=f"{name}-1-1", files=(path,)))
        found.append(Row(SNAPSHOT_ID=by, PART=name, MESSAGE=manifest))
    return found


def test_a_later_call_reads_only_what_is_left() -> None:
    session = Scripted(
        read_open_parts=open_rows(PLAN, "p00001"), extract=replies(reply())
    )
    run = new_run()
    assert not reload(session, run=run)
    (request,) = session.requests
    assert isinstance(request, ExtractRequest) and request.part.startswith("p00002-1-")
    assert parts(session) == ["p00002", "#closed"] and run.tally.rows == 4
    identity, hours = session.values("read_open_parts")[0][1:]
    assert identity == FOUND.identity and hours == -24


def test_the_newest_plan_counts_and_only_its_own_parts() -> None:
    old = open_rows(PLAN, "p00001", by="old-1")
    new = open_rows(PLAN, by="new-7")
    session = Scripted(read_open_parts=[*old, *new], extract=replies(reply()))
    reload(session)
    asked = [r.part for r in session.requests if isinstance(r, ExtractRequest)]
    assert asked == ["p00001-7-1", "p00002-7-1"]


@pytest.mark.parametrize(
    "rows",
    [
        [],
        open_rows(PLAN, "p00001")[1:],
        [Row(SNAPSHOT_ID="e-1", PART="#plan", MESSAGE="{}")],
        [Row(SNAPSHOT_ID="e-1", PART="#plan", MESSAGE=encode(reply()))],
        [*open_rows(PLAN), Row(SNAPSHOT_ID="earlier-1", PART="p00001", MESSAGE="{}")],
    ],
    ids=["none", "no plan", "another release's", "no plan's", "a part of another's"],
)
def test_what_cannot_be_finished_is_planned_again(rows: list[Row]) -> None:
    session = session_of(read_open_parts=rows)
    reload(session)
    assert isinstance(session.requests[0], PlanRequest)


def test_a_full_table_is_never_finished_from_an_earlier_call() -> None:
    session = session_of(read_open_parts=None)
    del session.answers["read_open_parts"]
    reload(session, FULL)
    assert isinstance(session.requests[0], PlanRequest)


# --- the breakers ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "percent", "passes"),
    [
        (10, 9, 10.0, True),
        (10, 8, 10.0, False),
        (10, 0, 99.9, False),
        (10, 0, 100.0, True),
        (0, 0, 0.0, True),
        (5, 9, 0.0, True),
    ],
)
def test_a_full_table_that_has_lost_too_much_stays_what_it_was(
    before: int, after: int, percent: float, passes: bool
) -> None:
    found = settled(mode="full", cursor=None, max_delete_percent=percent)
    run = new_run()
    session = session_of(overwrite=[Row(after)], count_rows=[Row(before)])
    if passes:
        reload(session, found, run)
        assert run.tally.counts.deleted == max(before - after, 0)
        assert run.tally.counts.inserted == after
    else:
        with pytest.raises(UsageError) as caught:
            reload(session, found, run)
        assert caught.value.code == "too_many_deletes"
        session.in_order("count_rows", "overwrite", "rollback")
        assert f"{after} rows, the target {before}" in caught.value.message
    assert ("overwrite" in session.stays) is passes
    # The next call looks at the source again.
    assert parts(session)[-1] == "#closed"


CHANGED = (Change("source_changed", "orders", 0),)


def _logged(**changes: Any) -> TableState:
    more: dict[str, Any] = {"deletes": "log", "max_delete_percent": 50.0}
    return settled(mode="log", cursor=None, **(more | changes))


LOGGED = _logged()


@pytest.mark.parametrize(
    ("found", "more", "guarded"),
    [
        (FULL, {}, True),
        (FULL, {"confirmed": True}, False),
        (FOUND, {}, False),
        (FOUND, {"changes": CHANGED}, False),
        (settled(deletes="key_compare"), {"changes": CHANGED}, True),
        (settled(deletes="key_compare"), {}, False),
        (dataclasses.replace(FULL, ledger=None), {}, False),
        (LOGGED, {}, True),
        (LOGGED, {"confirmed": True}, False),
        (_logged(max_delete_percent=100.0), {}, False),
        (_logged(deletes="none"), {}, False),
    ],
)
def test_who_is_kept_from_emptying_a_target(
    found: TableState, more: dict[str, Any], guarded: bool
) -> None:
    plan = dataclasses.replace(PLAN, log=LogBound(IDENTITY))
    session = session_of(
        plan=plan,
        overwrite=[Row(0)],
        count_rows=[Row(10)],
        read_latest_capture=[link_row()],
    )
    if guarded:
        with pytest.raises(UsageError):
            reload(session, found, **more)
    else:
        reload(session, found, **more)
    assert ("overwrite" in session.stays) is not guarded


def test_why_a_table_was_reloaded_is_recorded_with_it() -> None:
    session, run = session_of(), new_run()
    reload(session, run=run, changes=CHANGED)
    session.in_order("begin", "insert_schema_changes", "commit")
    assert session.values("insert_schema_changes")[0][2] == "source_changed"
    assert any("source changed" in text for text in run.tally.schema_changes)


# --- what is told ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("enforced", "shared", "mode", "told"),
    [
        (False, 3, "incremental", True),
        (False, 0, "incremental", False),
        (True, 3, "incremental", False),
        (False, 3, "full", False),
    ],
)
def test_a_key_that_is_not_unique_is_told_before_a_merge_relies_on_it(
    enforced: bool, shared: int, mode: str, told: bool
) -> None:
    run, plan = new_run(), dataclasses.replace(PLAN, key_enforced=enforced)
    found = FULL if mode == "full" else settled(duplicate_keys="warn")
    one = dataclasses.replace(plan, partitions=plan.partitions[:1])
    session = session_of(plan=one, shared_keys=[Row(shared)])
    reload(session, found, run)
    codes = [warning[0] for warning in run.tally.warnings]
    assert codes == (["duplicate_keys"] if told else [])


def test_warnings_of_the_parts_are_told_once_and_altered_values_added_up() -> None:
    same = Warning("a", "m", "h")
    keys = tuple(f'{{"id":{i}}}' for i in range(8))
    one = reply(warnings=(same,), altered=(AlteredValue("note", 3, keys),))
    other = reply(warnings=(same,), altered=(AlteredValue("note", 2, keys),))
    plan = dataclasses.replace(PLAN, warnings=(Warning("p", "m"),))
    session, run = session_of(one, other, plan=plan), new_run()
    reload(session, run=run)
    assert run.tally.warnings == (("p", "m", ""), ("a", "m", "h"))
    values = session.only("insert_altered_values").values
    assert values[2:4] == ("note", 5) and values[4].count('"id"') == 10


# --- the path of a sync ---------------------------------------------------------------


def whole(found: TableState, *answers: Any, **more: Any) -> Scripted:
    """Returns a session for a call; the lease's owner is whoever takes it."""
    owner = [""]

    def take(one: Any) -> list[Row]:
        owner[0] = one.values[0]
        return [Row(1)]

    script: dict[str, Any] = {
        "take_lease": take,
        "read_state": lambda _: [state_row(found, owner[0])],
        "read_open_parts": [],
        "extract": replies(*answers),
        "count_rows": [Row(2)],
    }
    return Scripted(**(script | more))


ONE = dataclasses.replace(PLAN, partitions=PLAN.partitions[:1])


@pytest.mark.parametrize(
    ("found", "action", "answers", "kinds"),
    [
        (FOUND, "sync", (window(2),), ["increment"]),
        (NEW, "sync", (ONE, reply()), ["snapshot"]),
        (FULL, "sync", (PLAN, reply()), ["snapshot"]),
        (FOUND, "reload", (ONE, reply()), ["snapshot"]),
        (
            FOUND,
            "reload",
            (PLAN, reply(), reply(), nothing(5)),
            ["snapshot", "increment"],
        ),
    ],
)
def test_what_a_sync_does(
    found: TableState, action: Any, answers: Any, kinds: list[str]
) -> None:
    session = whole(found, *answers)
    sync.sync_table(Snowflake(session), "orders", action)
    rows = [one for one in session.kept if one.name == "insert_run"]
    assert [one.values[2] for one in rows] == kinds
    assert session.names[-1] == "release_lease"


def test_a_table_that_is_not_configured_is_named_with_its_run() -> None:
    session = whole(FOUND, read_state=[], list_tables=[])
    with pytest.raises(SyncError) as caught:
        sync.sync_table(Snowflake(session), "orders")
    assert (caught.value.code, caught.value.table) == ("unknown_table", "orders")
    assert caught.value.run_id and session.requests == []


def test_another_origin_is_refused_and_nothing_is_read() -> None:
    session = whole(FOUND, window(2))
    changed = state_row(FOUND, None, ORIGIN="other")
    owned = session.answers["read_state"]
    assert callable(owned)

    def moved(one: Any) -> list[Row]:
        (row,) = owned(one)
        return [Row(**(changed.as_dict() | {"LEASE_RUN_ID": row["LEASE_RUN_ID"]}))]

    session.answers["read_state"] = moved
    with pytest.raises(UsageError) as caught:
        sync.sync_table(Snowflake(session), "orders")
    assert caught.value.code == "origin_changed" and session.requests == []
    assert session.only("insert_run").values[3] == "failed"


def test_other_rules_for_columns_are_a_reload_as_if_a_person_had_asked() -> None:
    """A hidden column has another type: without the right to rebuild it would fail."""
    assert FOUND.ledger is not None
    rules = settled(columns=(ColumnSpec("note", protect="hash"),))
    found = dataclasses.replace(rules, ledger=FOUND.ledger)
    session = whole(found, ONE, reply(), describe_target=described())
    asked: list[bool] = []
    run_snapshot = snapshot.run_snapshot

    def noting(*args: Any, **more: Any) -> bool:
        asked.append(more["rebuild"])
        return run_snapshot(*args, **more)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(snapshot, "run_snapshot", noting)
        sync.sync_table(Snowflake(session), "orders")
        sync.sync_table(Snowflake(whole(FOUND, window(2))), "orders")
    assert asked == [True] and session.stays.count("overwrite") == 1


def test_a_source_that_went_back_is_read_as_a_whole_in_the_same_call() -> None:
    session = whole(FOUND, nothing(2, source_changed="Older."), ONE, reply())
    report = sync.sync_table(Snowflake(session), "orders")
    assert report["kind"] == "snapshot" and report["status"] == "succeeded"
    assert [w["code"] for w in report["warnings"]] == ["source_changed"]
    values = session.values("insert_schema_changes")[0]
    assert values[2] == "source_changed" and FOUND.settings.relation in values


@pytest.mark.parametrize("times", [1, 2])
def test_a_source_may_change_twice_while_it_is_read(times: int) -> None:
    """The third time the call gives up: see below."""
    back = [nothing(2, source_changed="Older."), PLAN, reply(), reply()]
    session = whole(FOUND, *back * times, window(2))
    report = sync.sync_table(Snowflake(session), "orders")
    assert report["status"] == "succeeded"
    assert session.stays.count("overwrite") == times


def test_columns_that_change_faster_than_they_load_are_left_alone() -> None:
    found = settled(backfill_new_columns=True)
    answers: list[Any] = []
    for _ in range(3):
        answers += [nothing(2, source_changed="Older."), PLAN, reply(), reply()]
    session = whole(found, *answers)
    with pytest.raises(SyncError) as caught:
        sync.sync_table(Snowflake(session), "orders")
    assert caught.value.code == "columns_changed"
    assert session.stays.count("overwrite") == 2
    assert session.names[-1] == "release_lease"


def test_killed_while_reloading_nothing_is_half() -> None:
    def make() -> Scripted:
        return whole(FOUND, ONE, reply())

    def play(snowflake: Snowflake) -> None:
        sync.sync_table(snowflake, "orders", "reload")

    for _, session, error in stops(make, play, "killed before", "killed after"):
        assert isinstance(error, Killed)
        session.together("overwrite", "insert_watermark", "insert_run")
