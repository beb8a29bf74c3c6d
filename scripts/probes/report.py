"""What a run of the probes shows: a table for a person, JSON to send in."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from scripts.probes.answers import (
    AS_EXPECTED,
    NOT_RUN,
    Outcome,
    expected_text,
    without_names,
)

FORMAT = 1
_COLOURS = {AS_EXPECTED: "green", NOT_RUN: "dim"}


def what_to_do(outcome: Outcome, *, local: bool) -> str:
    """What a person does about an outcome."""
    if outcome.state == AS_EXPECTED:
        return ""
    if outcome.state == NOT_RUN:
        return outcome.probe.by_hand
    if local and outcome.as_marked:
        return f"known: {outcome.probe.local_reason}"
    if local:
        return "correct local/, or what the probe's file says of it"
    return f"send it in. It means: {outcome.probe.otherwise}"


def print_outcomes(console: Console, outcomes: list[Outcome], *, local: bool) -> None:
    """Prints the table, and how many there are of each state."""
    table = Table(title="Assumptions about the platforms", show_lines=True)
    for title, ratio in (
        *(("probe", 1), ("assumption", 4), ("expected", 3)),
        *(("seen", 4), ("what to do", 4)),
    ):
        table.add_column(title, ratio=ratio, overflow="fold")
    for outcome in outcomes:
        probe = outcome.probe
        table.add_row(
            probe.id,
            probe.title,
            expected_text(probe),
            f"{outcome.state}: {outcome.seen}",
            what_to_do(outcome, local=local),
            style=_COLOURS.get(outcome.state, "yellow" if outcome.as_marked else "red"),
        )
    console.print(table, markup=False)
    console.print(summary(outcomes))


def summary(outcomes: list[Outcome]) -> str:
    """How many probes there are of each state, as a sentence."""
    counts: dict[str, int] = {}
    for outcome in outcomes:
        counts[outcome.state] = counts.get(outcome.state, 0) + 1
    parts = ", ".join(f"{count} {state}" for state, count in counts.items())
    return f"{len(outcomes)} probes: {parts}."


def report(
    outcomes: list[Outcome], *, local: bool, version: str, names: Iterable[str]
) -> dict[str, Any]:
    """Returns what is sent in: no host, account, user, role or database is in it.

    Args:
        outcomes: All outcomes.
        local: True for the local stack.
        version: Snowflake's version; empty if it was not asked.
        names: What must not be told.
    """
    hidden = tuple(names)
    return {
        "format": FORMAT,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "platform": "local stack" if local else "account",
        "snowflake_version": version,
        "probes": [
            {
                "id": outcome.probe.id,
                "half": outcome.probe.half,
                "title": outcome.probe.title,
                "known": outcome.probe.known,
                "expected": expected_text(outcome.probe),
                "state": outcome.state,
                "seen": without_names(outcome.seen, hidden),
                "seconds": round(outcome.seconds, 1),
            }
            for outcome in outcomes
        ],
    }


def write_report(path: Path, content: dict[str, Any]) -> None:
    """Writes the JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8")
