"""A slot is dropped once, and who asked is told whether there was one."""

from types import SimpleNamespace
from typing import Any

from psycopg2 import sql

from lambda_extract.changes import slots
from lambda_extract.changes.capture import drop_slot
from lambda_extract.contract import DropSlotReply, DropSlotRequest
from lambda_extract.source.database import Database
from tests.unit.lambda_extract.changes.conftest import Log

SLOTS = "pg_catalog.pg_replication_slots"
# What PostgreSQL 13 tells of a slot.
OF_13 = (
    "slot_name, plugin, slot_type, datoid, database, temporary, active, active_pid,"
    " xmin, catalog_xmin, restart_lsn, confirmed_flush_lsn, wal_status, safe_wal_size"
)


def there(log: Log) -> bool:
    found = log.sql(f"SELECT 1 FROM {SLOTS} WHERE slot_name = '{log.spec.slot}'")
    return bool(found)


def test_who_drops_a_slot_is_told_whether_there_was_one(log: Log) -> None:
    request = DropSlotRequest("r1", "shop", log.spec)
    with log.database() as database:
        assert drop_slot(database, request) == DropSlotReply("r1", existed=True)
        assert not there(log)
        assert drop_slot(database, request) == DropSlotReply("r1", existed=False)


def of_13(database: Database) -> Any:
    """A server whose view of slots has the columns of PostgreSQL 13."""
    older = f"(SELECT {OF_13} FROM {SLOTS}) AS s"

    def rows(statement: sql.Composed) -> list[Any]:
        parts: list[Any] = list(statement.seq)
        query = parts[0].string
        assert query.count(f"{SLOTS} AS s") == 1
        parts[0] = sql.SQL(query.replace(f"{SLOTS} AS s", older))
        return database.rows(sql.Composed(parts))

    return SimpleNamespace(rows=rows, rows_committed=database.rows_committed)


def test_a_server_too_old_for_two_phase_slots_gets_rid_of_its_slot(log: Log) -> None:
    """Its log cannot be read, and a slot that stays would fill its disk."""
    with log.database() as database:
        assert slots.drop(of_13(database), log.spec)
    assert not there(log)
