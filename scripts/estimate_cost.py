"""Estimates what a month costs, from assumptions that are all inputs; see --help.

One cycle is simulated (`scale_model`), and a month has as many as are scheduled. Prices
and times are those of `cost_inputs`: nothing is measured on a real account, so check
them for your region and contract, and give yours with --set.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Console

from scripts import cost_inputs, scale_model
from scripts.cost_inputs import HOURS, LAMBDA_GB, PRICES, SIMULATED, Input, InputError

ASSUMPTIONS: dict[str, Input] = {
    "runs_per_day": Input(
        24, "runs of all tables a day; 0: nothing scheduled", "yours"
    ),
    "retention_days": Input(7, "days that landing objects are kept", "terraform"),
    "log_kilobytes_per_run": Input(
        5, "kB of log lines of one table's run", "assumption"
    ),
    "secrets": Input(1, "secrets in Secrets Manager", "terraform"),
    "endpoints": Input(2, "interface endpoints: lambda, secretsmanager", "terraform"),
    "zones": Input(2, "availability zones", "terraform"),
    "nat_gateways": Input(0, "1: new_vpc with nat", "terraform"),
    "alarms": Input(9, "alarms that Terraform makes", "terraform"),
    "metrics": Input(5, "metrics from log lines that Terraform makes", "terraform"),
    "source_metrics": Input(
        4, "metrics of extractions: 4 for each source", "lambda_extract"
    ),
    "watchdog_runs_per_day": Input(24, "runs of the watchdog a day", "terraform"),
    "watchdog_seconds": Input(2, "seconds of such a run", "assumption"),
}
ALL = PRICES | ASSUMPTIONS | SIMULATED


@dataclass(frozen=True)
class Line:
    """One line of the estimate.

    Attributes:
        what: What is paid for.
        usd: US dollars a month.
    """

    what: str
    usd: float


def inputs(given: Mapping[str, float]) -> dict[str, float]:
    """Returns every input, those given in place of the defaults.

    Raises:
        InputError: See `cost_inputs.inputs`.
    """
    return cost_inputs.inputs(given, ALL)


def estimate(given: Mapping[str, float]) -> list[Line]:
    """Returns what a month costs, line by line; all tables are one scheduled group.

    Raises:
        InputError: See `inputs`.
    """
    i = inputs(given)
    simulated = PRICES | SIMULATED
    cycle = scale_model.per_group({n: v for n, v in given.items() if n in simulated})
    days = HOURS / 24
    cycles = i["runs_per_day"] * days
    runs = cycles * i["tables"]
    watched = i["watchdog_runs_per_day"] * days
    lambda_seconds = cycles * cycle.lambda_seconds + watched * i["watchdog_seconds"]
    megabytes_a_day = cycles / days * cycle.megabytes
    warehouse_hours = cycles * (cycle.wall_seconds + i["suspend_seconds"]) / 3600
    # A warehouse cannot run for more than all hours.
    warehouse_hours = min(warehouse_hours, HOURS)
    return [
        Line(
            "Snowflake warehouse",
            warehouse_hours * i["warehouse_credits"] * i["credit"],
        ),
        Line(
            "Lambda",
            lambda_seconds * LAMBDA_GB * i["lambda_gb_second"]
            + (cycles * cycle.invocations + watched) * i["lambda_request"],
        ),
        Line("API Gateway", cycles * cycle.requests * i["api_request"]),
        Line(
            "S3",
            cycles * cycle.puts * i["s3_put"]
            + cycles * cycle.gets * i["s3_get"]
            + megabytes_a_day / 1000 * i["retention_days"] * i["s3_gb_month"],
        ),
        Line(
            "VPC endpoints and NAT",
            HOURS
            * (
                i["endpoints"] * i["zones"] * i["endpoint_hour"]
                + i["nat_gateways"] * i["nat_hour"]
            ),
        ),
        Line("key and secrets", i["kms_key"] + i["secrets"] * i["secret"]),
        Line(
            "alarms, metrics and logs",
            i["alarms"] * i["alarm"]
            + (i["metrics"] + i["source_metrics"]) * i["metric"]
            + (runs + watched) * i["log_kilobytes_per_run"] / 1e6 * i["log_gb"],
        ),
    ]


def table(scenarios: Mapping[str, Mapping[str, float]]) -> str:
    """Returns a Markdown table: a line for each thing, a column for each scenario."""
    columns = {name: estimate(given) for name, given in scenarios.items()}
    rows = [["USD a month", *columns], ["---", *("---:" for _ in columns)]]
    for lines in zip(*columns.values(), strict=True):
        rows.append([lines[0].what, *(f"{line.usd:.2f}" for line in lines)])
    totals = [sum(line.usd for line in lines) for lines in columns.values()]
    rows.append(["**sum**", *(f"**{total:.2f}**" for total in totals)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _main(
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", help="NAME=NUMBER for an input; may be repeated."),
    ] = None,
    show_inputs: Annotated[
        bool, typer.Option("--inputs", help="List the inputs and what they mean.")
    ] = False,
) -> None:
    """Estimates the costs of a month: nothing scheduled, and as the inputs say."""
    try:
        given = cost_inputs.parse(assignments or [])
        text = table({"idle": given | {"runs_per_day": 0}, "as assumed": given})
    except InputError as error:
        Console(stderr=True).print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None
    values = inputs(given)
    if show_inputs:
        print(cost_inputs.listing(ALL, values) + "\n")
    print(text)


if __name__ == "__main__":
    typer.run(_main)
