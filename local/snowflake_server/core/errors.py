"""Errors as a Snowflake client sees them: a number, an SQL state and a message."""

from __future__ import annotations

import re

import duckdb
from sqlglot.errors import SqlglotError

from local.snowflake_server.core.names import decode


class SnowflakeError(Exception):
    """A statement failed; the client gets a ProgrammingError.

    Attributes:
        code: Snowflake's error number.
        state: SQL state.
        message: Text without number and state.
    """

    def __init__(self, code: int, state: str, message: str) -> None:
        """Keep the three parts that the protocol carries."""
        super().__init__(message)
        self.code = code
        self.state = state
        self.message = message


def compilation(
    message: str, *, code: int = 1003, state: str = "42000"
) -> SnowflakeError:
    """An error found before anything ran."""
    return SnowflakeError(code, state, f"SQL compilation error:\n{message}")


def syntax(message: str) -> SnowflakeError:
    """A statement or option that Snowflake does not know."""
    return compilation(f"syntax error: {message}")


def unsupported(message: str) -> SnowflakeError:
    """Something Snowflake may know but this stand-in does not imitate."""
    return SnowflakeError(2, "0A000", f"Unsupported feature '{message}'.")


def missing(kind: str, name: str) -> SnowflakeError:
    """An object that does not exist."""
    return compilation(
        f"{kind} '{name}' does not exist or not authorized.", code=2003, state="02000"
    )


def exists(name: str) -> SnowflakeError:
    """An object that exists already."""
    return compilation(f"Object '{name}' already exists.", code=2002, state="42710")


def forbidden_in_procedure(what: str) -> SnowflakeError:
    """A statement that a procedure with owner's rights may not send."""
    return SnowflakeError(
        90236,
        "42601",
        f"Stored procedure execution error: Unsupported statement type '{what}'.",
    )


_UNKNOWN_NAME = re.compile(
    r'(?:Referenced (?:column|table)|column named|Values list) "([^"]+)"'
)

# Raised by the functions that DuckDB was taught.
_RAISED = {
    "Error parsing JSON": (100069, "22P02"),
    "Division by zero": (100051, "22012"),
    "is too long and would be truncated": (100078, "22000"),
    "Expression type does not match column data type": (2023, "22000"),
    "is not recognized": (100038, "22018"),
    "is out of range of DECFLOAT": (100132, "22003"),
    "Failed to cast variant": (100071, "22000"),
}

# DuckDB's class of error -> Snowflake's number and state.
_FROM_DUCKDB: tuple[tuple[type[Exception], int, str], ...] = (
    (duckdb.ConstraintException, 100072, "22000"),
    (duckdb.ConversionException, 100038, "22018"),
    (duckdb.OutOfRangeException, 100132, "22003"),
    (duckdb.ParserException, 1003, "42000"),
    (duckdb.CatalogException, 2140, "42601"),
    (duckdb.BinderException, 904, "42000"),
    (duckdb.InterruptException, 604, "57014"),
)


def from_duckdb(error: duckdb.Error | SqlglotError) -> SnowflakeError:
    """The Snowflake-like form of an error of the engine underneath."""
    text = decode(re.sub(r"\x1b\[\d+m", "", str(error))).split("\n\nLINE ")[0]
    if isinstance(error, SqlglotError):
        return syntax(text)
    if "cannot affect the same target row more than once" in text:
        return SnowflakeError(
            100090, "42P18", "Duplicate row detected during DML action"
        )
    if "NOT NULL constraint failed" in text:
        return SnowflakeError(
            100072, "22000", f"NULL result in a non-nullable column ({text})"
        )
    for phrase, (code, state) in _RAISED.items():
        if phrase in text:
            told = text.rpartition("ValueError: ")[2].removeprefix(
                "Invalid Input Error: "
            )
            return SnowflakeError(code, state, told)
    if "CHECK constraint failed" in text:
        return SnowflakeError(
            100078, "22000", f"String is too long and would be truncated ({text})"
        )
    if isinstance(error, duckdb.BinderException) and (
        unknown := _UNKNOWN_NAME.search(text)
    ):
        return compilation(f"invalid identifier '{unknown[1]}'\n({text})", code=904)
    for kind, code, state in _FROM_DUCKDB:
        if isinstance(error, kind):
            prefix = "SQL compilation error:\n" if code < 100000 else ""
            return SnowflakeError(code, state, prefix + text)
    return SnowflakeError(2043, "02000", text)
