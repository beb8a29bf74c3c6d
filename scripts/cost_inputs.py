"""Every number that costs rest on: prices, limits, times, counts, with their sources.

`estimate_cost` and `simulate_scale` read the same ones; all may be given by --set.
Counts of statements and invocations are measured on the local stack, and a test counts
them again (tests/end_to_end/test_the_simulation_counts_right.py). Times and prices are
assumptions, none measured on a real account: check them for your region, contract and
network.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

HOURS = 730.0  # of a month, as AWS counts
LAMBDA_GB = 1769 / 1024  # terraform/variables.tf, lambda_memory_mb

_LIST = "list price of November 2026, us-east-1, not looked up"
_GUESS = "assumption"
_COUNT = "counted on the local stack"
_CODE = "the code's own limit"


class InputError(ValueError):
    """An input is unknown, or not a number that makes sense."""


@dataclass(frozen=True)
class Input:
    """A number that may be given.

    Attributes:
        value: Used if none is given.
        meaning: With its unit.
        source: Where it comes from.
    """

    value: float
    meaning: str
    source: str = _LIST


PRICES: dict[str, Input] = {
    "lambda_gb_second": Input(0.0000166667, "Lambda, USD per GB-second (x86)"),
    "lambda_request": Input(0.0000002, "Lambda, USD per request"),
    "api_request": Input(0.0000035, "API Gateway (REST), USD per request"),
    "s3_put": Input(0.000005, "S3, USD per PUT or LIST"),
    "s3_get": Input(0.0000004, "S3, USD per GET"),
    "s3_gb_month": Input(0.023, "S3, USD per GB and month"),
    "kms_key": Input(1.0, "KMS, USD per key and month"),
    "secret": Input(0.4, "Secrets Manager, USD per secret and month"),
    "endpoint_hour": Input(0.01, "interface endpoint, USD per zone and hour"),
    "nat_hour": Input(0.045, "NAT gateway, USD per hour"),
    "alarm": Input(0.1, "CloudWatch, USD per alarm and month"),
    "metric": Input(0.3, "CloudWatch, USD per metric of our own and month"),
    "log_gb": Input(0.5, "CloudWatch Logs, USD per GB written"),
    "credit": Input(2.0, "Snowflake, USD per credit", "Standard edition, list price"),
}

TIMES: dict[str, Input] = {
    "statement_seconds": Input(0.15, "a small statement of Snowflake", _GUESS),
    "procedure_seconds": Input(1.5, "a call until its first statement", _GUESS),
    "load_seconds": Input(1.0, "COPY and MERGE of a table without their rows", _GUESS),
    "load_rows_per_second": Input(200_000, "rows of COPY and MERGE (X-Small)", _GUESS),
    "connect_seconds": Input(0.2, "TLS and login to PostgreSQL", _GUESS),
    "look_seconds": Input(0.1, "a table's extraction, without its rows", _GUESS),
    "read_megabytes_per_second": Input(
        30, "uncompressed MB that a worker reads", "docs/ARCHITECTURE.md, Snapshots"
    ),
    "worker_start_seconds": Input(0.3, "a worker until it begins (warm)", _GUESS),
    "call_seconds": Input(0.1, "a POST or GET in Lambda", _GUESS),
    "poll_first_seconds": Input(
        0.02, "delay before the first poll, doubled each time", "the local stack's"
    ),
    "poll_longest_seconds": Input(
        2, "longest delay between polls", "the local stack's"
    ),
    "poll_hold_seconds": Input(5, "so long a poll of a group waits", _CODE),
    "poll_look_seconds": Input(0.2, "and looks for the reply each time after", _CODE),
    "suspend_seconds": Input(
        60, "seconds after which the warehouse suspends", "snowflake/10_account"
    ),
}

LIMITS: dict[str, Input] = {
    "max_parallel": Input(8, "PostgreSQL sessions of a group", "configuration"),
    "lanes": Input(8, "tables of a graph that are loaded at once", "configuration"),
    "calls_at_once": Input(
        8, "statements that a warehouse runs at once", "MAX_CONCURRENCY_LEVEL"
    ),
    "lambda_concurrency": Input(
        20, "workers that Lambda runs at once", "terraform: worker_concurrency"
    ),
    "worker_budget_seconds": Input(
        240, "time of a worker; half of it is used for new tables", _CODE
    ),
    "reply_seconds": Input(540, "after so long a group's reply is given", _CODE),
    "group_parts": Input(500, "tables of one request", _CODE),
}

COUNTS: dict[str, Input] = {
    "table_statements_idle": Input(5, "SYNC_TABLE that finds nothing", _COUNT),
    "table_statements_changed": Input(13, "SYNC_TABLE that finds rows", _COUNT),
    "group_statements": Input(8, "SYNC_GROUP, but for what grows", _COUNT),
    "root_statements": Input(6, "EXTRACT_LANES, but for what grows", _COUNT),
    "lane_statements": Input(5, "LOAD_LANE, but for its tables", _COUNT),
    "finish_statements": Input(7, "FINISH_GROUP with nothing to tell", _COUNT),
    "changed_statements": Input(8, "each changed table of a group", _COUNT),
    "rows_per_statement": Input(1000, "unchanged tables of one INSERT", _CODE),
    "marks_per_statement": Input(600, "watermarks of one INSERT (450 kB)", _CODE),
    "steps_per_statement": Input(100, "tables with work of one INSERT", _CODE),
    "leases_per_statement": Input(20, "leases that a lane gives back at once", _CODE),
}

LOAD: dict[str, Input] = {
    "tables": Input(50, "tables that are synced", "yours"),
    "changed_share": Input(0.5, "share of the runs that find changed rows", "yours"),
    "moved_share": Input(1, "of the others: watermark moves without rows", "yours"),
    "rows_per_change": Input(10_000, "rows of a run that finds rows, median", "yours"),
    "row_spread": Input(1.0, "sigma of their log-normal distribution", "yours"),
    "row_bytes": Input(200, "bytes of a row, uncompressed", "yours"),
    "compression": Input(5, "uncompressed to compressed bytes", "yours"),
    "warehouse_credits": Input(1, "credits per hour: 1 is an X-Small", "Snowflake"),
}

SIMULATED = TIMES | LIMITS | COUNTS | LOAD


def inputs(
    given: Mapping[str, float], known: Mapping[str, Input] | None = None
) -> dict[str, float]:
    """Returns every input, those given in place of the defaults.

    Raises:
        InputError: An unknown name, or a number that makes no sense.
    """
    known = PRICES | SIMULATED if known is None else known
    for name, value in given.items():
        if name not in known:
            raise InputError(f"unknown input {name!r}; known are {', '.join(known)}")
        if not 0 <= value < float("inf"):
            raise InputError(f"{name} must not be negative")
        if value == 0 and name in _POSITIVE:
            raise InputError(f"{name} must be more than 0")
    return {name: known[name].value for name in known} | dict(given)


_POSITIVE = {
    *LIMITS,
    "rows_per_statement",
    "marks_per_statement",
    "steps_per_statement",
    "leases_per_statement",
    "load_rows_per_second",
    "read_megabytes_per_second",
    "poll_first_seconds",
    "poll_longest_seconds",
    "poll_look_seconds",
    "compression",
}


def parse(assignments: Iterable[str]) -> dict[str, float]:
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


def listing(known: Mapping[str, Input], values: Mapping[str, float]) -> str:
    """Returns the inputs, one a line: value, meaning, source."""
    return "\n".join(
        f"{name:26} {values[name]:<14g} {one.meaning} [{one.source}]"
        for name, one in known.items()
    )
