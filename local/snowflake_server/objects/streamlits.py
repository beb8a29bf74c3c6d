"""Streamlit apps as objects: CREATE, ALTER ... ADD LIVE VERSION, DROP. None is run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from local.snowflake_server.core.catalog import Thing
from local.snowflake_server.core.errors import compilation, exists, missing
from local.snowflake_server.core.names import shown
from local.snowflake_server.core.results import Result, status
from local.snowflake_server.core.scan import Scanner
from local.snowflake_server.core.statement import Statement
from local.snowflake_server.engine import Account
from local.snowflake_server.objects import stages

_OPTIONS = {
    "MAIN_FILE": Scanner.string,
    "QUERY_WAREHOUSE": Scanner.identifier,
    "TITLE": Scanner.string,
    "COMMENT": Scanner.string,
}


def create(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """CREATE [OR REPLACE] STREAMLIT name FROM '@stage/path' MAIN_FILE = ...

    The files must be on the stage: Snowflake copies them.
    """
    replaced = scanner.take("OR", "REPLACE")
    scanner.expect("STREAMLIT")
    if_not_exists = scanner.take("IF", "NOT", "EXISTS")
    session = statement.session
    name = account.name(session, scanner.path())
    scanner.expect("FROM")
    location = scanner.string()
    options = scanner.options(_OPTIONS)
    scanner.end()
    _check_files(account, statement, location, options)

    def work(_connection: object) -> Result:
        catalog = account.catalog
        catalog.check_schema(name.database, name.schema)
        group = catalog.in_schema["STREAMLIT"]
        if name in group and if_not_exists:
            return status(f"{name.name} already exists, statement succeeded.")
        if name in group and not replaced:
            raise exists(str(name))
        catalog.forget_grants("STREAMLIT", name)  # it has no COPY GRANTS
        group[name] = Thing(
            name=name.name,
            properties={**options, "FROM": location, "LIVE": False},
            owner=session.role,
            comment=options.get("COMMENT", ""),
        )
        return status(f"Streamlit {name.name} successfully created.")

    return account.ddl(session, work)


def _check_files(
    account: Account, statement: Statement, location: str, options: dict[str, Any]
) -> None:
    stage, path = stages.find(account, statement, location)
    parts = (path.rstrip("/"), options.get("MAIN_FILE", "streamlit_app.py"))
    main = "/".join(part for part in parts if part)
    there = {row[0].partition("/")[2] for row in stages.listed(stage, path)}
    if main not in there:
        raise compilation(f"Main file '{main}' was not found at {location}.")
    used = options.get("QUERY_WAREHOUSE")
    if used is not None and used not in account.catalog.in_account["WAREHOUSE"]:
        raise missing("Warehouse", shown(used))


def alter(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """ALTER STREAMLIT name ADD LIVE VERSION FROM LAST."""
    scanner.expect("STREAMLIT")
    name = account.name(statement.session, scanner.path())
    scanner.expect("ADD", "LIVE", "VERSION", "FROM", "LAST")
    scanner.end()

    def work(_connection: object) -> Result:
        app = account.catalog.thing("STREAMLIT", name)
        if app.properties["LIVE"]:
            raise compilation(f"Streamlit {name.name} already has a live version.")
        account.catalog.in_schema["STREAMLIT"][name] = replace(
            app, properties={**app.properties, "LIVE": True}
        )
        return status("Statement executed successfully.")

    return account.ddl(statement.session, work)


def drop(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """DROP STREAMLIT [IF EXISTS] name."""
    scanner.expect("STREAMLIT")
    if_exists = scanner.take("IF", "EXISTS")
    name = account.name(statement.session, scanner.path())
    scanner.end()

    def work(_connection: object) -> Result:
        group = account.catalog.in_schema["STREAMLIT"]
        if name not in group and if_exists:
            return status("Drop statement executed successfully.")
        account.catalog.thing("STREAMLIT", name)
        del group[name]
        return status(f"{name.name} successfully dropped.")

    return account.ddl(statement.session, work)
