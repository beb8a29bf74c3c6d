"""What a plan makes of open transactions, and of rows that may be others (fakes)."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest
from psycopg2 import sql

from lambda_extract.contract import CursorValue, Member, PendingBound, SourceIdentity
from lambda_extract.cursor import identity, proof
from lambda_extract.cursor.proof import POLL_SECONDS, Proof, wait_for_proof

OPEN = Proof("10:00:00", oldest="09:00:00", maximum=7)
PROVEN = dataclasses.replace(OPEN, taken_at="10:00:09", pending_proven=True)
ANY: Any = None


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The times that were slept for; each moves the clock by itself alone."""
    found: list[float] = []
    clock = SimpleNamespace(sleep=found.append, monotonic=lambda: 50.0 + sum(found))
    monkeypatch.setattr(proof, "time", clock)
    return found


def waited(
    monkeypatch: pytest.MonkeyPatch, *proofs: Proof, seconds: float = 1.0
) -> tuple[Any, list[Any]]:
    left = list(proofs)
    asked: list[Any] = []

    def read_proof(*_: Any) -> Proof:
        asked.append(_[3] if len(_) > 3 else None)
        return left.pop(0) if len(left) > 1 else left[0]

    monkeypatch.setattr(proof, "read_proof", read_proof)
    return wait_for_proof(ANY, ANY, ANY, seconds=seconds), asked


def test_a_maximum_is_waited_for_until_it_is_proven(
    monkeypatch: pytest.MonkeyPatch, slept: list[float]
) -> None:
    found, asked = waited(monkeypatch, OPEN, OPEN, PROVEN, OPEN)
    pending = PendingBound("7", "10:00:00")
    assert found == (PROVEN, pending)
    assert asked == [None, pending, pending] and slept == [POLL_SECONDS] * 2


def test_nobody_waits_for_longer_than_allowed(
    monkeypatch: pytest.MonkeyPatch, slept: list[float]
) -> None:
    found, asked = waited(monkeypatch, OPEN, seconds=3 * POLL_SECONDS)
    assert found == (OPEN, PendingBound("7", "10:00:00"))
    assert len(slept) == 3 and len(asked) == 4


@pytest.mark.parametrize(
    "first",
    [
        dataclasses.replace(OPEN, maximum=None),
        dataclasses.replace(OPEN, oldest=None),
    ],
)
def test_without_a_maximum_or_an_open_transaction_nobody_waits(
    monkeypatch: pytest.MonkeyPatch, slept: list[float], first: Proof
) -> None:
    assert waited(monkeypatch, first)[0] == (first, None)
    assert slept == []


def test_a_prepared_transaction_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, slept: list[float]
) -> None:
    prepared = dataclasses.replace(OPEN, oldest=None, prepared=True)
    found, _ = waited(monkeypatch, prepared, PROVEN)
    assert found[0] is PROVEN and slept == [POLL_SECONDS]


# --- a table that is stored anew ------------------------------------------------------

KNOWN = SourceIdentity(
    relation_id=7, members=(Member(7, 70, ""),), columns="c1", types="1:a,2:b"
)
ANEW = dataclasses.replace(KNOWN, members=(Member(7, 71, ""),))


def change(now: SourceIdentity, **more: Any) -> tuple[str, tuple[str, ...]]:
    cursor: Any = SimpleNamespace(read_from=lambda mark: None)
    named = {"known": KNOWN, "now": now, "watermark": None} | more
    found, warnings = identity.find_change(ANY, ANY, cursor, **named)
    return found, tuple(warning.code for warning in warnings)


def test_storage_that_no_alter_table_explains_is_a_change() -> None:
    found, warnings = change(ANEW)
    assert found and warnings == ()


@pytest.mark.parametrize("types", ["1:a,2:c", "1:x,2:b", "1:x,2:c"])
def test_a_column_of_another_type_explains_new_storage_and_is_told(types: str) -> None:
    """One of several is enough."""
    altered = dataclasses.replace(ANEW, columns="c2", types=types)
    assert change(altered) == ("", ("table_rewritten",))


@pytest.mark.parametrize(("defaults", "explained"), [(True, True), (False, False)])
def test_a_new_column_explains_new_storage_if_it_has_a_default(
    defaults: bool, explained: bool
) -> None:
    added = dataclasses.replace(ANEW, columns="c2", types="1:a,2:b,3:c")
    database: Any = SimpleNamespace(row=lambda _: (defaults,))
    table: Any = SimpleNamespace(oid=7)
    assert identity._was_altered(database, table, KNOWN, added) is explained


def test_a_changed_source_is_not_told_of_partitions_that_are_gone_as_well() -> None:
    """Their rows do not stay in the target: all of it is read anew."""
    known = dataclasses.replace(KNOWN, members=(*KNOWN.members, Member(8, 80, "5")))
    assert change(KNOWN, known=known) == ("", ("partition_detached",))
    assert change(dataclasses.replace(KNOWN, relation_id=9), known=known) == (
        "Another relation has the name of the table now.",
        (),
    )


def test_a_view_whose_newest_rows_lie_below_the_watermark_was_changed() -> None:
    """Nothing says which transaction wrote them."""
    cursor: Any = SimpleNamespace(value=sql.SQL("n"))

    def behind(below: bool) -> bool:
        database: Any = SimpleNamespace(row=lambda _: (below,))
        table: Any = SimpleNamespace(name=sql.SQL("v"), has_row_identity=False)
        return identity._is_written_behind(
            database, table, cursor, known=KNOWN, lower=sql.SQL("5")
        )

    assert behind(True) and not behind(False)


def test_who_starts_from_no_watermark_looks_at_no_rows() -> None:
    looked: list[Any] = []

    def read_from(mark: CursorValue | None) -> None:
        looked.append(mark)

    cursor: Any = SimpleNamespace(read_from=read_from)
    found = identity.find_change(
        ANY, ANY, cursor, known=KNOWN, now=KNOWN, watermark=None
    )
    assert found == ("", ()) and looked == [None]
