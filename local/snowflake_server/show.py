"""SHOW and DESCRIBE."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import duckdb

from local.snowflake_server.core.access import OF_ACCOUNT, Grant
from local.snowflake_server.core.catalog import Table, View
from local.snowflake_server.core.errors import compilation, missing, syntax, unsupported
from local.snowflake_server.core.names import Name, shown
from local.snowflake_server.core.results import (
    MOMENT,
    NUMBER,
    TEXT,
    Result,
    fetched,
    made,
)
from local.snowflake_server.core.scan import Scanner
from local.snowflake_server.core.statement import Statement
from local.snowflake_server.engine import Account
from local.snowflake_server.objects.tables import row_count
from local.snowflake_server.objects import parameters
from local.snowflake_server.rows import pipes
from local.snowflake_server.sql.translate import put_binds
from local.snowflake_server.tasks import alerts, tasks

Rows = tuple[dict[str, Any], list[tuple[Any, ...]]]
Find = Callable[[Account, Statement, Callable[[Name], bool]], Rows]


def show(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """SHOW <objects> [LIKE ...] [IN ...] [LIMIT n]."""
    scanner.take("TERSE")
    kind = scanner.word()
    if kind in ("FILE", "USER", "EXTERNAL"):
        kind = f"{kind} {scanner.word()}"
    if kind in ("VARIABLES", "LOCKS", "TRANSACTIONS"):
        statement.session.forbid_in_procedure(f"SHOW {kind}")
    if kind == "GRANTS":
        return _grants(account, statement, scanner)
    if kind == "FUTURE":
        return _future_grants(account, statement, scanner)
    if kind == "PARAMETERS":
        return parameters.show(account, statement, scanner, like_pattern)
    find = _KINDS.get(kind)
    if find is None:
        raise unsupported(f"SHOW {kind}")
    like = scanner.string() if scanner.take("LIKE") else "%"
    inside = _seen(account, statement, kind, _scope(account, statement, scanner))
    starts = scanner.string() if scanner.take("STARTS", "WITH") else ""
    limit = scanner.number() if scanner.take("LIMIT") else None
    scanner.end()
    columns, rows = find(account, statement, inside)
    at = list(columns).index("name") if "name" in columns else 2
    pattern = like_pattern(like)
    rows = [r for r in rows if pattern.fullmatch(r[at]) and r[at].startswith(starts)]
    return made(columns, sorted(rows, key=lambda r: r[at])[:limit])


def _seen(
    account: Account,
    statement: Statement,
    kind: str,
    inside: Callable[[Name], bool],
) -> Callable[[Name], bool]:
    """Only what the role holds a privilege on is shown."""
    access, role = account.catalog.access, statement.session.role
    of = _OF.get(kind, kind.rpartition(" ")[2] if "FILE" not in kind else kind)
    kinds = ("TABLE", "VIEW") if kind == "OBJECTS" else (of.removesuffix("S"),)
    return lambda name: inside(name) and any(
        access.sees(role, one, name.parts) for one in kinds
    )


_OF = {"COLUMNS": "TABLES"}


def like_pattern(like: str) -> re.Pattern[str]:
    """A LIKE pattern of SHOW, which ignores case, as a regular expression."""
    parts = ["." if c == "_" else ".*" if c == "%" else re.escape(c) for c in like]
    text = "".join(parts).replace("\\\\.", "_")
    return re.compile(text, re.IGNORECASE | re.DOTALL)


def _scope(
    account: Account, statement: Statement, scanner: Scanner
) -> Callable[[Name], bool]:
    session = statement.session
    if not scanner.take("IN"):
        wanted: tuple[str | None, ...] = (session.database, session.schema)
        if session.database is None:
            return lambda name: True
    elif scanner.take("ACCOUNT"):
        return lambda name: True
    elif scanner.take("DATABASE"):
        wanted = (scanner.identifier(), None)
    elif scanner.peek() in ("TABLE", "VIEW"):
        scanner.word()
        name_of_table = account.existing_name(session, scanner.path())
        account.catalog.relation(name_of_table)
        return lambda name: name == name_of_table
    else:
        scanner.take("SCHEMA")
        parts = scanner.path()
        wanted = parts if len(parts) == 2 else (session.database, parts[0])
        if (wanted[0], wanted[1]) not in account.catalog.schemas:
            # Another number than that of other statements; dbt-snowflake looks at it.
            raise compilation(
                "Object does not exist, or operation cannot be performed.",
                code=2043,
                state="02000",
            )
    return lambda name: (
        name.database == wanted[0] and wanted[1] in (None, name.schema)
    )


_PLACE = {"database_name": TEXT, "schema_name": TEXT}


def _tables(account: Account, statement: Statement, inside: Any) -> Rows:
    columns = {
        "created_on": MOMENT,
        "name": TEXT,
        **_PLACE,
        "kind": TEXT,
        "comment": TEXT,
        "cluster_by": TEXT,
        "rows": NUMBER,
        "owner": TEXT,
        "retention_time": TEXT,
    }
    rows = []
    for table in _of(account, Table, inside):
        try:
            count = statement.session.scope.read(partial(row_count, table=table))
        except duckdb.CatalogException:
            # Another session is about to commit its CREATE, or has just dropped it.
            continue
        n = table.name
        rows.append((
            table.created, n.name, n.database, n.schema, table.kind, table.comment,
            _clustering(table), count, table.owner, str(table.retention),
        ))  # fmt: skip
    return columns, rows


def _objects(account: Account, statement: Statement, inside: Any) -> Rows:
    """Tables and views: those of SHOW TABLES, and three kinds that there are not."""
    columns, rows = _tables(account, statement, inside)
    rows += [
        (v.created, v.name.name, v.name.database, v.name.schema, "VIEW", v.comment, "",
         None, v.owner, None)
        for v in _of(account, View, inside)
    ]  # fmt: skip
    kinds = dict.fromkeys(("is_hybrid", "is_dynamic", "is_iceberg"), TEXT)
    return columns | kinds, [(*row, "N", "N", "N") for row in rows]


def _clustering(table: Table) -> str:
    names = ", ".join(table.cluster_by)
    return f"LINEAR({names})" if names else ""


def _of(account: Account, kind: type, inside: Callable[[Name], bool]) -> Iterable[Any]:
    for name, relation in list(account.catalog.relations.items()):
        if isinstance(relation, kind) and inside(name):
            yield relation


def _views(account: Account, statement: Statement, inside: Any) -> Rows:
    columns = {"created_on": MOMENT, "name": TEXT, **_PLACE, "owner": TEXT,
               "comment": TEXT, "text": TEXT}  # fmt: skip
    rows = [
        (
            v.created,
            v.name.name,
            v.name.database,
            v.name.schema,
            v.owner,
            v.comment,
            v.text,
        )
        for v in _of(account, View, inside)
    ]
    return columns, rows


def _columns(account: Account, statement: Statement, inside: Any) -> Rows:
    columns = {"table_name": TEXT, "schema_name": TEXT, "column_name": TEXT,
               "data_type": TEXT, "null?": TEXT, "default": TEXT, "comment": TEXT,
               "database_name": TEXT}  # fmt: skip
    rows = [
        (t.name.name, t.name.schema, c.name, str(c.type), str(c.nullable).lower(),
         c.default or "", c.comment or "", t.name.database)
        for t in _of(account, Table, inside)
        for c in t.columns
    ]  # fmt: skip
    return columns, rows


def _databases(account: Account, statement: Statement, inside: Any) -> Rows:
    access, role = account.catalog.access, statement.session.role
    rows = [
        (d.created, d.name, d.comment)
        for name, d in account.catalog.databases.items()
        if access.sees(role, "DATABASE", (name,))
    ]
    return {"created_on": MOMENT, "name": TEXT, "comment": TEXT}, rows


def _schemas(account: Account, statement: Statement, inside: Any) -> Rows:
    rows = [
        (
            thing.created,
            schema,
            database,
            thing.owner,
            thing.comment,
            "MANAGED ACCESS" if thing.properties.get("MANAGED ACCESS") else "",
            str(thing.properties.get("DATA_RETENTION_TIME_IN_DAYS", 1)),
        )
        for (database, schema), thing in account.catalog.schemas.items()
        if statement.session.database in (None, database)
        and account.catalog.access.sees(
            statement.session.role, "SCHEMA", (database, schema)
        )
    ]
    columns = {
        "created_on": MOMENT,
        "name": TEXT,
        "database_name": TEXT,
        "owner": TEXT,
        "comment": TEXT,
        "options": TEXT,
        "retention_time": TEXT,
    }
    return columns, rows


def _stages(account: Account, statement: Statement, inside: Any) -> Rows:
    columns = {"created_on": MOMENT, "name": TEXT, **_PLACE, "url": TEXT,
               "owner": TEXT, "comment": TEXT, "storage_integration": TEXT}  # fmt: skip
    rows = [
        (s.created, n.name, n.database, n.schema, s.url or "", s.owner, s.comment,
         s.integration)
        for n, s in account.catalog.in_schema["STAGE"].items()
        if inside(n)
    ]  # fmt: skip
    return columns, rows


def _in_account(kind: str) -> Find:
    def find(account: Account, statement: Statement, inside: Any) -> Rows:
        access, role = account.catalog.access, statement.session.role
        found = [
            thing
            for name, thing in account.catalog.in_account[kind].items()
            if kind == "ROLE" or access.sees(role, kind, (name,))
        ]
        columns = {"created_on": MOMENT, "name": TEXT, "owner": TEXT, "comment": TEXT}
        return columns, [(t.created, t.name, t.owner, t.comment) for t in found]

    return find


def _in_schema(kind: str) -> Find:
    def find(account: Account, statement: Statement, inside: Any) -> Rows:
        columns = {"created_on": MOMENT, "name": TEXT, **_PLACE, "owner": TEXT,
                   "comment": TEXT}  # fmt: skip
        rows = [
            (
                thing.created,
                name.name,
                name.database,
                name.schema,
                thing.owner,
                thing.comment,
            )
            for name, thing in account.catalog.in_schema[kind].items()
            if inside(name)
        ]
        return columns, rows

    return find


def _callables(kind: str) -> Find:
    def find(account: Account, statement: Statement, inside: Any) -> Rows:
        columns = {"created_on": MOMENT, "name": TEXT, "schema_name": TEXT,
                   "min_num_arguments": NUMBER, "max_num_arguments": NUMBER,
                   "arguments": TEXT, "description": TEXT,
                   "catalog_name": TEXT, "is_builtin": TEXT}  # fmt: skip
        rows = []
        for name, thing in account.catalog.in_schema[kind].items():
            if inside(name):
                most = len(thing.arguments)
                least = sum(not a.optional for a in thing.arguments)
                listed = ", ".join(a.type.base for a in thing.arguments)
                signature = f"{name.name}({listed}) RETURN {thing.returns}"
                rows.append((thing.created, name.name, name.schema, least, most,
                             signature, thing.comment, name.database,
                             "N"))  # fmt: skip
        return columns, rows

    return find


_KINDS: dict[str, Find] = {
    "TABLES": _tables,
    "OBJECTS": _objects,
    "VIEWS": _views,
    "COLUMNS": _columns,
    "DATABASES": _databases,
    "SCHEMAS": _schemas,
    "STAGES": _stages,
    "FILE FORMATS": _in_schema("FILE FORMAT"),
    "TASKS": tasks.show,
    "ALERTS": alerts.show,
    "STREAMLITS": _in_schema("STREAMLIT"),
    "PIPES": pipes.show,
    "PROCEDURES": _callables("PROCEDURE"),
    "FUNCTIONS": _callables("FUNCTION"),
    "USER PROCEDURES": _callables("PROCEDURE"),
    "USER FUNCTIONS": _callables("FUNCTION"),
    "EXTERNAL FUNCTIONS": _callables("FUNCTION"),
    "INTEGRATIONS": _in_account("INTEGRATION"),
    "ROLES": _in_account("ROLE"),
    "WAREHOUSES": _in_account("WAREHOUSE"),
}


def _grants(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """SHOW GRANTS [ON ... | TO ROLE | TO USER | OF ROLE]."""
    access = account.catalog.access
    if scanner.done:
        statement.session.forbid_in_procedure("SHOW GRANTS")
        name = statement.session.user
        return _grant_rows(
            [g for g in access.grants if g.to_user and g.grantee == name]
        )
    if scanner.take("TO", "ROLE"):
        grantee = scanner.identifier()
        scanner.end()
        return _grant_rows(_held_by(account, grantee))
    if scanner.take("TO", "USER"):
        grantee = scanner.identifier()
        scanner.end()
        given = [g for g in access.grants if g.to_user and g.grantee == grantee]
        return _grant_rows(given)
    if scanner.take("OF", "ROLE"):
        role = (scanner.identifier(),)
        scanner.end()
        return _grant_rows(
            [g for g in access.grants if g.kind == "ROLE" and g.name == role]
        )
    scanner.expect("ON")
    if scanner.take("ACCOUNT"):
        scanner.end()
        return _grant_rows(access.on("ACCOUNT", ()))
    kind = scanner.word()
    kind = f"{kind} {scanner.word()}" if kind == "FILE" else kind
    path = scanner.path()
    if scanner.peek() == "(":
        scanner.listed(Scanner.word)
    scanner.end()
    return _grant_rows(access.on(kind, _full(account, statement, kind, path)))


def _full(
    account: Account, statement: Statement, kind: str, path: tuple[str, ...]
) -> tuple[str, ...]:
    if kind in OF_ACCOUNT or kind == "DATABASE":
        return path
    if kind == "SCHEMA":
        return path if len(path) == 2 else (statement.session.database or "", *path)
    return account.name(statement.session, path).parts


def _held_by(account: Account, role: str) -> list[Grant]:
    """What a role owns and what was granted to it, by future grants too."""
    catalog = account.catalog
    found = [g for g in catalog.access.grants if g.grantee == role and not g.place]
    found = [g for g in found if not g.to_user]
    for kind, name, _ in catalog.objects():
        more = [g for g in catalog.access.on(kind, name) if g.grantee == role]
        found += [g for g in more if g not in found]
    return found


def _grant_rows(grants: list[Grant]) -> Result:
    columns = {"created_on": MOMENT, "privilege": TEXT, "granted_on": TEXT,
               "name": TEXT, "granted_to": TEXT, "grantee_name": TEXT,
               "grant_option": TEXT, "granted_by": TEXT}  # fmt: skip
    rows = [
        (g.created, g.privilege, g.kind.replace(" ", "_"),
         ".".join(map(shown, g.name)) + g.signature or "LOCAL",
         "USER" if g.to_user else "ROLE", g.grantee, str(g.option).lower(),
         g.granted_by)
        for g in grants
        if g.grantee
    ]  # fmt: skip
    return made(columns, rows)


def _future_grants(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """SHOW FUTURE GRANTS IN SCHEMA | IN DATABASE | TO ROLE."""
    scanner.expect("GRANTS")
    grants = [g for g in account.catalog.access.grants if g.place]
    if scanner.take("TO", "ROLE"):
        role = scanner.identifier()
        grants = [g for g in grants if g.grantee == role]
    else:
        scanner.expect("IN")
        kind = scanner.word()
        place = _full(account, statement, kind, scanner.path())
        grants = [g for g in grants if g.place == place]
    scanner.end()
    texts = ("privilege", "grant_on", "name", "grant_to", "grantee_name")
    columns = {"created_on": MOMENT} | dict.fromkeys((*texts, "grant_option"), TEXT)
    rows = [
        (g.created, g.privilege, g.kind.replace(" ", "_"),
         ".".join(map(shown, g.place)) + f".<{g.kind}>", "ROLE", g.grantee,
         str(g.option).lower())
        for g in grants
    ]  # fmt: skip
    return made(columns, rows)


def describe(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """DESCRIBE TABLE, VIEW, INTEGRATION, PROCEDURE, ..."""
    kind = scanner.word()
    if kind in ("STORAGE", "API", "NOTIFICATION"):
        kind = scanner.word()
    role = statement.session.role
    if kind in ("TABLE", "VIEW"):
        name = account.existing_name(statement.session, scanner.path())
        scanner.end()
        of = type(account.catalog.relation(name)).__name__.upper()
        account.catalog.access.demand_any(role, of, name.parts)
        return _describe_relation(account, statement, name)
    if kind == "INTEGRATION":
        name_of_integration = scanner.identifier()
        scanner.end()
        account.catalog.access.demand_any(role, kind, (name_of_integration,))
        return _describe_integration(account, name_of_integration)
    if kind == "TASK":
        name = account.name(statement.session, scanner.path())
        scanner.end()
        account.catalog.access.demand_any(role, kind, name.parts)
        return tasks.describe(account, name)
    if kind == "PIPE":
        name = account.name(statement.session, scanner.path())
        scanner.end()
        return pipes.describe(account, name)
    if kind in ("PROCEDURE", "FUNCTION"):
        name = account.name(statement.session, scanner.path())
        found = account.catalog.thing(kind, name)
        account.catalog.access.demand_any(role, kind, name.parts)
        rows = [(str(k).lower(), str(v)) for k, v in found.described.items()]
        return made({"property": TEXT, "value": TEXT}, rows)
    if kind == "FILE":
        scanner.expect("FORMAT")
        name = account.name(statement.session, scanner.path())
        options = account.catalog.thing("FILE FORMAT", name).properties
        rows = [(k, str(v)) for k, v in options.items()]
        return made({"property": TEXT, "property_value": TEXT}, rows)
    raise syntax(f"unexpected '{kind}' after DESCRIBE.")


_DESCRIBED = {
    "name": TEXT, "type": TEXT, "kind": TEXT, "null?": TEXT, "default": TEXT,
    "primary key": TEXT, "unique key": TEXT, "check": TEXT, "expression": TEXT,
    "comment": TEXT,
}  # fmt: skip


def _describe_relation(account: Account, statement: Statement, name: Name) -> Result:
    found = account.catalog.relation(name)
    rows: list[tuple[Any, ...]]
    if isinstance(found, Table):
        rows = [
            (c.name, str(c.type), "COLUMN", "Y" if c.nullable else "N", c.default,
             "Y" if c.name in found.primary_key else "N", "N", None, None, c.comment)
            for c in found.columns
        ]  # fmt: skip
        return made(_DESCRIBED, rows)
    probe = account.translated(statement.session, f"SELECT * FROM {found.name}")
    sql, values = put_binds(probe.parts, statement.values)
    result = statement.session.scope.read(
        lambda c: fetched(c.execute(f"SELECT * FROM ({sql}) LIMIT 0", values))
    )
    rows = [
        (n, str(t), "COLUMN", "Y", None, "N", "N", None, None, found.comments.get(n))
        for n, t in zip(result.names, result.types, strict=True)
    ]
    return made(_DESCRIBED, rows)


def _describe_integration(account: Account, name: str) -> Result:
    found = account.catalog.in_account["INTEGRATION"].get(name)
    if found is None:
        raise missing("Integration", shown(name))
    properties = {k: v for k, v in found.properties.items() if k != "SORT"}
    sort = found.properties["SORT"]
    properties |= {
        f"{sort}_AWS_IAM_USER_ARN": "arn:aws:iam::000000000000:user/local-snowflake",
        f"{sort}_AWS_EXTERNAL_ID": f"LOCAL_SFCRole={name}",
    }
    rows = [(k, type(v).__name__, _printed(v), "") for k, v in properties.items()]
    columns = {"property": TEXT, "property_type": TEXT, "property_value": TEXT,
               "property_default": TEXT}  # fmt: skip
    return made(columns, rows)


def _printed(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
