"""Simulates groups of many sizes: what a cycle costs in both shapes, from inputs.

scripts/simulate_scale.sh
scripts/simulate_scale.sh --sizes 40,150 --set changed_share=0.1 --set lanes=16
"""

from typing import Annotated

import typer
from rich.console import Console

from scripts import scale_model
from scripts.cost_inputs import (
    PRICES,
    SIMULATED,
    InputError,
    inputs,
    listing,
    parse,
)
from scripts.scale_model import Cycle

SIZES = "10,40,150,500,1000,5000,10000"
_COLUMNS = (
    "tables",
    "shape",
    "wall s",
    "statements",
    "calls",
    "requests",
    "invocations",
) + ("sessions", "at once", "Lambda s", "warehouse s", "USD")


def rows(sizes: list[int], given: dict[str, float]) -> list[list[str]]:
    """Returns two rows for each size: a call for each table, one for the group."""
    found = []
    for size in sizes:
        one = {**given, "tables": float(size)}
        found.append(_row(size, "each", scale_model.per_table(one), one))
        found.append(_row(size, "group", scale_model.per_group(one), one))
    return found


def _row(size: int, shape: str, cycle: Cycle, given: dict[str, float]) -> list[str]:
    i = inputs(given)
    warehouse = cycle.wall_seconds + i["suspend_seconds"]
    return [
        str(size),
        shape,
        f"{cycle.wall_seconds:.0f}",
        str(cycle.statements),
        str(cycle.procedures),
        str(cycle.requests),
        str(cycle.invocations),
        str(cycle.sessions),
        str(cycle.sessions_at_once),
        f"{cycle.lambda_seconds:.0f}",
        f"{warehouse:.0f}",
        f"{cycle.usd(i):.4f}",
    ]


def table(sizes: list[int], given: dict[str, float]) -> str:
    """Returns a Markdown table of the rows."""
    head = [list(_COLUMNS), ["---:", "---", *["---:"] * (len(_COLUMNS) - 2)]]
    return "\n".join(f"| {' | '.join(r)} |" for r in head + rows(sizes, given))


def _main(
    sizes: Annotated[str, typer.Option(help="Tables of the groups")] = SIZES,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", help="NAME=NUMBER for an input; may be repeated."),
    ] = None,
    show_inputs: Annotated[
        bool, typer.Option("--inputs", help="List the inputs with their sources.")
    ] = False,
) -> None:
    """Prints what one cycle costs, for a call per table and for a group."""
    try:
        given = parse(assignments or [])
        numbers = [int(size) for size in sizes.split(",")]
        if min(numbers) < 1:
            raise InputError("a group has a table or more")
        text = table(numbers, given)
    except ValueError as error:
        Console(stderr=True).print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None
    if show_inputs:
        print(listing(SIMULATED | PRICES, inputs(given)) + "\n")
    print(text)


if __name__ == "__main__":
    typer.run(_main)
