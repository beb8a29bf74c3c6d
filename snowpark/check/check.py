"""CHECK_SYNC: looks at all that a sync needs, one row for each thing; writes nothing.

Each look is caught alone: what one statement or one source refuses is a row, and the
looks after it are taken all the same.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from lambda_extract.contract import CheckRequest
from snowpark import arguments
from snowpark.check import rows as judge
from snowpark.check import statements
from snowpark.check.rows import Row
from snowpark.columns.shape import Shape
from snowpark.errors import SyncError, UsageError
from snowpark.extraction import ask, requests
from snowpark.groups import task_graph, task_statements
from snowpark.ledger import statements as ledger_statements
from snowpark.load import history, target_statements
from snowpark.names import IS_CURRENT
from snowpark.settings import groups as settings_groups
from snowpark.settings.groups import AlertTargets, GroupSettings
from snowpark.settings.table import TableSettings
from snowpark.settings.targets import Declared
from snowpark.session import Snowflake

# Of the only environment; those of another one have a suffix.
_OWNER = "SYNC_ADMIN"
_STORAGE = "AURORA_SYNC_STORAGE"
_API = "AURORA_SYNC_API"
_NAMES_SHOWN = 50


def check_sync(snowflake: Snowflake, subject: object = None) -> dict[str, Any]:
    """Returns a row for each thing that a sync needs.

    Args:
        subject: A configured table or source; None: everything, the account as well.

    Raises:
        UsageError: "unknown_table": neither a table nor a source has this name;
            "invalid_argument".
        SnowflakeError: Not even the configuration can be read.
    """
    named = arguments.text_or_null(
        subject, "subject", longest=255, hint="Pass a table, a source, or NULL."
    )
    found = [
        TableSettings.from_json(str(row[0]))
        for row in snowflake.run(statements.read_tables())
    ]
    tables = _chosen(found, named)
    (session,) = snowflake.run(statements.read_session())
    role, database = str(session["ROLE"]), str(session["DATABASE_NAME"])
    rows = [judge.of_session(role, session["WAREHOUSE"])]
    rows += _attempt("date formats", "", lambda: _dates(snowflake))
    rows += _integrations(snowflake, role, _suffix(role))
    rows += _sources(snowflake, tables)
    rows += _targets(snowflake, tables, database, role)
    if named is None:
        rows += _account(snowflake, role)
    return judge.report(rows)


def _chosen(found: list[TableSettings], named: str | None) -> list[TableSettings]:
    if named is None:
        return found
    name = " ".join(named.split()).lower()
    chosen = [t for t in found if name == t.name]
    chosen = chosen or [t for t in found if name == t.source.lower()]
    if not chosen:
        names = sorted({t.source for t in found} | {t.name for t in found})
        known = ", ".join(names[:_NAMES_SHOWN]) or "none yet; call APPLY_CONFIG first"
        raise UsageError(
            "unknown_table", f"There is no table and no source of this name: {known}."
        )
    return chosen


def _attempt(
    check: str, subject: str, look: Callable[[], Iterable[Row]], hint: str = ""
) -> list[Row]:
    """Returns what a look has found; what Snowflake refuses is a row, too."""
    try:
        return list(look())
    except SyncError as error:
        return [judge.failed(check, error, subject, hint)]


def _list(check: str, subject: str, look: Callable[[], Iterable[Row]]) -> list[Row]:
    """Returns what a look at a list has found that no sync needs."""
    try:
        return list(look())
    except SyncError as error:
        return [judge.not_seen(check, error, subject)]


# --- the session and the integrations -------------------------------------------------


def _dates(snowflake: Snowflake) -> Iterator[Row]:
    (row,) = snowflake.run(ledger_statements.read_dates())
    yield judge.of_dates(str(row[0]), ledger_statements.DATES_READ_RIGHT)


def _suffix(role: str) -> str:
    """Returns what the names of the account end with: that of the owner tells it."""
    return role.removeprefix(_OWNER) if role.startswith(f"{_OWNER}_") else ""


def _integrations(snowflake: Snowflake, role: str, suffix: str) -> list[Row]:
    rows = []
    for name in (_API, _STORAGE):
        rows += _integration(snowflake, f"{name}{suffix}", "integration", role)
    hint = (
        f"DESCRIBE INTEGRATION {_STORAGE}{suffix}: its user and external id must be"
        " those in the trust policy of its AWS role, which needs s3:ListBucket."
    )
    return rows + _attempt("landing", "", lambda: _landing(snowflake), hint)


def _integration(snowflake: Snowflake, name: str, check: str, role: str) -> list[Row]:
    def look() -> Iterator[Row]:
        found = snowflake.run(statements.describe_integration(name))
        properties = {str(r["property"]): str(r["property_value"]) for r in found}
        yield judge.of_integration(name, properties, check)

    return _attempt(check, name, look, judge.grant_usage(name, role))


def _landing(snowflake: Snowflake) -> Iterator[Row]:
    snowflake.run(statements.list_landing())
    yield Row("landing", "ok", "S3 answers by the storage integration")


# --- sources --------------------------------------------------------------------------


def _sources(snowflake: Snowflake, tables: Sequence[TableSettings]) -> list[Row]:
    by_source: dict[str, list[TableSettings]] = {}
    for table in tables:
        by_source.setdefault(table.source, []).append(table)
    run_id = f"check-{uuid.uuid4().hex}"
    rows = []
    if not by_source:
        text = "no table is configured"
        hint = "CALL APPLY_CONFIG($$...$$);"
        rows.append(Row("configuration", "warning", text, hint))
        # Without a name it is only asked whether it answers.
        by_source[""] = []
    for source, some in sorted(by_source.items()):
        for request in requests.check_requests(source, some, run_id):
            rows += _ask(snowflake, request)
    return list(dict.fromkeys(rows))


def _ask(snowflake: Snowflake, request: CheckRequest) -> list[Row]:
    """Asks for one source: a SELECT of several fails if one of them does."""

    def look() -> Iterable[Row]:
        (reply,) = ask.ask_all(snowflake, [request])
        answered = Row("lambda", "ok", "API Gateway and Lambda answer")
        return [answered, *judge.of_reply(request.source, reply)]

    return _attempt("lambda", request.source, look)


# --- targets --------------------------------------------------------------------------


def _targets(
    snowflake: Snowflake, tables: Sequence[TableSettings], here: str, role: str
) -> list[Row]:
    by_database: dict[str, list[TableSettings]] = {}
    for table in tables:
        database = (table.target_database or here).upper()
        by_database.setdefault(database, []).append(table)
    rows = []
    for database, some in sorted(by_database.items()):
        hint = f"GRANT USAGE ON DATABASE {database} TO ROLE {role}; if it exists."
        rows += _attempt(
            "target",
            database,
            lambda: _in_database(snowflake, database, some, role),
            hint,
        )
    return rows


def _in_database(
    snowflake: Snowflake, database: str, tables: Sequence[TableSettings], role: str
) -> list[Row]:
    schemas = sorted({table.target_schema.upper() for table in tables})
    owners = {
        str(row[0]): str(row[1])
        for row in snowflake.run(statements.read_schemas(database, schemas))
    }
    rows = []
    for schema in schemas:
        owner = owners.get(schema)
        rows += _list(
            "schema", schema, lambda: _schema(snowflake, database, schema, owner, role)
        )
        if owner is not None:
            rows += _list(
                "collation", schema, lambda: _collation(snowflake, database, schema)
            )
    found = {
        (str(row[0]), str(row[1])): judge.Target(str(row[2]), bool(row[3]))
        for row in snowflake.run(statements.read_targets(database, schemas))
    }
    (allowed,) = snowflake.run(ledger_statements.read_declared_targets())
    declared = Declared.of(allowed[0], allowed[1])
    for table in tables:
        place = (table.target_schema.upper(), table.target_table.upper())
        refusal = declared.refusal(table.target_database, table.target_schema)
        rows.append(judge.of_target(table, found.get(place), role, refusal))
        if table.history and place in found:
            rows += _attempt("history", table.name, lambda: _history(snowflake, table))
    return rows


def _history(snowflake: Snowflake, table: TableSettings) -> Iterator[Row]:
    shapes = snowflake.run(statements.read_shape(table.name))
    columns = snowflake.run(target_statements.describe_target(table.target))
    begun = shapes and IS_CURRENT in {str(row["name"]) for row in columns}
    if not begun:
        yield judge.of_history(table.name, None)
        return
    key = Shape.from_json(str(shapes[0][0])).key_targets
    yield judge.of_history(table.name, history.look_at(snowflake, table.target, key))


def _schema(
    snowflake: Snowflake, database: str, schema: str, owner: str | None, role: str
) -> Iterator[Row]:
    granted: list[str] = []
    if owner not in (None, role):
        granted = _privileges(
            snowflake.run(statements.show_grants_on_schema(database, schema)), role
        )
    yield judge.of_schema(database, schema, owner=owner, granted=granted, role=role)


def _collation(snowflake: Snowflake, database: str, schema: str) -> Iterator[Row]:
    found = snowflake.run(statements.show_collation(database, schema))
    value = str(found[0]["value"] or "") if found else ""
    yield judge.of_collation(database, schema, value)


def _privileges(rows: Iterable[Any], role: str) -> list[str]:
    return [str(r["privilege"]) for r in rows if str(r["grantee_name"]) == role]


# --- the account ----------------------------------------------------------------------


def _account(snowflake: Snowflake, role: str) -> list[Row]:
    rows = _list("parameter", "", lambda: _parameters(snowflake))
    try:
        text = snowflake.run(ledger_statements.read_config_text())
    except SyncError as error:
        return [*rows, judge.failed("configuration", error)]
    groups: tuple[GroupSettings, ...] = ()
    alerts = AlertTargets()
    if text:
        groups = settings_groups.scheduled_groups(str(text[0][0]))
        alerts = settings_groups.alert_targets(str(text[0][0]))
    rows += _list("task", "", lambda: _tasks(snowflake, groups))
    rows += _list("warehouse", "", lambda: _warehouses(snowflake, groups, role))
    rows += _list("grant", "", lambda: _grants(snowflake, groups, role))
    suffix = _suffix(role)
    for person in judge.ROLES:
        rows += _list("roles", person, lambda: [_role(snowflake, person, suffix)])
    for name in alerts.integrations:
        rows += _integration(snowflake, name, "notification", role)
    return rows


def _parameters(snowflake: Snowflake) -> tuple[Row, ...]:
    found = snowflake.run(statements.show_account_parameters())
    return judge.of_parameters({str(r["key"]): str(r["value"]) for r in found})


def _tasks(snowflake: Snowflake, groups: Sequence[GroupSettings]) -> tuple[Row, ...]:
    graphs = {
        group.name: [task.name for task in task_graph.build(group)] for group in groups
    }
    found = snowflake.run(task_statements.show_tasks()) if groups else []
    states = {str(row["name"]): str(row["state"]) for row in found}
    return judge.of_tasks(groups, graphs, states)


def _role(snowflake: Snowflake, name: str, suffix: str) -> Row:
    found = snowflake.run(statements.show_grants_of(f"{name}{suffix}"))
    holders = [(str(r["granted_to"]).upper(), str(r["grantee_name"])) for r in found]
    return judge.of_role(name, holders, suffix)


def _warehouses(
    snowflake: Snowflake, groups: Sequence[GroupSettings], role: str
) -> tuple[Row, ...]:
    if not any(group.warehouse for group in groups):
        return ()
    seen = [str(row["name"]) for row in snowflake.run(statements.show_warehouses())]
    return judge.of_warehouses(groups, seen, role)


def _grants(
    snowflake: Snowflake, groups: Sequence[GroupSettings], role: str
) -> tuple[Row, ...]:
    if not groups:
        return ()
    found = snowflake.run(statements.show_grants_to(role))
    return judge.of_account_grants(groups, _privileges(found, role), role)
