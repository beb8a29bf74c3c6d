"""Windows of an increment: each committed on its own, the watermark never ahead."""

import dataclasses
from typing import Any

import pytest
from snowflake.snowpark import Row

from lambda_extract.contract import (
    AlteredValue,
    Bound,
    ExtractReply,
    ExtractRequest,
    Member,
    Overlap,
    PendingBound,
    SourceIdentity,
    Warning,
)
from snowpark.columns.shape import Change
from snowpark.errors import LambdaError, LoadError, SyncError
from snowpark.ledger.records import Commit, TableState
from snowpark.ledger.run import Run
from snowpark.session import Snowflake
from snowpark.sync import increment, sync
from snowpark.sync.increment import Extracted, Outcome
from snowpark.sync.transfer import Done
from tests.unit.snowpark import samples
from tests.unit.snowpark.samples import COLUMNS, NOTE, RUN_ID, cursor_value
from tests.unit.snowpark.scripted import (
    Killed,
    Scripted,
    Stop,
    described,
    merged,
    refusal,
    replies,
    settled,
    state_row,
    stops,
)

IDENTITY = SourceIdentity(0, (Member(1, 2),), "sys", 1, 99)
WIDER = (*COLUMNS, dataclasses.replace(NOTE, name="extra", attnum=7))


def known(**changes: Any) -> TableState:
    """Returns a table whose ledger knows what the source is."""
    found = settled(**changes)
    assert found.ledger is not None
    ledger = dataclasses.replace(found.ledger, source_identity=IDENTITY)
    return dataclasses.replace(found, ledger=ledger)


FOUND = known()


def window(day: int, **changes: Any) -> ExtractReply:
    """Returns a window up to that day."""
    bound = Bound(watermark=cursor_value(day))
    values: dict[str, Any] = {"position": cursor_value(day), "identity": IDENTITY}
    return samples.reply(**({"bound": bound} | values | changes))


def nothing(day: int = 1, **changes: Any) -> ExtractReply:
    """Returns a window without rows."""
    values: dict[str, Any] = {"files": (), "rows": 0, "bytes": 0, "position": None}
    return window(day, **(values | changes))


def new_run() -> Run:
    return Run(RUN_ID, "orders", "2026-01-02T03:04:05+00:00")


def increment_of(
    session: Scripted, found: TableState = FOUND, run: Run | None = None, **more: Any
) -> Outcome:
    return increment.run_increment(Snowflake(session), found, run or new_run(), **more)


def asked(session: Scripted) -> list[ExtractRequest]:
    return [r for r in session.requests if isinstance(r, ExtractRequest)]


def marks(session: Scripted) -> list[tuple[int, str]]:
    """Returns version and watermark of what was committed."""
    kept = [one for one in session.kept if one.name == "insert_watermark"]
    return [(one.values[1], one.values[5]) for one in kept]


def three_windows() -> Scripted:
    return Scripted(
        extract=replies(
            window(2, complete=False, end=cursor_value(9)),
            window(3, complete=False),
            window(4),
        )
    )


# --- several windows ------------------------------------------------------------------


def test_each_window_is_committed_with_a_watermark_and_a_version_of_its_own() -> None:
    session, run = three_windows(), new_run()
    outcome = increment_of(session, run=run)
    days = [cursor_value(day).value for day in (2, 3, 4)]
    assert marks(session) == list(zip((8, 9, 10), days))
    assert session.stays.count("merge") == 3 and session.stays.count("insert_run") == 1
    session.in_order(*["extract", "merge", "commit"] * 3, "drop_staging")
    assert outcome.complete and outcome.state.ledger is not None
    assert outcome.state.ledger.version == 10
    assert outcome.state.ledger.watermark == cursor_value(4)
    tally = run.tally
    assert (tally.windows, tally.rows, tally.files, tally.bytes) == (3, 6, 3, 360)
    assert run.recorded and run.staged == []


def test_windows_follow_each_other_up_to_the_end_of_the_first() -> None:
    session = three_windows()
    increment_of(session)
    windows = [request.window for request in asked(session)]
    assert [w and w.lower for w in windows] == [cursor_value(d) for d in (1, 2, 3)]
    assert [w and w.upper for w in windows] == [None, cursor_value(9), cursor_value(9)]
    assert [w and w.first for w in windows] == [True, False, False]
    assert len({request.part for request in asked(session)}) == 3


def test_the_target_is_looked_at_once_while_columns_stay_what_they_are() -> None:
    session = three_windows()
    increment_of(session)
    assert session.names.count("describe_target") == 1
    changed = window(3, complete=False, columns=WIDER)
    session = Scripted(
        extract=replies(window(2, complete=False), changed, window(4, columns=WIDER))
    )
    increment_of(session)
    assert session.names.count("describe_target") == 2
    assert session.names.count("add_column") == 1
    assert session.stays.count("insert_shape") == 1


def test_wherever_it_stops_the_watermark_is_that_of_the_rows() -> None:
    for stop, session, error in stops(three_windows, increment_of_session):
        session.together("merge", "insert_watermark")
        versions = [version for version, _ in marks(session)]
        assert versions == [8, 9, 10][: len(versions)], stop
        if isinstance(error, Killed):
            assert session.stays.count("insert_run") == (len(versions) == 3)


def increment_of_session(snowflake: Snowflake) -> None:
    increment.run_increment(snowflake, FOUND, new_run())


# --- a window that was held back ------------------------------------------------------


def test_after_a_window_that_is_held_back_the_watermark_of_the_run_stays() -> None:
    """Two open writers, the older of which commits last."""
    held = Bound(cursor_value(2), None, True, "old", Overlap(1, "5"))
    session, run = (
        Scripted(
            extract=replies(
                window(3, bound=held, position=cursor_value(3), complete=False),
                window(4),
            )
        ),
        new_run(),
    )
    outcome = increment_of(session, run=run)
    mark = cursor_value(2).value
    assert marks(session) == [(8, mark), (9, mark)]
    lowest = asked(session)[1].window
    assert lowest is not None and lowest.lower == cursor_value(3)
    assert run.tally.watermark == mark and run.tally.oldest_transaction == "old"
    assert outcome.state.ledger is not None
    assert outcome.state.ledger.watermark == cursor_value(2)
    # Delivered since: the identity of the first rows beyond says nothing any more.
    assert outcome.state.ledger.overlap is None


# --- nothing new ----------------------------------------------------------------------


def test_without_rows_and_proof_nothing_is_written_but_the_run() -> None:
    session, run = Scripted(extract=replies(nothing())), new_run()
    outcome = increment_of(session, run=run)
    assert session.names == ["extract", "insert_run"]
    assert session.only("insert_run").values[3] == "unchanged"
    assert outcome == Outcome(FOUND, True)


def test_without_rows_the_watermark_moves_as_far_as_the_proof() -> None:
    session = Scripted(extract=replies(nothing(5)))
    outcome = increment_of(session)
    assert session.names == ["extract", "insert_watermark", "insert_run"]
    # The target has not changed, nor has its version: see docs/FENCING.md.
    assert marks(session) == [(7, cursor_value(5).value)]
    assert session.only("insert_watermark").values[-1] == samples.reply().extracted_at
    assert outcome.state.ledger is not None
    assert outcome.state.ledger.watermark == cursor_value(5)
    assert outcome.state.ledger.refined_at == samples.reply().extracted_at
    assert outcome.state.identity != FOUND.identity


@pytest.mark.parametrize(
    "bound",
    [
        Bound(cursor_value(1), overlap=Overlap(1, "5")),
        Bound(cursor_value(1), None, True, overlap=Overlap(2, "6")),
    ],
)
def test_what_lies_beyond_the_watermark_is_remembered_without_rows(
    bound: Bound,
) -> None:
    session = Scripted(extract=replies(nothing(bound=bound)))
    outcome = increment_of(session)
    assert "insert_watermark" in session.stays
    assert outcome.state.ledger is not None
    assert outcome.state.ledger.overlap == bound.overlap


def test_a_source_that_was_not_known_yet_is_recorded() -> None:
    session = Scripted(extract=replies(nothing()))
    outcome = increment_of(session, settled())
    assert "insert_watermark" in session.stays
    assert outcome.state.ledger is not None
    assert outcome.state.ledger.source_identity == IDENTITY


def test_changed_columns_are_followed_without_rows() -> None:
    session = Scripted(extract=replies(nothing(columns=WIDER)))
    outcome = increment_of(session)
    session.in_order("add_column", "begin", "lock_target", "read_fence", "commit")
    assert {"merge", "copy_files"}.isdisjoint(session.names)
    assert session.stays.count("insert_run") == 1
    assert len(outcome.state.shape.columns) == len(WIDER)


@pytest.mark.parametrize(
    ("first", "status"), [(True, "succeeded"), (False, "unchanged")]
)
def test_a_run_that_ends_without_rows_says_whether_it_had_any(
    first: bool, status: str
) -> None:
    begun = window(2, complete=False) if first else nothing(complete=False)
    session = Scripted(extract=replies(begun, nothing(2)))
    increment_of(session)
    assert session.only("insert_run").values[3] == status
    assert session.names.count("drop_staging") == first


# --- a window too large ---------------------------------------------------------------


def test_a_window_that_does_not_fit_into_its_time_is_halved() -> None:
    session = Scripted(
        extract=replies(
            refusal("window_too_large"), refusal("window_too_large"), window(2)
        )
    )
    increment_of(session)
    rows = FOUND.settings.chunk_rows
    sizes = [request.limits.chunk_rows for request in asked(session)]
    assert sizes == [rows, rows // 2, rows // 4]
    assert len({request.part for request in asked(session)}) == 3


def test_a_window_that_is_small_already_is_an_error() -> None:
    found = known(chunk_rows=1999)
    session = Scripted(extract=replies(refusal("window_too_large")))
    with pytest.raises(LambdaError) as caught:
        increment_of(session, found)
    assert caught.value.code == "window_too_large" and len(session.requests) == 1


@pytest.mark.parametrize(
    ("last", "again"), [("worker_lost", True), ("other", False), (None, False)]
)
def test_a_lost_worker_is_an_accident_the_first_time(
    last: str | None, again: bool
) -> None:
    session = Scripted(
        extract=replies(refusal("worker_lost", True), window(2)),
        read_last_error=[Row(last)],
    )
    if again:
        assert increment_of(session).complete
    else:
        with pytest.raises(LambdaError):
            increment_of(session)
    assert len(session.requests) == 1 + again
    assert session.values("read_last_error") == [("orders",)]


def test_another_refusal_is_an_error_at_once() -> None:
    session = Scripted(extract=replies(refusal("source_unreachable", True)))
    with pytest.raises(LambdaError) as caught:
        increment_of(session)
    assert caught.value.code == "source_unreachable" and caught.value.retryable
    assert session.names == ["extract"]


# --- the whole table has to be read ---------------------------------------------------


def test_missing_values_of_a_new_column_end_the_increment_before_anything_moves() -> (
    None
):
    found = known(backfill_new_columns=True)
    session = Scripted(extract=replies(window(2, columns=WIDER)))
    outcome = increment_of(session, found)
    assert not outcome.complete and outcome.state == found
    assert session.names == ["extract", "describe_target"]


@pytest.mark.parametrize("policy", ["reload", "fail"])
def test_a_source_that_went_back_in_time_moves_nothing(policy: str) -> None:
    found = known(source_changed=policy)
    session, run = (
        Scripted(extract=replies(nothing(2, source_changed="Older."))),
        new_run(),
    )
    if policy == "fail":
        with pytest.raises(LambdaError) as caught:
            increment_of(session, found, run)
        assert caught.value.code == "source_changed"
    else:
        outcome = increment_of(session, found, run)
        assert not outcome.complete and outcome.state == found
        assert outcome.source_change == (Change("source_changed", "orders", 0),)
        assert [w[0] for w in run.tally.warnings] == ["source_changed"]
    assert session.names == ["extract"]


def test_staged_rows_of_a_run_that_turns_to_a_reload_are_dropped() -> None:
    found = known(backfill_new_columns=True)
    session, run = (
        Scripted(extract=replies(window(2, complete=False), window(3, columns=WIDER))),
        new_run(),
    )
    outcome = increment_of(session, found, run)
    assert not outcome.complete and marks(session) == [(8, cursor_value(2).value)]
    assert session.names[-1] == "drop_staging" and run.staged == []
    assert outcome.state.ledger is not None and outcome.state.ledger.version == 8


# --- a first window that was extracted with those of others ---------------------------


@pytest.mark.parametrize("staged", [True, False])
def test_a_window_extracted_before_is_not_asked_for_again(staged: bool) -> None:
    session, run = Scripted(), new_run()
    first = Extracted(window(2, seconds=1.5), staged)
    assert increment_of(session, run=run, first=first).complete
    assert session.requests == [] and marks(session) == [(8, cursor_value(2).value)]
    assert ("copy_files" in session.names) is not staged
    assert run.tally.seconds.extract == 1.5 and run.tally.rows == 2


def test_behind_a_window_extracted_before_the_run_reads_on() -> None:
    session = Scripted(extract=replies(window(3)))
    increment_of(session, first=Extracted(window(2, complete=False), True))
    (request,) = asked(session)
    assert request.window is not None and request.window.lower == cursor_value(2)
    assert request.part == "w00002" and session.names.count("copy_files") == 1


def test_an_increment_after_a_reload_has_files_of_its_own() -> None:
    session = Scripted(extract=replies(window(2)))
    increment_of(session, attempt=1)
    assert asked(session)[0].part == "w1-00001"


@pytest.mark.parametrize(
    ("reply", "staged"),
    [
        (window(2), True),
        (nothing(2), False),
        (nothing(2, columns=WIDER), False),
        (window(2, columns=WIDER), False),
    ],
)
def test_files_are_loaded_ahead_if_that_is_enough(
    reply: ExtractReply, staged: bool
) -> None:
    found = known(backfill_new_columns=True)
    session, run = Scripted(), new_run()
    assert increment.stage_first(Snowflake(session), found, run, reply) is staged
    assert ("copy_files" in session.names) is staged is bool(run.staged)
    assert "begin" not in session.names


def test_nothing_is_loaded_ahead_into_a_table_that_was_never_loaded() -> None:
    found = dataclasses.replace(FOUND, ledger=None)
    session = Scripted()
    assert not increment.stage_first(Snowflake(session), found, new_run(), window(2))
    assert session.names == []
    with pytest.raises(ValueError, match="an increment starts from a ledger row"):
        increment_of(session, found)


# --- what is told ---------------------------------------------------------------------


def test_warnings_and_rows_without_a_cursor_are_told() -> None:
    one, other = Warning("a", "m", "h"), Warning("b", "m")
    session, run = (
        Scripted(
            extract=replies(
                window(2, complete=False, null_cursor_rows=3, warnings=(one,)),
                window(3, warnings=(other,)),
            )
        ),
        new_run(),
    )
    increment_of(session, run=run)
    assert run.tally.warnings == (("a", "m", "h"), ("b", "m", ""))
    assert run.tally.null_cursor_rows == 3


def test_rows_of_one_window_that_share_a_key_fail_or_are_told() -> None:
    run = new_run()
    session = Scripted(extract=replies(window(2)), merge=merged(1))
    with pytest.raises(LoadError) as caught:
        increment_of(session, run=run)
    assert caught.value.code == "duplicate_keys" and "commit" not in session.names
    found = known(duplicate_keys="warn")
    increment_of(Scripted(extract=replies(window(2)), merge=merged(1)), found, run)
    assert [w[0] for w in run.tally.warnings] == ["duplicate_keys"]


def test_files_that_are_not_those_of_the_manifest_are_not_merged() -> None:
    session = Scripted(extract=replies(window(2)), copy_files=[Row(rows_loaded=1)])
    with pytest.raises(LoadError) as caught:
        increment_of(session)
    assert caught.value.code == "count_mismatch" and "begin" not in session.names


def test_a_window_without_a_key_is_refused() -> None:
    session = Scripted(extract=replies(window(2, key=())))
    with pytest.raises(SyncError) as caught:
        increment_of(session)
    assert caught.value.code == "reply_invalid" and session.names == ["extract"]


def test_a_window_without_a_bound_is_refused() -> None:
    session = Scripted(extract=replies(window(2, bound=None)))
    with pytest.raises(SyncError) as caught:
        increment_of(session)
    assert caught.value.code == "reply_invalid"


def test_an_altered_value_is_recorded_with_its_window() -> None:
    session = Scripted(extract=replies(window(2, altered=(AlteredValue("note", 1),))))
    increment_of(session)
    session.in_order("begin", "insert_altered_values", "commit")


# --- the whole call -------------------------------------------------------------------


def whole_call() -> Scripted:
    return Scripted(
        read_state=lambda one: [state_row(FOUND, session_run[0])],
        take_lease=_remember,
        extract=replies(window(2)),
    )


session_run: list[str] = [""]


def _remember(one: Any) -> list[Row]:
    session_run[0] = one.values[0]
    return [Row(1)]


def call(snowflake: Snowflake) -> None:
    sync.sync_table(snowflake, " Orders ")


def test_a_sync_takes_the_lease_first_and_gives_it_back_last() -> None:
    session = whole_call()
    report = sync.sync_table(Snowflake(session), " Orders ")
    assert session.names[0] == "take_lease" and session.names[-1] == "release_lease"
    assert report["status"] == "succeeded" and report["rows_inserted"] == 2
    assert report["watermark"] == cursor_value(2).value
    run_id = report["run_id"]
    assert session.values("release_lease") == [("orders", run_id)]
    assert asked(session)[0].run_id == run_id


def test_whatever_is_refused_the_lease_goes_back_and_the_run_is_recorded() -> None:
    begun = "extract"
    for stop, session, error in stops(whole_call, call, "refused"):
        if begun not in session.names:
            continue
        assert isinstance(error, SyncError) and error.table == "orders"
        refused = session.names[stop.at] if isinstance(stop.at, int) else ""
        assert session.names[-1] == "release_lease", stop
        if refused != "insert_run" and refused not in ("drop_staging", "release_lease"):
            assert session.stays.count("insert_run") == 1, (stop, refused)
        if "create_staging" in session.names:
            assert "drop_staging" in session.names, stop


def test_a_run_that_is_recorded_is_not_recorded_again_if_cleaning_up_fails() -> None:
    session = whole_call()
    session.stop = Stop("drop_staging")
    with pytest.raises(SyncError):
        call(Snowflake(session))
    (row,) = session.values("insert_run")
    assert row[3] == "succeeded" and "insert_run" in session.stays


def test_an_increment_begins_where_a_run_has_ended() -> None:
    found = dataclasses.replace(FOUND, ledger=None)
    run = Run("r", "orders", "now")
    with pytest.raises(ValueError, match="ledger row"):
        increment.run_increment(Snowflake(Scripted()), found, run)


def test_whoever_is_killed_leaves_the_lease_to_expire_and_nothing_half() -> None:
    for _, session, error in stops(whole_call, call, "killed before", "killed after"):
        assert isinstance(error, Killed)
        session.together("merge", "insert_watermark", "insert_run")


@pytest.mark.parametrize("at", ["insert_watermark", "read_fence", "commit"])
def test_a_run_whose_own_row_is_rolled_back_is_recorded_as_failed(at: str) -> None:
    """The row that says it went well goes with the rollback; so do its numbers."""
    session = whole_call()
    session.stop = Stop(at)
    with pytest.raises(SyncError):
        call(Snowflake(session))
    went_well, failed = session.values("insert_run")
    assert (went_well[3], failed[3]) == ("succeeded", "failed")
    assert went_well[7:10] == (2, 0, 0) and failed[7:10] == (0, 0, 0)
    (kept,) = [one for one in session.kept if one.name == "insert_run"]
    assert kept.values == failed


def test_a_failed_run_says_so_with_its_error() -> None:
    session = whole_call()
    session.stop = Stop("merge", number=100038)
    with pytest.raises(SyncError):
        call(Snowflake(session))
    (row,) = session.values("insert_run")
    assert row[3] == "failed" and "warehouse_error" in row
    session.in_order("rollback", "insert_run", "drop_staging", "release_lease")


def test_a_target_that_somebody_dropped_is_an_error_of_its_own() -> None:
    session = whole_call()
    session.stop = Stop("describe_target", number=2003)
    with pytest.raises(SyncError) as caught:
        call(Snowflake(session))
    assert caught.value.code == "target_missing"
    assert "create_target" not in session.names


def test_a_table_of_somebody_else_is_left_alone() -> None:
    session = whole_call()
    session.answers["describe_target"] = described("_SYNC_RUN_ID")
    with pytest.raises(SyncError) as caught:
        call(Snowflake(session))
    assert caught.value.code == "target_exists" and "merge" not in session.names


@pytest.mark.parametrize(("policy", "merges"), [("fail", 0), ("warn", 1)])
def test_rows_that_share_their_key_in_the_source_are_told_before_they_are_merged(
    policy: str, merges: int
) -> None:
    """C3: one of them may be no part of the window, so that no count shows it."""
    session, run = Scripted(extract=replies(window(2, shared_keys=2))), new_run()
    found = known(duplicate_keys=policy)
    if policy == "fail":
        with pytest.raises(LoadError) as caught:
            increment_of(session, found, run)
        assert caught.value.code == "duplicate_keys" and "2 rows" in str(caught.value)
    else:
        increment_of(session, found, run)
        assert [w[0] for w in run.tally.warnings] == ["duplicate_keys"]
    assert session.names.count("merge") == merges


@pytest.mark.parametrize(
    ("changes", "moved"),
    [
        ({}, False),
        ({"watermark": cursor_value(2)}, True),
        ({"pending_bound": None}, True),
        ({"overlap": None}, True),
        ({"overlap": Overlap(3, "6")}, True),
    ],
)
def test_the_ledger_is_written_only_if_it_would_say_something_else(
    changes: dict[str, Any], moved: bool
) -> None:
    assert FOUND.ledger is not None
    bound = Bound(
        cursor_value(1),
        PendingBound("41", "2026-01-02 00:00:00+00"),
        overlap=Overlap(3, "5"),
    )
    ledger = dataclasses.replace(
        FOUND.ledger,
        watermark=bound.watermark,
        pending_bound=bound.pending_bound,
        overlap=bound.overlap,
    )
    found = dataclasses.replace(bound, **changes)
    assert increment.is_moved(ledger, found, IDENTITY) is moved
    # Another server is another source, whatever was read.
    other = dataclasses.replace(IDENTITY, members=(Member(9, 9),))
    assert increment.is_moved(ledger, bound, other)
    assert not increment.is_moved(ledger, bound, None)


def test_what_was_committed_is_what_the_next_window_knows() -> None:
    assert FOUND.ledger is not None
    course = increment.Course(FOUND.ledger, FOUND.shape)
    bound = Bound(
        cursor_value(2),
        PendingBound("41", "2026-01-02 00:00:00+00"),
        overlap=Overlap(3, "5"),
    )
    commit = Commit(8, "increment", bound, "d1", 2, source_identity=IDENTITY)
    increment.committed(course, Done(None, commit))
    assert course.ledger == dataclasses.replace(
        FOUND.ledger,
        version=8,
        watermark=bound.watermark,
        pending_bound=bound.pending_bound,
        overlap=bound.overlap,
        columns_sha256="d1",
        source_identity=IDENTITY,
    )
    increment.committed(course, Done(None, Commit(9, "increment", None, "d2", 0)))
    assert course.ledger.watermark is None and course.ledger.pending_bound is None
    assert course.ledger.overlap is None and course.ledger.version == 9
    with pytest.raises(ValueError, match="with its watermark"):
        increment.committed(course, Done(None, None))
