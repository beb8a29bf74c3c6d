"""From nothing to in sync: a source of many tables, and the calls of one person.

Every call is one that a person makes in a worksheet, and nothing is written by hand
between them. At the end each table that was synced has as many rows as its source, and
the tables that need a person are listed with the reason.
"""

import collections
import json
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import psycopg2
import snowflake.connector
import typer
from rich.console import Console

from local.stack import Stack, running_stack
from scripts.deploy_local import deploy_local
from scripts.onboarding_source import Made, create, tables

MOST_CALLS = 5
console = Console(highlight=False)


@dataclass
class Outcome:
    """What happened.

    Attributes:
        people: Table -> why a person has to look at it.
        wrong: Tables that are not what their source is.
    """

    calls: list[tuple[str, float]] = field(default_factory=list)
    configured: int = 0
    in_sync: int = 0
    people: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


def main(
    number: Annotated[
        int, typer.Option("--tables", help="Tables of the source.")
    ] = 300,
    rows: Annotated[int, typer.Option(help="Rows of each table.")] = 100,
    seed: Annotated[int, typer.Option(help="Of the names.")] = 1,
) -> None:
    """Onboards a source of many tables with at most five calls."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_stack(Path(folder)) as stack,
    ):
        console.print("Deploying ...")
        deploy_local(stack.endpoints)
        made = tables(number, seed)
        console.print(f"Making {len(made)} tables of {rows} rows in PostgreSQL ...")
        make_source(stack, made, rows)
        outcome = onboard(stack, made, rows)
    raise typer.Exit(0 if tell(outcome, number) else 1)


def make_source(stack: Stack, made: list[Made], rows: int) -> None:
    """Makes the tables in PostgreSQL."""
    with closing(psycopg2.connect(stack.endpoints.aurora_dsn)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in create(made, rows):
                cursor.execute(statement)


def onboard(stack: Stack, made: list[Made], rows: int) -> Outcome:
    """Makes the calls and compares what has come."""
    outcome = Outcome()
    parameters = stack.endpoints.snowflake.parameters
    with closing(snowflake.connector.connect(**parameters)) as connection:
        proposed = _call(connection, outcome, "CALL PROPOSE_CONFIG('shop', '*.*')")
        for row in proposed["tables"]:
            reasons = [misfit["code"] for misfit in row["misfits"]]
            if reasons:
                outcome.people[row["table"]] = ", ".join(reasons)
        added = _call(connection, outcome, proposed["next"].rstrip(";"))
        outcome.configured = len(added["added"])
        report = _call(connection, outcome, "CALL SYNC_GROUP('shop')")
        outcome.in_sync = report["succeeded"]
        outcome.wrong = [f"{name}: {e['code']}" for name, e in report["failed"].items()]
        outcome.wrong += _compared(connection, proposed, made, rows)
    return outcome


def _call(connection: Any, outcome: Outcome, text: str) -> dict[str, Any]:
    console.print(f"{text} ...", markup=False)
    started = time.monotonic()
    with connection.cursor() as cursor:
        (answer,) = cursor.execute(text).fetchone()
    outcome.calls.append((text, time.monotonic() - started))
    console.print(f"  {outcome.calls[-1][1]:.1f} s")
    report: dict[str, Any] = json.loads(answer)
    return report


def _compared(
    connection: Any, proposed: dict[str, Any], made: list[Made], rows: int
) -> list[str]:
    """Returns the readable tables of the source whose target has not all rows."""
    console.print("Counting the rows of every table ...")
    names = {row["table"]: row["name"] for row in proposed["tables"]}
    with connection.cursor() as cursor:
        found = cursor.execute(
            "SELECT table_name, target_name FROM control.sync_current_tables"
        ).fetchall()
        targets = dict(found)
        wrong = []
        for one in made:
            place = f"{one.schema}.{one.name}"
            if not one.kind.readable:
                continue
            target = targets.get(names.get(place, ""))
            if target is None:
                wrong.append(f"{place}: not configured")
                continue
            (count,) = cursor.execute(f"SELECT COUNT(*) FROM {target}").fetchone()
            if count != rows:
                wrong.append(f"{place}: {count} rows of {rows}")
    return wrong


def tell(outcome: Outcome, number: int) -> bool:
    """Prints what happened; returns whether it is as it should be."""
    for text, seconds in outcome.calls:
        console.print(f"{seconds:7.1f} s  {text}", markup=False)
    total = sum(seconds for _, seconds in outcome.calls)
    console.print(
        f"{number} tables in the source: {outcome.configured} configured,"
        f" {outcome.in_sync} in sync, with {len(outcome.calls)} calls in {total:.1f} s."
    )
    reasons = collections.Counter(outcome.people.values())
    console.print(f"{len(outcome.people)} need a person:")
    for reason, count in reasons.most_common():
        console.print(f"  {count:4d}  {reason}")
    for line in outcome.wrong[:20]:
        console.print(f"WRONG: {line}", markup=False)
    return not outcome.wrong and len(outcome.calls) <= MOST_CALLS


if __name__ == "__main__":
    typer.run(main)
