"""Results of statements, and their Arrow form as the Snowflake connector reads it."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy
import pyarrow

from local.snowflake_server.core.names import decode
from local.snowflake_server.core.types import SnowType, from_duck, wire_column

TEXT = SnowType("VARCHAR", length=16777216)
NUMBER = SnowType("NUMBER", precision=38, scale=0)
BOOLEAN = SnowType("BOOLEAN")
MOMENT = SnowType("TIMESTAMP_LTZ", precision=6)
VARIANT = SnowType("VARIANT")

# Snowflake's statement type ids; clients count affected rows by them.
SELECT, INSERT, UPDATE, DELETE, MERGE, COPY = (
    0x1000,
    0x3100,
    0x3200,
    0x3300,
    0x3400,
    0x3600,
)
OTHER = 0x4000
TRANSACTION = 0x5000
DDL = 0x6000


@dataclass(frozen=True)
class Result:
    """What a statement gave.

    Attributes:
        names: Column names.
        types: Column types.
        table: The rows, as Arrow.
        statement_type: Snowflake's id of the kind of statement.
        affected: Rows changed, if the statement changes rows.
        extra: Further entries of the reply (PUT).
    """

    names: tuple[str, ...]
    types: tuple[SnowType, ...]
    table: pyarrow.Table
    statement_type: int = SELECT
    affected: int | None = None
    extra: dict[str, Any] | None = None

    @property
    def rows(self) -> int:
        """Rows returned or changed, for the history."""
        return self.table.num_rows if self.affected is None else self.affected


_ARROW = {
    "VARCHAR": pyarrow.string(),
    "VARIANT": pyarrow.string(),
    "NUMBER": pyarrow.int64(),
    "BOOLEAN": pyarrow.bool_(),
    "TIMESTAMP_LTZ": pyarrow.timestamp("us", tz="UTC"),
}


def made(
    columns: dict[str, SnowType],
    rows: list[tuple[Any, ...]],
    *,
    statement_type: int = OTHER,
    affected: int | None = None,
) -> Result:
    """A result made of Python values."""
    arrays = [
        pyarrow.array([row[at] for row in rows], _ARROW[kind.base])
        for at, kind in enumerate(columns.values())
    ]
    table = pyarrow.Table.from_arrays(
        arrays, names=[str(i) for i in range(len(columns))]
    )
    return Result(
        names=tuple(columns),
        types=tuple(columns.values()),
        table=table,
        statement_type=statement_type,
        affected=affected,
    )


def status(message: str, *, statement_type: int = DDL) -> Result:
    """The one-line answer of DDL."""
    return made({"status": TEXT}, [(message,)], statement_type=statement_type)


def counts(statement_type: int, **named: int) -> Result:
    """The answer of DML: how many rows were inserted, updated, deleted."""
    columns = {f"number of rows {what}": NUMBER for what in named}
    total = sum(named.values())
    if statement_type == UPDATE:
        columns["number of multi-joined rows updated"] = NUMBER
        named["multi"] = 0
    rows = [tuple(named.values())]
    return made(columns, rows, statement_type=statement_type, affected=total)


def fetched(cursor: duckdb.DuckDBPyConnection) -> Result:
    """The result of a query that DuckDB has just run."""
    description = cursor.description or []
    names = tuple(decode(d[0]) for d in description)
    types = tuple(from_duck(str(d[1])) for d in description)
    return Result(names=names, types=types, table=cursor.to_arrow_table())


def reply(result: Result) -> dict[str, Any]:
    """The parts of the HTTP answer that carry the result."""
    row_types = [
        wire_column(n, t) for n, t in zip(result.names, result.types, strict=True)
    ]
    data: dict[str, Any] = {
        "rowtype": row_types,
        "total": result.table.num_rows,
        "returned": result.table.num_rows,
        "statementTypeId": result.statement_type,
    }
    if result.affected is not None:
        columns = [c.to_pylist() for c in result.table.columns]
        rows = [[_text(v) for v in row] for row in zip(*columns, strict=True)]
        data |= {"queryResultFormat": "json", "rowset": rows}
    else:
        data |= {
            "queryResultFormat": "arrow",
            "rowsetBase64": _encoded(result, row_types),
        }
    return data | (result.extra or {})


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _encoded(result: Result, row_types: list[dict[str, Any]]) -> str:
    arrays, fields = [], []
    for at, (kind, described) in enumerate(zip(result.types, row_types, strict=True)):
        array = _column(result.table.column(at), kind)
        metadata = {
            "logicalType": str(described["type"]).upper(),
            "precision": str(described["precision"] or 38),
            "scale": str(described["scale"] or 0),
            "charLength": str(described["length"] or 0),
        }
        arrays.append(array)
        fields.append(pyarrow.field(result.names[at], array.type, metadata=metadata))
    table = pyarrow.Table.from_arrays(arrays, schema=pyarrow.schema(fields))
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return b64encode(sink.getvalue()).decode("ascii")


def _column(column: pyarrow.ChunkedArray, kind: SnowType) -> pyarrow.Array:
    array = (
        column.combine_chunks() if isinstance(column, pyarrow.ChunkedArray) else column
    )
    if isinstance(array, pyarrow.ChunkedArray):
        array = pyarrow.concat_arrays(array.chunks)
    if pyarrow.types.is_null(array.type):
        return array.cast(pyarrow.string())
    if kind.base.startswith("TIMESTAMP"):
        return _moments(array, with_zone=kind.base == "TIMESTAMP_TZ")
    if kind.base == "TIME":
        return array.cast(pyarrow.int64())  # microseconds: the scale is 6
    if kind.base == "NUMBER" and kind.scale == 0:
        return _whole(array)
    if kind.base == "FLOAT":
        return array.cast(pyarrow.float64())
    if kind.base == "VARIANT":
        return pyarrow.array(
            [None if v is None else pretty(v) for v in array.to_pylist()],
            pyarrow.string(),
        )
    return array


_EXACT = pyarrow.decimal128(38, 0)


def _whole(array: pyarrow.Array) -> pyarrow.Array:
    """Whole numbers as 64-bit integers if they all fit."""
    try:
        return array.cast(pyarrow.int64())
    except pyarrow.ArrowInvalid:
        return array.cast(_EXACT)


def _moments(array: pyarrow.Array, *, with_zone: bool) -> pyarrow.Array:
    """Timestamps as the struct that the connector expects; NULL stays NULL."""
    missing = array.is_null()
    microseconds = array.cast(pyarrow.int64()).fill_null(0).to_numpy()
    seconds, rest = numpy.divmod(microseconds, 1_000_000)
    parts = [
        pyarrow.array(seconds, pyarrow.int64()),
        pyarrow.array((rest * 1000).astype("int32"), pyarrow.int32()),
    ]
    fields = [
        pyarrow.field("epoch", pyarrow.int64()),
        pyarrow.field("fraction", pyarrow.int32()),
    ]
    if with_zone:
        zones = numpy.full(len(array), 1440, dtype="int32")
        parts.append(pyarrow.array(zones, pyarrow.int32()))
        fields.append(pyarrow.field("timezone", pyarrow.int32()))
    return pyarrow.StructArray.from_arrays(parts, fields=fields, mask=missing)


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)


def pretty(text: str) -> str:
    """JSON text indented as Snowflake prints VARIANT; numbers keep their digits."""
    if text[:1] not in "{[":
        return text
    tokens = _TOKEN.findall(text)
    out: list[str] = []
    depth = 0
    for at, token in enumerate(tokens):
        following = tokens[at + 1] if at + 1 < len(tokens) else ""
        if token in "{[":
            if following in ("}", "]"):
                out.append(token)
                continue
            depth += 1
            out.append(token + "\n" + "  " * depth)
        elif token in "}]":
            if tokens[at - 1] not in ("{", "["):
                depth -= 1
                out.append("\n" + "  " * depth)
            out.append(token)
        elif token == ",":
            out.append(",\n" + "  " * depth)
        else:
            out.append(": " if token == ":" else token)
    return "".join(out)
