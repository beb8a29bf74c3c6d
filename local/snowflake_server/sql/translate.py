"""Turns a parsed statement into DuckDB's SQL; refuses what Snowflake would refuse."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokens import TokenType

from local.snowflake_server.core.access import Need
from local.snowflake_server.core.catalog import Catalog, Table, View, full_name
from local.snowflake_server.core.errors import (
    compilation,
    from_duckdb,
    missing,
    unsupported,
)
from local.snowflake_server.core.names import Name, decode, encode, literal
from local.snowflake_server.sql import functions
from local.snowflake_server.sql.calls import (
    external_call,
    python_call,
    scoped_url,
    stage_of,
)
from local.snowflake_server.sql.decfloats import compare_as_numbers
from local.snowflake_server.sql.rewrite import follow_formats, rewrite

BIND = re.compile(r"\$(w(?:bind|ctx)_\w+?__)")


def parse(text: str) -> exp.Expr:
    """Parse one statement; every '?' becomes a numbered placeholder in reading order.

    Raises:
        SnowflakeError: Snowflake would not understand it either.
    """
    try:
        if "?" in text:
            text = _number_binds(text)
        found = sqlglot.parse(text, read="snowflake")
    except SqlglotError as error:
        raise from_duckdb(error) from error
    statements = [f for f in found if f and not isinstance(f, exp.Semicolon)]
    if len(statements) != 1:
        raise compilation(
            f"Actual statement count {len(statements)} did not match the desired "
            "statement count 1.",
            code=8,
            state="0A000",
        )
    statement = statements[0]
    statement.meta["text"] = text
    return statement


def _number_binds(text: str) -> str:
    parts, at, number = [], 0, 0
    for token in sqlglot.tokenize(text, read="snowflake"):
        if token.token_type == TokenType.PLACEHOLDER and token.text == "?":
            number += 1
            parts.append(f"{text[at:token.start]}:wbind_{number}__")
            at = token.end + 1
    return "".join(parts) + text[at:]


@dataclass(frozen=True)
class Translated:
    """A statement ready for DuckDB.

    Attributes:
        parts: SQL, cut at each value that a session puts in (odd positions name it).
        uses: Catalog objects it was made from; if one changed, translate again.
        external: Whether it calls an external function.
        needs: What the role that runs it must hold, and what the owners of views must.
    """

    parts: tuple[str, ...]
    uses: tuple[tuple[Name, int], ...]
    external: bool
    needs: tuple[Need, ...] = ()


@dataclass
class Translator:
    """One translation: looks names up and remembers what it used."""

    catalog: Catalog
    database: str | None
    schema: str | None
    temporary: dict[Name, Name] = field(default_factory=dict)
    information_schema: Callable[[str, str, str], str] | None = None
    uses: list[tuple[Name, int]] = field(default_factory=list)
    external: bool = False
    formats: dict[str, str] = field(default_factory=dict)
    needs: list[Need] = field(default_factory=list)
    acting: str = ""  # inside of a view: its owner

    def need(self, *privileges: str, on: Name, kind: str = "TABLE") -> None:
        """Remember what must be held; any one of the privileges does."""
        self.needs.append(Need(privileges, kind, on.parts, self.acting))

    def name(self, node: exp.Table) -> Name:
        """The full name that a table node means."""
        parts = tuple(_identifier(p) for p in node.parts)
        return full_name(parts, database=self.database, schema=self.schema)

    def temporary_or(self, name: Name) -> Name:
        """The session's temporary table of that name, or the name itself."""
        return self.temporary.get(name, name)

    def finish(self, statement: exp.Expr) -> Translated:
        """Check, resolve and generate."""
        return self.generated(self.sql(statement))

    def generated(self, sql: str) -> Translated:
        """Remember finished SQL together with what it was made from."""
        return Translated(
            parts=tuple(BIND.split(sql)),
            uses=tuple(self.uses),
            external=self.external,
            needs=tuple(dict.fromkeys(self.needs)),
        )

    def sql(self, statement: exp.Expr) -> str:
        """DuckDB's text of the statement; the statement is used up."""
        self._resolve(statement)
        try:
            return statement.sql(dialect="duckdb", copy=False)
        except SqlglotError as error:
            raise from_duckdb(error) from error

    def _resolve(self, statement: exp.Expr) -> None:
        text = statement.meta.get("text", "")
        _put_history(statement)
        _check_syntax(statement)
        self._call_functions(statement, text)
        self._name_results(statement)
        compare_as_numbers(statement, self._is_decfloat)
        rewrite(statement)
        if self.formats:
            follow_formats(statement, self.formats)
        _encode_identifiers(statement)
        self._put_tables(statement)

    def _is_decfloat(self, node: exp.Table, column: str) -> bool:
        if not node.name or isinstance(node.this, (exp.Func, exp.Var, exp.Parameter)):
            return False
        found = self.catalog.relations.get(self.temporary_or(self.name(node)))
        columns = found.columns if isinstance(found, Table) else ()
        return any(c.name == column and c.type.base == "DECFLOAT" for c in columns)

    def _call_functions(self, statement: exp.Expr, text: str) -> None:
        for node in list(statement.find_all(exp.Func)):
            self._check_function(node, text)

    def _check_function(self, node: exp.Func, text: str) -> None:
        if isinstance(node, exp.Anonymous) and node.meta.get("made"):
            return
        if "start" in node.meta and text:
            name = text[node.meta["start"] : node.meta["end"] + 1].upper()
        elif isinstance(node, exp.Anonymous):
            name = node.name.upper()
        elif type(node).__name__ in functions.SYNTAX or node.meta.get("made"):
            return
        elif nameless := functions.NAMELESS.get(type(node).__name__):
            if re.search(nameless, text, re.IGNORECASE):
                return
            name = node.sql_name()
        else:
            name = node.sql_name()
        if name in functions.ALLOWED or name in ("::", "||"):
            return
        if isinstance(node, exp.Anonymous) and self._call_own(node):
            return
        if not re.match(r"\w", name):
            return
        raise functions.unknown(name)

    def _call_own(self, node: exp.Anonymous) -> bool:
        """Put the call of a user's function in the place of its name."""
        if node.name.upper() == "BUILD_SCOPED_FILE_URL":
            self._scoped_url(node)
            return True
        whole: exp.Expr = node
        parts = [node.name.upper()]
        while isinstance(whole.parent, exp.Dot):
            whole = whole.parent
        if whole is not node:
            parts = [_identifier(p) for p in whole.flatten() if p is not node] + parts
        name = full_name(tuple(parts), database=self.database, schema=self.schema)
        found = self.catalog.in_schema["FUNCTION"].get(name)
        if found is None:
            return False
        if len(node.expressions) != len(found.arguments):
            raise compilation(
                f"Invalid argument types for function '{name}': expected "
                f"{len(found.arguments)} arguments, got {len(node.expressions)}",
                code=1044,
            )
        self.need("USAGE", on=name, kind="FUNCTION")
        given = list(node.expressions)
        if found.described.get("language") == "PYTHON":
            types = [a.type.base for a in found.arguments]
            result = python_call(name, types, given)
        else:
            self.external = True
            result = external_call(name, given)
        if isinstance(whole.parent, exp.Select):
            result = exp.alias_(result, f"{node.name.upper()}(...)", quoted=True)
        whole.replace(result)
        return True

    def _scoped_url(self, node: exp.Anonymous) -> None:
        """BUILD_SCOPED_FILE_URL: READ on an internal stage, USAGE on others."""
        name = full_name(stage_of(node), database=self.database, schema=self.schema)
        stage = self.catalog.thing("STAGE", name)
        self.need("USAGE" if stage.url else "READ", on=name, kind="STAGE")
        result = scoped_url(name, node.expressions[1])
        if isinstance(node.parent, exp.Select):
            result = exp.alias_(result, "BUILD_SCOPED_FILE_URL(...)", quoted=True)
        node.replace(result)

    def _name_results(self, statement: exp.Expr) -> None:
        """Unnamed result columns carry the text of their expression, upper-cased."""
        select = statement
        while isinstance(select, exp.SetOperation):
            select = select.this
        if not isinstance(select, exp.Select):
            return
        for node in list(select.expressions):
            if isinstance(node, (exp.Alias, exp.Column, exp.Star, exp.Aliases)):
                continue
            if isinstance(node, exp.Parameter):
                name = f"${node.name}"
            else:
                name = re.sub(
                    r":WBIND_\d+__", "?", node.sql(dialect="snowflake").upper()
                )
            node.replace(exp.alias_(node.copy(), name, quoted=True))

    def _put_tables(self, statement: exp.Expr) -> None:
        common: dict[str, list[exp.CTE]] = {}
        for cte in statement.find_all(exp.CTE):
            common.setdefault(cte.alias, []).append(cte)
        for node in list(statement.find_all(exp.Table)):
            if isinstance(node.this, exp.Func) or not node.name:
                continue
            if not node.args.get("db") and _is_common(node, common.get(node.name, [])):
                continue
            self._put_table(node)

    def _put_table(self, node: exp.Table) -> None:
        if node.args.get("when") or node.args.get("changes"):
            raise unsupported("time travel")
        if isinstance(node.this, (exp.Var, exp.Parameter)):
            raise unsupported("a query on a stage")
        parts = tuple(decode(p.name) for p in node.parts)
        name = full_name(parts, database=self.database, schema=self.schema)
        alias = node.args.get("alias") or exp.TableAlias(
            this=exp.to_identifier(encode(name.name), quoted=True)
        )
        if name.schema == "INFORMATION_SCHEMA" and self.information_schema:
            self.catalog.check_schema(name.database, name.schema)
            database = (name.database,)
            self.needs.append(Need(("USAGE",), "DATABASE", database, self.acting))
            source = self.information_schema(name.database, name.name, self.acting)
            self.uses.append((name, -1))
            node.replace(exp.Table(this=exp.to_identifier(source), alias=alias))
            return
        name = self.temporary.get(name, name)
        found = self.catalog.relation(name)
        self.uses.append((name, found.version))
        self._need_relation(node, found)
        if isinstance(found, View):
            self._put_view(node, found, alias)
            return
        node.set("this", exp.to_identifier(encode(name.name), quoted=True))
        node.set("db", exp.to_identifier(name.physical_schema, quoted=True))
        node.set("catalog", None)
        if not _is_target(node):
            node.set("alias", alias)

    def _need_relation(self, node: exp.Table, found: Table | View) -> None:
        """A statement that changes rows finds them as well: SELECT, and its own."""
        kind = type(found).__name__.upper()
        writer = node.parent if _is_target(node) else None
        if isinstance(writer, exp.Update):
            self.need("UPDATE", on=found.name, kind=kind)
        elif isinstance(writer, exp.Delete):
            self.need("DELETE", on=found.name, kind=kind)
        elif isinstance(writer, exp.Merge):
            for when in writer.args["whens"].expressions:
                self.need(_privilege(when.args["then"]), on=found.name, kind=kind)
        self.need("SELECT", on=found.name, kind=kind)

    def _put_view(self, node: exp.Table, view: View, alias: exp.TableAlias) -> None:
        if _is_target(node):
            raise compilation(f"'{view.name}' is a view and cannot be changed.")
        query = view.query.copy()
        inner = Translator(
            catalog=self.catalog,
            database=view.name.database,
            schema=view.name.schema,
            information_schema=self.information_schema,
            uses=self.uses,
            needs=self.needs,
            acting=view.owner,
        )
        inner._resolve(query)
        columns = [exp.to_identifier(encode(c), quoted=True) for c in view.columns]
        if not alias.args.get("columns"):
            alias = alias.copy()
            alias.set("columns", columns)
        made = exp.Subquery(this=query, alias=alias)
        for key in ("joins", "laterals", "pivots"):
            if node.args.get(key):
                made.set(key, node.args[key])
        node.replace(made)


# Function: its arguments, of which the literals among the first are in the view's name.
_HISTORIES = {
    "COPY_HISTORY": (("TABLE_NAME", "START_TIME"), 1),
    "TASK_HISTORY": (("DATABASE_NAME", "SCHEMA_NAME", "RESULT_LIMIT"), 3),
}


def _put_history(statement: exp.Expr) -> None:
    """TABLE(INFORMATION_SCHEMA.x_HISTORY(...)) as a view that is named after it."""
    for node in list(statement.find_all(exp.TableFromRows)):
        call = node.this.expression if isinstance(node.this, exp.Dot) else None
        if not isinstance(call, exp.Anonymous) or call.name.upper() not in _HISTORIES:
            continue
        name = call.name.upper()
        arguments, named = _HISTORIES[name]
        given = {a.name.upper(): a.expression for a in call.find_all(exp.Kwarg)}
        values = list(given.values())[:named]
        literal = all(isinstance(value, exp.Literal) for value in values)
        if tuple(given) != arguments or not literal:
            raise unsupported(f"{name} with other arguments")
        view = " ".join([name, *(value.name for value in values)])
        node.replace(
            exp.Table(
                this=exp.to_identifier(view, quoted=True),
                db=exp.to_identifier(node.this.this.name.upper(), quoted=True),
            )
        )


def _identifier(node: exp.Expr) -> str:
    if isinstance(node, exp.Identifier) and node.args.get("quoted"):
        return node.name
    if isinstance(node, exp.Identifier):
        return node.name.upper()
    raise missing("Object", node.sql(dialect="snowflake"))


# Parsed by sqlglot, but not Snowflake's, or not imitated here.
_REFUSED = (
    exp.TableSample,
    exp.LimitOptions,
    exp.Lambda,
    exp.Pivot,
    exp.Into,
    exp.Returning,
    exp.Glob,
    exp.SimilarTo,
    exp.Columns,
    exp.Lock,
    exp.MatchRecognize,
)


def _check_syntax(statement: exp.Expr) -> None:
    found = statement.find(*_REFUSED)
    for node in statement.find_all(exp.Distinct, exp.Join, exp.JSONExtract):
        if isinstance(node, exp.Distinct):
            refused = node.args.get("on")
        elif isinstance(node, exp.Join):
            refused = node.args.get("method") or node.args.get("kind") in (
                "SEMI",
                "ANTI",
            )
        else:
            refused = not node.args.get("variant_extract") and "start" not in node.meta
        found = node if refused and not node.meta.get("made") else found
    if found is not None:
        raise unsupported(found.sql(dialect="snowflake")[:200])


def _encode_identifiers(statement: exp.Expr) -> None:
    for column in statement.find_all(exp.Column):
        column.set("db", None)  # inside a statement a table is known by its bare name
        column.set("catalog", None)
    for node in statement.find_all(exp.Identifier):
        if node.meta.get("made"):
            continue
        name = node.name if node.args.get("quoted") else node.name.upper()
        node.set("this", encode(name))
        node.set("quoted", True)
        node.meta["made"] = True


def _is_common(node: exp.Table, candidates: list[exp.CTE]) -> bool:
    """Whether the name is that of a WITH query in whose scope the node stands."""
    for cte in candidates:
        inside = node.find_ancestor(exp.CTE)
        own = False
        while inside is not None:
            own = own or inside is cte
            inside = inside.find_ancestor(exp.CTE)
        recursive = cte.parent is not None and cte.parent.args.get("recursive")
        if not own or recursive:
            return True
    return False


def _privilege(branch: exp.Expr) -> str:
    """What a branch of MERGE takes."""
    if isinstance(branch, exp.Update):
        return "UPDATE"
    return "INSERT" if isinstance(branch, exp.Insert) else "DELETE"


def _is_target(node: exp.Table) -> bool:
    """Whether the statement writes to this table."""
    parent: exp.Expr | None = node.parent
    child: exp.Expr = node
    if isinstance(parent, exp.Schema):
        child = parent
        parent = child.parent
    return isinstance(
        parent, (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.TruncateTable)
    ) and (parent.this is child or child in parent.args.get("expressions", ()))


def put_binds(parts: tuple[str, ...], values: dict[str, object]) -> tuple[str, dict]:
    """The final SQL and the values that travel beside it.

    Short texts, numbers and NULL are written into the SQL, because DuckDB gives a bound
    value a fixed type although Snowflake (and a literal) adapts to its surroundings.
    """
    if len(parts) == 1:
        return parts[0], {}
    sql, beside = [], {}
    for at, part in enumerate(parts):
        if at % 2 == 0:
            sql.append(part)
            continue
        if part not in values:
            raise compilation("Bind variable not set.", code=2049)
        value = values[part]
        written = _written(value)
        if written is None:
            beside[part] = value
            sql.append(f"${part}")
        else:
            sql.append(written)
    return "".join(sql), beside


def _written(value: object) -> str | None:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return f"({value})" if value < 0 else str(value)
    if isinstance(value, str) and len(value) <= 4000 and "\0" not in value:
        return literal(value)
    return None
