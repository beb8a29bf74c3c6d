"""Rows on their way into a history: what is sent, in which order, and the breaker."""

import dataclasses
from functools import partial
from typing import Any

import pytest
from snowflake.snowpark import Row

from lambda_extract.contract import Bound
from snowpark.ledger.records import Commit
from snowpark.ledger.run import Counts, Run
from snowpark.load import merge, target
from snowpark.load.staging import Job
from snowpark.load.statements import Batch, Versions
from snowpark.names import DELETED_AT
from snowpark.session import Snowflake
from snowpark.sql import quote
from snowpark.sync import shrinking, transfer
from snowpark.sync import statements as sync_statements
from snowpark.sync.shrinking import TooManyDeletes
from snowpark.sync.transfer import Transfer
from tests.unit.snowpark.batches import BATCH, LOADED
from tests.unit.snowpark.samples import RUN_ID, reply
from tests.unit.snowpark.scripted import (
    Answer,
    Scripted,
    aligned,
    caught,
    merged,
    settled,
    stops,
)

FOUND = settled(history=True, history_days=30)
SINCE = "2026-01-02 03:04:05+00"
WORK = Transfer(
    job=Job(FOUND.settings, RUN_ID),
    aligned=aligned(FOUND),
    key=("id",),
    extracted_at=SINCE,
    write=merge.merge_rows,
    based_on=7,
    source=target.source_of(reply()),
    shape=FOUND.shape,
)
HISTORY = dataclasses.replace(BATCH, history=Versions(tracked=LOADED[1:]))


def new_run() -> Run:
    return Run(RUN_ID, "orders", "now")


def session_of(alive: int = 100, gone: int = 0, **more: Answer) -> Scripted:
    answers: dict[str, Any] = {
        "merge_versions": merged(2, 1),
        "count_gone": [Row(alive, gone)],
        "close_gone": [Row(gone)],
        "shared_keys": [Row(0)],
    }
    return Scripted(**(answers | more))


def commit(session: Scripted, run: Run | None = None, **changes: Any) -> Any:
    work = dataclasses.replace(WORK, **changes)
    return transfer.commit(Snowflake(session), run or new_run(), work)


# --- a window -------------------------------------------------------------------------


def test_rows_become_versions_and_no_row_is_written_over() -> None:
    session, run = session_of(), new_run()
    commit(session, run)
    session.in_order("begin", "merge_versions", "forget_versions", "commit")
    assert "merge" not in session.names and "first_versions" not in session.names
    # Versions that ended are no rows of the source.
    assert run.tally.counts == Counts(inserted=2, updated=1)
    assert session.values("forget_versions")[0][-1] == -30


def test_old_versions_are_forgotten_with_the_last_window_alone() -> None:
    session = session_of()
    commit(session, last=False)
    assert "forget_versions" not in session.names


def test_rows_that_are_no_versions_yet_become_their_first_ones() -> None:
    session = session_of()
    commit(session, begins=True)
    session.in_order("begin", "first_versions", "merge_versions", "commit")
    assert session.names.count("first_versions") == 1


@pytest.mark.parametrize("lacks", [True, False])
def test_first_versions_of_flagged_rows_have_ended_already(lacks: bool) -> None:
    """A target without the column of the flag is not asked for it."""
    session = session_of()
    target_now = dataclasses.replace(aligned(FOUND), lacks_deleted_at=lacks)
    commit(session, begins=True, aligned=target_now)
    text = session.only("first_versions").text
    assert (f"{quote(DELETED_AT)} IS NULL" in text) is not lacks
    assert ("GREATEST(" in text) is not lacks


@pytest.mark.parametrize("shared", [0, 3])
def test_shared_keys_of_a_history_are_counted_in_what_was_staged(shared: int) -> None:
    """A merge of versions changes more rows than it reads, and fewer."""
    patient = settled(history=True, duplicate_keys="warn")
    session, run = session_of(shared_keys=[Row(shared)]), new_run()
    commit(session, run, merged_rows=50, job=Job(patient.settings, RUN_ID))
    session.in_order("merge_versions", "shared_keys", "read_fence", "commit")
    told = [message for code, message, _ in run.tally.warnings]
    assert [text.split()[0] for text in told] == (["3"] if shared else [])
    session = session_of(shared_keys=[Row(shared)])
    error = caught(lambda s: transfer.commit(s, new_run(), _counted()), session)
    assert (error is not None) is ("commit" not in session.names) is (shared > 0)


def _counted() -> Transfer:
    return dataclasses.replace(WORK, merged_rows=50)


def _protected() -> dict[str, Any]:
    """Returns a transfer from which on a column's values are hidden."""
    columns = tuple(
        dataclasses.replace(c, protection="mask") if c.name == "note" else c
        for c in FOUND.shape.columns
    )
    shape = FOUND.shape.followed_by(FOUND.shape.relation_id, ("id",), columns)
    return {"aligned": dataclasses.replace(aligned(FOUND), shape=shape)}


@pytest.mark.parametrize("alone", [False, True])
def test_values_that_nobody_may_see_leave_all_versions(alone: bool) -> None:
    """With the rows that come under the new rule, or without any."""
    session, run = session_of(), new_run()
    work = dataclasses.replace(WORK, commit=None, **_protected())
    send = transfer.commit_columns if alone else transfer.commit
    send(Snowflake(session), run, work)
    session.in_order("begin", "blank_columns", "read_fence", "commit")
    assert quote("NOTE") in session.only("blank_columns").text
    assert ("merge_versions" in session.names) is not alone
    ((code, message, _),) = run.tally.warnings
    assert code == "history_values_removed" and message.startswith("1 columns")


def test_versions_know_since_when_they_have_a_column() -> None:
    """Those of before would look changed by a value that they never had."""
    done = commit(session_of(), **_protected())
    since = {c.name: c.since for c in done.aligned.shape.columns}
    assert since.pop("note") == SINCE and not any(since.values())
    rows_alone = settled()
    changes = _protected() | {"job": Job(rows_alone.settings, RUN_ID)}
    done = commit(Scripted(), **changes)
    assert not any(c.since for c in done.aligned.shape.columns)


def test_wherever_it_stops_versions_stay_together() -> None:
    def play(snowflake: Snowflake) -> None:
        work = dataclasses.replace(WORK, begins=True, **_protected())
        run = new_run()
        run.note(kind="backfill")
        transfer.commit(snowflake, run, work)

    names = ("first_versions", "blank_columns", "merge_versions", "insert_touch")
    for _, session, _ in stops(session_of, play):
        session.together(*names)


# --- the whole source -----------------------------------------------------------------


def replaced(
    session: Scripted, most: float = 10.0, rows: Batch = HISTORY
) -> Counts | BaseException:
    try:
        return shrinking.overwrite_rows(most, Snowflake(session), rows)
    except TooManyDeletes as error:
        return error


def test_a_reload_of_a_history_closes_what_is_gone_and_overwrites_nothing() -> None:
    session = session_of(gone=4)
    assert replaced(session) == Counts(inserted=2, updated=1, deleted=4)
    assert session.names == ["count_gone", "close_gone", "merge_versions"]


def test_it_is_made_versions_first_and_once() -> None:
    """Whose rows are no versions yet has no current ones to count."""
    begins = Versions(tracked=LOADED[1:], begins=True, blanked=("NOTE",))
    session = session_of()
    replaced(session, rows=dataclasses.replace(HISTORY, history=begins))
    prepared = ["first_versions", "blank_columns"]
    assert session.names == [*prepared, "count_gone", "close_gone", "merge_versions"]


@pytest.mark.parametrize(
    ("alive", "gone", "most", "stopped"),
    [
        (100, 10, 10.0, False),
        (100, 11, 10.0, True),
        (1000, 100, 10.0, False),
        (1000, 101, 10.0, True),
        (3, 1, 33.4, False),
        (3, 1, 33.3, True),
        (4, 4, 100.0, False),
        (0, 0, 10.0, False),
        (10, 1, 0.0, True),
        (10, 0, 0.0, False),
    ],
)
def test_a_source_that_lost_most_of_its_rows_closes_none(
    alive: int, gone: int, most: float, stopped: bool
) -> None:
    session = session_of(alive, gone)
    outcome = replaced(session, most)
    assert isinstance(outcome, TooManyDeletes) is stopped
    assert ("close_gone" in session.names) is not stopped
    if isinstance(outcome, TooManyDeletes):
        assert outcome.code == "too_many_deletes"
        assert outcome.message == (
            f"{gone} of {alive} rows are gone from the source; more than"
            f" {most:g} percent."
        )


@pytest.mark.parametrize(
    ("before", "after", "most", "stopped"),
    [
        (100, 90, 10.0, False),
        (100, 89, 10.0, True),
        (100, 120, 10.0, False),
        (0, 0, 0.0, False),
        (10, 9, 0.0, True),
        (10, 0, 100.0, False),
    ],
)
def test_a_full_table_that_lost_most_of_its_rows_stops_the_reload(
    before: int, after: int, most: float, stopped: bool
) -> None:
    session = Scripted(count_rows=[Row(before)], overwrite=[Row(after)])
    outcome = replaced(session, most, BATCH)
    assert isinstance(outcome, TooManyDeletes) is stopped
    if not stopped:
        assert outcome == Counts(after, 0, max(before - after, 0))
    # Counted before they are gone.
    assert session.names == ["count_rows", "overwrite"]


def test_rows_of_a_history_are_those_that_are_current() -> None:
    """Compared keys: a version that has ended is neither alive nor gone."""
    for statement in (
        sync_statements.count_gone(HISTORY),
        sync_statements.missing_keys(HISTORY, 9),
    ):
        assert "_SYNC_IS_CURRENT" in statement.text
        assert "_SYNC_DELETED_AT" not in statement.text


@pytest.mark.parametrize("reload", [False, True])
@pytest.mark.parametrize(
    ("before", "created", "after"),
    [(40, False, 45), (None, False, None), (None, True, 5)],
)
def test_the_versions_of_a_history_are_counted(
    before: int | None, created: bool, after: int | None, reload: bool
) -> None:
    """None goes: what a reload closes stays as a version."""
    found = dataclasses.replace(aligned(FOUND), create=created)
    watermark = Commit(8, "increment", Bound(), None, 5, target_rows=before)
    write = partial(merge.merge_rows, bounded=False)
    done = commit(
        session_of(merge_versions=merged(5, 2), close_gone=[Row(3)]),
        aligned=found,
        commit=watermark,
        write=merge.overwrite_rows if reload else write,
        job=dataclasses.replace(WORK.job, reload=reload),
    )
    assert done.commit.target_rows == after
