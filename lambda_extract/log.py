"""Log lines: one JSON object per line on standard output, which Lambda sends on.

Lines of `measure` are in CloudWatch's embedded metric format: CloudWatch makes metrics
of them by itself, without a call of ours.
"""

import json
import time
from datetime import UTC, datetime


def emit(event: str, **fields: str | int | float | bool | None) -> None:
    """Prints one event.

    Args:
        event: Name in snake_case.
        fields: table, run_id, code, counts, seconds ... Never a secret, a row value or
            an SQL text; a type other than a scalar is not accepted for that reason.
    """
    line = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "event": event,
    }
    print(json.dumps(line | fields), flush=True)


# Each metric of each name costs money by the month: 300 tables are 1,200 metrics.
METRIC_LEVELS = ("none", "source", "table")
NAMESPACE = "AuroraSync"
UNITS = {"Rows": "Count", "Bytes": "Bytes", "Seconds": "Seconds", "Failures": "Count"}


def measure(level: str, *, source: str, table: str, **values: float) -> None:
    """Prints one line of metrics of an extraction; nothing at the level "none".

    Args:
        level: One of METRIC_LEVELS: by what the metrics are told apart.
        source: Configured name.
        table: Configured name.
        values: Names as in UNITS.
    """
    if level == "none" or not source:
        return
    names = [["source"]] if level == "source" else [["source"], ["source", "table"]]
    described = {
        "Namespace": NAMESPACE,
        "Dimensions": names,
        "Metrics": [{"Name": name, "Unit": UNITS[name]} for name in values],
    }
    line = {
        "_aws": {
            "Timestamp": int(time.time() * 1000),
            "CloudWatchMetrics": [described],
        },
        "event": "measured",
        "source": source,
        "table": table,
    }
    print(json.dumps(line | values), flush=True)


def seconds_since(started: float) -> float:
    """Returns the seconds since a time.monotonic() value, to the millisecond."""
    return round(time.monotonic() - started, 3)
