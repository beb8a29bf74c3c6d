"""Log lines: one JSON object per line on standard output, which Lambda sends on."""

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


def seconds_since(started: float) -> float:
    """Returns the seconds since a time.monotonic() value, to the millisecond."""
    return round(time.monotonic() - started, 3)
