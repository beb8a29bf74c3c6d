"""One sequence of changes, and what histories of different tools keep of it.

    scripts/compare_history.sh [--write]

After each step every tool sees the same table: this product by SYNC_TABLE, dlt (merge
strategy scd2) and dbt snapshots (strategies timestamp and check, hard_deletes =
new_record) by a copy of the whole table in DuckDB, as their documents have it. Printed
is each version with its interval: c3 is the cursor that was written before the third
sync, s3 that sync. --write puts the table into docs/HISTORY.md.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import snowflake.connector

from local.stack import Stack, running_stack
from scripts.deploy_local import deploy_local

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "HISTORY.md"
MARKS = ("<!-- compare_history -->", "<!-- end of compare_history -->")
TABLE = "compared"


# The rows of the table.
State = list[dict[str, Any]]


@dataclass(frozen=True)
class Version:
    """One version of a row: its value, and since and until when, as words."""

    value: str
    since: str
    until: str

    def __str__(self) -> str:
        """Returns it as half-open interval."""
        return f"{self.value} [{self.since}, {self.until or '...'})"


# Of each key.
Kept = dict[int, list[Version]]


def _changed(key: int, value: str, cursor: str) -> str:
    return (
        f"UPDATE {TABLE} SET value = '{value}', updated_at = {{{cursor}}}"
        f" WHERE id = {key}"
    )


# Key -> what happens to it.
SCENARIOS = {
    1: "deleted, and reborn later",
    2: "read again unchanged, five times",
    3: "two changes between two syncs",
    4: "a late row: an older cursor after a newer one",
    5: "touched: only its cursor changed",
    6: "changed without its cursor",
    7: "a column is added, and filled later",
}
# {now} is the time of the step, {later} a little after it, {before} a little before
# the time of the step before.
STEPS: tuple[tuple[str, ...], ...] = (
    (
        f"CREATE TABLE {TABLE}"
        " (id int PRIMARY KEY, value text, updated_at timestamptz)",
        f"INSERT INTO {TABLE} SELECT n, 'a', {{now}} FROM generate_series(1, 7) AS n",
    ),
    (
        f"DELETE FROM {TABLE} WHERE id = 1",
        _changed(3, "b", "now"),
        _changed(3, "c", "later"),
        _changed(4, "b", "now"),
        _changed(5, "a", "now"),
        f"UPDATE {TABLE} SET value = 'b' WHERE id = 6",
    ),
    (
        f"INSERT INTO {TABLE} VALUES (1, 'b', {{now}})",
        _changed(4, "c", "before"),
    ),
    (f"ALTER TABLE {TABLE} ADD COLUMN note text",),
    (f"UPDATE {TABLE} SET note = 'n', updated_at = {{now}} WHERE id = 7",),
)
A_LITTLE = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Clock:
    """The times of a play.

    Attributes:
        syncs: Before the first sync, and after each of them.
        cursors: Each time that was written, and its name.
    """

    syncs: list[datetime]
    cursors: dict[datetime, str]

    def times(self, number: int) -> dict[str, str]:
        """Returns the times of a step as SQL, and remembers them."""
        now = datetime.now(UTC)
        before = max(self.cursors, default=now) - A_LITTLE * 2
        self.cursors[before] = f"c{number - 1}-"
        self.cursors[now] = f"c{number}"
        self.cursors[now + A_LITTLE] = f"c{number}+"
        found = {"now": now, "later": now + A_LITTLE, "before": before}
        return {
            name: f"TIMESTAMPTZ '{time.isoformat()}'" for name, time in found.items()
        }

    def word(self, moment: datetime | None) -> str:
        """Returns the name of a moment; none has no name."""
        if moment is None:
            return ""
        moment = moment.astimezone(UTC)
        return self.cursors.get(moment) or f"s{sum(end < moment for end in self.syncs)}"


def main(arguments: list[str] | None = None) -> int:
    """Runs the steps with every tool and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--others", help="Python with dlt and dbt; default: no others")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            running_stack(folder / "stack") as stack,
            Others(options.others, folder) as others,
        ):
            deploy_local(stack.endpoints)
            clock, kept = play(stack, others.see)
            tools = {"this product": kept, **others.kept(clock)}
    text = as_markdown(tools)
    print(text)
    if options.write:
        write(text)
    return 0


def play(stack: Stack, see: Callable[[State], None]) -> tuple[Clock, Kept]:
    """Makes the changes, syncs, and shows each state to the other tools."""
    table = {
        "source": "shop",
        "target_schema": "LAB",
        "cursor": "updated_at",
        "history": True,
        # The late row of the sequence is the application's: no transaction tells it.
        "lookback_seconds": 3600,
        "deletes": "key_compare",
        "delete_check_minutes": 0,
        "max_delete_percent": 100,
    }
    configured = {
        "version": 1,
        "sources": {"shop": {"time_zone": "UTC"}},
        "tables": {TABLE: table},
    }
    clock = Clock([datetime.now(UTC)], {})
    with (
        closing(psycopg2.connect(stack.endpoints.aurora_dsn)) as source,
        closing(
            snowflake.connector.connect(**stack.endpoints.snowflake.parameters)
        ) as target,
    ):
        source.autocommit = True
        with source.cursor() as rows, target.cursor() as cursor:
            for number, step in enumerate(STEPS, start=1):
                times = clock.times(number)
                for statement in step:
                    rows.execute(statement.format(**times))
                if number == 1:
                    cursor.execute("CALL APPLY_CONFIG(%s)", (json.dumps(configured),))
                cursor.execute("CALL SYNC_TABLE(%s)", (TABLE,))
                clock.syncs.append(datetime.now(UTC))
                see(_state(rows))
            cursor.execute(
                "SELECT id, value, note, _sync_valid_from, _sync_valid_to"
                f" FROM lab.{TABLE} ORDER BY id, _sync_valid_from"
            )
            found = [tuple(row) for row in cursor.fetchall()]
    return clock, versions(found, clock)


def _state(rows: Any) -> State:
    rows.execute(f"SELECT * FROM {TABLE} ORDER BY id")
    names = [column.name for column in rows.description]
    return [
        {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in zip(names, row, strict=True)
        }
        for row in rows.fetchall()
    ]


class Others:
    """dlt and dbt, which see each state when it is there, in their own environment."""

    def __init__(self, python: str | None, folder: Path) -> None:
        """Keeps its files in the folder; without a Python there are no others."""
        self.python, self.folder = python, folder
        self.process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "Others":
        """Starts the program."""
        if self.python:
            program = ROOT / "scripts" / "compare_history_others.py"
            self.process = subprocess.Popen(
                [self.python, program, self.folder / "others"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the program, whatever it does."""
        if self.process:
            self.process.kill()
            self.process.communicate()

    def see(self, state: State) -> None:
        """Shows them a state; returns when they have read it."""
        self._ask(state)

    def kept(self, clock: Clock) -> dict[str, Kept]:
        """Returns each tool's versions."""
        return {
            tool: versions(
                [(*row[:3], _moment(row[3]), _moment(row[4])) for row in said["rows"]],
                Clock(
                    [datetime.fromisoformat(text) for text in said["moments"]],
                    clock.cursors,
                ),
            )
            for tool, said in (self._ask(None) or {}).items()
        }

    def _ask(self, question: State | None) -> dict[str, Any] | None:
        if not self.process or not self.process.stdin or not self.process.stdout:
            return None
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def versions(rows: list[tuple[Any, ...]], clock: Clock) -> Kept:
    """Returns the versions of each key, their intervals in words.

    Args:
        rows: Key, value, note, begin, end.
        clock: Of the tool that made them.
    """
    kept: Kept = {key: [] for key in SCENARIOS}
    for key, value, note, since, until in rows:
        text = f"{value}+{note}" if note else value
        kept[key].append(Version(text, clock.word(since), clock.word(until)))
    return kept


def as_markdown(tools: dict[str, Kept]) -> str:
    """Returns the table: a line for each scenario, a column for each tool."""
    lines = [
        f"| what happened | {' | '.join(tools)} |",
        f"|{'---|' * (len(tools) + 1)}",
    ]
    for key, words in SCENARIOS.items():
        cells = [
            "<br>".join(map(str, kept[key])) or "nothing" for kept in tools.values()
        ]
        lines.append(f"| {words} | {' | '.join(cells)} |")
    return "\n".join(lines)


def write(text: str) -> None:
    """Puts the table between the marks of docs/HISTORY.md."""
    page = PAGE.read_text()
    before, rest = page.split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    PAGE.write_text(f"{before}{MARKS[0]}\n{text}\n{MARKS[1]}{after}")


if __name__ == "__main__":
    sys.exit(main())
