"""The cursor column: its type, and what the catalog must say about it."""

from dataclasses import dataclass

from psycopg2 import sql

from lambda_extract.contract import (
    CursorSpec,
    CursorValue,
)
from lambda_extract.errors import RequestError, SourceError
from lambda_extract.rows.query import typed
from lambda_extract.source import trust
from lambda_extract.source.catalog import SourceColumn, SourceTable, read_sequence
from lambda_extract.source.database import Database
from lambda_extract.values.mappings import cursor_family

INTEGER = "bigint"


# numeric(p,0): whole numbers, also beyond 64 bits.
NUMERIC = "numeric"


DATE = "date"


LOCAL = "timestamp without time zone"


INSTANT = "timestamp with time zone"


@dataclass(frozen=True)
class Cursor:
    """A cursor column that was found fit.

    Attributes:
        family: The type in which values are compared and travel.
        precision: Digits of a second that a timestamp(p) keeps.
    """

    spec: CursorSpec
    column: SourceColumn
    family: str
    precision: int = 6

    @property
    def name(self) -> sql.Identifier:
        """The quoted column."""
        return sql.Identifier(self.spec.column)

    @property
    def counts(self) -> bool:
        """True if values are numbers, which carry no time."""
        return self.family in (INTEGER, NUMERIC)

    @property
    def has_lookback(self) -> bool:
        """True if the table reads behind its watermark again."""
        if self.counts:
            return self.spec.lookback_values is not None
        return self.spec.lookback_seconds is not None

    def literal(self, value: CursorValue) -> sql.Composable:
        """Returns a watermark as a typed literal.

        Raises:
            RequestError: cursor_type_unsupported, if the column's type has changed.
        """
        if value.type != self.family:
            raise RequestError(
                "cursor_type_unsupported",
                f"The watermark is of type {value.type!r}, but column"
                f" {self.spec.column!r} is now {self.column.type!r}.",
                hint="CALL RESYNC_TABLE for this table.",
            )
        return typed(value.value, self.family)

    def read_from(
        self, watermark: CursorValue | None, *, look_back: bool = True
    ) -> sql.Composable | None:
        """Returns the exclusive lower end of what a sync with this watermark reads."""
        if watermark is None:
            return None
        end = self.literal(watermark)
        if not (look_back and self.has_lookback):
            return end
        if self.counts:
            return sql.SQL("({} - {}::bigint)").format(
                end, sql.Literal(self.spec.lookback_values)
            )
        return sql.SQL("({} - {})").format(end, interval(self.spec.lookback_seconds))


def check_cursor(database: Database, table: SourceTable, spec: CursorSpec) -> Cursor:
    """Finds the cursor column and refuses what cannot be proven.

    Raises:
        SourceError: cursor_not_found, protection_required, cursor_type_unsupported,
            sequence_cache, time_zone_missing.
    """
    column = table.column(spec.column)
    where = f"{table.spec.schema}.{table.spec.relation}"
    if column is None:
        raise SourceError(
            "cursor_not_found", f"{where} has no cursor column {spec.column!r}."
        )
    trust.check_plain(table.spec, spec.column)
    family = cursor_family(column.base)
    if family is None:
        raise SourceError(
            "cursor_type_unsupported",
            f"Cursor column {spec.column!r} of {where} has type {column.type!r}.",
        )
    precision = column.base.modifier if column.base.name.startswith("timestamp") else 6
    cursor = Cursor(spec, column, family, 6 if precision < 0 else precision)
    if family in (LOCAL, DATE) and not spec.time_zone:
        # A wrong zone moves the watermark past rows that are still to come.
        raise SourceError(
            "time_zone_missing",
            f"Cursor column {spec.column!r} of {where} has type {column.type!r}, whose"
            " values do not say in which time zone they are.",
        )
    if cursor.counts and not cursor.has_lookback:
        _check_sequence(database, table, column)
    return cursor


def _check_sequence(
    database: Database, table: SourceTable, column: SourceColumn
) -> None:
    sequence = read_sequence(database, table, column)
    if sequence is None:
        return
    if sequence.cache > 1:
        raise SourceError(
            "sequence_cache",
            f"Cursor column {column.name!r} is fed by a sequence with CACHE"
            f" {sequence.cache}: sessions hand out its values out of order.",
        )
    if sequence.increment < 0 or sequence.cycles:
        raise SourceError(
            "cursor_type_unsupported",
            f"Cursor column {column.name!r} is fed by a sequence that counts down or"
            " cycles.",
        )


def check_number(cursor: Cursor, value: str | None) -> None:
    """Refuses the largest cursor if it is NaN: nothing ever comes after it. PURE.

    Raises:
        SourceError: cursor_type_unsupported.
    """
    if cursor.family == NUMERIC and value == "NaN":
        raise SourceError(
            "cursor_type_unsupported",
            f"Cursor column {cursor.spec.column!r} has a row with NaN, which PostgreSQL"
            " orders after every number.",
            hint="Correct the row: NaN is no place in an order of numbers.",
        )


def interval(seconds: float | None) -> sql.Composable:
    return sql.SQL("pg_catalog.make_interval(secs => {})").format(
        sql.Literal(float(seconds or 0.0))
    )
