"""Estimates what a month costs, from assumptions that are all inputs; see --help.

Nothing here is measured on a real account. Prices are list prices of us-east-1 and of
Snowflake's Standard edition as of November 2026, not looked up in the providers' price
pages: check them for your region and contract, and give yours with --set.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Console

HOURS = 730.0  # of a month, as AWS counts
LAMBDA_GB = 1769 / 1024  # terraform/variables.tf, lambda_memory_mb


class InputError(ValueError):
    """An input is unknown, or not a number that makes sense."""


@dataclass(frozen=True)
class Input:
    """A number of the estimate that may be given.

    Attributes:
        value: Used if none is given.
        meaning: With its unit.
    """

    value: float
    meaning: str


PRICES: dict[str, Input] = {
    "lambda_gb_second": Input(0.0000166667, "Lambda, USD per GB-second (x86)"),
    "lambda_request": Input(0.0000002, "Lambda, USD per request"),
    "api_request": Input(0.0000035, "API Gateway (REST), USD per request"),
    "s3_put": Input(0.000005, "S3, USD per PUT"),
    "s3_get": Input(0.0000004, "S3, USD per GET"),
    "s3_gb_month": Input(0.023, "S3, USD per GB and month"),
    "kms_key": Input(1.0, "KMS, USD per key and month"),
    "secret": Input(0.4, "Secrets Manager, USD per secret and month"),
    "endpoint_hour": Input(0.01, "interface endpoint, USD per zone and hour"),
    "nat_hour": Input(0.045, "NAT gateway, USD per hour"),
    "alarm": Input(0.1, "CloudWatch, USD per alarm and month"),
    "metric": Input(0.3, "CloudWatch, USD per metric of our own and month"),
    "log_gb": Input(0.5, "CloudWatch Logs, USD per GB written"),
    "credit": Input(2.0, "Snowflake, USD per credit"),
}

ASSUMPTIONS: dict[str, Input] = {
    "tables": Input(50, "tables that are synced"),
    "runs_per_day": Input(24, "runs of each table a day; 0: nothing is scheduled"),
    "changed_share": Input(0.5, "share of the runs that find changed rows"),
    "idle_worker_seconds": Input(1, "seconds of a worker that finds nothing"),
    "changed_worker_seconds": Input(10, "seconds of a worker that finds rows"),
    "calls_per_run": Input(4, "a POST and the GETs until the reply is there"),
    "call_seconds": Input(0.1, "seconds of such a call in Lambda"),
    "megabytes_per_change": Input(10, "compressed MB of a run that finds rows"),
    "warehouse_seconds": Input(
        120, "seconds that the warehouse works in a run of all tables"
    ),
    "suspend_seconds": Input(60, "seconds after which it suspends (AUTO_SUSPEND)"),
    "warehouse_credits": Input(1, "credits per hour: 1 is an X-Small"),
    "retention_days": Input(7, "days that landing objects are kept"),
    "log_kilobytes_per_run": Input(5, "kB of log lines of one table's run"),
    "secrets": Input(1, "secrets in Secrets Manager"),
    "endpoints": Input(2, "interface endpoints: lambda, secretsmanager"),
    "zones": Input(2, "availability zones"),
    "nat_gateways": Input(0, "1: new_vpc with nat"),
    "alarms": Input(9, "alarms that Terraform makes"),
    "metrics": Input(5, "metrics from log lines that Terraform makes"),
    "source_metrics": Input(4, "metrics of extractions: 4 for each source"),
    "watchdog_runs_per_day": Input(24, "runs of the watchdog a day"),
    "watchdog_seconds": Input(2, "seconds of such a run"),
}


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
        InputError: An unknown name, or a negative number.
    """
    known = PRICES | ASSUMPTIONS
    for name, value in given.items():
        if name not in known:
            raise InputError(f"unknown input {name!r}; known are {', '.join(known)}")
        if not 0 <= value < float("inf"):
            raise InputError(f"{name} must not be negative")
    return {name: known[name].value for name in known} | dict(given)


def estimate(given: Mapping[str, float]) -> list[Line]:
    """Returns what a month costs, line by line.

    Raises:
        InputError: See `inputs`.
    """
    i = inputs(given)
    days = HOURS / 24
    group_runs = i["runs_per_day"] * days
    runs = group_runs * i["tables"]
    changed = runs * i["changed_share"]
    watched = i["watchdog_runs_per_day"] * days
    worker_seconds = (
        changed * i["changed_worker_seconds"]
        + (runs - changed) * i["idle_worker_seconds"]
        + runs * i["calls_per_run"] * i["call_seconds"]
        + watched * i["watchdog_seconds"]
    )
    calls = runs * i["calls_per_run"]
    gigabytes_a_day = changed / days * i["megabytes_per_change"] / 1000
    warehouse_hours = (
        group_runs * (i["warehouse_seconds"] + i["suspend_seconds"]) / 3600
    )
    # A warehouse cannot run for more than all hours.
    warehouse_hours = min(warehouse_hours, HOURS)
    return [
        Line(
            "Snowflake warehouse",
            warehouse_hours * i["warehouse_credits"] * i["credit"],
        ),
        Line(
            "Lambda",
            worker_seconds * LAMBDA_GB * i["lambda_gb_second"]
            + (runs + calls + watched) * i["lambda_request"],
        ),
        Line("API Gateway", calls * i["api_request"]),
        Line(
            # Three job objects of each run and a file or more; a GET for each poll.
            "S3",
            (3 * runs + changed) * i["s3_put"]
            + calls * i["s3_get"]
            + gigabytes_a_day * i["retention_days"] * i["s3_gb_month"],
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


def parse(assignments: list[str]) -> dict[str, float]:
    """Parses NAME=NUMBER texts.

    Raises:
        InputError: A text has another form.
    """
    given: dict[str, float] = {}
    for assignment in assignments:
        name, _, value = assignment.partition("=")
        try:
            given[name.strip()] = float(value)
        except ValueError:
            raise InputError(f"--set takes NAME=NUMBER, not {assignment!r}") from None
    return given


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
        given = parse(assignments or [])
        text = table({"idle": given | {"runs_per_day": 0}, "as assumed": given})
    except InputError as error:
        Console(stderr=True).print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None
    values = inputs(given)
    if show_inputs:
        for name, known in (ASSUMPTIONS | PRICES).items():
            print(f"{name:24} {values[name]:<14g} {known.meaning}")
        print()
    print(text)


if __name__ == "__main__":
    typer.run(_main)
