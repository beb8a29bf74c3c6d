"""SELECT, INSERT, UPDATE, DELETE, MERGE and TRUNCATE."""

from __future__ import annotations

from collections import Counter
from typing import Any

import duckdb
from sqlglot import exp

from local.snowflake_server.core.access import Need
from local.snowflake_server.core.catalog import Column, Table
from local.snowflake_server.core.errors import compilation, syntax, unsupported
from local.snowflake_server.core.names import Name, encode, quoted
from local.snowflake_server.core.physical import forget_loads
from local.snowflake_server.core.results import DELETE as DELETE_TYPE
from local.snowflake_server.core.results import INSERT as INSERT_TYPE
from local.snowflake_server.core.results import MERGE as MERGE_TYPE
from local.snowflake_server.core.results import UPDATE as UPDATE_TYPE
from local.snowflake_server.core.results import Result, counts, fetched, status
from local.snowflake_server.core.statement import Statement
from local.snowflake_server.engine import Account
from local.snowflake_server.sql.rewrite import call
from local.snowflake_server.sql.translate import Translator, parse, put_binds

_QUERIES = (exp.Select, exp.SetOperation, exp.Subquery)
_NOT_IN_VALUES = (exp.ParseJSON, exp.ToVariant, exp.Struct, exp.Array, exp.Subquery)


def select(account: Account, statement: Statement) -> Result:
    """Run a query."""
    found = account.translated(statement.session, statement.text, _query)
    sql, values = account.ready(statement, found)

    def work(connection: duckdb.DuckDBPyConnection) -> Result:
        return fetched(connection.execute(sql, values))

    return statement.session.scope.read(work)


def _query(parsed: exp.Expr, translator: Translator) -> str:
    if not isinstance(parsed, _QUERIES):
        raise syntax(f"unexpected {type(parsed).__name__.upper()}")
    if parsed.args.get("into"):
        raise syntax("unexpected 'INTO'.")
    return translator.sql(parsed)


def describe(account: Account, statement: Statement) -> Result:
    """The columns that a query would give; binds count as NULL."""
    found = account.translated(statement.session, statement.text, _query)
    values = {part: None for part in found.parts[1::2]}
    sql, beside = put_binds(found.parts, values | statement.values)

    def work(connection: duckdb.DuckDBPyConnection) -> Result:
        return fetched(connection.execute(f"SELECT * FROM ({sql}) LIMIT 0", beside))

    return statement.session.scope.read(work)


def insert(account: Account, statement: Statement) -> Result:
    """INSERT, also with OVERWRITE, also with many rows of binds."""
    session = statement.session
    found = account.translated(session, statement.text, _insert)
    overwrite, _, sql_start = found.parts[0].partition("\n")
    parts = (sql_start, *found.parts[1:])
    source = None
    if found.external and not session.scope.writing:
        # The call may take minutes; other writers must not wait for it.
        source = _call_first(account, statement, parts)
    batches = statement.rows or [{}]
    ready = [put_binds(parts, statement.values | row) for row in batches]

    def work(connection: duckdb.DuckDBPyConnection) -> int:
        if overwrite:
            return _overwrite(connection, overwrite, ready[0])
        if source is not None:
            connection.register("_called", source)
            head = ready[0][0].partition("\v")[0]
            return row_count(connection.execute(f"{head} SELECT * FROM _called"))
        return sum(
            row_count(connection.execute(sql.replace("\v", ""), values))
            for sql, values in ready
        )

    return counts(INSERT_TYPE, inserted=account.write(session, work))


def _overwrite(
    connection: duckdb.DuckDBPyConnection, table: str, ready: tuple[str, dict[str, Any]]
) -> int:
    """The source may read the table itself: read it before the table is emptied."""
    head, _, query = ready[0].partition("\v")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE _source AS {query}", ready[1])
    connection.execute(f"DELETE FROM {table}")
    count = row_count(connection.execute(f"{head} SELECT * FROM temp._source"))
    connection.execute("DROP TABLE temp._source")
    return count


def _call_first(account: Account, statement: Statement, parts: tuple[str, ...]) -> Any:
    sql, values = put_binds(parts, statement.values)
    query = sql.partition("\v")[2]
    return statement.session.scope.read(
        lambda connection: connection.execute(query, values).to_arrow_table()
    )


def row_count(cursor: duckdb.DuckDBPyConnection) -> int:
    return int(cursor.fetchall()[0][0])


def _insert(parsed: exp.Expr, translator: Translator) -> str:
    """DuckDB's INSERT: the table to empty first, a line end, the statement."""
    if not isinstance(parsed, exp.Insert) or parsed.args.get("expressions"):
        raise unsupported("this form of INSERT")
    for key in ("alternative", "by_name", "conflict", "returning", "exists", "where"):
        if parsed.args.get(key):
            raise syntax(f"unexpected {key.replace('_', ' ').upper()} in INSERT.")
    _check_values(parsed)
    overwrite = parsed.args.pop("overwrite", False)
    source = parsed.args.pop("expression")
    if source is None:
        raise syntax("INSERT without VALUES or SELECT")
    target = parsed.this.this if isinstance(parsed.this, exp.Schema) else parsed.this
    name = translator.temporary_or(translator.name(target))
    table = translator.catalog.table(name)
    if isinstance(parsed.this, exp.Schema):
        given = [plain(c) for c in parsed.this.expressions]
        for column in given:
            table.column(column)
    else:
        given = [c.name for c in table.columns]
    _check_width(source, len(given))
    source.meta["text"] = parsed.meta.get("text", "")
    query = translator.sql(source)
    translator.uses.append((name, table.version))
    translator.need("INSERT", on=name)
    if overwrite:
        translator.need("DELETE", "TRUNCATE", on=name)
    query = _assigned(query, [table.column(c) for c in given])
    columns = ", ".join(quoted(encode(c)) for c in given)
    emptied = table.physical if overwrite else ""
    return f"{emptied}\nINSERT INTO {table.physical} ({columns}) \v{query}"


ASSIGNED = {
    "DECFLOAT": "_decfloat(CAST({0} AS VARCHAR))",
    "BINARY": "_to_binary({0})",
    "VARIANT": "_only_json({0}, 'VARIANT')",
    "ARRAY": "_only_json({0}, 'ARRAY')",
    "OBJECT": "_only_json({0}, 'OBJECT')",
}


def _assigned(query: str, columns: list[Column]) -> str:
    """The source with the conversions that DuckDB would do differently by itself."""
    if not any(c.type.base in ASSIGNED for c in columns):
        return query
    names = [f"c{at}" for at in range(len(columns))]
    values = [
        ASSIGNED.get(c.type.base, "{0}").format(name)
        for name, c in zip(names, columns, strict=True)
    ]
    return f"SELECT {', '.join(values)} FROM ({query}) AS _given({', '.join(names)})"


def plain(node: exp.Expr) -> str:
    quoted_name = (
        bool(node.args.get("quoted")) if isinstance(node, exp.Identifier) else False
    )
    return node.name if quoted_name else node.name.upper()


def _check_values(parsed: exp.Insert) -> None:
    source = parsed.args.get("expression")
    if isinstance(source, exp.Values) and source.find(*_NOT_IN_VALUES):
        found = source.find(*_NOT_IN_VALUES)
        text = found.sql(dialect="snowflake") if found else ""
        raise compilation(
            f"Invalid expression [{text}] in VALUES clause",
            code=2014,
            state="22000",
        )


def _check_width(source: exp.Expr, width: int) -> None:
    if isinstance(source, exp.Values):
        widths = {len(r.expressions) for r in source.expressions}
    elif isinstance(source, exp.Select) and not any(
        e.is_star for e in source.expressions
    ):
        widths = {len(source.expressions)}
    else:
        return
    if widths != {width}:
        raise compilation(
            f"Insert value list does not match column list expecting {width} but got "
            f"{max(widths - {width})}",
            code=2020,
            state="21S01",
        )


def update(account: Account, statement: Statement) -> Result:
    """UPDATE."""
    return _changed(account, statement, UPDATE_TYPE, "updated")


def delete(account: Account, statement: Statement) -> Result:
    """DELETE."""
    return _changed(account, statement, DELETE_TYPE, "deleted")


def _changed(account: Account, statement: Statement, kind: int, what: str) -> Result:
    found = account.translated(statement.session, statement.text, _change)
    batches = statement.rows or [{}]
    ready = [put_binds(found.parts, statement.values | row) for row in batches]

    def work(connection: duckdb.DuckDBPyConnection) -> int:
        return sum(row_count(connection.execute(sql, values)) for sql, values in ready)

    return counts(kind, **{what: account.write(statement.session, work)})


def _change(parsed: exp.Expr, translator: Translator) -> str:
    if not isinstance(parsed, (exp.Update, exp.Delete)):
        raise unsupported("this form of UPDATE or DELETE")
    if (
        parsed.args.get("returning")
        or parsed.args.get("limit")
        or parsed.args.get("order")
    ):
        raise syntax("unexpected clause in UPDATE or DELETE.")
    target = parsed.this
    if isinstance(target, exp.Table):
        _keep_alias(target)
    if isinstance(parsed, exp.Update):
        table = _table_of(target, translator)
        for assignment in parsed.expressions:
            _bare_column(assignment.this)
            _only_documents(table, assignment)
    return translator.sql(parsed)


def _table_of(target: exp.Expr, translator: Translator) -> Table | None:
    """The table that is changed; None for what the translation refuses."""
    if not isinstance(target, exp.Table):
        return None
    bare = target.copy()
    bare.set("alias", None)
    return translator.catalog.table(translator.temporary_or(translator.name(bare)))


def _only_documents(table: Table | None, assignment: exp.Expr) -> None:
    """Refuse a text for a VARIANT column; INSERT does it in `_assigned`."""
    if table is None or not isinstance(assignment, exp.EQ):
        return
    assignment.set(
        "expression", _document(table, assignment.this, assignment.expression)
    )


def _document(table: Table, column: exp.Expr, value: exp.Expr) -> exp.Expr:
    kind = table.column(plain(column.this)).type.base
    if kind not in ("VARIANT", "ARRAY", "OBJECT"):
        return value
    checked = call("_only_json", value, exp.Literal.string(kind))
    checked.meta["made"] = True
    return checked


def _keep_alias(target: exp.Table) -> None:
    """The unqualified name of the target stays usable after the name is completed."""
    if not target.args.get("alias"):
        target.set("alias", exp.TableAlias(this=target.this.copy()))


def _bare_column(node: exp.Expr) -> None:
    if isinstance(node, exp.Column):
        for part in ("table", "db", "catalog"):
            node.set(part, None)


def merge(account: Account, statement: Statement) -> Result:
    """MERGE: DuckDB's own, with counts for the branches that are there."""
    session = statement.session
    found = account.translated(session, statement.text, _merge)
    branches, _, start = found.parts[0].partition("\n")
    sql, values = put_binds((start, *found.parts[1:]), statement.values)

    def work(connection: duckdb.DuckDBPyConnection) -> Counter[str]:
        rows: Any = connection.execute(sql, values).to_arrow_table()
        rows = rows.column(0)
        return Counter(
            {item["values"]: item["counts"] for item in rows.value_counts().to_pylist()}
        )

    done = account.write(session, work)
    named = {b: done[_ACTIONS[b]] for b in branches.split()}
    return counts(MERGE_TYPE, **named)


_ACTIONS = {"inserted": "INSERT", "updated": "UPDATE", "deleted": "DELETE"}


def _merge(parsed: exp.Expr, translator: Translator) -> str:
    if not isinstance(parsed, exp.Merge):
        raise unsupported("this form of MERGE")
    whens = parsed.args["whens"].expressions
    table = _table_of(parsed.this, translator)
    branches = {_branch(when, table) for when in whens}
    if isinstance(parsed.this, exp.Table):
        _keep_alias(parsed.this)
    ordered = " ".join(b for b in _ACTIONS if b in branches)
    return f"{ordered}\n{translator.sql(parsed)} RETURNING merge_action"


def _branch(when: exp.Expr, table: Table | None) -> str:
    then = when.args["then"]
    if isinstance(then, exp.Update):
        for assignment in then.expressions:
            _bare_column(assignment.this)
            _only_documents(table, assignment)
        return "updated"
    if isinstance(then, exp.Insert):
        columns = then.this.expressions if then.this is not None else []
        for column in columns:
            _bare_column(column)
        values = then.expression
        if table is not None and isinstance(values, exp.Tuple) and columns:
            pairs = zip(columns, values.expressions, strict=True)
            values.set("expressions", [_document(table, c, v) for c, v in pairs])
        return "inserted"
    return "deleted"


def truncate(account: Account, statement: Statement) -> Result:
    """TRUNCATE: empties the table and forgets what was loaded into it."""
    parsed = parse(statement.text)
    if not isinstance(parsed, exp.TruncateTable) or len(parsed.expressions) != 1:
        raise unsupported("this form of TRUNCATE")
    session = statement.session
    name = _target(account, statement, parsed.expressions[0])
    if parsed.args.get("exists") and name not in account.catalog.relations:
        return status("Statement executed successfully.")
    table = account.catalog.table(name)
    need = Need(("TRUNCATE", "DELETE"), "TABLE", name.parts)
    account.catalog.access.demand(session.role, need)

    def work(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute(f"DELETE FROM {table.physical}")
        forget_loads(connection, table)

    account.write(session, work)
    return status("Statement executed successfully.")


def _target(account: Account, statement: Statement, node: exp.Expr) -> Name:
    parts = tuple(plain(p) for p in node.parts)  # type: ignore[attr-defined]
    return account.existing_name(statement.session, parts)
