"""What scripts/run_local shows at the end: the outcome by table, what to try next."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from local.compare import Comparison
from local.stack import Endpoints


@dataclass(frozen=True)
class Sync:
    """One CALL SYNC_TABLE.

    Attributes:
        inserted: Rows that were new to the target; all rows of a reload.
        updated: Rows that were in the target before.
        reloaded: True if the whole table was loaded again.
        seconds: As the caller saw it.
    """

    inserted: int
    updated: int
    reloaded: bool
    seconds: float

    @classmethod
    def from_report(cls, report: Mapping[str, Any], seconds: float) -> "Sync":
        """Takes the numbers out of the procedure's report."""
        return cls(
            inserted=int(report.get("rows_inserted") or 0),
            updated=int(report.get("rows_updated") or 0),
            reloaded=report.get("kind") == "snapshot",
            seconds=seconds,
        )


@dataclass(frozen=True)
class Outcome:
    """Everything that happened to one table."""

    first: Sync
    second: Sync
    comparison: Comparison


def print_report(
    console: Console, outcomes: Mapping[str, Outcome], seconds: float
) -> bool:
    """Prints the outcome; returns True if every table is equal."""
    table = Table(
        title="PostgreSQL → Lambda → S3 → Snowflake",
        title_justify="left",
        box=box.SIMPLE,
        collapse_padding=True,
    )
    table.add_column("\ntable", no_wrap=True)
    for header in (
        "1st sync\ninserted",
        "\nsec",
        "2nd sync\ninserted",
        "\nupdated",
        "\nsec",
        "rows in\nsource",
        "rows in\ntarget",
        "\nequal",
    ):
        table.add_column(header, justify="right", no_wrap=True)
    for name, outcome in outcomes.items():
        table.add_row(name, *_cells(outcome))
    console.print()
    console.print(table)
    equal = all(outcome.comparison.equal for outcome in outcomes.values())
    for name, outcome in outcomes.items():
        if not outcome.comparison.equal:
            console.print(
                f"{name}: {outcome.comparison.explain()}", style="red", markup=False
            )
    rows = sum(outcome.comparison.source_rows for outcome in outcomes.values())
    if equal:
        console.print(
            f"[green]Equal:[/] {rows:,} rows of {len(outcomes)} tables, compared value "
            f"by value, in {seconds:.0f} seconds."
        )
    else:
        console.print("[red]Source and target differ.[/]")
    return equal


def _cells(outcome: Outcome) -> list[str]:
    comparison = outcome.comparison
    second = outcome.second
    return [
        f"{outcome.first.inserted:,}",
        f"{outcome.first.seconds:.1f}",
        f"{second.inserted:,}",
        "reloaded" if second.reloaded else f"{second.updated:,}",
        f"{second.seconds:.1f}",
        f"{comparison.source_rows:,}",
        f"{comparison.target_rows:,}",
        "[green]yes[/]" if comparison.equal else "[red]NO[/]",
    ]


def print_next_steps(console: Console) -> None:
    """Prints what to try after a run that has ended."""
    console.print(
        "\nNext: scripts/run_local.sh --serve keeps all of it running for your own\n"
        "tables; docs/ARCHITECTURE.md explains the path, README.md how to deploy for\n"
        "real.",
        highlight=False,
    )


def print_ways_in(console: Console, endpoints: Endpoints, connections: Path) -> None:
    """Prints how to connect to the running stack, ready to be copied."""
    command_line = connections.with_name("snowflake_cli.toml")
    _write_cli_settings(command_line, endpoints)
    python = (
        "import json, snowflake.connector\n"
        f'c = json.load(open("{connections}"))["snowflake"]\n'
        "cursor = snowflake.connector.connect(**c).cursor()\n"
        "print(cursor.execute(\"CALL SYNC_TABLE('orders')\").fetchone()[0])"
    )
    call = "CALL SYNC_TABLE('orders')"
    for title, text in (
        ("PostgreSQL", f'psql "{endpoints.aurora_dsn}"'),
        ("Python (pip install snowflake-connector-python)", python),
        (
            "Snowflake CLI (pip install snowflake-cli)",
            f'snow --config-file "{command_line}" sql -c local -q "{call}"',
        ),
        (
            "Try",
            "in psql:       UPDATE orders SET total = total + 1 WHERE id = 42;\n"
            f"in Snowflake:  {call};\n"
            "               SELECT * FROM SHOP.ORDERS WHERE ID = 42;\n"
            "               SELECT * FROM CONTROL.SYNC_STATUS;",
        ),
    ):
        console.print(f"\n[bold]{title}[/]")
        # Not wrapped and not marked up, so that it can be copied.
        print(text, file=console.file)
    console.print(f"\nEverything about connecting is in {connections}. Ctrl-C stops.")


def _write_cli_settings(path: Path, endpoints: Endpoints) -> None:
    lines = ["[connections.local]"]
    lines += [
        f"{name} = {json.dumps(value)}"
        for name, value in endpoints.snowflake.parameters.items()
    ]
    path.touch(mode=0o600)  # the CLI refuses a file that others may read
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
