"""Rows, watermark and run stay together or not at all, wherever a transfer stops."""

import contextlib
import dataclasses
from functools import partial
from typing import Any

import pytest
from snowflake.snowpark import Row

from lambda_extract.contract import AlteredValue, Bound
from snowpark.columns.shape import Change
from snowpark.errors import LeaseError, LoadError, SnowflakeError, SyncError
from snowpark.ledger import statements as ledger_statements
from snowpark.ledger.records import Commit
from snowpark.ledger.run import Run
from snowpark.load import merge, target
from snowpark.load.staging import Job
from snowpark.session import Snowflake
from snowpark.sync import transfer
from snowpark.sync.transfer import Done, Transfer
from tests.unit.snowpark.samples import RUN_ID, cursor_value, reply
from tests.unit.snowpark.scripted import (
    Killed,
    Scripted,
    Stop,
    aligned,
    merged,
    settled,
    stops,
)

FOUND = settled()
JOB = Job(FOUND.settings, RUN_ID)
WATERMARK = Commit(8, "increment", Bound(watermark=cursor_value(2)), "c0ffee", 2)
(EXTRA,) = ledger_statements.insert_altered_values(
    "orders", RUN_ID, (AlteredValue("note", 1),)
)
ROWS = Transfer(
    job=JOB,
    aligned=aligned(FOUND),
    key=("id",),
    extracted_at="2026-01-02 03:04:05+00",
    write=merge.merge_rows,
    based_on=7,
    commit=WATERMARK,
    shape=FOUND.shape,
    appended=(EXTRA,),
)
TOGETHER = ("merge", "insert_watermark", "insert_altered_values", "insert_run")


def new_run() -> Run:
    return Run(RUN_ID, "orders", "2026-01-02T03:04:05+00:00")


def play(snowflake: Snowflake, run: Run | None = None, **changes: Any) -> Done:
    run = run or new_run()
    work = dataclasses.replace(ROWS, **changes)
    transfer.stage(snowflake, run, JOB, work.aligned.columns, reply().files)
    done = transfer.commit(snowflake, run, work)
    transfer.drop_staging(snowflake, run, JOB)
    return done


def with_columns(*, add: bool = True) -> dict[str, Any]:
    """Returns a transfer that alters the target."""
    changed = dataclasses.replace(
        aligned(FOUND),
        shape=dataclasses.replace(FOUND.shape, generation=FOUND.shape.generation + 1),
        add=(("EXTRA", "DATE"),) if add else (),
        changes=(Change("added", "extra", 7, target="EXTRA"),),
    )
    return {"aligned": changed, "source": target.source_of(reply())}


def test_rows_watermark_and_run_are_one_transaction_behind_the_fence() -> None:
    session = Scripted()
    play(Snowflake(session))
    session.in_order("create_staging", "copy_files", "begin", "merge", "commit")
    session.in_order("begin", "insert_run", "commit", "drop_staging")
    # The fence is the last word before the commit, and locks nothing.
    at = session.names.index("commit")
    assert session.names[at - 1] == "read_fence"
    assert session.values("read_fence") == [("orders", 7, "orders")]
    assert "hold_lease" not in session.names
    row = session.only("insert_watermark").values
    assert row[:4] == ("orders", 8, RUN_ID, "increment")
    assert cursor_value(2).value in row and row[4] == FOUND.settings.origin


def test_wherever_it_stops_all_of_it_stays_or_nothing() -> None:
    for stop, session, error in stops(Scripted, play):
        session.together(*TOGETHER)
        if isinstance(error, SyncError):
            assert not session.is_open, f"{stop} leaves its transaction open"
        assert ("merge" in session.stays) is (session.commits > 0), stop


def test_a_statement_that_is_refused_rolls_back_and_says_why() -> None:
    for stop, session, error in stops(Scripted, play, "refused"):
        assert isinstance(error, SyncError), stop
        names = session.names
        if "begin" in names[:-1] and "drop_staging" not in names:
            assert names[-1] == "rollback", stop


@pytest.mark.parametrize(
    ("newer", "owner"),
    [(2, RUN_ID), (0, RUN_ID), (1, "other"), (1, None), (2, "other")],
)
def test_whoever_lost_the_table_keeps_nothing(newer: int, owner: str | None) -> None:
    """Another run has it, or a run with the same id (a step that was repeated)."""
    session = Scripted(read_fence=[Row(NEWER=newer, OWNER=owner)])
    with pytest.raises(LeaseError) as lost:
        play(Snowflake(session))
    assert lost.value.code == "lease_lost"
    session.in_order("merge", "read_fence", "rollback")
    assert "commit" not in session.names and "merge" not in session.stays


@pytest.mark.parametrize("counts", [(0, 0), (1, 0), (0, 1), (2, 2), (0,)])
def test_an_end_that_appends_anything_but_both_rows_is_rolled_back(
    counts: tuple[int, ...],
) -> None:
    """The lease was taken over between the write and the end of the run."""
    session = Scripted(insert_end=[Row(*counts)])
    with pytest.raises(LeaseError) as lost:
        play(Snowflake(session))
    assert lost.value.code == "lease_lost"
    session.in_order("merge", "insert_watermark", "rollback")
    assert "commit" not in session.names and "merge" not in session.stays


def test_an_end_may_tell_its_rows_together() -> None:
    session = Scripted(insert_end=[Row(2)])
    play(Snowflake(session))
    assert session.commits == 1 and "merge" in session.stays


@pytest.mark.parametrize("rows", [1, 0])
def test_whoever_changes_columns_alone_locks_the_target_or_the_leases(
    rows: int,
) -> None:
    """An empty target cannot be locked; whoever lost the lease commits nothing."""
    session = Scripted(lock_target=[Row(rows)], hold_lease=[Row(0)])
    work = dataclasses.replace(ROWS, **with_columns())
    if rows:
        transfer.commit_columns(Snowflake(session), new_run(), work)
        session.in_order("begin", "lock_target", "insert_watermark", "read_fence")
        assert "hold_lease" not in session.names
    else:
        with pytest.raises(LeaseError):
            transfer.commit_columns(Snowflake(session), new_run(), work)
        session.in_order("insert_watermark", "hold_lease", "rollback")


def test_a_write_that_changes_no_row_moves_the_watermark_within_its_version() -> None:
    session = Scripted(merge=merged(0, 0))
    done = play(Snowflake(session))
    row = session.only("insert_watermark").values
    assert row[1] == 7 and row[-2:] == (ROWS.extracted_at, 5)
    assert done.version(7) == 7 and "hold_lease" not in session.names


def test_a_write_that_changes_no_row_and_no_watermark_leaves_none() -> None:
    session = Scripted(merge=merged(0, 0))
    done = play(Snowflake(session), commit=None)
    assert done.commit is None
    assert {"insert_watermark", "insert_touch", "hold_lease"}.isdisjoint(session.names)
    session.in_order("begin", "merge", "insert_run", "read_fence", "commit")


def test_a_killed_process_sends_no_rollback() -> None:
    """A session that ends rolls back by itself: nothing may wait for a last word."""
    for _, session, error in stops(Scripted, play, "killed before"):
        assert isinstance(error, Killed)
        session.together(*TOGETHER)
        assert "rollback" not in session.names


# --- what goes along ------------------------------------------------------------------


def test_without_a_watermark_row_nothing_moves_it() -> None:
    session, run = Scripted(), new_run()
    run.note(kind="repair", rows=2)
    done = play(Snowflake(session), run, commit=None)
    assert "insert_watermark" not in session.names
    session.in_order("merge", "insert_run", "insert_touch", "read_fence", "commit")
    # The version moves all the same: whoever knows older rows has to know.
    assert done.version(7) == 8
    assert session.values("insert_touch") == [(8, RUN_ID, "repair", 2, 2, "orders", 7)]
    counted = {"target_rows": 7, "added_rows": 2}
    assert done.commit == Commit(8, "repair", None, None, rows=2, **counted)


def rows_after(before: int | None, job: Job = JOB, **scripted: Any) -> Any:
    """What the watermark row of a transfer says of the target's rows."""
    session = Scripted(**({"merge": merged(5, 1, 2)} | scripted))
    commit = dataclasses.replace(WATERMARK, target_rows=before)
    write = merge.overwrite_rows if job.reload else merge.merger(before)
    done = play(
        Snowflake(session), commit=commit, write=write, merged_rows=None, job=job
    )
    assert done.commit is not None
    return done.commit.target_rows


def test_the_rows_of_the_target_are_counted_from_commit_to_commit() -> None:
    assert rows_after(40) == 43
    # Where the range of the keys is asked for, Snowflake says how many there are.
    asked = {"key_bounds": [Row("1", "9", 2_000_000)]}
    assert rows_after(merge.SMALL_ROWS, **asked) == 2_000_003
    assert rows_after(None, **asked) == 2_000_003
    # A reload leaves what it has written.
    assert rows_after(40, dataclasses.replace(JOB, reload=True)) == 2


def test_where_nobody_counts_nothing_is_said_of_the_targets_rows() -> None:
    blind = partial(merge.merge_rows, bounded=False)
    done = play(Snowflake(Scripted()), write=blind)
    assert done.commit is not None and done.commit.target_rows is None


def test_the_runs_row_goes_with_the_last_window_alone() -> None:
    for last in (False, True):
        session, run = Scripted(), new_run()
        play(Snowflake(session), run, last=last)
        assert ("insert_run" in session.stays) is last is run.recorded


def test_the_runs_row_has_what_this_very_window_changed() -> None:
    session, run = Scripted(merge=merged(5, 3, 1)), new_run()
    run.note(rows=9, windows=2)
    play(Snowflake(session), run)
    row = session.only("insert_run").values
    assert row[:4] == (RUN_ID, "orders", "increment", "succeeded")
    assert row[5:10] == (2, 9, 5, 3, 1)
    # Statements of the run until then, its own row counted.
    assert row[15] == session.names.index("insert_run") + 1
    assert run.tally.seconds.merge > 0 and run.tally.seconds.load > 0


def test_rows_of_several_windows_add_up() -> None:
    session, run = Scripted(merge=merged(5, 3, 1)), new_run()
    for _ in range(2):
        play(Snowflake(session), run)
    counts = run.tally.counts
    assert (counts.inserted, counts.updated, counts.deleted) == (10, 6, 2)


@pytest.mark.parametrize(
    ("rows", "inserted", "updated", "told"),
    [
        (9, 5, 3, "1 rows of the source share"),
        (9, 5, 4, ""),
        (9, 0, 7, "2 rows of the source share"),
        (8, 5, 4, ""),
    ],
)
def test_rows_that_share_a_key_fail_or_are_told(
    rows: int, inserted: int, updated: int, told: str
) -> None:
    run = new_run()
    session = Scripted(merge=merged(inserted, updated))
    with contextlib.ExitStack() as stack:
        if told:
            stack.enter_context(pytest.raises(LoadError, match=told))
        play(Snowflake(session), run, merged_rows=rows)
    assert ("commit" in session.names) is not bool(told)
    patient = Job(settled(duplicate_keys="warn").settings, RUN_ID)
    session, run = Scripted(merge=merged(inserted, updated)), new_run()
    play(Snowflake(session), run, merged_rows=rows, job=patient)
    assert "commit" in session.names
    messages = [message for code, message, _ in run.tally.warnings]
    assert [m.startswith(told) for m in messages] == ([True] if told else [])


def test_rows_that_the_source_calls_deleted_share_no_key() -> None:
    """They are counted by nobody: removed, or not inserted in the first place."""
    hard = settled(deletes="soft_column", delete_column="note", delete_action="hard")
    run, session = new_run(), Scripted(merge=merged(1, 0))
    job = Job(hard.settings, RUN_ID)
    work = dataclasses.replace(ROWS, job=job, merged_rows=2)
    transfer.commit(Snowflake(session), run, work)
    assert run.tally.warnings == ()


# --- columns --------------------------------------------------------------------------


def test_the_target_is_altered_before_the_transaction_and_recorded_in_it() -> None:
    session = Scripted()
    done = play(Snowflake(session), **with_columns())
    session.in_order("copy_files", "add_column", "begin", "merge", "insert_watermark")
    session.in_order("begin", "insert_shape", "insert_schema_changes", "commit")
    assert done.commit is not None and done.aligned is not None
    assert done.commit.shape == done.aligned.shape


def test_wherever_it_stops_columns_are_recorded_with_the_rows_or_not_at_all() -> None:
    def altering(snowflake: Snowflake) -> None:
        play(snowflake, **with_columns())

    for _, session, _ in stops(Scripted, altering):
        session.together("merge", "insert_watermark", "insert_shape", "insert_run")


def test_a_transfer_that_does_not_follow_leaves_the_target_alone() -> None:
    session = Scripted()
    play(Snowflake(session), **(with_columns() | {"source": None}))
    assert "add_column" not in session.names


def test_columns_that_are_what_they_were_are_not_recorded_again() -> None:
    session = Scripted()
    done = play(Snowflake(session))
    assert done.commit is not None and done.commit.shape is None
    assert {"insert_shape", "insert_schema_changes"}.isdisjoint(session.names)


def test_columns_alone_are_committed_with_their_watermark_and_without_rows() -> None:
    run = new_run()

    def alone(snowflake: Snowflake) -> None:
        work = dataclasses.replace(ROWS, last=False, **with_columns())
        transfer.commit_columns(snowflake, run, work)

    session = Scripted()
    alone(Snowflake(session))
    session.in_order("add_column", "begin", "insert_watermark", "read_fence", "commit")
    assert {"merge", "insert_run", "copy_files"}.isdisjoint(session.names)
    assert len(run.tally.schema_changes) == 1
    for _, stopped, error in stops(Scripted, alone):
        stopped.together("insert_watermark", "insert_shape", "insert_altered_values")
        assert isinstance(error, Killed) or not stopped.is_open


# --- the staging table ----------------------------------------------------------------


def test_a_staging_table_is_noted_before_it_exists_and_until_it_is_dropped() -> None:
    """So that whatever happens somebody drops it."""
    for stop, session, _ in stops(Scripted, play, "refused"):
        run = new_run()
        again = Scripted(stop)
        with pytest.raises(SyncError):
            play(Snowflake(again), run)
        assert run.staged == [JOB.staging], stop
    run = new_run()
    play(Snowflake(Scripted()), run)
    assert run.staged == []


def test_two_windows_share_a_staging_table_that_is_dropped_once() -> None:
    session, run = Scripted(), new_run()
    for _ in range(2):
        transfer.stage(
            Snowflake(session), run, JOB, aligned(FOUND).columns, reply().files
        )
    assert run.staged == [JOB.staging]


def test_dropping_what_nobody_noted_is_no_error() -> None:
    session, run = Scripted(), new_run()
    transfer.drop_staging(Snowflake(session), run, JOB)
    assert session.stays == ["drop_staging"] and run.staged == []


def test_an_error_of_the_program_is_no_reason_to_keep_half() -> None:
    """Not rolled back by the procedure, but by the end of its session."""

    def broken(*_: object) -> Any:
        raise ZeroDivisionError

    session = Scripted()
    with pytest.raises(ZeroDivisionError):
        play(Snowflake(session), write=broken)
    assert "commit" not in session.names


def test_a_refused_commit_is_an_error_and_keeps_nothing() -> None:
    session = Scripted(Stop("commit"))
    with pytest.raises(SnowflakeError):
        play(Snowflake(session))
    session.in_order("commit", "rollback")
    assert "merge" not in session.stays
