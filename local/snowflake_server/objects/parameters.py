"""SHOW PARAMETERS: those of the account and of schemas that the product looks at."""

from __future__ import annotations

import re
from collections.abc import Callable

from local.snowflake_server.core.results import TEXT, Result, made
from local.snowflake_server.core.scan import Scanner
from local.snowflake_server.core.statement import Statement
from local.snowflake_server.engine import Account

# The defaults (sql-reference/parameters); nobody can set others here.
_ACCOUNT = {
    "AUTOCOMMIT": "true",
    "DATE_INPUT_FORMAT": "AUTO",
    "DEFAULT_DDL_COLLATION": "",
    "ERROR_ON_NONDETERMINISTIC_MERGE": "true",
    "QUOTED_IDENTIFIERS_IGNORE_CASE": "false",
    "ROWS_PER_RESULTSET": "0",
    "TIMESTAMP_INPUT_FORMAT": "AUTO",
    "TIME_INPUT_FORMAT": "AUTO",
}
_COLUMNS = {
    "key": TEXT,
    "value": TEXT,
    "default": TEXT,
    "level": TEXT,
    "description": TEXT,
    "type": TEXT,
}
Pattern = Callable[[str], re.Pattern[str]]


def show(
    account: Account, statement: Statement, scanner: Scanner, pattern: Pattern
) -> Result:
    """SHOW PARAMETERS [LIKE ...] [IN ACCOUNT | IN SCHEMA ...].

    Those of the session and of the current user are refused inside a procedure
    (understanding caller's rights and owner's rights); outside, none is listed.
    """
    like = pattern(scanner.string() if scanner.take("LIKE") else "%")
    values: dict[str, str] = {}
    if scanner.take("IN", "ACCOUNT"):
        values = _ACCOUNT
    elif scanner.take("IN", "SCHEMA"):
        parts = scanner.path()
        place = parts if len(parts) == 2 else (statement.session.database, parts[0])
        account.catalog.check_schema(place[0] or "", place[1] or "")
        values = {"DEFAULT_DDL_COLLATION": ""}
    else:
        statement.session.forbid_in_procedure("SHOW PARAMETERS")
        scanner.rest()
    rows = [
        (key, value, value, "", "", "STRING")
        for key, value in values.items()
        if like.fullmatch(key)
    ]
    scanner.end()
    return made(_COLUMNS, rows)
