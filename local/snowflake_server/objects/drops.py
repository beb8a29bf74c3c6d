"""DROP of what is nothing but an entry of the catalog."""

from __future__ import annotations

from local.snowflake_server.core.results import Result, status
from local.snowflake_server.core.scan import Scanner
from local.snowflake_server.core.statement import Statement
from local.snowflake_server.engine import Account

_KINDS = ("STAGE", "FILE FORMAT", "TAG", "SECRET")


def drop(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """DROP STAGE, FILE FORMAT, TAG and SECRET [IF EXISTS].

    Raises:
        SnowflakeError: There is none of that name.
    """
    kind = next(kind for kind in _KINDS if scanner.take(*kind.split()))
    if_exists = scanner.take("IF", "EXISTS")
    name = account.name(statement.session, scanner.path())
    scanner.end()

    def work(_connection: object) -> Result:
        if if_exists and name not in account.catalog.in_schema[kind]:
            return status("Drop statement executed successfully.")
        account.catalog.thing(kind, name)
        del account.catalog.in_schema[kind][name]
        account.catalog.forget_grants(kind, name)
        return status(f"{name.name} successfully dropped.")

    return account.ddl(statement.session, work)
