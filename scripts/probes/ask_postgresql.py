"""Asks PostgreSQL, Aurora's or the local one: each probe in a schema of its own."""

import contextlib
import io
import time
from collections.abc import Callable
from typing import Any

import psycopg2
from psycopg2 import sql

from scripts.probes.answers import (
    DIFFERENT,
    NOT_RUN,
    REFUSED,
    Outcome,
    Seen,
    judge_error,
    judge_rows,
    worst,
)
from scripts.probes.files import Ask, Probe
from scripts.sql_files import SqlFile, statements

FIRST = "first"
STATEMENT_TIMEOUT = "20s"
Connect = Callable[[], Any]


def run_probes(
    probes: list[Probe],
    connect: Connect,
    prefix: str,
    told: Callable[[Outcome], None],
    until: float,
) -> None:
    """Runs probes one after the other.

    Args:
        probes: Of the half postgresql.
        connect: Opens a session as a role that may create schemas and roles.
        prefix: How the names of all schemas of this run begin.
        told: Receives each outcome.
        until: Moment of time.monotonic() after which no probe is begun.
    """
    for probe in probes:
        began = time.monotonic()
        if probe.by_hand or began > until:
            reason = "by hand" if probe.by_hand else "the time was up"
            told(Outcome(probe, NOT_RUN, reason))
            continue
        state, seen = _run(probe, connect, f"{prefix}_{probe.id}".lower())
        told(Outcome(probe, state, seen, time.monotonic() - began))


def _run(probe: Probe, connect: Connect, schema: str) -> tuple[str, str]:
    with contextlib.ExitStack() as cleanup:
        owner = _open(connect, None, cleanup)
        name = sql.Identifier(schema)
        _send(owner, sql.SQL("CREATE SCHEMA {}").format(name))
        cleanup.callback(_send, owner, sql.SQL("DROP SCHEMA {} CASCADE").format(name))
        for statement in statements(SqlFile(probe.id, probe.teardown), {}):
            cleanup.callback(_send, owner, statement.text)
        _send(owner, sql.SQL("SET search_path TO {}").format(name))
        # Sessions are closed before the owner drops what they may hold.
        inner = cleanup.enter_context(contextlib.ExitStack())
        sessions: dict[str, Any] = {}
        seen = []
        try:
            for statement in statements(SqlFile(probe.id, probe.setup), {}):
                _send(owner, statement.text)
            for ask in probe.asks:
                if ask.session not in sessions:
                    sessions[ask.session] = _open(connect, schema, inner)
                seen.append(_ask(sessions[ask.session], ask))
        except psycopg2.Error as error:
            return REFUSED, f"to prepare it: {_error(Ask(), error).text}"
    texts = [
        s.text for ask, s in zip(probe.asks, seen, strict=True) if not ask.accepted
    ]
    return worst(s.state for s in seen), "; ".join(texts)


def _open(connect: Connect, schema: str | None, cleanup: contextlib.ExitStack) -> Any:
    connection = connect()
    cleanup.callback(connection.close)
    connection.autocommit = True
    _send(connection, f"SET statement_timeout TO '{STATEMENT_TIMEOUT}'")
    if schema is not None:
        path = sql.SQL("SET search_path TO {}").format(sql.Identifier(schema))
        _send(connection, path)
    return connection


def _ask(connection: Any, ask: Ask) -> Seen:
    try:
        with connection.cursor() as cursor:
            rows = _rows(cursor, ask)
    except psycopg2.Error as error:
        return _error(ask, error)
    if ask.error is not None:
        return Seen("accepted", DIFFERENT)
    return judge_rows(ask, rows)


def _rows(cursor: Any, ask: Ask) -> list[list[Any]]:
    if ask.sql.lstrip().upper().startswith("COPY"):
        # The lines of a COPY are rows of one text.
        text = io.StringIO()
        cursor.copy_expert(ask.sql, text)
        return [[line] for line in text.getvalue().splitlines()]
    cursor.execute(ask.sql)
    return [list(row) for row in cursor.fetchall()] if cursor.description else []


def _error(ask: Ask, error: psycopg2.Error) -> Seen:
    return judge_error(ask, error.pgcode or "none", str(error))


def _send(connection: Any, text: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text)
