"""CREATE TABLE in all its forms, and DROP TABLE."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb
from sqlglot import exp

from local.snowflake_server.core.catalog import Column, Table, View
from local.snowflake_server.core.errors import compilation, exists, syntax, unsupported
from local.snowflake_server.core.names import Name, decode, encode, quoted
from local.snowflake_server.core.physical import drop_physical
from local.snowflake_server.core.results import Result, status
from local.snowflake_server.core.scan import Scanner
from local.snowflake_server.core.session import Session
from local.snowflake_server.core.statement import Statement
from local.snowflake_server.core.types import from_duck, read_type
from local.snowflake_server.engine import Account
from local.snowflake_server.sql.translate import parse, put_binds

_RESERVED = {
    "CURRENT_DATE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "CURRENT_USER",
    "LOCALTIME",
    "LOCALTIMESTAMP",
}
_LONGEST_NAME = 255
_SCOPED = re.compile(r"\A(CREATE\s+(?:OR\s+REPLACE\s+)?)SCOPED\s+", re.IGNORECASE)


@dataclass
class _Options:
    kind: str = "TABLE"
    comment: str = ""
    retention: int = 1
    like: exp.Table | None = None
    primary_key: list[str] = field(default_factory=list)


def create(account: Account, statement: Statement) -> Result:
    """CREATE TABLE from columns, LIKE, CLONE or AS SELECT."""
    # SCOPED: Snowpark's own temporary tables, the only ones a procedure may create.
    text, scoped = _SCOPED.subn(r"\1", statement.text, count=1)
    parsed = parse(text)
    if not isinstance(parsed, exp.Create) or parsed.kind != "TABLE":
        raise syntax("this form of CREATE TABLE is not known")
    session = statement.session
    options = _options(parsed)
    if options.kind == "TEMPORARY" and not scoped:
        session.forbid_in_procedure("CREATE TEMPORARY TABLE")
    node = parsed.this.this if isinstance(parsed.this, exp.Schema) else parsed.this
    public = account.name(session, parts_of(node))
    check_identifier(public.name)
    query = None
    if parsed.args.get("expression") is not None:
        source = parsed.args["expression"]
        source = source.unnest() if isinstance(source, exp.Subquery) else source
        source.meta["text"] = parsed.meta.get("text", "")
        found = account.translator(session).finish(source)
        account.permit(session, found)
        query = put_binds(found.parts, statement.values)

    def work(connection: duckdb.DuckDBPyConnection) -> Result:
        return _create(account, session, connection, parsed, options, public, query)

    return account.ddl(session, work)


def _create(
    account: Account,
    session: Session,
    connection: duckdb.DuckDBPyConnection,
    parsed: exp.Create,
    options: _Options,
    public: Name,
    query: tuple[str, dict[str, Any]] | None,
) -> Result:
    catalog = account.catalog
    catalog.check_schema(public.database, public.schema)
    name = public
    if options.kind == "TEMPORARY":
        name = replace(public, name=f"{public.name} (session {session.id})")
    old = catalog.relations.get(name)
    if old is not None:
        if parsed.args.get("exists"):
            return status(f"{public.name} already exists, statement succeeded.")
        if not parsed.args.get("replace") or isinstance(old, View):
            raise exists(str(public))
        drop_physical(connection, old)
        if not parsed.find(exp.CopyGrantsProperty):
            catalog.forget_grants("TABLE", name)
    source = _source(account, session, parsed, options)
    columns = _columns(account, session, parsed, options, source, connection, query)
    table = Table(
        name=name,
        columns=columns,
        kind=options.kind,
        comment=options.comment,
        primary_key=tuple(options.primary_key),
        retention=options.retention,
        owner=session.role,
    )
    create_physical(connection, table)
    if query is not None:
        connection.execute(f"INSERT INTO {table.physical} {query[0]}", query[1])
    elif source is not None and parsed.args.get("clone"):
        connection.execute(f"INSERT INTO {table.physical} FROM {source.physical}")
    catalog.relations[name] = table
    if options.kind == "TEMPORARY":
        session.temporary[public] = name
    return status(f"Table {public.name} successfully created.")


def _source(
    account: Account, session: Session, parsed: exp.Create, options: _Options
) -> Table | None:
    clone = parsed.args.get("clone")
    node = clone.this if clone is not None else options.like
    if node is None:
        return None
    return account.catalog.table(account.existing_name(session, parts_of(node)))


def _columns(
    account: Account,
    session: Session,
    parsed: exp.Create,
    options: _Options,
    source: Table | None,
    connection: duckdb.DuckDBPyConnection,
    query: tuple[str, dict[str, Any]] | None,
) -> tuple[Column, ...]:
    if source is not None:
        options.primary_key = list(source.primary_key)
        return source.columns
    given = parsed.this.expressions if isinstance(parsed.this, exp.Schema) else []
    if query is None and not given:
        raise syntax("a table needs columns.")
    columns: list[Column] = []
    if query is not None:
        probe = connection.execute(f"SELECT * FROM ({query[0]}) LIMIT 0", query[1])
        described = [(decode(d[0]), str(d[1])) for d in probe.description or []]
        if given and len(given) != len(described):
            raise compilation(
                "Invalid column definition list", code=2026, state="42601"
            )
        columns = [Column(name=n, type=from_duck(t)) for n, t in described]
    if given:
        defined = [read_column(account, session, d, options) for d in given]
        named = [d for d in defined if d is not None]
        columns = (
            named
            if all(d.kind for d in _definitions(given))
            else [replace(c, name=n.name) for c, n in zip(columns, named, strict=True)]
        )
    names = [c.name for c in columns]
    for name in names:
        if names.count(name) > 1:
            raise compilation(
                f"duplicate column name '{name}'", code=2025, state="42S21"
            )
    return tuple(columns)


def _definitions(given: list[exp.Expr]) -> list[exp.ColumnDef]:
    return [g for g in given if isinstance(g, exp.ColumnDef)]


def read_column(
    account: Account,
    session: Session,
    node: exp.Expr,
    options: _Options | None = None,
) -> Column | None:
    """One column definition; None for a constraint of the table.

    Raises:
        SnowflakeError: Something Snowflake does not know.
    """
    options = options or _Options()
    if isinstance(node, (exp.PrimaryKey, exp.Constraint, exp.UniqueColumnConstraint)):
        _table_constraint(node, options)
        return None
    if isinstance(node, exp.Identifier):
        return Column(name=plain(node), type=from_duck("VARCHAR"))
    if not isinstance(node, exp.ColumnDef):
        raise unsupported(f"{node.sql(dialect='snowflake')} in CREATE TABLE")
    name = plain(node.this)
    check_identifier(name)
    if name in _RESERVED:
        raise compilation(f"Invalid column name '{name}': it is reserved.")
    kind = read_type(node.kind) if node.kind else from_duck("VARCHAR")
    column = Column(name=name, type=kind)
    for constraint in node.args.get("constraints") or []:
        column = _constrained(account, session, column, constraint, options)
    return column


def _table_constraint(node: exp.Expr, options: _Options) -> None:
    key = node if isinstance(node, exp.PrimaryKey) else node.find(exp.PrimaryKey)
    if key is not None:
        options.primary_key = [plain(e.find(exp.Identifier)) for e in key.expressions]


def _constrained(
    account: Account,
    session: Session,
    column: Column,
    constraint: exp.Expr,
    options: _Options,
) -> Column:
    kind = constraint.args.get("kind")
    if isinstance(kind, exp.NotNullColumnConstraint):
        return replace(column, nullable=bool(kind.args.get("allow_null")))
    if isinstance(kind, exp.CommentColumnConstraint):
        return replace(column, comment=kind.this.name)
    if isinstance(kind, exp.PrimaryKeyColumnConstraint):
        options.primary_key.append(column.name)
        return replace(column, nullable=False)
    if isinstance(kind, exp.UniqueColumnConstraint):
        return column
    if isinstance(kind, exp.DefaultColumnConstraint):
        text = kind.this.sql(dialect="snowflake")
        return replace(
            column, default=text, default_duck=_default(account, session, kind)
        )
    raise unsupported(f"{constraint.sql(dialect='snowflake')} in CREATE TABLE")


def _default(account: Account, session: Session, kind: exp.Expr) -> str:
    if kind.find(exp.Select, exp.Column):
        raise compilation("Invalid default value.", code=2023)
    wrapped = exp.select(exp.alias_(kind.this.copy(), "D"))
    sql = account.translator(session).sql(wrapped)
    sql = sql.removeprefix("SELECT ").rsplit(" AS ", 1)[0]
    return sql.replace("$wctx_now__", "now()")


def _options(parsed: exp.Create) -> _Options:
    options = _Options()
    properties = parsed.args.get("properties")
    for node in properties.expressions if properties else []:
        if isinstance(node, exp.TransientProperty):
            options.kind = "TRANSIENT"
        elif isinstance(node, exp.TemporaryProperty):
            options.kind = "TEMPORARY"
        elif isinstance(node, exp.SchemaCommentProperty):
            options.comment = node.this.name
        elif isinstance(node, exp.LikeProperty):
            options.like = node.this
        elif isinstance(node, exp.CopyGrantsProperty):
            continue
        elif isinstance(node, exp.Property) and _is_retention(node):
            options.retention = int(node.args["value"].name)
        elif not _is_ignored(node):
            raise syntax(f"unknown option '{node.sql(dialect='snowflake')}'.")
    return options


def _is_retention(node: exp.Property) -> bool:
    return bool(node.name.upper() == "DATA_RETENTION_TIME_IN_DAYS")


def _is_ignored(node: exp.Expr) -> bool:
    """Options that change nothing here."""
    known = ("CHANGE_TRACKING", "MAX_DATA_EXTENSION_TIME_IN_DAYS")
    if isinstance(node, exp.Property) and node.name.upper() == "DEFAULT_DDL_COLLATION":
        # What another collation does to comparisons is not imitated.
        if node.args["value"].name:
            raise unsupported("DEFAULT_DDL_COLLATION other than ''")
        return True
    return isinstance(node, exp.Cluster) or (
        isinstance(node, exp.Property) and node.name.upper() in known
    )


def create_physical(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """The table in DuckDB, without PRIMARY KEY: Snowflake does not enforce it."""
    columns = ", ".join(c.definition() for c in table.columns)
    connection.execute(f"CREATE TABLE {table.physical} ({columns})")


def row_count(connection: duckdb.DuckDBPyConnection, table: Table) -> int:
    """Rows of a table."""
    rows = connection.execute(f"SELECT count(*) FROM {table.physical}").fetchall()
    return int(rows[0][0])


def rebuild(
    connection: duckdb.DuckDBPyConnection,
    old: Table,
    new: Table,
    values: dict[str, str],
) -> None:
    """Put a changed table in the place of the old one, rows included.

    Args:
        connection: In a transaction.
        old: The table as it is.
        new: The table as it shall be, same physical name.
        values: For each new column its expression over the old columns.
    """
    kept = quoted(encode(f"{old.name.name} (old)"))
    connection.execute(f"ALTER TABLE {old.physical} RENAME TO {kept}")
    create_physical(connection, new)
    before = f"{quoted(old.name.physical_schema)}.{kept}"
    names = ", ".join(quoted(encode(c)) for c in values)
    connection.execute(
        f"INSERT INTO {new.physical} ({names}) "
        f"SELECT {', '.join(values.values())} FROM {before}"
    )
    connection.execute(f"DROP TABLE {before}")


def drop(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """DROP TABLE [IF EXISTS]."""
    session = statement.session
    scanner.expect("TABLE")
    if_exists = scanner.take("IF", "EXISTS")
    public = account.name(session, scanner.path())
    if not scanner.take("CASCADE"):
        scanner.take("RESTRICT")
    scanner.end()

    def work(connection: duckdb.DuckDBPyConnection) -> Result:
        name = session.temporary.get(public, public)
        if if_exists and name not in account.catalog.relations:
            return status("Drop statement executed successfully.")
        table = account.catalog.table(name)
        drop_physical(connection, table)
        del account.catalog.relations[name]
        account.catalog.forget_grants("TABLE", name)
        session.temporary.pop(public, None)
        return status(f"{public.name} successfully dropped.")

    return account.ddl(session, work)


def parts_of(node: exp.Expr) -> tuple[str, ...]:
    """The parts of a table's name as they were given."""
    if not isinstance(node, exp.Table) or not node.parts:
        raise syntax("a name was expected.")
    return tuple(plain(p) for p in node.parts)


def plain(node: exp.Expr | None) -> str:
    """An identifier's name: upper-cased unless quoted."""
    if not isinstance(node, exp.Identifier):
        raise syntax(f"a name was expected, not {node.sql() if node else 'nothing'}.")
    return node.name if node.args.get("quoted") else node.name.upper()


def check_identifier(name: str) -> None:
    """Names are at most 255 characters long."""
    if not name or len(name) > _LONGEST_NAME:
        raise compilation(f"Identifier '{name[:40]}...' is too long.", code=2047)
