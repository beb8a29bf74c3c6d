"""Compares a source table with its target, row by row and value by value.

Written without the product's code on purpose: it has its own idea of what each
PostgreSQL type must look like in Snowflake, so that a mistake there cannot hide itself.
Both sides are streamed in key order and merged; only a table without a key is held in
memory.
"""

import datetime
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from psycopg2 import sql

FETCH_ROWS = 5_000
SHOWN = 10

Canonical = Callable[[Any], Any]
Row = tuple[Any, ...]

# What PostgreSQL can hold and Snowflake cannot; the product replaces these by NULL.
_YEARS = range(1, 10_000)


@dataclass(frozen=True)
class Difference:
    """One row that is not the same on both sides.

    Attributes:
        key: Its key, readable.
        kind: "missing in target", "only in target" or "different".
        columns: Source columns whose values differ.
    """

    key: str
    kind: str
    columns: tuple[str, ...] = ()


@dataclass
class Comparison:
    """The outcome for one table.

    Attributes:
        source_rows: Rows in PostgreSQL.
        target_rows: Rows in Snowflake.
        differing_rows: Rows that differ; the first few are in `differences`.
        missing_columns: Source columns that the target does not have.
    """

    source_rows: int = 0
    target_rows: int = 0
    differing_rows: int = 0
    differences: list[Difference] = field(default_factory=list)
    missing_columns: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        """True if both sides hold the same rows."""
        return self.differing_rows == 0 and not self.missing_columns

    def add(self, difference: Difference) -> None:
        """Counts a differing row and keeps the first few."""
        self.differing_rows += 1
        if len(self.differences) < SHOWN:
            self.differences.append(difference)

    def explain(self) -> str:
        """Returns a few lines that name what differs; never a value."""
        lines = [
            f"{self.source_rows} rows in the source, {self.target_rows} in the target, "
            f"{self.differing_rows} differ"
        ]
        if self.missing_columns:
            lines.append(f"the target lacks: {', '.join(self.missing_columns)}")
        for item in self.differences:
            columns = f" in {', '.join(item.columns)}" if item.columns else ""
            lines.append(f"  {item.kind}: {item.key}{columns}")
        return "\n".join(lines)


@dataclass(frozen=True)
class SourceColumn:
    """A column of the source, and how to make its values comparable.

    Attributes:
        name: PostgreSQL name.
        family: See _families.
        expression: What is read from PostgreSQL.
    """

    name: str
    family: str
    expression: sql.Composable


def compare_table(
    *,
    source: Any,
    target: Any,
    source_table: tuple[str, str],
    target_table: str,
    key: Sequence[str] | None = None,
    renames: Mapping[str, str] | None = None,
    exclude: Sequence[str] = (),
) -> Comparison:
    """Compares every row of a table.

    Args:
        source: psycopg2 connection.
        target: Snowflake connection.
        source_table: Schema and table in PostgreSQL.
        target_table: Name in Snowflake as it is written in SQL, e.g. SHOP.ORDERS.
        key: Key columns; the primary key if not given.
        renames: Source column -> target column; upper case of the name by default.
        exclude: Source columns that are not synced.
    """
    columns = [
        c for c in _source_columns(source, source_table) if c.name not in exclude
    ]
    names = {c.name: (renames or {}).get(c.name, c.name.upper()) for c in columns}
    present = _target_columns(target, target_table)
    missing = tuple(c.name for c in columns if names[c.name] not in present)
    columns = [c for c in columns if names[c.name] in present]
    key = _primary_key(source, source_table) if key is None else list(key)
    # The key comes first, so that a row's first values are its key.
    columns.sort(key=lambda c: key.index(c.name) if c.name in key else len(key))

    comparison = Comparison(missing_columns=missing)
    source_rows = _read_source(source, source_table, columns, len(key))
    target_rows = _read_target(
        target, target_table, [(names[c.name], c.family) for c in columns], len(key)
    )
    if key:
        _merge(comparison, columns, len(key), source_rows, target_rows)
    else:
        _compare_as_sets(comparison, source_rows, target_rows)
    return comparison


# --- reading --------------------------------------------------------------------------


def _source_columns(connection: Any, table: tuple[str, str]) -> list[SourceColumn]:
    with connection.cursor() as cursor:
        cursor.execute(
            # A domain is looked through: its base type decides.
            "WITH RECURSIVE base(attnum, name, type) AS ("
            " SELECT attnum, attname, atttypid FROM pg_attribute WHERE attrelid ="
            " format('%%I.%%I', %s::text, %s::text)::regclass"
            " AND attnum > 0 AND NOT attisdropped"
            " UNION ALL SELECT b.attnum, b.name, t.typbasetype FROM base b"
            " JOIN pg_type t ON t.oid = b.type WHERE t.typtype = 'd')"
            " SELECT b.name, t.typname, t.typtype, t.typcategory FROM base b"
            " JOIN pg_type t ON t.oid = b.type WHERE t.typtype <> 'd'"
            " ORDER BY b.attnum",
            list(table),
        )
        rows = cursor.fetchall()
    connection.rollback()
    return [_source_column(*row) for row in rows]


def _source_column(name: str, type_: str, kind: str, category: str) -> SourceColumn:
    column = sql.Identifier(name)
    if category == "A" and type_ not in ("int2vector", "oidvector"):
        return SourceColumn(name, "json", sql.SQL("to_json({})::text").format(column))
    if kind == "c" or type_ == "hstore":
        return SourceColumn(name, "json", sql.SQL("to_json({})::text").format(column))
    if type_ == "money":
        return SourceColumn(name, "number", sql.SQL("{}::numeric").format(column))
    family = _FAMILIES.get(type_, "text")
    if family in _AS_TEXT:
        return SourceColumn(name, family, sql.SQL("{}::text").format(column))
    return SourceColumn(name, family, column)


def _primary_key(connection: Any, table: tuple[str, str]) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a.attname FROM pg_index i"
            " CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k(attnum, place)"
            " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum"
            " WHERE i.indisprimary AND i.indrelid ="
            " format('%%I.%%I', %s::text, %s::text)::regclass ORDER BY k.place",
            list(table),
        )
        names = [row[0] for row in cursor.fetchall()]
    connection.rollback()
    return names


def _target_columns(connection: Any, table: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"DESCRIBE TABLE {table}")
        return {row[0] for row in cursor.fetchall()}


def _read_source(
    connection: Any, table: tuple[str, str], columns: list[SourceColumn], keys: int
) -> Iterator[Row]:
    """Streams canonical rows in key order."""
    query = sql.SQL("SELECT {} FROM {}").format(
        sql.SQL(", ").join(c.expression for c in columns), sql.Identifier(*table)
    )
    if keys:
        # Snowflake orders text by its bytes, which is PostgreSQL's collation "C".
        query += sql.SQL(" ORDER BY ") + sql.SQL(", ").join(
            (
                sql.SQL('{}::text COLLATE "C"').format(sql.Identifier(c.name))
                if c.family == "text"
                else sql.Identifier(c.name)
            )
            for c in columns[:keys]
        )
    convert = [_FROM_SOURCE.get(c.family, _same) for c in columns]
    with connection, connection.cursor() as settings:
        settings.execute(
            "SET LOCAL TIME ZONE 'UTC'; SET LOCAL DATESTYLE = 'ISO';"
            " SET LOCAL INTERVALSTYLE = 'postgres'; SET LOCAL extra_float_digits = 1"
        )
        with connection.cursor(name="compare") as cursor:
            cursor.itersize = FETCH_ROWS
            cursor.execute(query)
            for row in cursor:
                yield _canonical(row, convert)


def _read_target(
    connection: Any, table: str, columns: list[tuple[str, str]], keys: int
) -> Iterator[Row]:
    """Streams canonical rows in key order."""
    quoted = ['"' + name.replace('"', '""') + '"' for name, _ in columns]
    query = f"SELECT {', '.join(quoted)} FROM {table}"
    if keys:
        query += f" ORDER BY {', '.join(quoted[:keys])}"
    convert = [_FROM_TARGET.get(family, _same) for _, family in columns]
    with connection.cursor() as cursor:
        cursor.execute(query)
        while rows := cursor.fetchmany(FETCH_ROWS):
            for row in rows:
                yield _canonical(row, convert)


def _canonical(row: Sequence[Any], convert: Sequence[Canonical]) -> Row:
    return tuple(
        None if value is None else function(value)
        for value, function in zip(row, convert, strict=True)
    )


# --- comparing ------------------------------------------------------------------------


def _merge(
    comparison: Comparison,
    columns: list[SourceColumn],
    keys: int,
    source_rows: Iterator[Row],
    target_rows: Iterator[Row],
) -> None:
    names = [c.name for c in columns]
    left, right = next(source_rows, None), next(target_rows, None)
    while left is not None or right is not None:
        order = _order(left, right, keys)
        if order == 0 and left != right and left is not None and right is not None:
            differing = tuple(
                n for n, a, b in zip(names, left, right, strict=True) if a != b
            )
            comparison.add(
                Difference(_key_text(names, left, keys), "different", differing)
            )
        elif order < 0 and left is not None:
            comparison.add(
                Difference(_key_text(names, left, keys), "missing in target")
            )
        elif order > 0 and right is not None:
            comparison.add(Difference(_key_text(names, right, keys), "only in target"))
        if order <= 0:
            comparison.source_rows += 1
            left = next(source_rows, None)
        if order >= 0:
            comparison.target_rows += 1
            right = next(target_rows, None)


def _order(left: Row | None, right: Row | None, keys: int) -> int:
    """Returns -1, 0 or 1; a side that has ended comes last."""
    if left is None:
        return 1
    if right is None:
        return -1
    a, b = _sortable(left[:keys]), _sortable(right[:keys])
    return (a > b) - (a < b)


def _sortable(key: Row) -> tuple[Any, ...]:
    """Text by its bytes, as both sides order it; NULL last."""
    return tuple(
        (value is None, value.encode() if isinstance(value, str) else value)
        for value in key
    )


def _key_text(names: Sequence[str], row: Row, keys: int) -> str:
    return ", ".join(
        f"{name}={str(value)[:80]}"
        for name, value in zip(names[:keys], row[:keys], strict=True)
    )


def _compare_as_sets(
    comparison: Comparison, source_rows: Iterator[Row], target_rows: Iterator[Row]
) -> None:
    """Without a key: the same rows, each the same number of times."""
    source, target = Counter(source_rows), Counter(target_rows)
    comparison.source_rows, comparison.target_rows = source.total(), target.total()
    for kind, rows in (
        ("missing in target", source - target),
        ("only in target", target - source),
    ):
        for _ in rows.elements():
            comparison.add(Difference("(no key)", kind))


# --- canonical values -----------------------------------------------------------------


def _same(value: Any) -> Any:
    return value


def _number(value: Any) -> Any:
    """A Decimal; NaN and infinities have no place in a NUMBER and count as NULL."""
    number = Decimal(str(value))
    return number if number.is_finite() else None


def _float(value: Any) -> Any:
    return "nan" if math.isnan(value) else float(value)


def _json(value: Any) -> str:
    """Numbers by value (1.0 is 1), objects without order."""
    parsed = json.loads(value, parse_int=Decimal, parse_float=Decimal)
    return json.dumps(parsed, sort_keys=True, default=_number_text, ensure_ascii=False)


def _number_text(value: Any) -> str:
    """Exact if a VARIANT is exact (38 digits); else as the double it becomes.

    The NUL in front keeps the number 1 apart from the text "1".
    """
    if not isinstance(value, Decimal):
        return str(value)
    if len(value.as_tuple().digits) <= 38 and abs(value.adjusted()) < 38:
        return f"\0{value.normalize():f}"
    return f"\0{float(value):.15g}"


def _source_date(text: str) -> str | None:
    return text if _has_place(text) else None


def _source_time(text: str) -> str | None:
    return None if text.startswith("24:") else _pad_fraction(text)


def _source_timestamp(text: str) -> str | None:
    """PostgreSQL's text in UTC; the offset is always +00."""
    return _pad_fraction(text.removesuffix("+00")) if _has_place(text) else None


def _has_place(text: str) -> bool:
    year = text.split("-", 1)[0]
    return year.isdigit() and int(year) in _YEARS and not text.endswith("BC")


def _pad_fraction(text: str) -> str:
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction:0<6}"


def _target_time(value: datetime.time) -> str:
    return value.isoformat(timespec="microseconds")


def _target_timestamp(value: datetime.datetime) -> str:
    if value.tzinfo is not None:
        value = value.astimezone(datetime.UTC).replace(tzinfo=None)
    return value.isoformat(sep=" ", timespec="microseconds")


_FAMILIES = {
    **dict.fromkeys(("int2", "int4", "int8", "oid", "numeric"), "number"),
    **dict.fromkeys(("float4", "float8"), "float"),
    **dict.fromkeys(("json", "jsonb"), "json"),
    **dict.fromkeys(("timestamp", "timestamptz"), "timestamp"),
    "bool": "boolean",
    "bytea": "bytes",
    "date": "date",
    "time": "time",
}
# Read as PostgreSQL's own text: Python cannot hold every date, and text stays text.
_AS_TEXT = frozenset({"text", "json", "timestamp", "date", "time"})
_FROM_SOURCE: Mapping[str, Canonical] = {
    "number": _number,
    "float": _float,
    "json": _json,
    "bytes": bytes,
    "date": _source_date,
    "time": _source_time,
    "timestamp": _source_timestamp,
}
_FROM_TARGET: Mapping[str, Canonical] = {
    "number": _number,
    "float": _float,
    "json": _json,
    "bytes": bytes,
    "boolean": bool,
    "date": datetime.date.isoformat,
    "time": _target_time,
    "timestamp": _target_timestamp,
}
