"""Leases: who may work on a table, and the fence of a commit."""

from snowpark.errors import LeaseError, UsageError
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

    Inside a transaction this is the fence: the row stays locked until the commit, so
    nobody can take the table over between the proof and the commit.

    Raises:
        LeaseError: "lease_lost".
    """
    held = snowflake.changed_rows(statements.hold_lease(table, run_id, LEASE_SECONDS))
    if held != 1:
        raise LeaseError(
            "lease_lost", "The lease of this run expired and another run has it."
        )


# One at a time: whoever changes the configuration, or makes tasks of it.
CONFIG_LEASE = "#config"


def take_config_lease(snowflake: Snowflake, run_id: str) -> None:
    """Makes this call the only one that changes configuration or tasks.

    Raises:
        UsageError: "lease_held".
    """
    lease = statements.take_lease(CONFIG_LEASE, run_id, LEASE_SECONDS)
    if snowflake.changed_rows(lease) != 1:
        raise UsageError(
            "lease_held", "Another APPLY_CONFIG or APPLY_TASKS is at work."
        )
