"""Operation "check": whether a source and its tables are fit to be read. Reads no row.

Each look is a finding of its own, so that one thing that is wrong hides no other.
"""

import time
from collections.abc import Iterator

from psycopg2 import sql

from lambda_extract import contract
from lambda_extract.contract import CheckTable, Finding
from lambda_extract.credentials import secrets
from lambda_extract.cursor.column import check_cursor, is_indexed
from lambda_extract.errors import AuthenticationError, ExtractError, RequestError
from lambda_extract.operations import findings
from lambda_extract.operations.check_log import look_at_log
from lambda_extract.operations.connect import connect, connect_reader
from lambda_extract.rows.wire import build_wire
from lambda_extract.settings import Settings, Source
from lambda_extract.source.catalog import (
    SourceTable,
    enforces_key,
    read_table,
)
from lambda_extract.source.database import Database, application_name
from lambda_extract.source.replica import follow
from lambda_extract.source.snapshot import require_key

# The connection broke, or time is over: nothing more is seen in this session.
_ENDED = ("source_unreachable", "window_too_large")


def check(
    request: contract.CheckRequest, *, settings: Settings, deadline: float
) -> contract.CheckReply:
    """Looks at a source and at the tables of the request.

    Raises:
        RequestError: bad_request: more tables than one reply tells of.
    """
    if len(request.tables) > contract.CHECKED_TABLES:
        raise RequestError(
            "bad_request", f"/tables: at most {contract.CHECKED_TABLES} at a time."
        )
    found = [
        findings.bounded(finding)
        for finding in _look(request, settings=settings, deadline=deadline)
    ]
    return contract.CheckReply(request.run_id, contract.release(), tuple(found))


def _look(
    request: contract.CheckRequest, *, settings: Settings, deadline: float
) -> Iterator[Finding]:
    started = time.monotonic()
    tables = request.tables
    if not request.source:
        return
    try:
        source = settings.source(request.source)
        # What is true now, not what this container read some time ago.
        secrets.forget(source)
        hashes = any(c.protect == "hash" for item in tables for c in item.table.columns)
        with connect(
            request.source,
            application_name("check", request.run_id),
            settings,
            deadline=deadline,
            hashes=hashes,
        ) as database:
            yield findings.connected(time.monotonic() - started)
            facts = _read_facts(database, source)
            yield from findings.of_source(facts)
            yield from _look_at_reader(request, source, database, deadline)
            for item in tables:
                yield from _look_at_table(database, source, item, facts)
    except AuthenticationError as error:
        yield findings.refused("login", error)
        return
    except ExtractError as error:
        yield findings.refused(findings.place_of(error.code), error)
        return
    if request.log is not None:
        yield from look_at_log(
            request, request.log, source, settings=settings, deadline=deadline
        )


def _look_at_reader(
    request: contract.CheckRequest, source: Source, writer: Database, deadline: float
) -> Iterator[Finding]:
    if source.reader is None:
        return
    name = application_name("check", request.run_id)
    started = time.monotonic()
    try:
        with connect_reader(source, name, deadline=deadline) as reader:
            reader.writer = writer
            follow(reader)
    except ExtractError as error:
        yield findings.of_reader(source.reader, error)
        return
    yield findings.follows(source.reader, time.monotonic() - started)


def _read_facts(database: Database, source: Source) -> findings.SourceFacts:
    replica, sees_all, hidden, tls, superuser, role = database.row(sql.SQL("""
        SELECT
            pg_catalog.pg_is_in_recovery(),
            pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'),
            EXISTS (
                SELECT 1
                FROM pg_catalog.pg_stat_activity AS a
                WHERE a.datname = pg_catalog.current_database()
                    AND a.state = 'disabled'
            ),
            COALESCE((
                SELECT s.ssl
                FROM pg_catalog.pg_stat_ssl AS s
                WHERE s.pid = pg_catalog.pg_backend_pid()
            ), FALSE),
            COALESCE((
                SELECT r.rolsuper
                FROM pg_catalog.pg_roles AS r
                WHERE r.rolname = current_user
            ), FALSE),
            current_user::text
        """))
    return findings.SourceFacts(
        role=role,
        version=database.server_version,
        sslmode=source.sslmode,
        tls=tls,
        replica=replica,
        sees_all=sees_all,
        hidden=hidden,
        superuser=superuser,
    )


def _look_at_table(
    database: Database,
    source: Source,
    item: CheckTable,
    facts: findings.SourceFacts,
) -> Iterator[Finding]:
    """Yields the findings of a table; what the rest needs comes first.

    Raises:
        ExtractError: The session has ended.
    """
    name = item.table.name
    try:
        source.check_allowed(item.table.schema, item.table.relation)
        table = read_table(database, item.table)
    except ExtractError as error:
        yield _told("select", name, error)
        return
    yield _attempt("select", name, lambda: _select(database, table))
    yield _attempt("types", name, lambda: _types(table))
    yield _attempt("key", name, lambda: _key(database, table, item.keyed))
    if item.cursor is not None:
        cursor = item.cursor
        yield _attempt("cursor", name, lambda: _cursor(database, table, cursor))
        if all(table.column(column) is not None for column in cursor.columns):
            yield _attempt("index", name, lambda: _index(database, table, cursor))
        yield findings.of_proof(name, facts, cursor)


def _attempt(check: str, table: str, look: "findings.Look") -> Finding:
    try:
        return findings.seen(check, table, look())
    except ExtractError as error:
        return _told(check, table, error)


def _told(check: str, table: str, error: ExtractError) -> Finding:
    if error.code in _ENDED:
        raise error
    return findings.refused(check, error, table)


def _select(database: Database, table: SourceTable) -> findings.Seen:
    # Rights and row level security are looked at before the first row is read.
    database.rows(sql.SQL("SELECT 1 FROM {} LIMIT 0").format(table.name))
    return findings.Seen(f"{len(table.columns)} columns may be read")


def _types(table: SourceTable) -> findings.Seen:
    build_wire(table)
    return findings.Seen("every column has a type in Snowflake")


def _key(database: Database, table: SourceTable, keyed: bool) -> findings.Seen:
    if not keyed:
        return findings.Seen("needs none: the whole table is read each time")
    key = require_key(table).key
    return findings.of_key(key, enforced=enforces_key(database, table))


def _cursor(
    database: Database, table: SourceTable, spec: contract.CursorSpec
) -> findings.Seen:
    cursor = check_cursor(database, table, spec)
    told = [f"{column.name} is of type {column.type}" for column in cursor.columns]
    return findings.Seen("; ".join(told))


def _index(
    database: Database, table: SourceTable, spec: contract.CursorSpec
) -> findings.Seen:
    indexed = is_indexed(database, table, spec)
    return findings.of_index(table.spec, spec, indexed=indexed)
