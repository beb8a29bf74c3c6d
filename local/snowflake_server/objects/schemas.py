"""Databases, schemas, and USE."""

from __future__ import annotations

from dataclasses import replace

import duckdb

from local.snowflake_server.core.access import refused
from local.snowflake_server.core.catalog import Table, Thing
from local.snowflake_server.core.errors import compilation, exists, missing, unsupported
from local.snowflake_server.core.names import Name, quoted, shown
from local.snowflake_server.core.physical import create_physical_schema
from local.snowflake_server.core.results import Result, status
from local.snowflake_server.core.scan import Scanner
from local.snowflake_server.core.statement import Statement
from local.snowflake_server.engine import Account


def _no_collation(scanner: Scanner) -> str:
    """Only '': what another collation does to comparisons is not imitated."""
    if scanner.string():
        raise unsupported("DEFAULT_DDL_COLLATION other than ''")
    return ""


_OPTIONS = {
    "DATA_RETENTION_TIME_IN_DAYS": Scanner.number,
    "DEFAULT_DDL_COLLATION": _no_collation,
    "COMMENT": Scanner.string,
}
MANAGED = "MANAGED ACCESS"  # property of a schema: only its owner grants


def create_database(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """CREATE DATABASE; it has a schema PUBLIC from the start."""
    replaced = scanner.take("OR", "REPLACE")
    scanner.take("TRANSIENT")
    scanner.expect("DATABASE")
    if_not_exists = scanner.take("IF", "NOT", "EXISTS")
    name = scanner.identifier()
    options = scanner.options(_OPTIONS)
    scanner.end()
    session = statement.session

    def work(connection: duckdb.DuckDBPyConnection) -> Result:
        if name in account.catalog.databases:
            if if_not_exists:
                return status(f"{name} already exists, statement succeeded.")
            if not replaced:
                raise exists(shown(name))
            _forget_database(account, connection, name)
        add_database(account, connection, name, options.get("COMMENT", ""))
        catalog = account.catalog
        catalog.databases[name] = replace(
            catalog.databases[name], properties=options, owner=session.role
        )
        catalog.set_owner("SCHEMA", (name, "PUBLIC"), session.role)
        return status(f"Database {name} successfully created.")

    result = account.ddl(session, work)
    session.database, session.schema = name, "PUBLIC"
    return result


def add_database(
    account: Account,
    connection: duckdb.DuckDBPyConnection,
    name: str,
    comment: str = "",
) -> None:
    """Create a database with its schema PUBLIC."""
    catalog = account.catalog
    catalog.databases[name] = Thing(name=name, properties={}, comment=comment)
    for schema in ("PUBLIC", "INFORMATION_SCHEMA"):
        add_schema(account, connection, name, schema)


def add_schema(
    account: Account,
    connection: duckdb.DuckDBPyConnection,
    database: str,
    schema: str,
    comment: str = "",
) -> None:
    """Create a schema."""
    create_physical_schema(connection, Name(database, schema, ""))
    thing = Thing(name=schema, properties={}, comment=comment)
    account.catalog.schemas[database, schema] = thing


def _two(session_database: str | None, parts: tuple[str, ...]) -> tuple[str, str]:
    if len(parts) == 1 and session_database:
        return session_database, parts[0]
    if len(parts) == 2:
        return parts[0], parts[1]
    raise compilation(
        "This session does not have a current database. Call 'USE DATABASE', or use a "
        "qualified name.",
        code=90105,
        state="22000",
    )


def create_schema(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """CREATE SCHEMA."""
    replaced = scanner.take("OR", "REPLACE")
    scanner.take("TRANSIENT")
    scanner.expect("SCHEMA")
    if_not_exists = scanner.take("IF", "NOT", "EXISTS")
    session = statement.session
    database, schema = _two(session.database, scanner.path())
    managed = scanner.take("WITH", "MANAGED", "ACCESS")
    options = scanner.options(_OPTIONS)
    scanner.end()

    def work(connection: duckdb.DuckDBPyConnection) -> Result:
        catalog = account.catalog
        if database not in catalog.databases:
            raise missing("Database", shown(database))
        if (database, schema) in catalog.schemas:
            if if_not_exists:
                return status(f"{schema} already exists, statement succeeded.")
            if not replaced:
                raise exists(f"{shown(database)}.{shown(schema)}")
            _forget_schema(account, connection, database, schema)
        add_schema(account, connection, database, schema, options.get("COMMENT", ""))
        catalog.schemas[database, schema] = replace(
            catalog.schemas[database, schema],
            properties={**options, MANAGED: managed},
            owner=session.role,
        )
        return status(f"Schema {schema} successfully created.")

    result = account.ddl(session, work)
    session.database, session.schema = database, schema
    return result


def alter_database(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """ALTER DATABASE [IF EXISTS] name SET options."""
    scanner.expect("DATABASE")
    if_exists = scanner.take("IF", "EXISTS")
    name = scanner.identifier()
    scanner.expect("SET")
    options = scanner.options(_OPTIONS)
    scanner.end()

    def work(_connection: duckdb.DuckDBPyConnection) -> Result:
        found = account.catalog.databases.get(name)
        if found is None:
            if if_exists:
                return status("Statement executed successfully.")
            raise missing("Database", shown(name))
        account.catalog.databases[name] = replace(
            found,
            properties={**found.properties, **options},
            comment=options.get("COMMENT", found.comment),
        )
        return status("Statement executed successfully.")

    return account.ddl(statement.session, work)


def alter_schema(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """ALTER SCHEMA [IF EXISTS] name SET options, or ENABLE | DISABLE MANAGED ACCESS."""
    scanner.expect("SCHEMA")
    if_exists = scanner.take("IF", "EXISTS")
    session = statement.session
    database, schema = _two(session.database, scanner.path())
    if scanner.take("SET"):
        changes = scanner.options(_OPTIONS)
    else:
        changes = {MANAGED: scanner.take("ENABLE")}
        if not changes[MANAGED]:
            scanner.expect("DISABLE")
        scanner.expect("MANAGED", "ACCESS")
    scanner.end()

    def work(_connection: duckdb.DuckDBPyConnection) -> Result:
        found = account.catalog.schemas.get((database, schema))
        if found is None:
            if if_exists:
                return status("Statement executed successfully.")
            raise missing("Schema", f"{shown(database)}.{shown(schema)}")
        account.catalog.schemas[database, schema] = replace(
            found,
            properties={**found.properties, **changes},
            comment=changes.get("COMMENT", found.comment),
        )
        return status("Statement executed successfully.")

    return account.ddl(session, work)


def drop_database(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """DROP DATABASE [IF EXISTS] with all in it."""
    scanner.expect("DATABASE")
    if_exists = scanner.take("IF", "EXISTS")
    name = scanner.identifier()
    scanner.take("CASCADE")
    scanner.end()
    session = statement.session

    def work(connection: duckdb.DuckDBPyConnection) -> Result:
        if name not in account.catalog.databases:
            if if_exists:
                return status("Drop statement executed successfully.")
            raise missing("Database", shown(name))
        _forget_database(account, connection, name)
        return status(f"{name} successfully dropped.")

    result = account.ddl(session, work)
    if session.database == name:
        session.database = session.schema = None
    return result


def drop_schema(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """DROP SCHEMA [IF EXISTS] with all in it."""
    scanner.expect("SCHEMA")
    if_exists = scanner.take("IF", "EXISTS")
    session = statement.session
    database, schema = _two(session.database, scanner.path())
    scanner.take("CASCADE")
    scanner.end()

    def work(connection: duckdb.DuckDBPyConnection) -> Result:
        if (database, schema) not in account.catalog.schemas:
            if if_exists:
                return status("Drop statement executed successfully.")
            raise missing("Schema", f"{shown(database)}.{shown(schema)}")
        _forget_schema(account, connection, database, schema)
        return status(f"{schema} successfully dropped.")

    result = account.ddl(session, work)
    if (session.database, session.schema) == (database, schema):
        session.schema = None
    return result


def _forget_database(
    account: Account, connection: duckdb.DuckDBPyConnection, name: str
) -> None:
    for database, schema in [s for s in account.catalog.schemas if s[0] == name]:
        _forget_schema(account, connection, database, schema)
    del account.catalog.databases[name]
    account.catalog.access.forget_inside((name,))


def _forget_schema(
    account: Account,
    connection: duckdb.DuckDBPyConnection,
    database: str,
    schema: str,
) -> None:
    for name in account.catalog.names_in(database, schema):
        table = account.catalog.relations.get(name)
        if isinstance(table, Table):
            connection.execute(
                "DELETE FROM _loads WHERE table_number = ?", [table.number]
            )
    physical = quoted(Name(database, schema, "").physical_schema)
    connection.execute(f"DROP SCHEMA IF EXISTS {physical} CASCADE")
    account.catalog.forget(database, schema)


def use(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """USE [DATABASE | SCHEMA | ROLE | WAREHOUSE | SECONDARY ROLES]."""
    session = statement.session
    session.forbid_in_procedure("USE")
    catalog = account.catalog
    kind = scanner.peek() if scanner.peek(1) not in ("", ".", ";") else ""
    if kind == "SECONDARY":
        scanner.expect("SECONDARY", "ROLES")
        scanner.word()
        scanner.end()
        return status("Statement executed successfully.")
    if kind in ("ROLE", "WAREHOUSE"):
        scanner.word()
        name = scanner.identifier()
        scanner.end()
        if name not in catalog.in_account[kind]:
            raise missing(kind.capitalize(), shown(name))
        if kind == "WAREHOUSE":
            catalog.access.demand_any(session.role, kind, (name,))
        elif not account.may_take(session.user, name):
            raise refused(f"role '{name}'")
        setattr(session, kind.lower(), name)
        return status("Statement executed successfully.")
    if kind in ("DATABASE", "SCHEMA"):
        scanner.word()
    parts = scanner.path()
    scanner.end()
    if kind == "SCHEMA" or (kind == "" and len(parts) == 2):
        database, schema = _two(session.database, parts)
        catalog.check_schema(database, schema)
        catalog.access.demand_any(session.role, "SCHEMA", (database, schema))
        session.database, session.schema = database, schema
    else:
        if parts[0] not in catalog.databases:
            raise missing("Database", shown(parts[0]))
        catalog.access.demand_any(session.role, "DATABASE", parts[:1])
        session.database, session.schema = parts[0], "PUBLIC"
    return status("Statement executed successfully.")
