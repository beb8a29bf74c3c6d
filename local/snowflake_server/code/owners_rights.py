"""What Snowflake refuses of the statements that a procedure's handler sends.

The connector inside a procedure is another one than a client's. What it refuses is
known from Snowpark's own tests, which skip it there (`IS_IN_STORED_PROC`), and from
reports.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import pyarrow
import pyarrow.compute

from local.snowflake_server.core.errors import SnowflakeError
from local.snowflake_server.core.session import Session
from local.snowflake_server.core.statement import Statement

# user-guide/query-size-limits: 1 MB for the text; bound values count.
LONGEST_STATEMENT = 1 << 20
# Of one value, to and from a procedure (K4).
LARGEST_VALUE = 1 << 24
_SIDE_EFFECTS = re.compile(
    r"\bSYSTEM\$(TASK_DEPENDENTS_ENABLE|SET_RETURN_VALUE|WAIT|CANCEL_ALL_QUERIES"
    r"|CANCEL_QUERY|ABORT_SESSION|ABORT_TRANSACTION"
    r"|USER_TASK_CANCEL_ONGOING_EXECUTIONS)"
    r"\s*\(",
    re.IGNORECASE,
)
_LITERAL = re.compile(r"'(?:[^'\\]|''|\\.)*'|--[^\n]*|/\*.*?\*/", re.DOTALL)


def check(statement: Statement) -> None:
    """Refuse a statement of a procedure that the platform may refuse.

    Raises:
        SnowflakeError: None is bound (snowpark-python 1760: refused for columns that
            are no text), CALL with bound values (SNOW-3454682), or a system function
            with side effects.
    """
    if statement.session.procedure is None:
        return
    if any(value is None for value in statement.binds.values()):
        raise SnowflakeError(
            252004, "22000", "Binding data in type (nonetype) is not supported."
        )
    if statement.binds and statement.text.lstrip()[:4].upper() == "CALL":
        raise SnowflakeError(
            1003, "42000", "SQL compilation error: CALL takes no bound values here."
        )
    found = _SIDE_EFFECTS.search(_LITERAL.sub("''", statement.text))
    if found and statement.text.lstrip()[:6].upper() == "SELECT":
        raise SnowflakeError(
            90236,
            "42601",
            "Stored procedure execution error: the query contains a function with side"
            f" effects [SYSTEM${found[1].upper()}].",
        )


def check_values(values: Iterable[object]) -> None:
    """Refuse values that a procedure takes, reads or returns, if one is too large.

    Raises:
        SnowflakeError: Above 16 MB they are unreliable there (SNOW-2055478).
    """
    for value in values:
        size = len(value.encode()) if isinstance(value, str) else 0
        if size > LARGEST_VALUE:
            _refuse_value(size)


def check_result(session: Session, table: pyarrow.Table) -> None:
    """Refuse what a procedure reads, if a value of it is larger than 16 MB.

    Raises:
        SnowflakeError: One is.
    """
    if session.procedure is None:
        return
    for column in table.columns:
        if pyarrow.types.is_string(column.type) or pyarrow.types.is_binary(column.type):
            size = pyarrow.compute.max(pyarrow.compute.binary_length(column)).as_py()
            if (size or 0) > LARGEST_VALUE:
                _refuse_value(size)


def _refuse_value(size: int) -> None:
    raise SnowflakeError(
        100082,
        "22000",
        f"Max LOB size ({LARGEST_VALUE}) exceeded, actual size of parsed column is"
        f" {size}.",
    )


def check_size(statement: Statement) -> None:
    """Refuse a statement whose text and bound values are larger than 1 MB.

    Raises:
        SnowflakeError: It is.
    """
    if statement.rows is not None:
        return  # The connector sends many rows by way of a stage.
    values = sum(len(str(value).encode()) for value in statement.binds.values())
    size = len(statement.text.encode()) + values
    if size > LONGEST_STATEMENT:
        raise SnowflakeError(
            218,
            "54000",
            f"SQL compilation error: the statement of {size} bytes exceeds the limit of"
            f" {LONGEST_STATEMENT}.",
        )
