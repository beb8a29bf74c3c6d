"""ALTER TABLE: what a table has beside its columns: key, comments, tags, clustering."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import duckdb

from local.snowflake_server.core.access import Need
from local.snowflake_server.core.catalog import Column, Table, Thing
from local.snowflake_server.core.errors import compilation, exists, unsupported
from local.snowflake_server.core.names import encode, quoted
from local.snowflake_server.core.results import Result, status
from local.snowflake_server.core.scan import Scanner
from local.snowflake_server.core.statement import Statement
from local.snowflake_server.engine import Account
from local.snowflake_server.objects.tables import rebuild

Change = Callable[[duckdb.DuckDBPyConnection, Table], Table]
ColumnChange = Callable[[Column], Column]
_LONGEST_VALUE = 256


def alter(account: Account, statement: Statement, scanner: Scanner) -> Result | None:
    """Runs such an ALTER TABLE; None if it is another one.

    Args:
        scanner: At TABLE.
    """
    scanner.expect("TABLE")
    if scanner.peek() == "IF":
        return None
    path = scanner.path()
    change = _change(account, statement, scanner)
    if change is None:
        return None
    scanner.end()

    def work(connection: duckdb.DuckDBPyConnection) -> Result:
        name = account.existing_name(statement.session, path)
        table = account.catalog.table(name)
        new = change(connection, table)
        if [c.nullable for c in new.columns] != [c.nullable for c in table.columns]:
            kept = {c.name: quoted(encode(c.name)) for c in table.columns}
            rebuild(connection, table, new, kept)
        account.catalog.relations[name] = new
        return status("Statement executed successfully.")

    return account.ddl(statement.session, work)


def _change(account: Account, statement: Statement, scanner: Scanner) -> Change | None:
    if scanner.take("ADD", "PRIMARY", "KEY"):
        return _add_key(scanner)
    if scanner.take("DROP", "PRIMARY", "KEY"):
        return _drop_key
    if scanner.take("CLUSTER", "BY"):
        names = tuple(scanner.listed(Scanner.identifier))
        return lambda _, table: _clustered(table, names)
    if scanner.take("DROP", "CLUSTERING", "KEY"):
        return lambda _, table: table.altered(cluster_by=())
    if scanner.peek() in ("ALTER", "MODIFY"):
        return _change_columns(account, statement, scanner)
    return None


# --- the key --------------------------------------------------------------------------


def _add_key(scanner: Scanner) -> Change:
    names = tuple(scanner.listed(Scanner.identifier))
    rely = scanner.take("RELY")
    if not rely:
        scanner.take("NORELY")

    def change(connection: duckdb.DuckDBPyConnection, table: Table) -> Table:
        if table.primary_key:
            raise compilation(f"primary key already exists for table '{table.name}'")
        columns = [table.column(name) for name in names]
        for column in columns:
            _check_filled(connection, table, column)
        kept = tuple(
            replace(c, nullable=False) if c in columns else c for c in table.columns
        )
        return table.altered(columns=kept, primary_key=names, rely=rely)

    return change


def _check_filled(
    connection: duckdb.DuckDBPyConnection, table: Table, column: Column
) -> None:
    """A key implies NOT NULL (constraints-overview)."""
    if column.type.base in ("VARIANT", "ARRAY", "OBJECT"):
        raise unsupported("PRIMARY KEY of a semi-structured column")
    found = connection.execute(
        f"SELECT 1 FROM {table.physical} WHERE {quoted(encode(column.name))} IS NULL"
        " LIMIT 1"
    ).fetchall()
    if found:
        raise compilation(f"column '{column.name}' contains null values", code=2024)


def _drop_key(_: duckdb.DuckDBPyConnection, table: Table) -> Table:
    if not table.primary_key:
        raise compilation(f"primary key does not exist for table '{table.name}'")
    return table.altered(primary_key=(), rely=False)


def _clustered(table: Table, names: tuple[str, ...]) -> Table:
    for name in names:
        if table.column(name).type.base in ("VARIANT", "ARRAY", "OBJECT"):
            raise unsupported("CLUSTER BY a semi-structured column")
    return table.altered(cluster_by=names)


# --- columns --------------------------------------------------------------------------


def _change_columns(
    account: Account, statement: Statement, scanner: Scanner
) -> Change | None:
    scanner.word()
    changes: dict[str, ColumnChange] = {}
    while True:
        scanner.take("COLUMN")
        name = scanner.identifier()
        found = _change_column(account, statement, scanner)
        if found is None:
            return None
        if name in changes:
            raise unsupported("two changes of one column")
        changes[name] = found
        if not scanner.take(","):
            break

    def change(_: duckdb.DuckDBPyConnection, table: Table) -> Table:
        for name in changes:
            table.column(name)
        columns = tuple(
            changes[c.name](c) if c.name in changes else c for c in table.columns
        )
        for column in columns:
            if column.nullable and column.name in table.primary_key:
                raise compilation(f"column '{column.name}' is part of the primary key")
        return table.altered(columns=columns)

    return change


def _change_column(
    account: Account, statement: Statement, scanner: Scanner
) -> ColumnChange | None:
    if scanner.take("COMMENT"):
        text = scanner.string()
        return lambda column: replace(column, comment=text or None)
    if scanner.take("UNSET", "COMMENT"):
        return lambda column: replace(column, comment=None)
    if scanner.take("DROP", "NOT", "NULL"):
        return lambda column: replace(column, nullable=True)
    if scanner.take("SET", "TAG"):
        tag = _tag(account, statement, scanner.path())
        scanner.expect("=")
        value = scanner.string()
        _check_value(account, tag, value)
        return lambda column: replace(column, tags={**column.tags, tag: value})
    if scanner.take("UNSET", "TAG"):
        tag = _tag(account, statement, scanner.path())
        return lambda column: replace(
            column, tags={k: v for k, v in column.tags.items() if k != tag}
        )
    return None


def _tag(account: Account, statement: Statement, path: tuple[str, ...]) -> str:
    """The full name of a tag that the role may apply."""
    name = account.name(statement.session, path)
    account.catalog.thing("TAG", name)
    need = Need(("APPLY",), "TAG", name.parts)
    account.catalog.access.demand(statement.session.role, need)
    return str(name)


def _check_value(account: Account, tag: str, value: str) -> None:
    if len(value) > _LONGEST_VALUE:
        raise compilation("tag value is longer than 256 characters")
    things = account.catalog.in_schema["TAG"]
    (thing,) = [thing for name, thing in things.items() if str(name) == tag]
    allowed = thing.properties.get("ALLOWED_VALUES")
    if allowed and value not in allowed:
        raise compilation(f"tag value '{value}' is not allowed for tag '{tag}'")


# --- tags -----------------------------------------------------------------------------


def create_tag(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """CREATE TAG [IF NOT EXISTS] name [ALLOWED_VALUES '...', ...] [COMMENT = '...']."""
    scanner.expect("TAG")
    if_not_exists = scanner.take("IF", "NOT", "EXISTS")
    name = account.name(statement.session, scanner.path())
    values: list[str] = []
    if scanner.take("ALLOWED_VALUES"):
        values.append(scanner.string())
        while scanner.take(","):
            values.append(scanner.string())
    options = scanner.options({"COMMENT": Scanner.string})
    scanner.end()
    group = account.catalog.in_schema["TAG"]

    def work(_: object) -> Result:
        account.catalog.check_schema(name.database, name.schema)
        if name in group and if_not_exists:
            return status(f"{name.name} already exists, statement succeeded.")
        if name in group:
            raise exists(str(name))
        group[name] = Thing(
            name=name.name,
            properties={"ALLOWED_VALUES": tuple(values), **options},
            owner=statement.session.role,
            comment=options.get("COMMENT", ""),
        )
        return status(f"Tag {name.name} successfully created.")

    return account.ddl(statement.session, work)
