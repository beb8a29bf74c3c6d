"""The fence: which commits pass it, and what it locks when nothing else is locked."""

import dataclasses

import pytest
from snowflake.snowpark import Row

from snowpark.errors import LeaseError
from snowpark.ledger import fence
from snowpark.ledger.records import Commit
from snowpark.session import Snowflake
from tests.unit.snowpark.samples import RUN_ID
from tests.unit.snowpark.scripted import Scripted

BASE = 7
MOVES = Commit(BASE + 1, "increment", None, "c0ffee", 2)
# The version is the old one: a run that has found nothing.
STAYS = dataclasses.replace(MOVES, version=BASE)


def check(
    commit: Commit | None, *, newer: int, owner: str | None, locked: bool = True
) -> Scripted:
    session = Scripted(read_fence=[Row(NEWER=newer, OWNER=owner)])
    fence.check(Snowflake(session), "orders", RUN_ID, BASE, commit, locked=locked)
    return session


@pytest.mark.parametrize(("commit", "newer"), [(MOVES, 1), (STAYS, 0), (None, 0)])
def test_a_commit_that_alone_is_newer_passes(commit: Commit | None, newer: int) -> None:
    session = check(commit, newer=newer, owner=RUN_ID)
    assert session.names == ["read_fence"]
    table, based_on, *_ = session.only("read_fence").values
    assert (table, based_on) == ("orders", BASE)


@pytest.mark.parametrize(
    ("commit", "newer"), [(MOVES, 0), (MOVES, 2), (STAYS, 1), (None, 1)]
)
@pytest.mark.parametrize("owner", [RUN_ID, "another", None])
def test_what_another_run_has_committed_is_not_written_over(
    commit: Commit | None, newer: int, owner: str | None
) -> None:
    with pytest.raises(LeaseError) as lost:
        check(commit, newer=newer, owner=owner)
    assert lost.value.code == "lease_lost"


@pytest.mark.parametrize("owner", ["another", None])
@pytest.mark.parametrize(("commit", "newer"), [(MOVES, 1), (None, 0)])
def test_a_run_whose_lease_is_another_ones_does_not_commit(
    commit: Commit | None, newer: int, owner: str | None
) -> None:
    with pytest.raises(LeaseError) as lost:
        check(commit, newer=newer, owner=owner)
    assert lost.value.code == "lease_lost"


def test_what_locks_no_target_locks_the_leases_first() -> None:
    session = check(MOVES, newer=1, owner=RUN_ID, locked=False)
    assert session.names == ["hold_lease", "read_fence"]
    values = session.only("hold_lease").values
    assert {"orders", RUN_ID} <= set(values)


@pytest.mark.parametrize("commit", [STAYS, None])
def test_what_writes_no_version_locks_nothing(commit: Commit | None) -> None:
    session = check(commit, newer=0, owner=RUN_ID, locked=False)
    assert session.names == ["read_fence"]
