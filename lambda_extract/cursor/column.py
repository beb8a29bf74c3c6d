"""The cursor, of one column or several: its type, and what the catalog must say."""

from dataclasses import dataclass

from psycopg2 import sql

from lambda_extract.contract import (
    CursorSpec,
    CursorValue,
    TableSpec,
)
from lambda_extract.errors import RequestError, SourceError
from lambda_extract.rows.query import greatest, typed
from lambda_extract.source import trust
from lambda_extract.source.catalog import (
    Sequence,
    SourceColumn,
    SourceTable,
    has_index,
    has_index_on_greatest,
    quoted,
    read_sequence,
)
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
    """A cursor that was found fit.

    Attributes:
        columns: One, or several of which the greatest counts that is not NULL.
        family: The type in which values are compared and travel.
        precision: Digits of a second that a timestamp(p) keeps; the fewest of all.
    """

    spec: CursorSpec
    columns: tuple[SourceColumn, ...]
    family: str
    precision: int = 6

    @property
    def value(self) -> sql.Composable:
        """The value of a row: the quoted column, or the greatest of several."""
        return greatest(self.spec.columns)

    @property
    def value_of_t(self) -> sql.Composable:
        """The same of table t, if a result has a name that could be the column's."""
        return greatest(self.spec.columns, "t")

    @property
    def may_be_null(self) -> bool:
        """True if a row may have no cursor."""
        return not any(column.not_null for column in self.columns)

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
                f" {self.spec.shown} is now {self.columns[0].type!r}.",
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
    """Finds the cursor's columns and refuses what cannot be proven.

    Raises:
        SourceError: cursor_not_found, protection_required, cursor_type_unsupported,
            sequence_cache, time_zone_missing.
    """
    where = f"{table.spec.schema}.{table.spec.relation}"
    found = [_find(table, name, where) for name in spec.columns]
    columns = tuple(column for column, _ in found)
    families = list(dict.fromkeys(family for _, family in found))
    if len(families) > 1:
        types = ", ".join(f"{c.name!r} is {c.type!r}" for c in columns)
        raise SourceError(
            "cursor_type_unsupported",
            f"The cursor columns of {where} are of several kinds: {types}.",
            hint="Name cursor columns of one kind: all timestamptz, all timestamp, all"
            " dates or all integers.",
        )
    cursor = Cursor(spec, columns, families[0], min(map(_precision, columns)))
    if cursor.family in (LOCAL, DATE) and not spec.time_zone:
        # A wrong zone moves the watermark past rows that are still to come.
        raise SourceError(
            "time_zone_missing",
            f"Cursor column {spec.shown} of {where} has type {columns[0].type!r}, whose"
            " values do not say in which time zone they are.",
        )
    if cursor.counts and not cursor.has_lookback:
        _check_sequences(database, table, cursor)
    return cursor


def _find(table: SourceTable, name: str, where: str) -> tuple[SourceColumn, str]:
    column = table.column(name)
    if column is None:
        raise SourceError("cursor_not_found", f"{where} has no cursor column {name!r}.")
    trust.check_plain(table.spec, name)
    family = cursor_family(column.base)
    if family is None:
        raise SourceError(
            "cursor_type_unsupported",
            f"Cursor column {name!r} of {where} has type {column.type!r}.",
        )
    return column, family


def _precision(column: SourceColumn) -> int:
    digits = column.base.modifier if column.base.name.startswith("timestamp") else 6
    return 6 if digits < 0 else digits


def _check_sequences(database: Database, table: SourceTable, cursor: Cursor) -> None:
    found = {c.name: read_sequence(database, table, c) for c in cursor.columns}
    sequences = {name: s for name, s in found.items() if s is not None}
    for name, sequence in sequences.items():
        _check_sequence(name, sequence)
    if len({sequence.oid for sequence in sequences.values()}) > 1:
        # A value of the one that is behind lies below the watermark of the other.
        raise SourceError(
            "cursor_type_unsupported",
            f"Cursor columns {cursor.spec.shown} are fed by different sequences, so"
            " that a newer value may be a smaller one.",
            hint="Feed them by one sequence, or set lookback_values.",
        )


def read_position(database: Database, table: SourceTable, cursor: Cursor) -> int | None:
    """Returns the last value of the sequence behind the cursor, if it has one."""
    for column in cursor.columns:
        if (sequence := read_sequence(database, table, column)) is not None:
            return sequence.last_value
    return None


def is_indexed(database: Database, table: SourceTable, spec: CursorSpec) -> bool:
    """True if an index begins with the cursor, in the order of its columns."""
    if spec.also:
        return has_index_on_greatest(database, table, spec.columns)
    return has_index(database, table, spec.columns)


def index_text(table: TableSpec, spec: CursorSpec) -> str:
    """Returns the table and the expression of an index that serves a cursor. PURE."""
    names = ", ".join(quoted(name) for name in spec.columns)
    # PostgreSQL wants an expression in parentheses of its own.
    cursor = f"(GREATEST({names}))" if spec.also else names
    return f"{quoted(table.schema)}.{quoted(table.relation)} ({cursor})"


def _check_sequence(name: str, sequence: Sequence) -> None:
    if sequence.cache > 1:
        raise SourceError(
            "sequence_cache",
            f"Cursor column {name!r} is fed by a sequence with CACHE"
            f" {sequence.cache}: sessions hand out its values out of order.",
        )
    if sequence.increment < 0 or sequence.cycles:
        raise SourceError(
            "cursor_type_unsupported",
            f"Cursor column {name!r} is fed by a sequence that counts down or"
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
            f"Cursor column {cursor.spec.shown} has a row with NaN, which PostgreSQL"
            " orders after every number.",
            hint="Correct the row: NaN is no place in an order of numbers.",
        )


def interval(seconds: float | None) -> sql.Composable:
    return sql.SQL("pg_catalog.make_interval(secs => {})").format(
        sql.Literal(float(seconds or 0.0))
    )
