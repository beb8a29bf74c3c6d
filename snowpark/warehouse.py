"""The only module that touches a Snowpark session."""

import re
from dataclasses import dataclass, field
from typing import Any

from snowflake.connector.errors import Error as ConnectorError
from snowflake.snowpark import Session
from snowflake.snowpark.exceptions import SnowparkClientException

from snowpark.errors import WarehouseError
from snowpark.model import Statement

# Snowflake quotes offending row values in its messages ("Numeric value 'x' is not
# recognized"); they must not travel into errors or ledgers. Identifiers are in double
# quotes or single ones: losing some of the latter is the price.
_QUOTED_VALUE = re.compile(r"'(?:[^']|'')*'")
_MISSING_OBJECT = 2003


@dataclass
class Warehouse:
    """Sends statements through one Snowpark session and counts them.

    Attributes:
        session: The session that Snowflake hands to the procedure.
        statements: Number of statements sent so far.
    """

    session: Session
    statements: int = field(default=0)

    def run(self, statement: Statement, *, hide_values: bool = False) -> list[Any]:
        """Sends one statement and returns its rows.

        Args:
            statement: Text and bound values.
            hide_values: Removes quoted text from an error message; set where
                Snowflake's message may quote a row value (COPY, MERGE).

        Raises:
            WarehouseError: Snowflake refused the statement; "target_missing" where an
                object does not exist, else "warehouse_error".
        """
        self.statements += 1
        params = list(statement.params) or None
        try:
            return self.session.sql(statement.text, params=params).collect()
        except (SnowparkClientException, ConnectorError) as error:
            # Not chained: the original's text holds the statement, and maybe row
            # values.
            raise _wrapped(error, hide_values) from None

    def changed_rows(self, statement: Statement) -> int:
        """Sends a DML statement and returns the number of rows it changed.

        Raises:
            WarehouseError: Snowflake refused the statement.
        """
        (row,) = self.run(statement)
        return int(row[0])


def _wrapped(
    error: SnowparkClientException | ConnectorError, hide_values: bool
) -> WarehouseError:
    if isinstance(error, ConnectorError):
        number, text = error.errno, error.raw_msg
    else:
        number = getattr(error, "sql_error_code", None)
        text = getattr(error, "raw_message", None) or error.message
    query_id = getattr(error, "sfqid", None)
    text = " ".join((text or "").split())[:2000]
    if hide_values:
        text = _QUOTED_VALUE.sub("'...'", text)
    code = "target_missing" if number == _MISSING_OBJECT else "warehouse_error"
    return WarehouseError(
        code,
        f"Snowflake answered: {text} (query {query_id}).",
        number=number,
        query_id=query_id,
    )
