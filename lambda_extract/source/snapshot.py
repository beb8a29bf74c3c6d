"""The READ ONLY transaction in which a table's rows and description agree."""

import contextlib
import dataclasses
from collections.abc import Iterator

from psycopg2 import sql

from lambda_extract.errors import SourceError
from lambda_extract.source.catalog import (
    PARTITIONED,
    TABLE,
    SourceTable,
    read_table,
)
from lambda_extract.source.database import Database


@contextlib.contextmanager
def snapshot(database: Database, table: SourceTable) -> Iterator[None]:
    """Opens the snapshot and makes sure that `table` still describes what it holds.

    Raises:
        SourceError: source_error (retryable), if the table was altered meanwhile;
            source_cannot_be_read, see Database.end_snapshot.
    """
    database.begin_snapshot()
    stored = table.kind in (TABLE, PARTITIONED)
    if stored and table.granted:
        # Before the snapshot: TRUNCATE is not transactional for older snapshots, which
        # would see the table empty.
        statement = sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE")
        database.execute(statement.format(table.name))
    # The first statement that reads takes the snapshot.
    if read_table(database, table.spec) != table:
        raise _altered(table)
    if stored and not table.granted:
        _lock_after_snapshot(database, table)
    yield
    database.end_snapshot()


def _lock_after_snapshot(database: Database, table: SourceTable) -> None:
    """Locks a table of which the role may read some columns only.

    LOCK TABLE wants SELECT on the table itself. A query locks the table and its
    partitions as well, but after the snapshot. What happened in between shows by the
    numbers of the columns that it reads, and by storage that the snapshot knows not.
    """
    names = sql.SQL(", ").join(sql.Identifier(c.name) for c in table.columns)
    query = sql.SQL("SELECT {} FROM {} LIMIT 0").format(names, table.name)
    try:
        found = database.described(query)
    except SourceError as error:
        if error.code in ("column_not_found", "table_not_found"):
            raise _altered(table) from error
        raise
    if found != tuple((table.oid, c.attnum) for c in table.columns):
        raise _altered(table)
    # pg_relation_filenode tells today's storage, pg_class that of the snapshot.
    statement = sql.SQL("""
        WITH RECURSIVE members AS (
            SELECT {oid}::oid AS oid
            UNION
            SELECT i.inhrelid
            FROM members AS m
            JOIN pg_catalog.pg_inherits AS i ON i.inhparent = m.oid
        )
        SELECT pg_catalog.bool_and(
            c.relfilenode = COALESCE(pg_catalog.pg_relation_filenode(c.oid), 0)
        )
        FROM members AS m
        JOIN pg_catalog.pg_class AS c ON c.oid = m.oid
        """)
    if not database.row(statement.format(oid=sql.Literal(table.oid)))[0]:
        raise _altered(table)


def _altered(table: SourceTable) -> SourceError:
    return SourceError(
        "source_error",
        f"Table {table.spec.schema}.{table.spec.relation} was altered at this very"
        " moment.",
    )


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
