"""ALTER TABLE: only the changes that Snowflake allows."""

from __future__ import annotations

from dataclasses import replace

import duckdb
from sqlglot import exp

from local.snowflake_server.core.access import Parts
from local.snowflake_server.core.catalog import Table
from local.snowflake_server.core.errors import compilation, exists, syntax, unsupported
from local.snowflake_server.core.names import Name, encode, quoted
from local.snowflake_server.core.results import Result, status
from local.snowflake_server.core.scan import Scanner
from local.snowflake_server.core.session import Session
from local.snowflake_server.core.statement import Statement
from local.snowflake_server.core.types import SnowType, read_type
from local.snowflake_server.engine import Account
from local.snowflake_server.objects import alter_extras
from local.snowflake_server.objects.tables import (
    create_physical,
    parts_of,
    plain,
    read_column,
    rebuild,
    row_count,
)
from local.snowflake_server.sql.translate import parse

_DONE = "Statement executed successfully."


def alter_table(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """ALTER TABLE; every change is a transaction of its own."""
    if (done := alter_extras.alter(account, statement, scanner)) is not None:
        return done
    session = statement.session
    parsed = parse(statement.text)
    if not isinstance(parsed, exp.Alter):
        raise unsupported("this form of ALTER TABLE")
    if parsed.args.get("exists"):
        name = account.existing_name(session, parts_of(parsed.this))
        if name not in account.catalog.relations:
            return status(_DONE)

    def work(connection: duckdb.DuckDBPyConnection) -> Result:
        for action in parsed.args["actions"]:
            name = account.existing_name(session, parts_of(parsed.this))
            table = account.catalog.table(name)
            _apply(account, session, connection, table, action)
        return status(_DONE)

    before = dict(account.catalog.relations)
    try:
        return account.ddl(session, work)
    except BaseException:
        if len(parsed.args["actions"]) > 1:
            account.catalog.relations = before
        raise


def _apply(
    account: Account,
    session: Session,
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    action: exp.Expr,
) -> None:
    if isinstance(action, exp.ColumnDef):
        _add(account, session, connection, table, action)
    elif isinstance(action, exp.AlterColumn):
        _alter_column(account, connection, table, action)
    elif isinstance(action, exp.RenameColumn):
        _rename_column(account, connection, table, action)
    elif isinstance(action, exp.Drop) and action.args.get("kind") == "COLUMN":
        _drop_columns(account, connection, table, action)
    elif isinstance(action, exp.AlterRename):
        _rename(account, session, connection, table, action)
    elif isinstance(action, exp.SwapTable):
        _swap(account, session, connection, table, action)
    elif isinstance(action, exp.AlterSet):
        _set(account, table, action)
    else:
        raise unsupported(f"ALTER TABLE {action.sql(dialect='snowflake')}")


def _set(account: Account, table: Table, action: exp.AlterSet) -> None:
    found = list(action.find_all(exp.SchemaCommentProperty))
    properties = [p for kind in action.expressions for p in kind.expressions]
    if not found or found != properties:
        raise unsupported(f"ALTER TABLE {action.sql(dialect='snowflake')}")
    new = replace(table, comment=found[-1].name)
    account.catalog.relations[table.name] = new


def _kept(table: Table) -> dict[str, str]:
    return {c.name: quoted(encode(c.name)) for c in table.columns}


def _store(
    account: Account,
    connection: duckdb.DuckDBPyConnection,
    old: Table,
    new: Table,
    values: dict[str, str],
) -> None:
    rebuild(connection, old, new, values)
    account.catalog.relations[new.name] = new


def _add(
    account: Account,
    session: Session,
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    action: exp.ColumnDef,
) -> None:
    column = read_column(account, session, action)
    if column is None:
        raise syntax("ADD COLUMN needs a column.")
    if any(c.name == column.name for c in table.columns):
        if action.args.get("exists"):
            return
        raise compilation(f"column '{column.name}' already exists", code=1430)
    if not column.nullable and column.default is None:
        if row_count(connection, table):
            raise compilation(
                f"Non-nullable column '{column.name}' cannot be added to non-empty "
                f"table '{table.name.name}' unless it has a non-null default value.",
                code=2024,
            )
    new = table.altered(columns=(*table.columns, column))
    _store(account, connection, table, new, _kept(table))


def _alter_column(
    account: Account,
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    action: exp.AlterColumn,
) -> None:
    column = table.column(plain(action.this))
    if action.args.get("dtype"):
        wanted = read_type(action.args["dtype"])
        _check_change(connection, table, column.name, column.type, wanted)
        changed = replace(column, type=wanted)
    elif action.args.get("comment"):
        changed = replace(column, comment=action.args["comment"].name)
    elif action.args.get("allow_null") is not None:
        changed = replace(column, nullable=bool(action.args["allow_null"]))
    elif action.args.get("drop") and column.default is not None:
        changed = replace(column, default=None, default_duck=None)
    else:
        raise unsupported(f"ALTER COLUMN {action.sql(dialect='snowflake')}")
    columns = tuple(changed if c is column else c for c in table.columns)
    new = table.altered(columns=columns)
    _store(account, connection, table, new, _kept(table))


def _check_change(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    name: str,
    old: SnowType,
    new: SnowType,
) -> None:
    refused = compilation(
        f"cannot change column {name} from type {old} to {new}",
        code=40054,
        state="22000",
    )
    if old.base != new.base or old == new:
        if old == new:
            return
        raise refused
    if old.base == "VARCHAR" and (new.length or 0) >= (old.length or 0):
        return
    if old.base != "NUMBER" or old.scale != new.scale:
        raise refused
    if (new.precision or 0) < (old.precision or 0):
        digits = (new.precision or 0) - (new.scale or 0)
        column = quoted(encode(name))
        too_big = connection.execute(
            f"SELECT count(*) FROM {table.physical} WHERE abs({column}) >= 1e{digits}"
        ).fetchall()
        if too_big[0][0]:
            raise refused


def _rename_column(
    account: Account,
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    action: exp.RenameColumn,
) -> None:
    column = table.column(plain(action.this.this))
    wanted = plain(action.args["to"].this)
    if any(c.name == wanted for c in table.columns):
        raise compilation(f"column '{wanted}' already exists", code=1430)
    columns = tuple(
        replace(c, name=wanted) if c is column else c for c in table.columns
    )
    values = {
        new.name: quoted(encode(old.name))
        for old, new in zip(table.columns, columns, strict=True)
    }
    new = table.altered(
        columns=columns,
        primary_key=_renamed(table.primary_key, column.name, wanted),
        cluster_by=_renamed(table.cluster_by, column.name, wanted),
    )
    _store(account, connection, table, new, values)


def _renamed(names: tuple[str, ...], old: str, new: str) -> tuple[str, ...]:
    return tuple(new if name == old else name for name in names)


def _drop_columns(
    account: Account,
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    action: exp.Drop,
) -> None:
    nodes = action.args.get("tables") or [action.this]
    gone = {plain(n.find(exp.Identifier)) for n in nodes}
    if action.args.get("exists"):
        gone &= {c.name for c in table.columns}
    for name in gone:
        table.column(name)
        if name in (*table.primary_key, *table.cluster_by):
            raise unsupported("DROP COLUMN of a key")
    columns = tuple(c for c in table.columns if c.name not in gone)
    if not columns:
        raise compilation("A table must keep at least one column.", code=2028)
    new = table.altered(columns=columns)
    _store(account, connection, table, new, _kept(new))


def _rename(
    account: Account,
    session: Session,
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    action: exp.AlterRename,
) -> None:
    wanted = account.name(session, parts_of(action.this))
    account.catalog.check_schema(wanted.database, wanted.schema)
    if wanted in account.catalog.relations:
        raise exists(str(wanted))
    _move(account, connection, table, wanted)
    del account.catalog.relations[table.name]
    account.catalog.access.rename("TABLE", {table.name.parts: wanted.parts})


def _move(
    account: Account,
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    wanted: Name,
) -> None:
    new = table.altered(name=wanted)
    if wanted.parts[:2] == table.name.parts[:2]:
        name = quoted(encode(wanted.name))
        connection.execute(f"ALTER TABLE {table.physical} RENAME TO {name}")
    else:
        create_physical(connection, new)
        connection.execute(f"INSERT INTO {new.physical} FROM {table.physical}")
        connection.execute(f"DROP TABLE {table.physical}")
    account.catalog.relations[wanted] = new


def _swap(
    account: Account,
    session: Session,
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    action: exp.SwapTable,
) -> None:
    other = account.catalog.table(account.existing_name(session, parts_of(action.this)))
    between = replace(table.name, name=f"{table.name.name} (swapped)")
    first, second = table.name, other.name
    _move(account, connection, table, between)
    _move(account, connection, other, first)
    moved = account.catalog.table(between)
    _move(account, connection, moved, second)
    del account.catalog.relations[between]
    # "It also swaps all access control privilege grants" (ALTER TABLE).
    swapped: dict[Parts, Parts] = {
        first.parts: second.parts,
        second.parts: first.parts,
    }
    account.catalog.access.rename("TABLE", swapped)
