"""Which column it is that fails when a relation is read (E4).

PostgreSQL tells a state and a text, and the text may quote values. So the columns are
read again, half of them at a time, until one is left that fails alone: as many scans as
a number of columns has binary digits, and each ends at the row that fails.
"""

import dataclasses
import time
from collections.abc import Callable, Sequence

from psycopg2 import sql

from lambda_extract.errors import SourceError
from lambda_extract.rows.query import copy_rows
from lambda_extract.rows.wire import Wire
from lambda_extract.source.catalog import SourceTable
from lambda_extract.source.database import Database

# What a column can be the reason of.
CODES = ("source_cannot_be_read", "bad_request")
# Whoever waits for the error waits for this as well.
LONGEST_SECONDS = 30.0

Column = tuple[str, sql.Composable]
Fails = Callable[[Sequence[Column]], bool]


def name_column(
    database: Database,
    table: SourceTable,
    wire: Wire,
    condition: sql.Composable,
    error: SourceError,
) -> SourceError:
    """Returns the error of a COPY with the column that fails, if one does.

    The transaction of the COPY is given up.
    """
    if error.code not in CODES:
        return error
    until = time.monotonic() + LONGEST_SECONDS

    def fails(columns: Sequence[Column]) -> bool:
        """Raises SourceError if time is over, or the connection broke."""
        expressions = [expression for _, expression in columns] or [sql.SQL("'f'")]
        chosen = dataclasses.replace(wire, expressions=tuple(expressions), guard=None)
        statement = copy_rows(table, chosen, condition)
        try:
            database.try_copy(statement, seconds=until - time.monotonic())
        except SourceError as again:
            if again.code not in CODES:
                raise
            return True
        return False

    names = [column.name for column in wire.columns]
    try:
        found = _first(list(zip(names, wire.expressions, strict=True)), fails)
    except SourceError:
        return error
    if found is None:
        return error
    message = f"Column {found!r} cannot be read: {error.message}"
    return SourceError(error.code, message, hint=error.hint)


def _first(columns: list[Column], fails: Fails) -> str | None:
    """Returns a column that fails alone; None if no column is the reason."""
    if fails([]):
        return None
    while len(columns) > 1:
        half = columns[: len(columns) // 2]
        columns = half if fails(half) else columns[len(half) :]
    return columns[0][0] if fails(columns) else None
