"""What is committed together, and by how many statements."""

import dataclasses

import pytest
from snowflake.snowpark import Row

from lambda_extract.contract import AlteredValue
from snowpark.errors import LeaseError
from snowpark.ledger.records import Commit
from snowpark.ledger.run import Kind, Run
from snowpark.load import commit
from snowpark.load.staging import Job
from snowpark.session import Snowflake
from tests.unit.snowpark.samples import RUN_ID
from tests.unit.snowpark.scripted import Scripted, settled

BASE = 7
JOB = Job(settled().settings, RUN_ID)
MOVES = Commit(BASE + 1, "increment", None, "c0ffee", 2)


def play(
    session: Scripted, row: Commit | None, *, locked: bool = True, ends: bool = True
) -> list[str]:
    """Returns the names of what was sent."""
    run = Run(RUN_ID, "orders", "2026-01-02T03:04:05+00:00") if ends else None
    kept = commit.commit(Snowflake(session), JOB, BASE, lambda: (row, locked), run)
    assert kept == row
    return session.names


def test_the_end_of_a_plain_run_is_one_statement() -> None:
    session = Scripted()
    assert play(session, MOVES) == [
        "begin",
        "insert_run",
        "insert_watermark",
        "read_fence",
        "commit",
    ]
    pieces = session.sent[1:4]
    assert len({piece.text for piece in pieces}) == 1


@pytest.mark.parametrize(
    ("row", "locked"),
    [
        # What moves no version is told apart by the fence, which counts newer ones.
        (dataclasses.replace(MOVES, version=BASE), True),
        (dataclasses.replace(MOVES, altered=(AlteredValue("note", 1),)), True),
        (dataclasses.replace(MOVES, kind="repair"), True),
        (MOVES, False),
    ],
)
def test_what_is_more_than_that_is_sent_one_by_one(row: Commit, locked: bool) -> None:
    session = Scripted()
    names = play(session, row, locked=locked)
    assert names[:2] == ["begin", "insert_run"] and names[-1] == "commit"
    assert names[-2] == "read_fence"
    assert {"insert_watermark", "insert_touch"} & set(names)
    assert len({one.text for one in session.sent}) == len(session.sent)
    assert ("hold_lease" in names) == (not locked)


@pytest.mark.parametrize("row", [MOVES, None])
def test_a_run_that_goes_on_is_not_recorded(row: Commit | None) -> None:
    assert "insert_run" not in play(Scripted(), row, ends=False)


@pytest.mark.parametrize("kind", ["increment", "repair"])
def test_what_the_fence_refuses_is_rolled_back(kind: Kind) -> None:
    session = Scripted(read_fence=[Row(NEWER=2, OWNER=RUN_ID)])
    with pytest.raises(LeaseError):
        play(session, dataclasses.replace(MOVES, kind=kind))
    assert session.names[-1] == "rollback" and session.stays == []
