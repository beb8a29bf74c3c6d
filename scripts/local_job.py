"""The whole sync on one machine: deploy, seed, sync, change, sync again, compare.

Nothing is left running at the end, whichever way it ends.
"""

import contextlib
import fcntl
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import psycopg2
import snowflake.connector
import typer
from rich.console import Console
from snowflake.connector.errors import Error as SnowflakeError

from local.aurora import AuroraError
from local.compare import compare_table
from local.processes import ProcessFailed
from local.shop import TABLES, ShopError, change_shop, seed_shop
from local.stack import Stack, running_stack
from scripts.deploy_local import deploy_local
from scripts.deploy_snowflake import DeployError
from scripts.local_report import (
    Outcome,
    Sync,
    print_next_steps,
    print_report,
    print_ways_in,
)
from scripts.snowflake_connection import ConnectionSettingsError
from scripts.sql_files import SqlFileError

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".local"
CONFIG = ROOT / "config" / "sync_config.json"
POLL_SECONDS = 1.0

EXPECTED_ERRORS = (
    AuroraError,
    ConnectionSettingsError,
    DeployError,
    ProcessFailed,
    ShopError,
    SnowflakeError,
    SqlFileError,
    psycopg2.Error,
)
app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


class Stopped(KeyboardInterrupt):
    """Ctrl-C, or a request to end (SIGTERM, SIGHUP).

    Attributes:
        number: The signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class AlreadyRunning(RuntimeError):
    """Another local stack uses the folder."""


class Steps:
    """Prints each step with its time while it runs and when it is done."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.started = time.monotonic()

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Shows a step for the length of a `with` block."""
        began = time.monotonic()
        with self.console.status(title):
            yield
        self.console.print(
            f"[green]✓[/] {title} [dim]{time.monotonic() - began:.1f} s[/]",
            highlight=False,
        )


def run_job(stack: Stack, steps: Steps) -> dict[str, Outcome]:
    """Runs the main job on a fresh stack and returns the outcome by table.

    Raises:
        One of EXPECTED_ERRORS.
    """
    endpoints = stack.endpoints
    with steps.step("deploy snowflake/ and snowpark/ as to a real account"):
        deploy_local(endpoints)
    config = json.loads(CONFIG.read_text(encoding="utf-8"))
    schema = config["defaults"]["schema"]
    with contextlib.ExitStack() as cleanup:
        source = cleanup.enter_context(
            contextlib.closing(psycopg2.connect(endpoints.aurora_dsn))
        )
        target = cleanup.enter_context(
            contextlib.closing(
                snowflake.connector.connect(**endpoints.snowflake.parameters)
            )
        )
        with steps.step("seed the shop in PostgreSQL"):
            seed_shop(source, schema)
        with steps.step("CALL APPLY_CONFIG(config/sync_config.json)"):
            _call(target, "CALL apply_config(%s)", CONFIG.read_text(encoding="utf-8"))
        first = _sync_all(target, steps, "first")
        with steps.step("change the source: new rows, changed rows, one on an old day"):
            change_shop(source, schema)
        second = _sync_all(target, steps, "second")
        outcomes = {}
        with steps.step("compare every row of source and target"):
            for table in TABLES:
                comparison = compare_table(
                    source=source,
                    target=target,
                    source_table=(schema, table),
                    target_table=f"{config['defaults']['target_schema']}.{table}",
                )
                outcomes[table] = Outcome(first[table], second[table], comparison)
    return outcomes


def _sync_all(target: Any, steps: Steps, which: str) -> dict[str, Sync]:
    syncs = {}
    for table in TABLES:
        with steps.step(f"CALL SYNC_TABLE('{table}')  {which} sync"):
            began = time.monotonic()
            report = _call(target, "CALL sync_table(%s)", table)
            syncs[table] = Sync.from_report(report, time.monotonic() - began)
    return syncs


def _call(connection: Any, statement: str, argument: str) -> dict[str, Any]:
    """Sends a CALL and returns the report (a VARIANT arrives as JSON text)."""
    with connection.cursor() as cursor:
        cursor.execute(statement, [argument])
        report: dict[str, Any] = json.loads(cursor.fetchone()[0])
        return report


def serve(stack: Stack, console: Console) -> None:
    """Tells how to connect and keeps the stack running until it is stopped.

    Raises:
        ProcessFailed: A part of the stack stopped by itself.
        Stopped: The ordinary end.
    """
    connections = stack.folder / "connections.json"
    text = json.dumps(stack.endpoints.connections(), indent=2) + "\n"
    draft = connections.with_suffix(".draft")
    draft.write_text(text, encoding="utf-8")
    try:
        # Renamed, so that whoever waits for the file never reads half of it.
        draft.replace(connections)
        print_ways_in(console, stack.endpoints, connections)
        while True:
            stack.check_alive()
            time.sleep(POLL_SECONDS)
    finally:
        connections.unlink(missing_ok=True)


@contextlib.contextmanager
def _folder_lock(folder: Path) -> Iterator[None]:
    """Two stacks would clear each other's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "stack.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                f"A local stack is already running in {folder}; stop it first (Ctrl-C)."
            ) from None
        (folder / "connections.json").unlink(missing_ok=True)
        yield


def _stop_on_signals() -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        # The stack is being taken down now; a second Ctrl-C must not interrupt that.
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, signal.SIG_IGN)
        raise Stopped(number)

    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, stop)


@app.command()
def _main(
    serve_stack: Annotated[
        bool,
        typer.Option(
            "--serve",
            help="Keep the stack running and write .local/connections.json.",
        ),
    ] = False,
    aurora_dsn: Annotated[
        str | None,
        typer.Option(
            metavar="DSN",
            help="A PostgreSQL server of your own instead of the embedded one; the "
            "shop's four tables are created there.",
        ),
    ] = None,
    folder: Annotated[
        Path, typer.Option(help="Where data, logs and connections.json go.")
    ] = FOLDER,
) -> None:
    """Shows the whole sync on this machine, from PostgreSQL to Snowflake.

    Starts PostgreSQL, S3, the API Gateway with the Lambda function and a local
    Snowflake, deploys, seeds a small shop, syncs it, changes it, syncs again and
    compares every row. Ends with 0 only if source and target are equal.
    """
    console = Console()
    _stop_on_signals()
    code = 1
    try:
        with _folder_lock(folder):
            code = _run(console, folder, serve_stack, aurora_dsn)
    except KeyboardInterrupt as error:
        console.print("Stopped; nothing is left running.")
        # A shell's convention. The connector turns Ctrl-C into an error of its own.
        code = 128 + (error.number if isinstance(error, Stopped) else signal.SIGINT)
    except AlreadyRunning as error:
        console.print(str(error), style="red", markup=False)
    except EXPECTED_ERRORS as error:
        console.print(f"{error}", style="red", markup=False, highlight=False)
        console.print(
            f"Logs: {folder / 'logs'}; statements: {folder / 'queries.jsonl'}"
        )
    raise typer.Exit(code)


def _run(
    console: Console, folder: Path, serve_stack: bool, aurora_dsn: str | None
) -> int:
    steps = Steps(console)
    with contextlib.ExitStack() as cleanup:
        with steps.step("start PostgreSQL, S3, API Gateway with Lambda, and Snowflake"):
            stack = cleanup.enter_context(running_stack(folder, aurora_dsn=aurora_dsn))
        outcomes = run_job(stack, steps)
        equal = print_report(console, outcomes, time.monotonic() - steps.started)
        code = 0 if equal else 1
        if serve_stack:
            try:
                serve(stack, console)
            except KeyboardInterrupt:
                # The ordinary end of --serve: the outcome above counts.
                console.print("Stopping.")
        else:
            print_next_steps(console)
    return code
