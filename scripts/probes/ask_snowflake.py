"""Asks Snowflake, an account or the local one: each probe in a schema of its own."""

import contextlib
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard
from snowflake.connector.errors import Error as SnowflakeError

from scripts.deploy_variables import runtime_python
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
from scripts.probes.checks import CHECKS
from scripts.probes.files import Ask, Probe
from scripts.sql_files import PLACEHOLDER, SqlFile, read_files, statements

FIRST = "first"
STATEMENT_SECONDS = 120
POLL_SECONDS = 2.0
# Every handler may use it: what a statement answers, or that it is refused.
PRELUDE = '''
def attempt(session, sql, params=None):
    """Rows of a statement as lists, or "refused" with the error's number."""
    try:
        rows = session.sql(sql, params=params).collect()
    # Whatever the platform refuses with: a probe asks for its number.
    except Exception as error:
        return f"refused {getattr(error, 'sql_error_code', None)}"
    return [list(row) for row in rows]

'''

Connect = Callable[[], Any]


@dataclass(frozen=True)
class Place:
    """Where probes are asked.

    Attributes:
        connect: Opens a session.
        database: Database in which schemas may be created; the product's own.
        prefix: How the names of all schemas of this run begin.
        deployed: True if the product is deployed in the database.
        warehouse: Warehouse of the sessions.
    """

    connect: Connect
    database: str
    prefix: str
    deployed: bool
    warehouse: str


class Sessions:
    """The sessions of one probe by name; the first one is kept for the next probe."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._schema = ""
        self._open: dict[str, Any] = {}

    def get(self, name: str) -> Any:
        """The session of this name, opened if it is not there yet."""
        if name not in self._open:
            connection = self._place.connect()
            self._open[name] = connection
            if name != FIRST:
                _send(connection, f"USE SCHEMA {self._schema}")
        return self._open[name]

    def begin(self, schema: str) -> None:
        """Makes the schema of a probe."""
        self._schema = schema
        _send(self.get(FIRST), f"CREATE SCHEMA {schema}")
        _send(self.get(FIRST), f"USE SCHEMA {schema}")

    def close(self, *, keep_first: bool) -> None:
        """Closes the sessions; the first one may go on to the next probe."""
        for name in list(self._open):
            if name != FIRST or not keep_first:
                self._open.pop(name).close()


def run_probes(
    probes: list[Probe], place: Place, told: Callable[[Outcome], None], until: float
) -> None:
    """Runs probes one after the other.

    Args:
        probes: Of the half snowflake.
        place: Where.
        told: Receives each outcome.
        until: Moment of time.monotonic() after which no probe is begun.
    """
    sessions = Sessions(place)
    try:
        for probe in probes:
            began = time.monotonic()
            if began > until:
                told(Outcome(probe, NOT_RUN, "the time was up"))
                continue
            state, seen = _run(probe, place, sessions)
            told(Outcome(probe, state, seen, time.monotonic() - began))
    finally:
        sessions.close(keep_first=False)


def _run(probe: Probe, place: Place, sessions: Sessions) -> tuple[str, str]:
    if probe.by_hand:
        return NOT_RUN, "by hand"
    if probe.needs == "deployment" and not place.deployed:
        return NOT_RUN, "the product is not deployed in this database"
    schema = f"{place.database}.{place.prefix}_{probe.id}"
    values = {
        "database": place.database,
        "schema": schema,
        "warehouse": place.warehouse,
        "python_version": runtime_python(),
    }
    try:
        sessions.begin(schema)
        with _cleanup(probe, sessions, schema, values):
            _prepare(probe, sessions.get(FIRST), values)
            seen = [_ask(ask, sessions, values) for ask in probe.asks]
    except SnowflakeError as error:
        return REFUSED, f"to prepare it: {judge_error(Ask(), *_parts(error)).text}"
    return worst(s.state for s in seen), "; ".join(_notable(probe, seen))


def _notable(probe: Probe, seen: list[Seen]) -> Iterator[str]:
    for ask, answer in zip(probe.asks, seen, strict=True):
        if not ask.accepted or answer.state == REFUSED:
            yield answer.text
    if all(ask.accepted for ask in probe.asks) and worst(s.state for s in seen) != (
        REFUSED
    ):
        yield "accepted"


@contextlib.contextmanager
def _cleanup(
    probe: Probe, sessions: Sessions, schema: str, values: Mapping[str, str]
) -> Iterator[None]:
    """Drops what the probe made."""
    try:
        yield
    finally:
        # Others may hold what is dropped now.
        sessions.close(keep_first=True)
        first = sessions.get(FIRST)
        _send(first, "ROLLBACK")
        for text in _split(probe.id, probe.teardown, values):
            _send(first, text)
        _send(first, f"DROP SCHEMA IF EXISTS {schema}")
        # A session with other parameters is not kept.
        sessions.close(keep_first=not probe.parameters)


def _prepare(probe: Probe, connection: Any, values: Mapping[str, str]) -> None:
    if probe.files:
        _put_files(probe, connection)
    if probe.handlers:
        _create_procedures(probe, connection, values)
    for text in _split(probe.id, probe.setup, values):
        _send(connection, text)
    for name, value in probe.parameters.items():
        shown = f"'{value}'" if isinstance(value, str) else str(value).upper()
        _send(connection, f"ALTER SESSION SET {name} = {shown}")


def _put_files(probe: Probe, connection: Any) -> None:
    """Puts zstd files on a stage, beside the product's own file format."""
    _send(connection, "CREATE STAGE landing")
    _send(connection, landing_format())
    with tempfile.TemporaryDirectory() as folder:
        for name, content in probe.files.items():
            path = Path(folder) / f"{name}.zst"
            path.write_bytes(zstandard.ZstdCompressor().compress(content))
            _put(connection, path, "landing")


def landing_format() -> str:
    """The statement that creates the product's file format, as it is deployed."""
    (file,) = [f for f in read_files() if f.name.endswith("_landing/010_stages.sql")]
    anything = {
        match[1].strip(): "anything" for match in PLACEHOLDER.finditer(file.text)
    }
    (found,) = [
        s.text
        for s in statements(file, anything)
        if s.text.startswith("CREATE FILE FORMAT")
    ]
    return found


def _put(connection: Any, path: Path, stage: str) -> None:
    _send(
        connection,
        f"PUT 'file://{path.as_posix()}' @{stage} "
        "AUTO_COMPRESS = FALSE OVERWRITE = TRUE",
    )


def _create_procedures(
    probe: Probe, connection: Any, values: Mapping[str, str]
) -> None:
    """Puts the handlers into a zip on a stage, as the product's own code is."""
    module = f"probe_{probe.id.lower()}"
    _send(connection, "CREATE STAGE code")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{module}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            code = PRELUDE + _filled(probe.handlers, values)
            archive.writestr(f"{module}.py", code)
        _put(connection, path, "code")
    for signature, handler in (probe.procedures or {"probe()": "run"}).items():
        _send(
            connection,
            f"CREATE PROCEDURE {signature} RETURNS VARIANT LANGUAGE PYTHON "
            f"RUNTIME_VERSION = '{runtime_python()}' "
            "PACKAGES = ('snowflake-snowpark-python') "
            f"IMPORTS = ('@code/{module}.zip') HANDLER = '{module}.{handler}' "
            "EXECUTE AS OWNER",
        )


def _ask(ask: Ask, sessions: Sessions, values: Mapping[str, str]) -> Seen:
    deadline = time.monotonic() + ask.within_seconds
    while True:
        seen = _ask_once(ask, sessions, values)
        if seen.state != DIFFERENT or time.monotonic() > deadline:
            return seen
        time.sleep(POLL_SECONDS)


def _ask_once(ask: Ask, sessions: Sessions, values: Mapping[str, str]) -> Seen:
    try:
        if ask.check:
            rows = CHECKS[ask.check](sessions.get, values)
        else:
            rows = _rows(sessions.get(ask.session), ask, values)
    except SnowflakeError as error:
        return judge_error(ask, *_parts(error))
    if ask.error is not None:
        return Seen("accepted", DIFFERENT)
    return judge_rows(ask, rows)


def _rows(connection: Any, ask: Ask, values: Mapping[str, str]) -> list[list[Any]]:
    with connection.cursor() as cursor:
        cursor.execute(_filled(ask.sql, values))
        names = [column.name.lower() for column in cursor.description or ()]
        rows = [list(row) for row in cursor.fetchall()]
    if not ask.columns:
        return rows
    places = [names.index(name) for name in ask.columns]
    return [[row[place] for place in places] for row in rows]


def _send(connection: Any, text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text)


def _split(name: str, text: str, values: Mapping[str, str]) -> list[str]:
    return [s.text for s in statements(SqlFile(name, text), values)]


def _filled(text: str, values: Mapping[str, str]) -> str:
    return PLACEHOLDER.sub(lambda match: values[match[1].strip()], text)


def _parts(error: SnowflakeError) -> tuple[int, str]:
    return error.errno or 0, error.raw_msg or error.msg or str(error)
