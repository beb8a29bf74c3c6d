"""Leases: who may work on a table; they keep runs from wasting work.

What keeps commits apart is the fence (`fence.py`).
"""

import time
from collections.abc import Callable

from snowpark import sql
from snowpark.errors import LeaseError, SnowflakeError, SyncError, UsageError
from snowpark.ledger import statements
from snowpark.session import Snowflake

# An extraction ends within 600 s (Snowflake's limit of one external call); a load may
# follow. Whoever finds the lease older than this may take it: the fence keeps that
# safe.
LEASE_SECONDS = 900


def release_lease(snowflake: Snowflake, table: str, run_id: str) -> None:
    """Gives the lease back; does nothing if another run has it by now."""
    snowflake.run(statements.release_lease(table, run_id))


def hold_lease(snowflake: Snowflake, table: str, run_id: str) -> None:
    """Proves that this run still owns the table, and extends the lease.

    Inside a transaction the leases stay locked until the commit, for everybody.

    Raises:
        LeaseError: "lease_lost".
    """
    sent_at = time.monotonic()
    held = snowflake.changed_rows(statements.hold_lease(table, run_id, LEASE_SECONDS))
    if held != 1:
        raise lost()
    note_held(snowflake, table, sent_at)


def renew_lease(snowflake: Snowflake, table: str, run_id: str) -> None:
    """Extends the lease if half of its time has passed, so that the run goes on.

    Raises:
        LeaseError: "lease_lost".
    """
    held_at = snowflake.held_at.get(table)
    if held_at is None or time.monotonic() - held_at >= LEASE_SECONDS / 2:
        hold_lease(snowflake, table, run_id)
    if snowflake.keep is not None:
        # The other tables of a group wait for this one.
        snowflake.keep()


def note_held(snowflake: Snowflake, table: str, sent_at: float) -> None:
    """Notes since when a lease runs; before the statement was sent, to be careful."""
    snowflake.held_at[table] = sent_at


def lost() -> LeaseError:
    """Returns the error of a run whose table is another one's by now."""
    return LeaseError(
        "lease_lost", "The lease of this run expired and another run has it."
    )


def read_transaction(snowflake: Snowflake) -> object:
    """Returns the id of the transaction that a statement would be part of now."""
    (row,) = snowflake.run(sql.READ_TRANSACTION)
    return row[0]


def require_commits(
    snowflake: Snowflake, transaction: object, give_back: Callable[[], None]
) -> None:
    """Refuses a session in which a statement is not committed by itself (W4).

    A procedure inherits AUTOCOMMIT and an open transaction from its caller: a lease
    would be seen by nobody, or be locked until the caller ends its transaction.

    Args:
        transaction: What is open after a statement that changed rows; None: nothing.
        give_back: Undoes what was changed, inside the caller's transaction.

    Raises:
        UsageError: "open_transaction".
    """
    if transaction is None:
        return
    try:
        # Only what has begun in this very procedure can be rolled back here.
        snowflake.run(sql.ROLLBACK)
    except SnowflakeError:
        give_back()
        raise UsageError(
            "open_transaction", "The call is part of a transaction of its caller."
        ) from None
    raise UsageError(
        "open_transaction",
        "AUTOCOMMIT is off in this session, so that nothing would be committed.",
        hint="ALTER SESSION SET AUTOCOMMIT = TRUE (or for the user), then call again.",
    )


# One at a time: whoever changes the configuration, or makes tasks of it.
CONFIG_LEASE = "#config"


def require_commits_or_give_back(snowflake: Snowflake, name: str, run_id: str) -> None:
    """Refuses a session that does not commit; a lease just taken is given back.

    Raises:
        UsageError: "open_transaction".
        SyncError: Snowflake did not say whether a transaction is open.
    """

    def give_back() -> None:
        release_lease(snowflake, name, run_id)

    try:
        transaction = read_transaction(snowflake)
    except SyncError:
        give_back()
        raise
    require_commits(snowflake, transaction, give_back)


def take_config_lease(snowflake: Snowflake, run_id: str) -> None:
    """Makes this call the only one that changes configuration or tasks.

    Raises:
        UsageError: "lease_held", "open_transaction".
    """
    lease = statements.take_lease(CONFIG_LEASE, run_id, LEASE_SECONDS)
    if snowflake.changed_rows(lease) != 1:
        raise UsageError(
            "lease_held", "Another APPLY_CONFIG or APPLY_TASKS is at work."
        )
    require_commits_or_give_back(snowflake, CONFIG_LEASE, run_id)
