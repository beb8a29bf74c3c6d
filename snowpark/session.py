"""The only module that touches a Snowpark session."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from snowflake.connector.errors import Error as ConnectorError
from snowflake.snowpark import Session
from snowflake.snowpark.exceptions import SnowparkClientException

from snowpark import redact
from snowpark.errors import SnowflakeError
from snowpark.sql import Statement, with_nulls

_MISSING_OBJECT = 2003


@dataclass
class Snowflake:
    """Sends statements through one Snowpark session and counts them.

    Attributes:
        session: The session that Snowflake hands to the procedure.
        statements: Number of statements sent so far.
    """

    session: Session
    statements: int = field(default=0)

    def run(
        self, statement: Statement, *, tell_only: Collection[str] | None = None
    ) -> list[Any]:
        """Sends one statement and returns its rows.

        Args:
            statement: Text and bound values.
            tell_only: Given if the statement touches rows, so that Snowflake's
                message may quote them: nothing of it is passed on but these names.

        Raises:
            SnowflakeError: Snowflake refused the statement; "target_missing" if an
                object does not exist, else "warehouse_error".
        """
        self.statements += 1
        sent = with_nulls(statement)
        params = list(sent.params) or None
        try:
            return self.session.sql(sent.text, params=params).collect()
        except (SnowparkClientException, ConnectorError) as error:
            # Not chained: the original's text holds the statement, and maybe row
            # values.
            raise _wrapped(error, tell_only) from None

    def changed_rows(
        self, statement: Statement, *, tell_only: Collection[str] | None = None
    ) -> int:
        """Sends a DML statement and returns the number of rows it changed.

        Args:
            statement: Text and bound values.
            tell_only: As for `run`.

        Raises:
            SnowflakeError: Snowflake refused the statement.
        """
        (row,) = self.run(statement, tell_only=tell_only)
        return int(row[0])


def _wrapped(
    error: SnowparkClientException | ConnectorError, tell_only: Collection[str] | None
) -> SnowflakeError:
    if isinstance(error, ConnectorError):
        number, text = error.errno, error.raw_msg
    else:
        number = getattr(error, "sql_error_code", None)
        text = getattr(error, "raw_message", None) or error.message
    query_id = getattr(error, "sfqid", None)
    text = " ".join((text or "").split())
    if tell_only is not None:
        text = redact.describe(number, text, tell_only)
    code = "target_missing" if number == _MISSING_OBJECT else "warehouse_error"
    return SnowflakeError(
        code,
        f"Snowflake answered: {text[:2000]} (query {query_id}).",
        number=number,
        query_id=query_id,
    )
