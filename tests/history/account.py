"""A local Snowflake inside the process: what a Snowpark session is to the product."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from snowflake.connector.errors import ProgrammingError
from snowflake.snowpark import Row

from local.snowflake_server.core.errors import SnowflakeError
from local.snowflake_server.core.statement import Statement
from local.snowflake_server.engine import Account, Settings
from local.snowflake_server.requests import open_account


class Refused(ProgrammingError):
    """The script refuses a statement."""


class LocalSession:
    """Takes statements as a Snowpark session does, and runs them at once.

    Attributes:
        sent: Texts of the statements so far.
        refuse_at: Number of statements after which one is refused, once; None: never.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._session = account.new_session(user="tester", role="ACCOUNTADMIN")
        self._rows: list[Row] = []
        self.sent: list[str] = []
        self.refuse_at: int | None = None

    def sql(self, text: str, params: Sequence[Any] | None = None) -> "LocalSession":
        """Runs a statement; see `collect`."""
        self.sent.append(text)
        if self.refuse_at is not None and not text.startswith(("BEGIN", "ROLLBACK")):
            if self.refuse_at == 0:
                self.refuse_at = None
                raise Refused("refused by the script", errno=604)
            self.refuse_at -= 1
        binds = {f"wbind_{i}__": v for i, v in enumerate(params or (), 1)}
        statement = Statement(text, self._session, binds)
        try:
            result = self._account.run(statement)
        except SnowflakeError as error:
            raise ProgrammingError(error.message, errno=error.code) from error
        names = list(result.names)
        self._rows = [
            Row(**dict(zip(names, row.values(), strict=True)))
            for row in result.table.to_pylist()
        ]
        return self

    def collect(self) -> list[Row]:
        """Returns the rows of the statement that ran last."""
        return self._rows

    def query(self, text: str, *params: Any) -> list[dict[str, Any]]:
        """Runs a query and returns its rows by name."""
        return [row.as_dict() for row in self.sql(text, params).collect()]


@contextmanager
def opened(home: Path) -> Iterator[LocalSession]:
    """A session in an empty account with a database and two schemas."""
    account = open_account(Settings(home=home))
    session = LocalSession(account)
    for text in (
        "CREATE WAREHOUSE COMPUTE",
        "USE WAREHOUSE COMPUTE",
        "CREATE DATABASE AURORA_SYNC",
        "CREATE SCHEMA AURORA_SYNC.STAGING",
        "CREATE SCHEMA AURORA_SYNC.SHOP",
    ):
        session.sql(text)
    try:
        yield session
    finally:
        account.close()
