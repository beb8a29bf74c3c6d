"""Who may work on a table: the lease is taken, proven, and given back."""

import dataclasses
from typing import Any

import pytest
from snowflake.snowpark import Row

from lambda_extract.contract import Member, Overlap, PendingBound, SourceIdentity
from snowpark.errors import LeaseError, SyncError, UsageError
from snowpark.ledger import lease, read
from snowpark.ledger.lease import LEASE_SECONDS
from snowpark.ledger.records import TableState
from snowpark.session import Snowflake
from tests.unit.snowpark.samples import RUN_ID, state
from tests.unit.snowpark.scripted import (
    Scripted,
    Stop,
    settled,
    state_row,
    stops,
)

FOUND = settled()
OURS: dict[str, Any] = {"read_state": [state_row(FOUND, RUN_ID)]}
RELEASED = [("orders", RUN_ID)]


def take(session: Scripted) -> TableState:
    return read.take_lease(Snowflake(session), "orders", RUN_ID)


def refused(session: Scripted) -> SyncError:
    with pytest.raises(SyncError) as caught:
        take(session)
    return caught.value


def test_the_lease_is_taken_before_the_state_is_read() -> None:
    """Read before, the watermark could be that of a run that commits in between."""
    session = Scripted(**OURS)
    assert take(session) == FOUND
    assert session.names == ["take_lease", "read_state"]
    assert session.values("take_lease") == [(RUN_ID, LEASE_SECONDS, "orders")]
    assert session.values("read_state") == [("orders",)]


def test_a_lease_lasts_longer_than_an_extraction_may() -> None:
    assert LEASE_SECONDS > 600


@pytest.mark.parametrize(
    ("taken", "owner"), [(0, "other"), (1, "other"), (0, RUN_ID), (0, None)]
)
def test_a_table_of_another_run_is_left_to_it(taken: int, owner: str | None) -> None:
    session = Scripted(
        take_lease=[Row(taken)],
        read_state=[state_row(FOUND, owner)],
        read_lease=[Row(RUN_ID="other", ACQUIRED_AT="10:00", EXPIRES_AT="10:15")],
    )
    error = refused(session)
    assert isinstance(error, LeaseError) and error.code == "lease_held"
    assert error.retryable
    for known in ("Run other", "10:00", "10:15"):
        assert known in error.message
    assert "release_lease" not in session.names


@pytest.mark.parametrize("rows", [[], [Row(RUN_ID=None, ACQUIRED_AT=1, EXPIRES_AT=1)]])
def test_a_lease_that_is_free_again_meanwhile_is_told_as_such(rows: list[Row]) -> None:
    session = Scripted(
        take_lease=[Row(0)], read_state=[state_row(FOUND, None)], read_lease=rows
    )
    error = refused(session)
    assert error.code == "lease_held" and "just now" in error.message


@pytest.mark.parametrize("taken", [0, 1])
def test_an_unknown_table_is_refused_and_keeps_no_lease(taken: int) -> None:
    session = Scripted(
        take_lease=[Row(taken)], read_state=[], list_tables=[Row("order"), Row("x")]
    )
    error = refused(session)
    assert error.code == "unknown_table"
    assert "Did you mean order?" in error.message and "order, x." in error.message
    assert session.values("release_lease") == (RELEASED if taken else [])


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ([], "Configured: none yet"),
        ([f"t{i:03d}" for i in range(50)], "t049."),
        ([f"t{i:03d}" for i in range(51)], "t049 and 1 more."),
        ([f"t{i:03d}" for i in range(60)], "t049 and 10 more."),
    ],
)
def test_known_tables_are_named_up_to_a_number(names: list[str], told: str) -> None:
    session = Scripted(read_state=[], list_tables=[Row(name) for name in names])
    with pytest.raises(UsageError) as caught:
        read.read_state(Snowflake(session), "orders")
    assert told in caught.value.message and "Did you mean" not in caught.value.message


def test_a_paused_table_is_refused_and_gives_its_lease_back() -> None:
    paused = dataclasses.replace(FOUND, paused=True)
    session = Scripted(read_state=[state_row(paused, RUN_ID)])
    assert refused(session).code == "table_paused"
    assert session.values("release_lease") == RELEASED


def test_dates_that_are_read_otherwise_give_the_lease_back() -> None:
    row = state_row(FOUND, RUN_ID, DATES_READ_AS="2001-03-02")
    session = Scripted(read_state=[row])
    assert refused(session).code == "date_input_formats"
    assert session.values("release_lease") == RELEASED


@pytest.mark.parametrize("paused", [False, True])
def test_a_run_that_vanished_gets_its_row_from_the_one_that_took_over(
    paused: bool,
) -> None:
    found = dataclasses.replace(FOUND, previous_run_id="gone", paused=paused)
    session = Scripted(read_state=[state_row(found, RUN_ID)])
    if paused:
        refused(session)
    else:
        assert take(session).previous_run_id == "gone"
    assert session.values("insert_abandoned_run") == [("gone", "orders")]


def test_a_statement_refused_on_the_way_gives_the_lease_back() -> None:
    abandoned = dataclasses.replace(FOUND, previous_run_id="gone")
    for stop, session, error in stops(
        lambda: Scripted(read_state=[state_row(abandoned, RUN_ID)]),
        lambda s: read.take_lease(s, "orders", RUN_ID),
        "refused",
    ):
        assert isinstance(error, SyncError) and not session.is_open
        taken = "take_lease" in session.stays and stop.at != 0
        assert session.values("release_lease") == RELEASED * taken, session.names


# --- the fence ------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [0, 2])
def test_a_lease_that_is_not_ours_is_lost(rows: int) -> None:
    session = Scripted(hold_lease=[Row(rows)])
    with pytest.raises(LeaseError) as caught:
        lease.hold_lease(Snowflake(session), "orders", RUN_ID)
    assert caught.value.code == "lease_lost"
    assert session.values("hold_lease") == [(LEASE_SECONDS, "orders", RUN_ID)]


def test_one_call_at_a_time_changes_the_configuration() -> None:
    session = Scripted()
    lease.take_config_lease(Snowflake(session), "c1")
    assert session.values("take_lease") == [("c1", LEASE_SECONDS, lease.CONFIG_LEASE)]
    for rows in (0, 2):
        with pytest.raises(UsageError) as caught:
            busy = Scripted(take_lease=[Row(rows)])
            lease.take_config_lease(Snowflake(busy), "c1")
        assert caught.value.code == "lease_held"


@pytest.mark.parametrize("own", [True, False])
def test_a_session_that_does_not_commit_changes_no_configuration(own: bool) -> None:
    """W4: the lease would be seen by nobody, or locked until the caller has ended.

    What the call has begun itself it rolls back; what it is part of refuses that, and
    the lease goes back inside of it.
    """
    session = Scripted(None if own else Stop("rollback"), read_transaction=[Row("17")])
    # A statement of a session without AUTOCOMMIT begins a transaction by itself.
    session._open = []
    with pytest.raises(UsageError) as caught:
        lease.take_config_lease(Snowflake(session), "c1")
    assert caught.value.code == "open_transaction"
    assert ("AUTOCOMMIT" in caught.value.message) is own
    assert ("ALTER SESSION" in caught.value.hint) is own
    given_back = [(lease.CONFIG_LEASE, "c1")]
    assert session.values("release_lease") == ([] if own else given_back)
    assert session.kept == []


def test_a_lease_that_nobody_can_see_is_told_from_one_that_is_held() -> None:
    session = Scripted()
    assert lease.read_transaction(Snowflake(session)) is None
    lease.require_commits_or_give_back(Snowflake(session), "orders", RUN_ID)
    assert "release_lease" not in session.names
    session = Scripted(read_transaction=[Row("17")])
    assert lease.read_transaction(Snowflake(session)) == "17"


@pytest.mark.parametrize("at", ["read_transaction", "rollback"])
def test_what_snowflake_does_not_say_gives_the_lease_back(at: str) -> None:
    session = Scripted(Stop(at), read_transaction=[Row("17")])
    with pytest.raises(SyncError) as caught:
        lease.require_commits_or_give_back(Snowflake(session), "orders", RUN_ID)
    own = at == "rollback"
    assert (caught.value.code == "open_transaction") is own
    assert session.values("release_lease") == RELEASED


@pytest.mark.parametrize("open_transaction", [None, "17"])
def test_a_run_inside_a_transaction_of_its_caller_is_refused(
    open_transaction: str | None,
) -> None:
    session = Scripted(
        Stop("rollback"),
        read_state=[state_row(FOUND, RUN_ID, OPEN_TRANSACTION=open_transaction)],
    )
    if open_transaction is None:
        assert take(session) == FOUND
    else:
        assert refused(session).code == "open_transaction"
        assert session.values("release_lease") == RELEASED


# --- what the ledger says -------------------------------------------------------------

IDENTITY = SourceIdentity(7, (Member(7, 8),), "sys", 1, 99)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"watermark": None},
        {"pending_bound": PendingBound("41", "2026-01-02 00:00:00+00")},
        {"overlap": Overlap(3, "12345")},
        {"overlap": Overlap(0, "0")},
        {"columns_sha256": None},
        {"source_identity": IDENTITY},
        {"version": 1},
    ],
)
def test_a_state_is_read_as_it_was_written(changes: dict[str, Any]) -> None:
    ledger = FOUND.ledger
    assert ledger is not None
    found = dataclasses.replace(FOUND, ledger=dataclasses.replace(ledger, **changes))
    assert read.state_of(state_row(found)) == found


@pytest.mark.parametrize("minutes", [None, 0, 1440])
def test_a_state_without_any_load_has_no_ledger(minutes: int | None) -> None:
    found = dataclasses.replace(
        state(), ledger=None, minutes_since_key_check=minutes, previous_run_id="x"
    )
    again = read.state_of(state_row(found, SHAPE=None))
    assert again.ledger is None and again.version == 0
    assert again.minutes_since_key_check == minutes
    assert again.previous_run_id == "x" and again.shape.columns == ()


@pytest.mark.parametrize(
    "half",
    [{"WATERMARK": None}, {"WATERMARK_TYPE": None}, {"PENDING_SEEN_AT": None}],
)
def test_half_a_value_is_none(half: dict[str, None]) -> None:
    """A watermark without its type would be compared as who knows what."""
    pending = PendingBound("41", "2026-01-02 00:00:00+00")
    ledger = FOUND.ledger
    assert ledger is not None
    found = dataclasses.replace(
        FOUND, ledger=dataclasses.replace(ledger, pending_bound=pending)
    )
    again = read.state_of(state_row(found, **half)).ledger
    assert again is not None
    assert (again.watermark is None) is ("PENDING_SEEN_AT" not in half)
    assert (again.pending_bound is None) is ("PENDING_SEEN_AT" in half)


def test_a_table_that_is_read_without_its_lease_is_told_of_if_unknown() -> None:
    found = Scripted(read_state=[state_row(FOUND)])
    assert read.read_state(Snowflake(found), "orders") == FOUND
    assert found.names == ["read_state"]


@pytest.mark.parametrize(
    ("rows", "code"),
    [([], None), ([Row(None)], None), ([Row("worker_lost")], "worker_lost")],
)
def test_the_last_error_of_a_table(rows: list[Row], code: str | None) -> None:
    session = Scripted(read_last_error=rows)
    assert read.last_error(Snowflake(session), "orders") == code
    assert session.values("read_last_error") == [("orders",)]


def test_a_lease_that_was_just_taken_is_not_extended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [1000.0]
    for module in (lease, read):
        monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    session = Scripted(**OURS)
    snowflake = Snowflake(session)
    read.take_lease(snowflake, "orders", RUN_ID)
    for seconds, held in ((LEASE_SECONDS / 2 - 1, 0), (1, 1), (1, 1)):
        clock[0] += seconds
        lease.renew_lease(snowflake, "orders", RUN_ID)
        assert session.names.count("hold_lease") == held
    # Of another table nothing is known.
    lease.renew_lease(snowflake, "items", RUN_ID)
    assert session.names.count("hold_lease") == 2
