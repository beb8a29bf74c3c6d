"""What a slot holds back, looked at by the clock: whoever reads it may have stopped.

PostgreSQL keeps WAL until a slot is confirmed, until its disk is full. The watchdog
knows nothing of Snowflake, so that it also sees that nobody captures any more.
"""

from dataclasses import dataclass

from lambda_extract.changes import slots
from lambda_extract.contract import LogSpec
from lambda_extract.errors import SourceError
from lambda_extract.source.database import Database


@dataclass(frozen=True)
class Held:
    """What a slot holds back.

    Attributes:
        retained_bytes: WAL behind the oldest position that the slot needs.
        dropped: It was too much: there is no slot any more.
    """

    retained_bytes: int
    wal_status: str
    oldest_transaction: str | None
    dropped: bool = False


def look_after(database: Database, slot: str, most_bytes: int | None) -> Held | None:
    """Returns what a slot holds back, and drops it if that is too much.

    Args:
        most_bytes: Drop it beyond; None: never.

    Returns:
        None if there is no slot: nobody has started the log.

    Raises:
        SourceError: slot_lost, slot_foreign, slot_active, log_permission, ...
    """
    log = LogSpec(slot, slot)
    try:
        state = slots.read_slot(database, log).state
    except SourceError as error:
        if error.code != "slot_missing":
            raise
        return None
    dropped = most_bytes is not None and state.retained_bytes > most_bytes
    if dropped:
        slots.drop(database, log)
    return Held(
        state.retained_bytes, state.wal_status, state.oldest_transaction, dropped
    )
