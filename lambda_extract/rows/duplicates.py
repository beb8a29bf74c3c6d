"""Rows that share their key with another row, where PostgreSQL does not prevent it.

A MERGE matches rows by their key alone: with two rows of one key the target keeps one
of them, or an update of one is written over the other.
"""

from psycopg2 import sql

from lambda_extract.rows.parts import read_size
from lambda_extract.source.catalog import (
    SourceColumn,
    SourceTable,
    enforces_key,
    has_index,
)
from lambda_extract.source.database import Database

# So many rows are looked through in about a second.
SMALL_TABLE_ROWS = 1_000_000
# Numbers, dates, times, texts, booleans, networks, enums, bits. The others may lack the
# order that GROUP BY needs: json and points do.
_COMPARABLE_CATEGORIES = "NDTSBIEV"
_COMPARABLE_TYPES = ("uuid", "bytea", "jsonb")


def count_shared(
    database: Database, table: SourceTable, condition: sql.Composable
) -> int:
    """Counts rows that share their key with a row that fulfils `condition`.

    Other rows of the table are looked at if an index serves the key or the table is
    small; otherwise those that fulfil the condition alone. Nothing is looked at if
    PostgreSQL enforces the key.

    Raises:
        SourceError: PostgreSQL failed.
    """
    found = [table.column(name) for name in table.key]
    columns = [column for column in found if column is not None]
    if not columns or not all(_is_comparable(column) for column in columns):
        return 0
    if enforces_key(database, table):
        return 0
    indexed = has_index(database, table, table.key)
    rows = condition
    if indexed or 0 <= read_size(database, table).rows <= SMALL_TABLE_ROWS:
        rows = _with_same_key(table, columns, condition)
    statement = sql.SQL("""
        SELECT COALESCE(pg_catalog.sum(g.row_count), 0)::bigint
        FROM (
            SELECT pg_catalog.count(*) AS row_count
            FROM {table}
            WHERE {rows}
            GROUP BY {forms}
            HAVING pg_catalog.count(*) > 1 AND pg_catalog.bool_or({condition})
        ) AS g
        """)
    forms = sql.SQL(", ").join(_form(column) for column in columns)
    return int(
        database.row(
            statement.format(
                table=table.rows, rows=rows, forms=forms, condition=condition
            )
        )[0]
    )


def _with_same_key(
    table: SourceTable, columns: list[SourceColumn], condition: sql.Composable
) -> sql.Composable:
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)
    rows = sql.SQL("({names}) IN (SELECT {names} FROM {table} WHERE {condition})")
    chosen = rows.format(names=names, table=table.rows, condition=condition)
    # NULL is in no list, and is one key in the target.
    for column in columns:
        if not column.not_null:
            null = sql.SQL("{} OR {} IS NULL").format(
                chosen, sql.Identifier(column.name)
            )
            chosen = null
    return chosen


def _is_comparable(column: SourceColumn) -> bool:
    kind = column.base
    return kind.category in _COMPARABLE_CATEGORIES or kind.name in _COMPARABLE_TYPES


def _form(column: SourceColumn) -> sql.Composable:
    """Texts are one key in the target only if all their characters are the same."""
    name = sql.Identifier(column.name)
    if column.base.category != "S":
        return name
    return sql.SQL('{}::text COLLATE "C"').format(name)
