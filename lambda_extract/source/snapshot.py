"""The READ ONLY transaction in which a table's rows and description agree."""

import contextlib
import dataclasses
from collections.abc import Iterator

from lambda_extract.errors import SourceError
from lambda_extract.source.catalog import SourceTable, lock_against_changes, read_table
from lambda_extract.source.database import Database


@contextlib.contextmanager
def snapshot(database: Database, table: SourceTable) -> Iterator[None]:
    """Opens the snapshot and makes sure that `table` still describes what it holds.

    Raises:
        SourceError: source_error (retryable), if the table was altered meanwhile;
            source_cannot_be_read, see Database.end_snapshot.
    """
    database.begin_snapshot()
    lock_against_changes(database, table)
    # The first statement that reads takes the snapshot; the lock is held by now.
    if read_table(database, table.spec) != table:
        raise SourceError(
            "source_error",
            f"Table {table.spec.schema}.{table.spec.relation} was altered at this very"
            " moment.",
        )
    yield
    database.end_snapshot()


def require_key(table: SourceTable) -> SourceTable:
    """Returns the table if rows can be matched by a key.

    Raises:
        SourceError: no_primary_key.
    """
    if not table.key:
        raise SourceError(
            "no_primary_key",
            f"{table.spec.schema}.{table.spec.relation} has no primary key, so a"
            " changed row cannot be matched with its older version.",
        )
    return table


def keys_of(table: SourceTable) -> SourceTable:
    """Returns the table as if it had its key columns alone, in the key's order.

    Raises:
        SourceError: no_primary_key.
    """
    found = (table.column(name) for name in require_key(table).key)
    columns = tuple(column for column in found if column is not None)
    return dataclasses.replace(table, columns=columns)
