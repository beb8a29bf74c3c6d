"""What a year of runs does to those who read the present: measured on the local stack.

Day one has a day of runs of each table. Then the rows of a year are written beside
them, TIDY moves what is old, and the same statements are timed again.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import psycopg2
import snowflake.connector
import typer
from rich.console import Console

from local.stack import Stack, running_stack
from scripts.deploy_local import deploy_local

MOST = 1.5
_ROUNDS = 7
# A row of each table for each hour back from the given one.
_RUNS = """
INSERT INTO control.sync_runs (
    run_id, table_name, kind, status, started_at, finished_at, windows,
    rows_extracted, rows_inserted, rows_updated, rows_deleted, files, bytes,
    extract_seconds, load_seconds, merge_seconds, statements, null_cursor_rows
)
SELECT
    'r' || TO_VARCHAR(h.hour), t.table_name, 'increment',
    IFF(MOD(h.hour, 4) = 0, 'succeeded', 'unchanged'),
    DATEADD('hour', -h.hour, CURRENT_TIMESTAMP()),
    DATEADD('hour', -h.hour, CURRENT_TIMESTAMP()), 1, 9, 9, 0, 0, 1, 1000,
    1, 1, 1, 12, -1
FROM control.sync_current_tables AS t
CROSS JOIN (
    SELECT SEQ4() + %s AS hour FROM TABLE(GENERATOR(ROWCOUNT => {hours}))
) AS h
WHERE t.table_name LIKE %s
"""
_MARKS = """
INSERT INTO control.sync_watermarks (
    table_name, version, run_id, kind, origin, row_count, recorded_at
)
SELECT
    r.table_name, -ROW_NUMBER() OVER (PARTITION BY r.table_name ORDER BY r.finished_at),
    r.run_id, 'increment', 'o', 9, r.finished_at
FROM control.sync_runs AS r
WHERE r.status = 'succeeded' AND r.windows = 1 AND r.run_id LIKE 'r%%'
    AND r.finished_at < DATEADD('hour', -24, CURRENT_TIMESTAMP())
    AND r.table_name LIKE %s
"""

console = Console(highlight=False)


@dataclass(frozen=True)
class Times:
    """Seconds of what readers of the present do; the median of some rounds."""

    status: float
    idle_sync: float


@dataclass(frozen=True)
class Figures:
    """What was measured.

    Attributes:
        rows: Runs that were written for the past.
        tidy_seconds: What the TIDY took that moved them.
    """

    rows: int
    day_one: Times
    untidy: Times
    year_later: Times
    tidy_seconds: float

    @property
    def ratio(self) -> float:
        """How many times as long it takes a year later, the worse of the two."""
        before, after = self.day_one, self.year_later
        return max(after.status / before.status, after.idle_sync / before.idle_sync)


def main(
    runs: Annotated[
        int, typer.Option(help="Runs of the past, of all tables")
    ] = 2_000_000,
    tables: Annotated[int, typer.Option(help="Tables of the configuration")] = 150,
) -> None:
    """Prints the figures; exits with 1 if a year makes too much of a difference."""
    with tempfile.TemporaryDirectory() as folder:
        with running_stack(Path(folder)) as stack:
            deploy_local(stack.endpoints)
            figures = measure(stack, runs=runs, tables=tables)
    for name in ("day_one", "untidy", "year_later"):
        times: Times = getattr(figures, name)
        console.print(
            f"{name:12} SYNC_STATUS {times.status:8.3f} s,"
            f" idle sync {times.idle_sync:8.3f} s"
        )
    console.print(f"{figures.rows} runs of the past; TIDY {figures.tidy_seconds:.1f} s")
    console.print(f"a year later / day one: {figures.ratio:.2f} (at most {MOST})")
    raise typer.Exit(figures.ratio > MOST)


def measure(stack: Stack, *, runs: int, tables: int, prefix: str = "aged") -> Figures:
    """Times the same statements before and after so many runs."""
    names = [f"{prefix}_{number:04}" for number in range(tables)]
    with (
        closing(psycopg2.connect(stack.endpoints.aurora_dsn)) as source,
        closing(
            snowflake.connector.connect(**stack.endpoints.snowflake.parameters)
        ) as connection,
    ):
        source.autocommit = True
        with source.cursor() as cursor:
            cursor.execute(
                f"CREATE TABLE {names[0]} (id int PRIMARY KEY,"
                " updated_at timestamptz NOT NULL DEFAULT now());"
                f"INSERT INTO {names[0]} SELECT generate_series(1, 10)"
            )
        ask = _asker(connection)
        ask("CALL APPLY_CONFIG(%s, FALSE, TRUE)", json.dumps(_config(names)))
        ask("CALL SYNC_TABLE(%s)", names[0])
        ask(_RUNS.format(hours=24), 0, f"{prefix}_%")
        day_one = _times(ask, names[0])
        hours = max(1, runs // tables)
        ask(_RUNS.format(hours=hours), 25, f"{prefix}_%")
        ask(_MARKS, f"{prefix}_%")
        untidy = _times(ask, names[0])
        started = time.monotonic()
        ask("CALL TIDY()")
        seconds = time.monotonic() - started
        later = _times(ask, names[0])
    return Figures(hours * tables, day_one, untidy, later, seconds)


def _asker(connection: Any) -> Callable[..., list[Any]]:
    def ask(text: str, *values: object) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(text, values)
            rows: list[Any] = cursor.fetchall()
            return rows

    return ask


def _times(ask: Callable[..., list[Any]], table: str) -> Times:
    return Times(
        status=_median(lambda: ask("SELECT * FROM control.sync_status")),
        idle_sync=_median(lambda: ask("CALL SYNC_TABLE(%s)", table)),
    )


def _median(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(_ROUNDS):
        started = time.monotonic()
        work()
        seconds.append(time.monotonic() - started)
    return statistics.median(seconds)


def _config(names: list[str]) -> dict[str, Any]:
    return {
        "version": 1,
        "defaults": {"source": "shop", "cursor": "updated_at", "target_schema": "aged"},
        "sources": {"shop": {"time_zone": "UTC"}},
        "tables": {name: {} for name in names},
    }


if __name__ == "__main__":
    typer.run(main)
