"""Streamlit apps as objects: CREATE, ALTER ... ADD LIVE VERSION, DROP. None is run."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from local.snowflake_server.core.catalog import Thing
from local.snowflake_server.core.errors import (
    compilation,
    exists,
    missing,
    unsupported,
)
from local.snowflake_server.core.names import shown
from local.snowflake_server.core.results import TEXT, Result, made, status
from local.snowflake_server.core.scan import Scanner
from local.snowflake_server.core.statement import Statement
from local.snowflake_server.engine import Account
from local.snowflake_server.objects import stages

_LIVE = re.compile(r"snow://streamlit/([^/]+)/versions/live/")
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
            properties={
                **options,
                "FROM": location,
                "LIVE": False,
                "FILES": _files(account, statement, location),
            },
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


def _files(account: Account, statement: Statement, location: str) -> dict[str, str]:
    """Digests of the files below a place, by their names."""
    stage, path = stages.find(account, statement, location)
    skipped = len(stage.name.name) + 1 + len(path.rstrip("/"))
    return {
        row[0][skipped:].lstrip("/"): row[2]
        for row in stages.listed(stage, path.rstrip("/"))
    }


def alter(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """ALTER STREAMLIT name SET ..., or ADD LIVE VERSION FROM LAST."""
    scanner.expect("STREAMLIT")
    name = account.name(statement.session, scanner.path())
    changes: dict[str, Any] = {"LIVE": True}
    setting = scanner.take("SET")
    if setting:
        changes = scanner.options(_OPTIONS)
        used = changes.get("QUERY_WAREHOUSE")
        if used is not None and used not in account.catalog.in_account["WAREHOUSE"]:
            raise missing("Warehouse", shown(used))
    else:
        scanner.expect("ADD", "LIVE", "VERSION", "FROM", "LAST")
    scanner.end()

    def work(_connection: object) -> Result:
        app = account.catalog.thing("STREAMLIT", name)
        if not setting and app.properties["LIVE"]:
            raise compilation(
                f"There is already a live version for streamlit {name.name}."
            )
        account.catalog.in_schema["STREAMLIT"][name] = replace(
            app,
            properties={**app.properties, **changes},
            comment=changes.get("COMMENT", app.comment),
        )
        return status("Statement executed successfully.")

    return account.ddl(statement.session, work)


def copy_files(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """COPY FILES INTO 'snow://streamlit/<name>/versions/live/' FROM '@stage/path'.

    The app must have a live version; files that are there already are replaced.
    """
    scanner.expect("FILES", "INTO")
    into = _LIVE.fullmatch(scanner.string())
    if into is None:
        raise unsupported("COPY FILES into anything but an app's live version")
    name = account.name(statement.session, Scanner(into[1]).path())
    scanner.expect("FROM")
    location = scanner.string()
    scanner.end()

    def work(_connection: object) -> Result:
        app = account.catalog.thing("STREAMLIT", name)
        if not app.properties["LIVE"]:
            raise compilation(f"Streamlit {name.name} has no live version.")
        found = _files(account, statement, location)
        account.catalog.in_schema["STREAMLIT"][name] = replace(
            app,
            properties={
                **app.properties,
                "FILES": {**app.properties["FILES"], **found},
            },
        )
        return made({"file": TEXT}, [(file,) for file in sorted(found)])

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
        account.catalog.forget_grants("STREAMLIT", name)
        return status(f"{name.name} successfully dropped.")

    return account.ddl(statement.session, work)
