"""Snowflake's types: their DuckDB form, their printed form, their form on the wire."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlglot import exp

from local.snowflake_server.core.errors import compilation, unsupported

T = exp.DataType.Type
MAX_TEXT = 134217728
MAX_BINARY = 67108864
DEFAULT_TEXT = 16777216
DEFAULT_BINARY = 8388608


@dataclass(frozen=True)
class SnowType:
    """One column type.

    Attributes:
        base: Snowflake's name without parameters (NUMBER, VARCHAR, TIMESTAMP_TZ, ...).
        precision: Digits of NUMBER, fractional digits of times.
        scale: Scale of NUMBER.
        length: Longest text (characters) or binary (bytes).
    """

    base: str
    precision: int | None = None
    scale: int | None = None
    length: int | None = None

    def __str__(self) -> str:
        """As DESC TABLE prints it."""
        if self.base == "NUMBER":
            return f"NUMBER({self.precision},{self.scale})"
        if self.length is not None:
            return f"{self.base}({self.length})"
        if self.precision is not None:
            return f"{self.base}({self.precision})"
        return self.base

    @property
    def duck(self) -> str:
        """DuckDB's type."""
        if self.base == "NUMBER":
            return f"DECIMAL({self.precision},{self.scale})"
        return _DUCK[self.base]


_DUCK = {
    "FLOAT": "DOUBLE",
    "BOOLEAN": "BOOLEAN",
    "VARCHAR": "VARCHAR",
    "DECFLOAT": "VARCHAR",
    "BINARY": "BLOB",
    "DATE": "DATE",
    "TIME": "TIME",
    "TIMESTAMP_NTZ": "TIMESTAMP",
    "TIMESTAMP_LTZ": "TIMESTAMPTZ",
    "TIMESTAMP_TZ": "TIMESTAMPTZ",
    "VARIANT": "JSON",
    "ARRAY": "JSON",
    "OBJECT": "JSON",
}
_NAMES = {
    T.BIGINT: "INTEGER",
    T.INT: "INTEGER",
    T.SMALLINT: "INTEGER",
    T.TINYINT: "INTEGER",
    T.DECIMAL: "NUMBER",
    T.FLOAT: "FLOAT",
    T.DOUBLE: "FLOAT",
    T.BOOLEAN: "BOOLEAN",
    T.VARCHAR: "VARCHAR",
    T.TEXT: "VARCHAR",
    T.CHAR: "CHAR",
    T.NCHAR: "CHAR",
    T.NVARCHAR: "VARCHAR",
    T.BINARY: "BINARY",
    T.VARBINARY: "BINARY",
    T.DATE: "DATE",
    T.TIME: "TIME",
    T.TIMESTAMP: "TIMESTAMP_NTZ",
    T.DATETIME: "TIMESTAMP_NTZ",
    T.TIMESTAMPNTZ: "TIMESTAMP_NTZ",
    T.TIMESTAMPLTZ: "TIMESTAMP_LTZ",
    T.TIMESTAMPTZ: "TIMESTAMP_TZ",
    T.VARIANT: "VARIANT",
    T.ARRAY: "ARRAY",
    T.OBJECT: "OBJECT",
    T.DECFLOAT: "DECFLOAT",
}


def read_type(node: exp.DataType) -> SnowType:
    """The type that a parsed data type means.

    Raises:
        SnowflakeError: Snowflake has no such type, or a parameter is out of range.
    """
    base = _NAMES.get(node.this)
    if base is None:
        raise unsupported(f"data type {node.sql(dialect='snowflake')}")
    given = [int(p.name) for p in node.expressions if isinstance(p, exp.DataTypeParam)]
    if base == "INTEGER":
        return SnowType("NUMBER", precision=38, scale=0)
    if base == "NUMBER":
        return _number(given)
    if base == "CHAR":
        return _sized("VARCHAR", given or [1], default=1, most=MAX_TEXT)
    if base == "VARCHAR":
        return _sized(base, given, default=DEFAULT_TEXT, most=MAX_TEXT)
    if base == "BINARY":
        return _sized(base, given, default=DEFAULT_BINARY, most=MAX_BINARY)
    if base.startswith("TIME"):
        return _moment(base, given[0] if given else 9)
    if given and base != "FLOAT":
        raise compilation(f"{base} takes no parameters.", code=2040)
    return SnowType(base)


def _moment(base: str, digits: int) -> SnowType:
    if digits > 9:
        raise compilation(f"Invalid precision {digits} of {base}.", code=1009)
    if digits < _DIGITS_KEPT:
        # The platform cuts what is written; here nothing would be cut.
        raise unsupported(f"{base} of fewer digits than {_DIGITS_KEPT}")
    return SnowType(base, precision=digits)


def _number(given: list[int]) -> SnowType:
    precision = given[0] if given else 38
    scale = given[1] if len(given) > 1 else 0
    if not (1 <= precision <= 38 and 0 <= scale <= min(37, precision)):
        raise compilation(f"Invalid NUMBER({precision},{scale}).", code=1009)
    return SnowType("NUMBER", precision=precision, scale=scale)


def _sized(base: str, given: list[int], *, default: int, most: int) -> SnowType:
    length = given[0] if given else default
    if not 1 <= length <= most:
        raise compilation(f"Invalid length {length} of {base}.", code=1009)
    return SnowType(base, length=length)


# DuckDB keeps microseconds, whatever is declared.
_DIGITS_KEPT = 6
_RESULT = {
    "VARCHAR": SnowType("VARCHAR", length=DEFAULT_TEXT),
    '"NULL"': SnowType("VARCHAR", length=DEFAULT_TEXT),
    "BLOB": SnowType("BINARY", length=DEFAULT_BINARY),
    "BOOLEAN": SnowType("BOOLEAN"),
    "DATE": SnowType("DATE"),
    "TIME": SnowType("TIME", precision=6),
    "TIMESTAMP": SnowType("TIMESTAMP_NTZ", precision=6),
    "TIMESTAMP WITH TIME ZONE": SnowType("TIMESTAMP_TZ", precision=6),
    "DOUBLE": SnowType("FLOAT"),
    "FLOAT": SnowType("FLOAT"),
    "JSON": SnowType("VARIANT"),
}
_INTEGERS = {
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT",
    "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
}  # fmt: skip


def from_duck(name: str) -> SnowType:
    """The Snowflake type of a result column of DuckDB.

    Raises:
        SnowflakeError: A type that no Snowflake expression should have given.
    """
    if found := _RESULT.get(name):
        return found
    if name in _INTEGERS:
        return SnowType("NUMBER", precision=38, scale=0)
    if match := re.match(r"DECIMAL\((\d+),(\d+)\)", name):
        return SnowType("NUMBER", precision=int(match[1]), scale=int(match[2]))
    raise unsupported(f"an expression of the local engine's type {name}")


_WIRE = {"NUMBER": "fixed", "FLOAT": "real", "VARCHAR": "text"}


def wire_column(
    name: str, kind: SnowType, *, nullable: bool = True
) -> dict[str, object]:
    """The description of a result column as the protocol carries it."""
    scale = kind.scale
    if kind.base.startswith("TIME"):
        scale = kind.precision
    return {
        "name": name,
        "database": "",
        "schema": "",
        "table": "",
        "nullable": nullable,
        "type": _WIRE.get(kind.base, kind.base.lower()),
        "byteLength": kind.length,
        "length": kind.length,
        "scale": scale,
        "precision": kind.precision if kind.base == "NUMBER" else None,
        "collation": None,
    }
