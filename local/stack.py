"""Starts and stops the local stack: Aurora, AWS, the API gateway and Snowflake.

            this process (run_local, pytest)
          /            |                |               \\
    postgres   local.aws.server  local.aws.gateway   local.snowflake_server
                   (moto)         (API Gateway,         (Snowflake)
                                   Lambda)
                                       |
                                   workers (Lambda containers)

All of them start at the same time and tell their port through a file; each log is in
the stack's folder under logs/. Each stops by itself when this process ends, however it
ends.
"""

import contextlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import psycopg2
import psycopg2.extensions
from psycopg2 import sql

from local.aurora import Aurora, AuroraError, create_reader, start_aurora
from local.aws import server as aws
from local.processes import Process, start_module, wait_for_port, wait_until

DATABASE = "shop"
READER = "aurora_sync"
READER_PASSWORD = "local-reader"
# Reads the log, and no table.
LOG_READER = "aurora_sync_log"
HASH_KEY = "only-for-the-local-stack-0123456789abcdef"
BUCKET = "aurora-sync-landing"
PREFIX = "landing/"
SOURCE = "shop"
API_PATH = "/local/extract"
# The Lambda's own defaults, unless the caller's environment says otherwise.
TIME_SETTINGS = (
    "EXTRACT_BUDGET_SECONDS",
    "WORKER_TIMEOUT_SECONDS",
    "WORKER_START_SECONDS",
    "WORKER_GRACE_SECONDS",
    "WORKER_SILENT_SECONDS",
    "CALL_SECONDS",
    "PROOF_WAIT_SECONDS",
)


# If no name can be resolved, the connector spends 5 s on asking for its cloud.
os.environ.setdefault("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true")


@dataclass(frozen=True)
class Snowflake:
    """How to connect to the local Snowflake; the connector's own parameter names."""

    host: str
    port: int
    protocol: str = "http"
    account: str = "local"
    user: str = "local"
    password: str = "local"
    database: str = "AURORA_SYNC"
    schema: str = "CONTROL"

    @property
    def parameters(self) -> dict[str, Any]:
        """Keyword arguments for snowflake.connector.connect."""
        return dict(vars(self))


@dataclass(frozen=True)
class Endpoints:
    """Where everything can be reached.

    Attributes:
        aurora_dsn: Owner's connection URI; may create tables.
        landing: S3 endpoint, bucket and prefix.
        gateway_url: URL that the external function calls.
        snowflake: Connection parameters.
        queries: File with one JSON object per statement that Snowflake received.
    """

    aurora_dsn: str
    landing: aws.Landing
    gateway_url: str
    snowflake: Snowflake
    queries: Path

    def connections(self) -> dict[str, dict[str, Any]]:
        """The content of connections.json."""
        return {
            "aurora": {"dsn": self.aurora_dsn},
            "snowflake": self.snowflake.parameters,
            "aws": {
                "endpoint_url": self.landing.endpoint_url,
                "bucket": self.landing.bucket,
            },
            "gateway": {"url": self.gateway_url},
        }


@dataclass
class Stack:
    """A running stack.

    Attributes:
        endpoints: Where everything can be reached.
        folder: Data, logs and the query history.
        aurora: The embedded server; None if a DSN was given.
        processes: AWS, gateway and Snowflake by name.
    """

    endpoints: Endpoints
    folder: Path
    aurora: Aurora | None
    processes: dict[str, Process]

    def check_alive(self) -> None:
        """Raises ProcessFailed if a part of the stack has stopped by itself."""
        for process in self.processes.values():
            process.check_alive()


@contextlib.contextmanager
def running_stack(
    folder: Path,
    *,
    aurora_dsn: str | None = None,
    more_sources: Mapping[str, Mapping[str, Any]] | None = None,
    programs: Path | None = None,
    progress: Callable[[str], None] = lambda message: None,
) -> Iterator[Stack]:
    """Runs the stack for the length of a `with` block.

    Args:
        folder: For data, logs and the query history; an earlier run's are removed.
        aurora_dsn: Use this PostgreSQL server instead of the embedded one.
        more_sources: Name -> credentials (see docs/SECURITY.md) of more sources, which
            are the same database.
        programs: Folder of another PostgreSQL's programs.
        progress: Told what happens.

    Raises:
        ProcessFailed: A part did not start.
        AuroraError: The embedded server did not start, or the database of `aurora_dsn`
            has no UTF8.
        psycopg2.OperationalError: The server of `aurora_dsn` cannot be reached.
    """
    _clear(folder)
    with contextlib.ExitStack() as cleanup:
        started = time.monotonic()
        progress("starting PostgreSQL, S3, API Gateway with Lambda, and Snowflake")
        launcher = _Launcher(folder, cleanup)
        # S3's port is known at once; nobody needs an answer from it before the end.
        aws_port = launcher.start("aws", "local.aws.server", [], {})
        cloud = aws.environment(f"http://127.0.0.1:{aws_port}")
        landing = aws.Landing(cloud["AWS_ENDPOINT_URL"], BUCKET, PREFIX)
        queries = folder / "queries.jsonl"
        launcher.launch(
            "snowflake",
            "local.snowflake_server",
            ["--queries-file", str(queries)],
            cloud,
        )
        aurora = None
        if aurora_dsn is None:
            aurora = _start_embedded(folder, cleanup, programs)
            aurora_dsn = aurora.dsn(DATABASE)
            _create_log_reader(aurora)
            login = {"user": READER, "password": READER_PASSWORD}
        else:
            login = _login_of(aurora_dsn)
        settings = _lambda_settings(aurora_dsn, login, more_sources or {})
        if aurora is not None:
            settings |= _log_settings(settings["SOURCES"])
        launcher.launch("gateway", "local.aws.gateway", [], cloud | settings)
        aws.make_bucket(landing)
        gateway_port = launcher.wait("gateway", "/local/faults")
        snowflake_port = launcher.wait("snowflake", "/")
        endpoints = Endpoints(
            aurora_dsn=aurora_dsn,
            landing=landing,
            gateway_url=f"http://127.0.0.1:{gateway_port}{API_PATH}",
            snowflake=Snowflake("127.0.0.1", snowflake_port),
            queries=queries,
        )
        progress(f"the stack is ready after {time.monotonic() - started:.1f} s")
        yield Stack(endpoints, folder, aurora, launcher.processes)


class _Launcher:
    """Starts processes, waits for their ports, and stops them in reverse order."""

    def __init__(self, folder: Path, cleanup: contextlib.ExitStack) -> None:
        self.folder = folder
        self.cleanup = cleanup
        self.processes: dict[str, Process] = {}

    def launch(
        self, name: str, module: str, arguments: list[str], environment: dict[str, str]
    ) -> None:
        """Starts a process; `wait` tells its port."""
        process = start_module(
            module,
            ["--port", "0", "--port-file", str(self._port_file(name)), *arguments],
            name=name,
            log=self.folder / "logs" / f"{name}.log",
            environment=environment,
        )
        self.cleanup.callback(process.stop)
        self.processes[name] = process

    def wait(self, name: str, path: str) -> int:
        """Waits until the process answers a GET of the path; returns its port."""
        process = self.processes[name]
        port = wait_for_port(self._port_file(name), process)
        wait_until(
            lambda: _answers(f"http://127.0.0.1:{port}{path}"),
            what="answering",
            process=process,
        )
        return port

    def start(
        self, name: str, module: str, arguments: list[str], environment: dict[str, str]
    ) -> int:
        """Starts a process and returns its port as soon as that is known."""
        self.launch(name, module, arguments, environment)
        return wait_for_port(self._port_file(name), self.processes[name])

    def _port_file(self, name: str) -> Path:
        return self.folder / f"{name}.port"


def _answers(url: str) -> bool:
    """True if the server answers, whatever it says about this path."""
    try:
        with urlopen(url, timeout=10):
            return True
    except HTTPError:
        return True
    except (URLError, OSError):
        return False


def _clear(folder: Path) -> None:
    """Removes what an earlier run left; the folder itself may hold other things."""
    for name in ("aurora", "logs"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for pattern in ("*.port", "queries.jsonl"):
        for file in folder.glob(pattern):
            file.unlink()
    (folder / "logs").mkdir(parents=True, exist_ok=True)


def _start_embedded(
    folder: Path, cleanup: contextlib.ExitStack, programs: Path | None
) -> Aurora:
    cleanup.callback(shutil.rmtree, folder / "aurora", ignore_errors=True)
    aurora = start_aurora(folder / "aurora", programs=programs)
    cleanup.callback(aurora.stop)
    _fill(aurora)
    return aurora


def _fill(aurora: Aurora, reader_sql: str = "") -> None:
    """Makes the database and the roles of a new server.

    Args:
        reader_sql: What makes the reader role; empty: local/aurora.py does.
    """
    aurora.create_database(DATABASE)
    dsn = aurora.dsn(DATABASE)
    if reader_sql:
        with contextlib.closing(aurora.connect(DATABASE)) as connection:
            connection.cursor().execute(reader_sql)
    else:
        create_reader(dsn, role=READER, password=READER_PASSWORD)
    _let_reader_see_new_tables(dsn)


@contextlib.contextmanager
def another_server(
    stack: Stack, folder: Path, *, programs: Path | None, reader_sql: str
) -> Iterator[None]:
    """Puts another PostgreSQL, an empty one, where the stack's own was.

    It has the same address, so that the deployed product notices nothing. The stack's
    own does not come back.

    Args:
        folder: For its data.
        programs: Folder of its programs; None: those of local/aurora.py.
        reader_sql: What makes the reader role.

    Raises:
        AuroraError: It did not start, or the stack has no server of its own.
    """
    if stack.aurora is None:
        raise AuroraError("The server was given to the stack: it is not replaced.")
    stack.aurora.stop()
    port = stack.aurora.port
    stack.aurora = start_aurora(folder, programs=programs, port=port)
    try:
        _fill(stack.aurora, reader_sql)
        _create_log_reader(stack.aurora)
        yield
    finally:
        stack.aurora.stop()


def _let_reader_see_new_tables(dsn: str) -> None:
    """Schemas and tables that the owner creates later can be synced without a GRANT."""
    with contextlib.closing(psycopg2.connect(dsn)) as connection:
        with connection, connection.cursor() as cursor:
            for kind in ("SELECT ON TABLES", "USAGE ON SCHEMAS"):
                cursor.execute(
                    sql.SQL("ALTER DEFAULT PRIVILEGES GRANT {} TO {}").format(
                        sql.SQL(kind), sql.Identifier(READER)
                    )
                )


def _create_log_reader(aurora: Aurora) -> None:
    with contextlib.closing(aurora.connect(DATABASE)) as connection:
        connection.cursor().execute(f"CREATE ROLE {LOG_READER} LOGIN REPLICATION")


def _log_settings(sources: str) -> dict[str, str]:
    """Lets the source's log be read by a login of its own."""
    found = json.loads(sources)
    prefix = f"SOURCE_{SOURCE.upper()}_LOG"
    credentials = {
        "kind": "environment",
        "user_variable": f"{prefix}_USER",
        "password_variable": f"{prefix}_PASSWORD",
    }
    found[SOURCE]["log"] = {"credentials": credentials}
    return {"SOURCES": json.dumps(found), f"{prefix}_USER": LOG_READER}


def _login_of(dsn: str) -> dict[str, str]:
    """User and password of a DSN, with libpq's own defaults (PGUSER, ~/.pgpass)."""
    with contextlib.closing(psycopg2.connect(dsn)) as connection:
        info = connection.info
        encoding = info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise AuroraError(
                f"Database {info.dbname!r} has the encoding {encoding}, which has no"
                " place for the texts of the example tables. CREATE DATABASE ..."
                " ENCODING 'UTF8' TEMPLATE template0, and name that one."
            )
        return {"user": info.user, "password": info.password or ""}


def _lambda_settings(
    dsn: str, login: dict[str, str], more_sources: Mapping[str, Mapping[str, Any]]
) -> dict[str, str]:
    """Environment of the Lambda function."""
    with contextlib.closing(psycopg2.connect(dsn)) as connection:
        info = connection.info
        source = {
            "host": info.host,
            "port": info.port,
            "dbname": info.dbname,
            "sslmode": info.dsn_parameters.get("sslmode", "prefer"),
        }
    credentials = {SOURCE: {"kind": "environment"}} | dict(more_sources)
    sources = {name: source | {"credentials": c} for name, c in credentials.items()}
    return {
        "SOURCES": json.dumps(sources),
        f"SOURCE_{SOURCE.upper()}_USER": login["user"],
        f"SOURCE_{SOURCE.upper()}_PASSWORD": login["password"],
        f"SOURCE_{SOURCE.upper()}_HASH_KEY": HASH_KEY,
        "LANDING_BUCKET": BUCKET,
        "SIGNING_KEY": "a signing key that is long enough for it",
        "LANDING_PREFIX": PREFIX,
        "AWS_LAMBDA_FUNCTION_NAME": "aurora-extract",
        **{name: os.environ[name] for name in TIME_SETTINGS if name in os.environ},
    }
