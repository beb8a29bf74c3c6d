"""Objects of the account: roles, grants, warehouses, integrations, parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from local.snowflake_server.core.catalog import Thing
from local.snowflake_server.core.errors import compilation, exists, missing
from local.snowflake_server.core.names import shown
from local.snowflake_server.core.results import Result, status
from local.snowflake_server.core.scan import Scanner, one_of
from local.snowflake_server.core.session import Session
from local.snowflake_server.core.statement import Statement
from local.snowflake_server.engine import Account
from local.snowflake_server.objects import secrets
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
    "TYPE": one_of("EMAIL", "QUEUE", "WEBHOOK"),
    "ENABLED": Scanner.boolean,
    "ALLOWED_RECIPIENTS": Scanner.strings,
    "DEFAULT_RECIPIENTS": Scanner.strings,
    "DEFAULT_SUBJECT": Scanner.string,
    "DIRECTION": one_of("OUTBOUND"),
    "NOTIFICATION_PROVIDER": one_of("AWS_SNS"),
    "AWS_SNS_TOPIC_ARN": Scanner.string,
    "AWS_SNS_ROLE_ARN": Scanner.string,
    "COMMENT": Scanner.string,
    **secrets.WEBHOOK,
}
_INTEGRATIONS = {"STORAGE": _STORAGE, "API": _API, "NOTIFICATION": _NOTIFICATION}
# What a notification integration of a type needs.
_OF_TYPE = {
    "QUEUE": (
        "DIRECTION",
        "NOTIFICATION_PROVIDER",
        "AWS_SNS_TOPIC_ARN",
        "AWS_SNS_ROLE_ARN",
    ),
    "WEBHOOK": ("WEBHOOK_URL",),
}
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
        for key in (*_REQUIRED[sort], *_OF_TYPE.get(found.get("TYPE", ""), ())):
            if key not in found:
                raise compilation(f"Missing option(s): [{key}]", code=2029)
        if found.get("TYPE") == "WEBHOOK":
            secrets.check(account, statement, found)
        elif set(found) & set(secrets.WEBHOOK):
            raise compilation("An option of webhooks without TYPE = WEBHOOK.")
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


def create_user(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """CREATE USER: who then may log in with the roles that are granted to them."""
    replaced = scanner.take("OR", "REPLACE")
    scanner.expect("USER")
    options = {
        "PASSWORD": Scanner.string,
        "DEFAULT_ROLE": Scanner.identifier,
        "DEFAULT_WAREHOUSE": Scanner.identifier,
        "COMMENT": Scanner.string,
    }

    def read(rest: Scanner) -> dict[str, Any]:
        return rest.options(options)

    return _create(account, statement, scanner, "USER", read, replaced=replaced)


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
        account.catalog.access.forget(kind, (name,))
        return status(f"{name} successfully dropped.")

    return account.ddl(statement.session, work)


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
