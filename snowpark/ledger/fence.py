"""The fence: a commit is one only if nothing was committed since its run began.

    BEGIN
    MERGE            holds the lock of the target until the transaction ends
    INSERT ...       the version that this commit is
    read_fence       newer versions than the one the run rests on: this one alone
    COMMIT

Two commits of one table take turns by the lock of its target, so that the second one
sees the first one's version and is rolled back. Nobody waits for another table.
docs/FENCING.md has the proof, and what holds for commits that change no row.
"""

from snowpark.ledger import lease, statements
from snowpark.ledger.records import Commit
from snowpark.session import Snowflake


def check(
    snowflake: Snowflake,
    table: str,
    run_id: str,
    based_on: int,
    commit: Commit | None,
    *,
    locked: bool,
) -> None:
    """Stops a transaction that would write over what another run has committed.

    Args:
        based_on: Version that the run knew before it extracted anything.
        commit: The row that the transaction has appended; None: none.
        locked: The transaction surely holds the lock of the target. If it does not
            (an empty target is overwritten), it holds that of the leases instead, as
            briefly as can be.

    Raises:
        LeaseError: "lease_lost".
    """
    moves = commit is not None and commit.version > based_on
    if moves and not locked:
        lease.hold_lease(snowflake, table, run_id)
    (row,) = snowflake.run(statements.read_fence(table, based_on))
    if int(row["NEWER"]) != moves or row["OWNER"] != run_id:
        raise lease.lost()
