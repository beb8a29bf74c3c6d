"""Objects of the account: roles, grants, warehouses, integrations, parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from local.snowflake_server.core.catalog import Thing
from local.snowflake_server.core.errors import compilation, exists, missing, syntax
from local.snowflake_server.core.names import shown
from local.snowflake_server.core.results import Result, status
from local.snowflake_server.core.scan import Scanner, one_of
from local.snowflake_server.core.session import Session
from local.snowflake_server.core.statement import Statement
from local.snowflake_server.engine import Account
from local.snowflake_server.objects import rights
from local.snowflake_server.sql.functions import time_format

_DONE = "Statement executed successfully."

_STORAGE = {
    "TYPE": one_of("EXTERNAL_STAGE"),
    "STORAGE_PROVIDER": one_of("S3"),
    "ENABLED": Scanner.boolean,
    "STORAGE_AWS_ROLE_ARN": Scanner.string,
    "STORAGE_AWS_EXTERNAL_ID": Scanner.string,
    "STORAGE_AWS_OBJECT_ACL": Scanner.string,
    "STORAGE_ALLOWED_LOCATIONS": Scanner.strings,
    "STORAGE_BLOCKED_LOCATIONS": Scanner.strings,
    "COMMENT": Scanner.string,
}
_API = {
    "API_PROVIDER": one_of("AWS_API_GATEWAY", "AWS_PRIVATE_API_GATEWAY"),
    "API_AWS_ROLE_ARN": Scanner.string,
    "API_KEY": Scanner.string,
    "API_ALLOWED_PREFIXES": Scanner.strings,
    "API_BLOCKED_PREFIXES": Scanner.strings,
    "ENABLED": Scanner.boolean,
    "COMMENT": Scanner.string,
}
_NOTIFICATION = {
    "TYPE": one_of("EMAIL", "QUEUE"),
    "ENABLED": Scanner.boolean,
    "ALLOWED_RECIPIENTS": Scanner.strings,
    "DEFAULT_RECIPIENTS": Scanner.strings,
    "DEFAULT_SUBJECT": Scanner.string,
    "DIRECTION": one_of("OUTBOUND"),
    "NOTIFICATION_PROVIDER": one_of("AWS_SNS"),
    "AWS_SNS_TOPIC_ARN": Scanner.string,
    "AWS_SNS_ROLE_ARN": Scanner.string,
    "COMMENT": Scanner.string,
}
_INTEGRATIONS = {"STORAGE": _STORAGE, "API": _API, "NOTIFICATION": _NOTIFICATION}
_QUEUE = (
    "DIRECTION",
    "NOTIFICATION_PROVIDER",
    "AWS_SNS_TOPIC_ARN",
    "AWS_SNS_ROLE_ARN",
)
_REQUIRED = {
    "NOTIFICATION": ("TYPE", "ENABLED"),
    "STORAGE": (
        "TYPE",
        "STORAGE_PROVIDER",
        "ENABLED",
        "STORAGE_AWS_ROLE_ARN",
        "STORAGE_ALLOWED_LOCATIONS",
    ),
    "API": ("API_PROVIDER", "API_AWS_ROLE_ARN", "API_ALLOWED_PREFIXES", "ENABLED"),
}
_WAREHOUSE = {
    "WAREHOUSE_SIZE": one_of("XSMALL", "X-SMALL", "SMALL", "MEDIUM", "LARGE", "XLARGE"),
    "WAREHOUSE_TYPE": one_of("STANDARD"),
    "AUTO_SUSPEND": Scanner.number,
    "AUTO_RESUME": Scanner.boolean,
    "INITIALLY_SUSPENDED": Scanner.boolean,
    "MIN_CLUSTER_COUNT": Scanner.number,
    "MAX_CLUSTER_COUNT": Scanner.number,
    "STATEMENT_TIMEOUT_IN_SECONDS": Scanner.number,
    "COMMENT": Scanner.string,
}


def _create(
    account: Account,
    statement: Statement,
    scanner: Scanner,
    kind: str,
    read: Callable[[Scanner], dict[str, Any]],
    *,
    replaced: bool,
) -> Result:
    if_not_exists = scanner.take("IF", "NOT", "EXISTS")
    name = scanner.identifier()
    properties = read(scanner)
    scanner.end()
    group = account.catalog.in_account[kind]

    def work(_connection: object) -> Result:
        if name in group and if_not_exists:
            return status(f"{name} already exists, statement succeeded.")
        if name in group and not replaced:
            raise exists(shown(name))
        group[name] = Thing(
            name=name,
            properties=properties,
            owner=statement.session.role,
            comment=properties.get("COMMENT", ""),
        )
        return status(f"{kind.capitalize()} {name} successfully created.")

    return account.ddl(statement.session, work)


def create_integration(
    account: Account, statement: Statement, scanner: Scanner
) -> Result:
    """CREATE STORAGE, API and NOTIFICATION INTEGRATION."""
    replaced = scanner.take("OR", "REPLACE")
    sort = scanner.word()
    scanner.expect("INTEGRATION")

    def read(rest: Scanner) -> dict[str, Any]:
        found = rest.options(_INTEGRATIONS[sort])
        queue = _QUEUE if found.get("TYPE") == "QUEUE" else ()
        for key in (*_REQUIRED[sort], *queue):
            if key not in found:
                raise compilation(f"Missing option(s): [{key}]", code=2029)
        return {"SORT": sort, **found}

    return _create(account, statement, scanner, "INTEGRATION", read, replaced=replaced)


def create_role(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """CREATE ROLE."""
    replaced = scanner.take("OR", "REPLACE")
    scanner.expect("ROLE")
    return _create(
        account,
        statement,
        scanner,
        "ROLE",
        lambda rest: rest.options({"COMMENT": Scanner.string}),
        replaced=replaced,
    )


def create_warehouse(
    account: Account, statement: Statement, scanner: Scanner
) -> Result:
    """CREATE WAREHOUSE; it then is the session's."""
    replaced = scanner.take("OR", "REPLACE")
    scanner.expect("WAREHOUSE")

    def read(rest: Scanner) -> dict[str, Any]:
        rest.take("WITH")
        return rest.options(_WAREHOUSE)

    return _create(account, statement, scanner, "WAREHOUSE", read, replaced=replaced)


_FIXED = {"TYPE", "STORAGE_PROVIDER", "API_PROVIDER", "INITIALLY_SUSPENDED"}


def alter(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """ALTER WAREHOUSE, STORAGE INTEGRATION and API INTEGRATION name SET options."""
    kind = sort = scanner.word()
    known = _WAREHOUSE if kind == "WAREHOUSE" else _INTEGRATIONS[sort]
    if kind != "WAREHOUSE":
        scanner.expect("INTEGRATION")
        kind = "INTEGRATION"
    if_exists = scanner.take("IF", "EXISTS")
    name = scanner.identifier()
    scanner.expect("SET")
    options = scanner.options({k: v for k, v in known.items() if k not in _FIXED})
    scanner.end()
    group = account.catalog.in_account[kind]

    def work(_connection: object) -> Result:
        found = group.get(name)
        if found is None and if_exists:
            return status(_DONE)
        if found is None or found.properties.get("SORT", sort) != sort:
            raise missing(kind.capitalize(), shown(name))
        group[name] = replace(
            found,
            properties={**found.properties, **options},
            comment=options.get("COMMENT", found.comment),
        )
        return status(_DONE)

    return account.ddl(statement.session, work)


def drop(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """DROP ROLE, WAREHOUSE or INTEGRATION."""
    if scanner.peek() in _INTEGRATIONS:
        scanner.word()
    kind = scanner.word()
    if_exists = scanner.take("IF", "EXISTS")
    name = scanner.identifier()
    scanner.end()
    group = account.catalog.in_account[kind]

    def work(_connection: object) -> Result:
        if name not in group:
            if if_exists:
                return status("Drop statement executed successfully.")
            raise missing(kind.capitalize(), shown(name))
        del group[name]
        return status(f"{name} successfully dropped.")

    return account.ddl(statement.session, work)


_PRIVILEGES = {
    "ALL", "ALL PRIVILEGES", "USAGE", "SELECT", "INSERT", "UPDATE", "DELETE",
    "TRUNCATE", "REFERENCES", "OWNERSHIP", "OPERATE", "MONITOR", "MODIFY", "READ",
    "WRITE", "ROLE",
    "CREATE DATABASE", "CREATE ROLE", "CREATE WAREHOUSE", "CREATE INTEGRATION",
    "CREATE SCHEMA", "CREATE TABLE", "CREATE VIEW", "CREATE STAGE",
    "CREATE FILE FORMAT",
    "CREATE PROCEDURE", "CREATE FUNCTION", "CREATE EXTERNAL FUNCTION", "CREATE TASK",
    "CREATE STREAMLIT", "CREATE ALERT", "CREATE SEQUENCE", "EXECUTE TASK",
    "EXECUTE MANAGED TASK", "EXECUTE ALERT", "EXECUTE MANAGED ALERT", "MANAGE GRANTS",
    "IMPORTED PRIVILEGES",
}  # fmt: skip
_ON = {
    "ACCOUNT", "DATABASE", "SCHEMA", "TABLE", "VIEW", "STAGE", "FILE FORMAT",
    "FUNCTION",
    "PROCEDURE", "TASK", "INTEGRATION", "WAREHOUSE", "STREAMLIT", "ALERT",
}  # fmt: skip


def grant(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """GRANT and REVOKE: form, names and the right to grant are checked.

    What was granted is recorded; it is never asked for when an object is used.
    """
    giving = statement.text[:5].upper() == "GRANT"
    privileges = _privileges(scanner)
    if scanner.take("ON"):
        target = _grant_target(account, statement, scanner)
    else:
        target = privileges[0]
    scanner.expect("TO" if giving else "FROM")
    kind = scanner.word() if scanner.peek() in ("ROLE", "USER") else "ROLE"
    grantee = scanner.identifier()
    if kind == "ROLE" and grantee not in account.catalog.in_account["ROLE"]:
        raise missing("Role", shown(grantee))
    _grant_tail(scanner)
    role = statement.session.role
    now = datetime.now(UTC)

    def work(_connection: object) -> Result:
        grants = account.catalog.grants
        for privilege in privileges:
            entry = (privilege, target, grantee)
            kept = [g for g in grants if g[1:4] != entry]
            grants[:] = [*kept, (now, *entry, role)] if giving else kept
        return status(_DONE)

    return account.ddl(statement.session, work)


def _privileges(scanner: Scanner) -> list[str]:
    if scanner.take("ROLE"):
        return [f"ROLE {scanner.identifier()}"]
    found: list[str] = []
    words: list[str] = []
    while scanner.peek() not in ("ON", "TO", "FROM", ""):
        if scanner.take(","):
            found.append(" ".join(words))
            words = []
        else:
            words.append(scanner.word())
    found.append(" ".join(words))
    for privilege in found:
        if privilege not in _PRIVILEGES:
            raise syntax(f"unknown privilege '{privilege}'.")
    return found


def _grant_target(account: Account, statement: Statement, scanner: Scanner) -> str:
    if scanner.take("ACCOUNT"):
        return "ACCOUNT"
    everything = scanner.peek() if scanner.peek() in ("ALL", "FUTURE") else ""
    if everything:
        scanner.word()
    kind = scanner.word()
    if kind == "FILE":
        kind = f"{kind} {scanner.word()}"
    if everything and kind.endswith("S"):
        kind = kind[:-1]
    if kind not in _ON:
        raise syntax(f"unexpected '{kind}'.")
    if everything:
        scanner.expect("IN")
        scope = scanner.word()
        if scope not in ("SCHEMA", "DATABASE"):
            raise syntax(f"unexpected '{scope}'.")
        path = scanner.path()
        place = path if scope == "DATABASE" else _schema_of(statement, path)
        rights.check_on_all(account, statement, everything, kind, place)
        return f"{everything} {kind} IN {scope} {'.'.join(path)}"
    parts = scanner.path()
    arguments = ""
    if kind in ("PROCEDURE", "FUNCTION"):
        types = scanner.listed(Scanner.word)
        arguments = f"({', '.join(types)})"
    _check_exists(account, statement, kind, parts)
    if kind in ("TABLE", "VIEW") or kind in account.catalog.in_schema:
        name = account.name(statement.session, parts)
        rights.check(account, statement, kind, name)
        parts = name.parts
    return f"{kind} {'.'.join(parts)}{arguments}"


def _schema_of(statement: Statement, path: tuple[str, ...]) -> tuple[str, str]:
    return (
        (statement.session.database or "", path[-1])
        if len(path) == 1
        else (path[0], path[1])
    )


def _check_exists(
    account: Account, statement: Statement, kind: str, parts: tuple[str, ...]
) -> None:
    catalog, session = account.catalog, statement.session
    if kind in ("INTEGRATION", "WAREHOUSE"):
        if parts[0] not in catalog.in_account[kind]:
            raise missing(kind.capitalize(), shown(parts[0]))
    elif kind == "DATABASE":
        if parts[0] not in catalog.databases:
            raise missing("Database", shown(parts[0]))
    elif kind == "SCHEMA":
        database = parts[0] if len(parts) == 2 else session.database
        catalog.check_schema(database or "", parts[-1])
    elif kind in ("TABLE", "VIEW"):
        catalog.relation(account.name(session, parts))
    elif kind in catalog.in_schema:
        catalog.thing(kind, account.name(session, parts))


def _grant_tail(scanner: Scanner) -> None:
    if scanner.take("WITH", "GRANT", "OPTION"):
        scanner.end()
        return
    if not scanner.take("COPY", "CURRENT", "GRANTS"):
        scanner.take("REVOKE", "CURRENT", "GRANTS")
    if not scanner.take("CASCADE"):
        scanner.take("RESTRICT")
    scanner.end()


_PARAMETERS = {
    "AUTOCOMMIT", "QUERY_TAG", "TIMEZONE", "STATEMENT_TIMEOUT_IN_SECONDS",
    "LOCK_TIMEOUT", "ROWS_PER_RESULTSET",
    "TIMESTAMP_OUTPUT_FORMAT", "TIMESTAMP_NTZ_OUTPUT_FORMAT", "MULTI_STATEMENT_COUNT",
    "TIMESTAMP_TZ_OUTPUT_FORMAT", "DATE_OUTPUT_FORMAT", "TIME_OUTPUT_FORMAT",
    "QUOTED_IDENTIFIERS_IGNORE_CASE", "USE_CACHED_RESULT", "WEEK_START",
    "PYTHON_CONNECTOR_QUERY_RESULT_FORMAT", "PYTHON_SNOWPARK_USE_SQL_SIMPLIFIER",
    "ENABLE_FIX_1758055_ADD_ARROW_SUPPORT_FOR_MULTI_STMTS",
}  # fmt: skip


def alter_session(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """ALTER SESSION: AUTOCOMMIT, ROWS_PER_RESULTSET and output formats count."""
    session = statement.session
    session.forbid_in_procedure("ALTER_SESSION")
    scanner.expect("SESSION")
    if scanner.take("UNSET"):
        (name,) = scanner.path()
        session.formats.pop(name, None)
        scanner.end()
        if name == "AUTOCOMMIT":
            session.autocommit = True
        if name == "ROWS_PER_RESULTSET":
            session.rows_per_resultset = 0
        return status(_DONE)
    scanner.expect("SET")
    while not scanner.done:
        scanner.take(",")
        name = scanner.word()
        if name not in _PARAMETERS:
            raise compilation(f"invalid parameter '{name}'", code=1008)
        scanner.expect("=")
        _set(statement.session, name, scanner.name_or_string())
    return status(_DONE)


def _set(session: Session, name: str, value: str) -> None:
    if name.endswith("_OUTPUT_FORMAT"):
        session.formats = dict(session.formats)
        session.formats.pop(name, None)
        if value.upper() not in ("AUTO", ""):
            session.formats[name] = time_format(value, known_only=True)
    if name == "AUTOCOMMIT":
        if session.scope.explicit:
            session.scope.commit()
        session.autocommit = value.upper() == "TRUE"
    if name == "ROWS_PER_RESULTSET":
        session.rows_per_resultset = int(value)
    if name == "TIMEZONE" and value.upper() not in ("UTC", "ETC/UTC"):
        raise compilation("The local Snowflake knows the time zone UTC only.")
