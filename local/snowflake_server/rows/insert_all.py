"""INSERT ALL: the rows of one query into several tables, by one statement."""

from __future__ import annotations

import re

import duckdb
from sqlglot import exp

from local.snowflake_server.core.errors import compilation, unsupported
from local.snowflake_server.core.names import encode, quoted
from local.snowflake_server.core.results import INSERT as INSERT_TYPE
from local.snowflake_server.core.results import Result, counts
from local.snowflake_server.core.statement import Statement
from local.snowflake_server.engine import Account
from local.snowflake_server.rows import dml
from local.snowflake_server.rows.dml import ASSIGNED, plain, row_count
from local.snowflake_server.sql.translate import Translator, put_binds

_INSERT_ALL = re.compile(r"INSERT\s+(OVERWRITE\s+)?(ALL|FIRST)\b", re.IGNORECASE)


def insert(account: Account, statement: Statement) -> Result:
    """INSERT in any of its forms."""
    found = _INSERT_ALL.match(statement.text)
    if found is None:
        return dml.insert(account, statement)
    if found[1]:
        raise unsupported("INSERT OVERWRITE ALL")
    return _insert_all(account, statement)


def _insert_all(account: Account, statement: Statement) -> Result:
    """INSERT ALL without conditions: the rows of one query into several tables."""
    found = account.translated(statement.session, statement.text, _multitable)
    head, *rest = found.parts
    tables, _, start = head.partition("\n")
    query, values = put_binds((start, *rest), statement.values)
    sql, *inserts = query.split("\f")

    def work(connection: duckdb.DuckDBPyConnection) -> list[int]:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE _source AS {sql}", values)
        done = [row_count(connection.execute(insert)) for insert in inserts]
        connection.execute("DROP TABLE temp._source")
        return done

    done = account.write(statement.session, work)
    told = {f"into {n}": 0 for n in tables.split("\v")}
    for name, count in zip(tables.split("\v"), done, strict=True):
        told[f"into {name}"] += count
    return counts(INSERT_TYPE, **{f"inserted {n}": c for n, c in told.items()})


def _multitable(parsed: exp.Expr, translator: Translator) -> str:
    """The tables, a line end, the query, and an INSERT for each table."""
    if not isinstance(parsed, exp.MultitableInserts) or parsed.args["kind"] != "ALL":
        raise unsupported("this form of INSERT")
    source = parsed.args["source"]
    if not isinstance(source, exp.Select):
        raise unsupported("INSERT ALL of anything but a SELECT")
    # Only what has a name of its own can be named (docs: insert-multi-table).
    named = [plain(e.args["alias"]) for e in source.expressions if e.args.get("alias")]
    if len(named) != len(source.expressions) or len(set(named)) != len(named):
        raise unsupported("INSERT ALL of columns without an alias")
    into = [_into(clause, named, translator) for clause in parsed.expressions]
    source.meta["text"] = parsed.meta.get("text", "")
    columns = ", ".join(quoted(encode(n)) for n in named)
    query = f"SELECT * FROM ({translator.sql(source)}) AS _given({columns})"
    tables = "\v".join(name for name, _ in into)
    return "\f".join([f"{tables}\n{query}", *(insert for _, insert in into)])


def _into(
    clause: exp.Expr, named: list[str], translator: Translator
) -> tuple[str, str]:
    insert = clause.this
    if clause.args.get("expression") or clause.args.get("else_"):
        raise unsupported("INSERT ALL with WHEN")
    if not isinstance(insert.this, exp.Schema) or insert.args["expression"] is None:
        raise unsupported("INSERT ALL without columns and VALUES")
    name = translator.temporary_or(translator.name(insert.this.this))
    table = translator.catalog.table(name)
    columns = [table.column(plain(c)) for c in insert.this.expressions]
    (row,) = insert.args["expression"].expressions
    values = [_source_column(value, named) for value in row.expressions]
    if len(values) != len(columns):
        raise compilation(
            f"Insert value list does not match column list expecting {len(columns)} but"
            f" got {len(values)}",
            code=2020,
            state="21S01",
        )
    translator.uses.append((name, table.version))
    translator.need("INSERT", on=name)
    given = ", ".join(
        ASSIGNED.get(c.type.base, "{0}").format(quoted(encode(value)))
        for c, value in zip(columns, values, strict=True)
    )
    listed = ", ".join(quoted(encode(c.name)) for c in columns)
    sql = f"INSERT INTO {table.physical} ({listed}) SELECT {given} FROM temp._source"
    return name.parts[-1], sql


def _source_column(value: exp.Expr, named: list[str]) -> str:
    """VALUES takes names of the query's columns, no expressions."""
    if not isinstance(value, exp.Column) or value.args.get("table"):
        raise unsupported("INSERT ALL with anything but column names in VALUES")
    found = plain(value.this)
    if found not in named:
        raise compilation(f"invalid identifier '{found}'", code=904, state="42000")
    return found
