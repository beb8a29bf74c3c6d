"""CREATE VIEW and DROP VIEW."""

from __future__ import annotations

import duckdb
from sqlglot import exp

from local.snowflake_server.core.catalog import Table, View
from local.snowflake_server.core.errors import compilation, exists, missing, syntax
from local.snowflake_server.core.names import decode
from local.snowflake_server.core.results import Result, status
from local.snowflake_server.core.scan import Scanner
from local.snowflake_server.core.statement import Statement
from local.snowflake_server.engine import Account
from local.snowflake_server.objects.tables import parts_of, plain
from local.snowflake_server.sql.translate import parse, put_binds


def create(account: Account, statement: Statement) -> Result:
    """CREATE [OR REPLACE] VIEW; the query is checked by asking for no rows."""
    session = statement.session
    parsed = parse(statement.text)
    if not isinstance(parsed, exp.Create) or parsed.kind != "VIEW":
        raise syntax("this form of CREATE VIEW is not known")
    listed = parsed.this if isinstance(parsed.this, exp.Schema) else None
    name = account.name(session, parts_of(listed.this if listed else parsed.this))
    query = parsed.args["expression"]
    query.meta["text"] = parsed.meta.get("text", "")
    comment = _comment(parsed)
    if query.find(exp.Placeholder):
        raise compilation("A view cannot hold bind variables.", code=2049)

    def work(connection: duckdb.DuckDBPyConnection) -> Result:
        catalog = account.catalog
        catalog.check_schema(name.database, name.schema)
        old = catalog.relations.get(name)
        if isinstance(old, Table) or (old and not _may_replace(parsed)):
            raise exists(str(name))
        if old and parsed.args.get("exists"):
            return status(f"{name.name} already exists, statement succeeded.")
        translator = account.translator(session)
        translator.database, translator.schema = name.database, name.schema
        found = translator.finish(query.copy())
        account.permit(session, found)
        sql, values = put_binds(found.parts, statement.values)
        probe = connection.execute(f"SELECT * FROM ({sql}) LIMIT 0", values)
        columns = [decode(d[0]) for d in probe.description or []]
        if listed:
            columns = [plain(e.find(exp.Identifier)) for e in listed.expressions]
            if len(columns) != len(probe.description or []):
                raise compilation("Invalid column definition list", code=2026)
        if not parsed.find(exp.CopyGrantsProperty):
            catalog.forget_grants("VIEW", name)
        catalog.relations[name] = View(
            name=name,
            query=query,
            columns=tuple(columns),
            comments=_column_comments(listed),
            text=statement.text,
            comment=comment,
            owner=session.role,
        )
        return status(f"View {name.name} successfully created.")

    return account.ddl(session, work)


def _may_replace(parsed: exp.Create) -> bool:
    return bool(parsed.args.get("replace") or parsed.args.get("exists"))


def _comment(parsed: exp.Create) -> str:
    comment = ""
    properties = parsed.args.get("properties")
    for node in properties.expressions if properties else []:
        if isinstance(node, exp.SchemaCommentProperty):
            comment = node.this.name
        elif not isinstance(node, (exp.CopyGrantsProperty, exp.SecureProperty)):
            raise syntax(f"unknown option '{node.sql(dialect='snowflake')}'.")
    return comment


def _column_comments(listed: exp.Schema | None) -> dict[str, str]:
    found = {}
    for column in listed.expressions if listed else []:
        for constraint in column.args.get("constraints") or []:
            if not isinstance(constraint.kind, exp.CommentColumnConstraint):
                raise syntax(f"unexpected '{constraint.sql(dialect='snowflake')}'.")
            found[plain(column.find(exp.Identifier))] = constraint.kind.name
    return found


def drop(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """DROP VIEW [IF EXISTS]."""
    scanner.expect("VIEW")
    if_exists = scanner.take("IF", "EXISTS")
    name = account.name(statement.session, scanner.path())
    scanner.end()

    def work(_connection: duckdb.DuckDBPyConnection) -> Result:
        found = account.catalog.relations.get(name)
        if not isinstance(found, View):
            if if_exists and found is None:
                return status("Drop statement executed successfully.")
            raise missing("View", str(name))
        del account.catalog.relations[name]
        account.catalog.forget_grants("VIEW", name)
        return status(f"{name.name} successfully dropped.")

    return account.ddl(statement.session, work)
