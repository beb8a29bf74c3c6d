"""Measures what a group costs on the local stack, beside what it may cost.

Statements are counted in the query history of the local Snowflake, invocations by the
local API Gateway, sessions by PostgreSQL itself. Idle means that nothing has changed
since the last run.
"""

import contextlib
import itertools
import json
import math
import statistics
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import psycopg2
import snowflake.connector
import typer
from rich.console import Console
from rich.table import Table

from local.stack import Stack, running_stack
from scripts.deploy_local import deploy_local

GROUP = "scale"
# Of an idle group of up to 500 tables; each further 500; each changed table.
IDLE, FURTHER, CHANGED = 15, 5, 8
LANES = 8
# Of Lambda, while all tables change: with a call for each table it is far too small.
CONCURRENCY = 20
PARTS = ("idle", "changed", "graph", "all")
_TASK_SECONDS = 300.0
# Of an idle table and an idle group.
_PAIRS = 5
_WATCH_SECONDS = 0.05
_AT_ONCE = (
    "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'aurora_sync:%'"
)

console = Console(highlight=False)


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Attributes:
        limit: What it may be at most.
    """

    name: str
    value: float
    limit: float

    @property
    def holds(self) -> bool:
        """Whether the figure is within its limit."""
        return self.value <= self.limit


@dataclass(frozen=True)
class Cost:
    """What a call has cost.

    Attributes:
        sessions: Of PostgreSQL, in all.
        at_once: The most of them at one time.
    """

    statements: int
    calls: int
    invocations: int
    sessions: int
    at_once: int
    seconds: float
    report: dict[str, Any]


def main(
    sizes: Annotated[str, typer.Option(help="Tables of the groups")] = "40,150,500",
    changed: Annotated[int, typer.Option(help="Tables that change")] = 10,
    max_parallel: Annotated[int, typer.Option(help="Of the source")] = 8,
    parts: Annotated[str, typer.Option(help="What is measured")] = ",".join(PARTS),
) -> None:
    """Measures, prints, and exits with 1 if a figure is beyond its limit."""
    chosen = parts.split(",")
    if unknown := set(chosen) - set(PARTS):
        raise typer.BadParameter(f"unknown parts: {', '.join(sorted(unknown))}")
    numbers = [int(size) for size in sizes.split(",")]
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder)) as stack:
        deploy_local(stack.endpoints)
        figures = run_scale(stack, numbers, changed, max_parallel, chosen)
    show(figures)
    raise typer.Exit(0 if all(figure.holds for figure in figures) else 1)


def show(figures: Sequence[Figure]) -> None:
    """Prints the figures."""
    table = Table("figure", "measured", "at most", "")
    for figure in figures:
        mark = "" if figure.holds else "MISSED"
        table.add_row(figure.name, f"{figure.value:g}", f"{figure.limit:g}", mark)
    console.print(table)


def run_scale(
    stack: Stack,
    sizes: Sequence[int],
    changed: int,
    max_parallel: int,
    parts: Sequence[str],
) -> list[Figure]:
    """Returns the figures of groups of these sizes, the smallest first."""
    endpoints = stack.endpoints
    with (
        closing(psycopg2.connect(endpoints.aurora_dsn)) as source,
        closing(
            snowflake.connector.connect(**endpoints.snowflake.parameters)
        ) as target,
    ):
        source.autocommit = True
        lab = ScaleLab(stack, source, target, max_parallel)
        figures: list[Figure] = []
        for size in sorted(sizes):
            figures += lab.measure(size, changed, parts)
        return figures


def _limit(size: int) -> int:
    """Returns the statements that an idle group of this size may send."""
    return IDLE + FURTHER * max(0, -(-size // 500) - 1)


class ScaleLab:
    """The stack, and a group that grows."""

    def __init__(self, stack: Stack, source: Any, target: Any, parallel: int) -> None:
        self.stack = stack
        self.source = source
        self.target = target
        self.parallel = parallel
        self.tables: list[str] = []
        self._scheduled = True
        self._changes = itertools.count(1)
        self.note = ""

    # --- figures ----------------------------------------------------------------------

    def measure(self, size: int, changed: int, parts: Sequence[str]) -> list[Figure]:
        """Grows the group to this size, and returns the chosen figures of it."""
        self.grow(size)
        self.sync_group()
        self.sync_group()
        measures: dict[str, Callable[[], list[Figure]]] = {
            "idle": lambda: self._idle(size),
            "changed": lambda: self._changed(size, changed),
            "graph": lambda: self._graph(size),
            "all": lambda: self._all(size),
        }
        return [figure for part in parts for figure in measures[part]()]

    def _idle(self, size: int) -> list[Figure]:
        # In turn, and the median of each: whatever else the machine does, both see it.
        ones, groups = [], []
        for _ in range(_PAIRS):
            one = self.cost(lambda: self.call("SYNC_TABLE", self.tables[0]))
            idle = self.cost(self.sync_group)
            ones.append(one.seconds)
            groups.append(idle.seconds)
        seconds = statistics.median(groups)
        group = f"{size} tables, idle"
        return [
            Figure(f"{group}: statements", idle.statements, _limit(size)),
            Figure(f"{group}: Lambda invocations", idle.invocations, 30),
            Figure(f"{group}: PostgreSQL sessions in all", idle.sessions, 8),
            Figure(f"{group}: sessions at once", idle.at_once, self.parallel),
            Figure(
                f"{group}: seconds, in those of an idle SYNC_TABLE",
                round(seconds / statistics.median(ones), 1),
                20,
            ),
            # Told, and bounded by nothing: the machine's.
            Figure(f"{group}: seconds", round(seconds, 2), math.inf),
        ]

    def _changed(self, size: int, changed: int) -> list[Figure]:
        self.change(changed)
        busy = self.cost(self.sync_group)
        assert len(busy.report["changed"]) == min(changed, size), busy.report
        name = f"{changed} of {size} tables changed: statements"
        return [Figure(name, busy.statements, _limit(size) + CHANGED * changed)]

    def _graph(self, size: int) -> list[Figure]:
        # The first one of a day tidies up as well.
        self.cycle()
        cycle = self.cycle()
        group = f"{size} tables, idle cycle of the graph"
        return [
            Figure(f"{group}: calls", cycle.calls, 2),
            Figure(f"{group}: statements", cycle.statements, _limit(size) + 10),
        ]

    def _all(self, size: int) -> list[Figure]:
        self.change(size)
        refused = self._invoked()["refused"]
        self._limit_front(CONCURRENCY)
        every = self.cost(self.sync_group)
        self._limit_front(0)
        refused = self._invoked()["refused"] - refused
        missing = len(self._not_arrived())
        group = f"{size} tables, all changed"
        most = _limit(size) + CHANGED * size
        return [
            Figure(f"{group}: tables that did not arrive", missing, 0),
            Figure(f"{group}: 5xx that Snowflake saw", refused, 0),
            Figure(f"{group}: sessions at once", every.at_once, self.parallel),
            Figure(f"{group}: statements", every.statements, most),
        ]

    def change(self, tables: int) -> None:
        """Changes every row of the first tables."""
        self.note = f"change {next(self._changes)}"
        for table in self.tables[:tables]:
            self._psql(f"UPDATE {table} SET note = '{self.note}', updated_at = now()")

    def cost(self, work: Callable[[], dict[str, Any]]) -> Cost:
        """Returns what some work costs."""
        sent, invoked = len(self._history()), self._invocations()
        sessions, started = self._sessions(), time.monotonic()
        with self._watching() as most:
            report = work()
            seconds = time.monotonic() - started
        history = self._history()[sent:]
        of_procedures = [s for s in history if s["procedure"]]
        called = [s for s in history if s["text"].lstrip().startswith("CALL control.")]
        return Cost(
            len(of_procedures),
            len(called),
            self._invocations() - invoked,
            # Whoever watches is one of them.
            self._sessions() - sessions - 1,
            most[0],
            seconds,
            report,
        )

    @contextlib.contextmanager
    def _watching(self) -> Iterator[list[int]]:
        """Yields the most sessions that extractions have had at one time."""
        most, ended = [0], threading.Event()

        def watch() -> None:
            with closing(psycopg2.connect(self.stack.endpoints.aurora_dsn)) as own:
                own.autocommit = True
                with own.cursor() as cursor:
                    while not ended.wait(_WATCH_SECONDS):
                        cursor.execute(_AT_ONCE)
                        most[0] = max(most[0], int(cursor.fetchone()[0]))

        thread = threading.Thread(target=watch, name="sessions")
        thread.start()
        try:
            yield most
        finally:
            ended.set()
            thread.join()

    def cycle(self) -> Cost:
        """Returns what one idle run of the group's graph costs."""
        self._query("CALL APPLY_TASKS()")
        root = f'control."EXTRACT_{GROUP.upper()}"'
        before = len(self._finished())

        def run() -> dict[str, Any]:
            self._query(f"EXECUTE TASK {root}")
            end = time.monotonic() + _TASK_SECONDS
            while len(self._finished()) == before:
                if time.monotonic() > end:
                    raise RuntimeError("the graph does not end")
                time.sleep(0.2)
            return {}

        return self.cost(run)

    def _finished(self) -> list[dict[str, Any]]:
        name = f"FINISH_{GROUP.upper()}"
        runs = self._local("tasks", {"advance_seconds": 0})["runs"]
        return [run for run in runs if run["name"] == name]

    # --- what is counted --------------------------------------------------------------

    def _history(self) -> list[dict[str, Any]]:
        text = Path(self.stack.endpoints.queries).read_text(encoding="utf-8")
        return [json.loads(line) for line in text.split("\n") if line]

    def _limit_front(self, slots: int) -> None:
        """Sets how many requests Lambda answers at once; 0: as Terraform says."""
        found = urlsplit(self.stack.endpoints.gateway_url)
        request = urllib.request.Request(
            f"{found.scheme}://{found.netloc}/local/faults",
            data=json.dumps({"front_slots": slots}).encode(),
            method="PUT",
        )
        with urllib.request.urlopen(request, timeout=30):
            pass

    def _not_arrived(self) -> list[str]:
        """Returns the tables whose change is not in their targets."""
        missing = []
        for table in self.tables:
            own = self._query(
                f"SELECT COUNT(*) FROM scale.{table} WHERE note = %s", self.note
            )
            with self.source.cursor() as cursor:
                cursor.execute(f"SELECT count(*) FROM {table}")
                if cursor.fetchone() != tuple(own[0]):
                    missing.append(table)
        return missing

    def _invocations(self) -> int:
        counts = self._invoked()
        return counts["requests"] + counts["events"]

    def _invoked(self) -> dict[str, int]:
        found = urlsplit(self.stack.endpoints.gateway_url)
        url = f"{found.scheme}://{found.netloc}/local/invocations"
        with urllib.request.urlopen(url, timeout=30) as answer:
            found_counts: dict[str, int] = json.loads(answer.read())
            return found_counts

    def _sessions(self) -> int:
        """Returns how many sessions there were; PostgreSQL counts them at their end."""
        time.sleep(1.2)
        with self.source.cursor() as cursor:
            cursor.execute(
                "SELECT pg_stat_clear_snapshot(), sessions FROM pg_stat_database"
                " WHERE datname = current_database()"
            )
            return int(cursor.fetchone()[1])

    # --- the group --------------------------------------------------------------------

    def grow(self, size: int) -> None:
        for number in range(len(self.tables), size):
            name = f"scale_{number:05d}"
            self._psql(f"""
                CREATE TABLE {name} (
                    id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
                    note text,
                    updated_at timestamptz NOT NULL DEFAULT now()
                );
                CREATE INDEX ON {name} (updated_at);
                INSERT INTO {name} (note, updated_at)
                SELECT 'row ' || i, now() - interval '1 hour'
                FROM generate_series(1, 3) AS i
                """)
            self.tables.append(name)
        self._apply()

    def _apply(self) -> None:
        schedule = {"schedule": {"every_minutes": 10_000}, "lanes": LANES}
        config = {
            "version": 1,
            "defaults": {
                "source": "shop",
                "group": GROUP,
                "target_schema": "scale",
                "cursor": "updated_at",
                "margin_seconds": 0,
            },
            "sources": {"shop": {"time_zone": "UTC", "max_parallel": self.parallel}},
            "groups": {GROUP: schedule if self._scheduled else {}},
            "tables": {name: {} for name in self.tables},
        }
        self.call("APPLY_CONFIG", json.dumps(config))

    def unschedule(self) -> None:
        """Takes the group's task graph away."""
        self._scheduled = False
        self._apply()
        self._query("CALL APPLY_TASKS()")

    def sync_group(self) -> dict[str, Any]:
        report = self.call("SYNC_GROUP", GROUP)
        if report["failed"]:
            raise RuntimeError(f"tables fail: {report['failed']}")
        return report

    def call(self, procedure: str, argument: str) -> dict[str, Any]:
        more = ", FALSE, TRUE" if procedure == "APPLY_CONFIG" else ""
        ((text,),) = self._query(f"CALL {procedure}(%s{more})", argument)
        found: dict[str, Any] = json.loads(text)
        return found

    def _query(self, text: str, *params: Any) -> list[Any]:
        cursor = self.target.cursor()
        cursor.execute(text, params or None)
        return list(cursor.fetchall())

    def _psql(self, text: str) -> None:
        with self.source.cursor() as cursor:
            cursor.execute(text)

    def _local(self, name: str, data: dict[str, Any]) -> dict[str, Any]:
        address = self.stack.endpoints.snowflake
        request = urllib.request.Request(
            f"http://{address.host}:{address.port}/local/{name}",
            data=json.dumps(data).encode(),
            method="PUT",
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            found: dict[str, Any] = json.loads(response.read())
            return found


if __name__ == "__main__":
    typer.run(main)
