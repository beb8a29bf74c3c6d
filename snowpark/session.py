"""The only module that touches a Snowpark session."""

import random
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from snowflake.connector.errors import Error as ConnectorError
from snowflake.snowpark import Session
from snowflake.snowpark.exceptions import SnowparkClientException

from snowpark import redact
from snowpark.errors import SnowflakeError, UsageError
from snowpark.sql import Statement, with_nulls

_MISSING_OBJECT = 2003
# Too many statements wait for a table, or the lock time-out has passed (R3): the
# statement did nothing, whatever it was, and can be sent again.
_LOCKED = 625
_LOCKED_ATTEMPTS = 8
_LONGEST_PAUSE_SECONDS = 4.0
# One question for most lists.
_SHORTEST_LIST = 1000


@dataclass
class Snowflake:
    """Sends statements through one Snowpark session and counts them.

    Attributes:
        session: The session that Snowflake hands to the procedure.
        statements: Number of statements sent so far.
        held_at: When each lease was taken or extended last, by table (monotonic).
        keep: Extends what the caller of a long work holds beside its lease.
    """

    session: Session
    statements: int = field(default=0)
    held_at: dict[str, float] = field(default_factory=dict, repr=False)
    keep: Callable[[], None] | None = field(default=None, repr=False)
    _longest_list: int = field(default=0, repr=False)

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
        sent = with_nulls(statement)
        for attempt in range(1, _LOCKED_ATTEMPTS + 1):
            try:
                return self._send(sent, tell_only)
            except SnowflakeError as error:
                if error.number != _LOCKED or attempt == _LOCKED_ATTEMPTS:
                    raise
            # Jitter: whoever was refused together shall not come back together.
            longest = min(0.25 * 2**attempt, _LONGEST_PAUSE_SECONDS)
            time.sleep(random.uniform(longest / 4, longest))
        raise AssertionError("unreachable")

    def run_list(
        self, statement: Statement, *, tell_only: Collection[str] | None = None
    ) -> list[Any]:
        """Sends a query and returns all of its rows, or fails.

        A procedure inherits ROWS_PER_RESULTSET from its caller, and with it every query
        gives fewer rows without a word (P3). Whether one more row than these would have
        come is asked once for lists of this length.

        Args:
            statement: Text and bound values.
            tell_only: As for `run`.

        Raises:
            UsageError: "rows_per_resultset".
            SnowflakeError: Snowflake refused the statement.
        """
        rows = self.run(statement, tell_only=tell_only)
        if rows and len(rows) >= self._longest_list:
            wanted = max(2 * len(rows), _SHORTEST_LIST)
            made = self.run(
                Statement(f"SELECT 1 FROM TABLE(GENERATOR(ROWCOUNT => {wanted}))")
            )
            if len(made) <= len(rows):
                raise UsageError(
                    "rows_per_resultset",
                    f"The session cuts results at {len(made)} rows.",
                )
            self._longest_list = len(made)
        return rows

    def _send(self, sent: Statement, tell_only: Collection[str] | None) -> list[Any]:
        self.statements += 1
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
