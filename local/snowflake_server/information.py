"""INFORMATION_SCHEMA: COLUMNS, TABLES, VIEWS and SCHEMATA, made from the catalog."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

import pyarrow

from local.snowflake_server.core.catalog import Table, View
from local.snowflake_server.core.errors import missing
from local.snowflake_server.core.names import encode
from local.snowflake_server.core.session import Session
from local.snowflake_server.engine import Account
from local.snowflake_server.objects.tables import row_count
from local.snowflake_server.rows import pipe_loads

_T, _N, _M = pyarrow.string(), pyarrow.int64(), pyarrow.timestamp("us", tz="UTC")
_TASK_MOMENTS = ("SCHEDULED_TIME", "QUERY_START_TIME", "COMPLETED_TIME")
_TASK_HISTORY = "TASK_HISTORY "
_PLACE = [("TABLE_CATALOG", _T), ("TABLE_SCHEMA", _T), ("TABLE_NAME", _T)]


def register(
    account: Account, session: Session, database: str, view: str, acting: str
) -> str:
    """Make one view of INFORMATION_SCHEMA readable for the session's connection.

    Args:
        acting: The role whose privileges decide which rows there are; empty: that of
            the session.

    Returns:
        The name to read it by.

    Raises:
        SnowflakeError: No such view here.
    """
    if view.startswith(pipe_loads.HISTORY):
        return pipe_loads.register_history(account, session, view)
    if view.startswith(_TASK_HISTORY):
        return _register_task_history(account, session, view)
    made = {
        "COLUMNS": _columns,
        "TABLES": _tables,
        "VIEWS": _views,
        "SCHEMATA": _schemata,
    }.get(view)
    if made is None:
        raise missing("Object", f"{database}.INFORMATION_SCHEMA.{view}")
    role = acting or session.role
    fields, rows = made(account, session, database, role)
    schema = pyarrow.schema([(encode(n), t) for n, t in fields])
    columns = [pyarrow.array([r[i] for r in rows], f[1]) for i, f in enumerate(fields)]
    name = f"_information_{encode(database)}_{view}_{encode(role)}".lower()
    session.scope.connection.register(
        name, pyarrow.Table.from_arrays(columns, schema=schema)
    )
    return name


def _register_task_history(account: Account, session: Session, view: str) -> str:
    """Make the history of the tasks of one schema readable, as far as it is read."""
    _, of, schema, limit = view.split(" ")
    found = account.scheduler.history(of, schema, int(limit))
    moments = [[_moment(row[place]) for row in found] for place in (3, 4, 5)]
    texts = [[row[place] for row in found] for place in (0, 1, 2)]
    name = f"_task_history_{encode(of)}_{encode(schema)}".lower()
    columns = dict(zip(("NAME", "STATE", "ERROR_MESSAGE"), texts, strict=True))
    made = {key: pyarrow.array(values, _T) for key, values in columns.items()}
    for key, values in zip(_TASK_MOMENTS, moments, strict=True):
        made[key] = pyarrow.array(values, _M)
    session.scope.connection.register(name, pyarrow.table(made))
    return name


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _in(account: Account, database: str, kind: type, role: str) -> list[Any]:
    sees, of = account.catalog.access.sees, kind.__name__.upper()
    return [
        r
        for n, r in list(account.catalog.relations.items())
        if n.database == database and isinstance(r, kind) and sees(role, of, n.parts)
    ]


def _columns(
    account: Account, session: Session, database: str, role: str
) -> tuple[Any, Any]:
    fields = [
        *_PLACE, ("COLUMN_NAME", _T), ("ORDINAL_POSITION", _N), ("COLUMN_DEFAULT", _T),
        ("IS_NULLABLE", _T), ("DATA_TYPE", _T), ("CHARACTER_MAXIMUM_LENGTH", _N),
        ("CHARACTER_OCTET_LENGTH", _N), ("NUMERIC_PRECISION", _N),
        ("NUMERIC_PRECISION_RADIX", _N), ("NUMERIC_SCALE", _N),
        ("DATETIME_PRECISION", _N), ("COMMENT", _T),
    ]  # fmt: skip
    rows = []
    for table in _in(account, database, Table, role):
        for at, column in enumerate(table.columns, start=1):
            kind = column.type
            number = kind.base == "NUMBER"
            text = kind.base == "VARCHAR"
            octets = min((kind.length or 0) * (4 if text else 1), 134217728)
            rows.append((
                *table.name.parts, column.name, at, column.default,
                "YES" if column.nullable else "NO",
                {"VARCHAR": "TEXT"}.get(kind.base, kind.base),
                kind.length, octets or None,
                kind.precision if number else None, 10 if number else None, kind.scale,
                None if number else kind.precision, column.comment,
            ))  # fmt: skip
    return fields, rows


def _tables(
    account: Account, session: Session, database: str, role: str
) -> tuple[Any, Any]:
    fields = [
        *_PLACE, ("TABLE_OWNER", _T), ("TABLE_TYPE", _T), ("IS_TRANSIENT", _T),
        ("ROW_COUNT", _N), ("RETENTION_TIME", _N), ("CREATED", _M), ("COMMENT", _T),
    ]  # fmt: skip
    rows: list[tuple[Any, ...]] = []
    for table in _in(account, database, Table, role):
        count = session.scope.read(partial(row_count, table=table))
        kind = "LOCAL TEMPORARY" if table.kind == "TEMPORARY" else "BASE TABLE"
        transient = "YES" if table.kind == "TRANSIENT" else "NO"
        rows.append((*table.name.parts, table.owner, kind, transient, count,
                     table.retention, table.created, table.comment))  # fmt: skip
    for view in _in(account, database, View, role):
        rows.append((*view.name.parts, view.owner, "VIEW", "NO", None, None,
                     view.created, view.comment))  # fmt: skip
    return fields, rows


def _views(
    account: Account, session: Session, database: str, role: str
) -> tuple[Any, Any]:
    fields = [*_PLACE, ("TABLE_OWNER", _T), ("VIEW_DEFINITION", _T), ("COMMENT", _T)]
    rows = [
        (*v.name.parts, v.owner, v.text, v.comment)
        for v in _in(account, database, View, role)
    ]
    return fields, rows


def _schemata(
    account: Account, session: Session, database: str, role: str
) -> tuple[Any, Any]:
    fields = [
        ("CATALOG_NAME", _T),
        ("SCHEMA_NAME", _T),
        ("SCHEMA_OWNER", _T),
        ("CREATED", _M),
        ("COMMENT", _T),
    ]
    rows = [
        (d, s, thing.owner, thing.created, thing.comment)
        for (d, s), thing in account.catalog.schemas.items()
        if d == database and account.catalog.access.sees(role, "SCHEMA", (d, s))
    ]
    return fields, rows
