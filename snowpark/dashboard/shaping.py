"""PURE: from rows of the views to what the dashboard shows."""

import datetime
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]

# The worst first; SYNC_STATUS has no other states.
STATES = ("failed", "lost", "late", "never synced", "paused", "running", "ok")
_COLORS = dict(
    zip(STATES, ("red", "red", "orange", "gray", "gray", "blue", "green"), strict=True)
)

# The text that every error of a procedure has (snowpark/errors.py), inside of what
# Snowflake puts around it.
_ERROR = re.compile(
    r"\[(?P<code>[a-z_]+)\](?: \((?P<where>[^)]*)\))? (?P<message>.*?)"
    r" (?P<retry>A retry (?:may help|does not help)\.)(?P<hint>[^\n]*)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Failure:
    """An error for a person.

    Attributes:
        code: From docs/RUNBOOK.md; "warehouse_error" if Snowflake itself refused.
        message: What happened.
        retry: Whether a repetition helps, as a sentence; may be empty.
        hint: What to do; may be empty.
        where: Table and run; may be empty.
    """

    code: str
    message: str
    retry: str = ""
    hint: str = ""
    where: str = ""


def counts(rows: Sequence[Row]) -> dict[str, int]:
    """Returns the number of tables by state, the worst state first, without zeros."""
    found = Counter(str(row["STATE"]) for row in rows)
    return {state: found[state] for state in sorted(found, key=_badness)}


def _badness(state: str) -> int:
    return STATES.index(state) if state in STATES else len(STATES)


def colored(state: str) -> str:
    """Returns the state as Markdown of Streamlit, in its color."""
    return f":{_COLORS.get(state, 'gray')}[**{state}**]"


def freshness(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Returns a row per table: the worst state first, then the most of the SLA used."""

    def order(row: Row) -> tuple[int, float, str]:
        return _badness(row["STATE"]), -(_used(row) or 0.0), row["TABLE_NAME"]

    return [
        {
            "Table": row["TABLE_NAME"],
            "Group": row["GROUP_NAME"] or "",
            "State": row["STATE"],
            "Age": duration(row["FRESHNESS_MINUTES"]),
            "SLA": duration(row["FRESHNESS_SLA_MINUTES"]),
            "SLA used": _used(row),
            "Last sync": row["LAST_RUN_FINISHED_AT"],
            "Rows read": _whole(row["LAST_ROWS_EXTRACTED"]),
            "Loaded": size(row["LAST_BYTES"]),
            "Watermark": row["WATERMARK"] or "",
            "Held back by": row["OLDEST_TRANSACTION"] or "",
            "Target": row["TARGET_NAME"],
        }
        for row in sorted(rows, key=order)
    ]


def _used(row: Row) -> float | None:
    """The share of the SLA that is used, in percent."""
    minutes, limit = row["FRESHNESS_MINUTES"], row["FRESHNESS_SLA_MINUTES"]
    if minutes is None or not limit:
        return None
    return round(100 * float(minutes) / float(limit), 1)


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def duration(minutes: Any) -> str:
    """Returns minutes as a person says them: "45 min", "3 h", "2.5 days"."""
    if minutes is None:
        return "–"
    number = int(minutes)
    if number < 120:
        return f"{number} min"
    if number < 48 * 60:
        return f"{number / 60:.1f}".removesuffix(".0") + " h"
    return f"{number / 60 / 24:.1f}".removesuffix(".0") + " days"


def size(bytes_: Any) -> str:
    """Returns bytes as a person says them; nothing for none."""
    if not bytes_:
        return ""
    number = float(bytes_)
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:,.1f} TB"


def run_points(runs: Iterable[Row], table: str) -> list[dict[str, Any]]:
    """Returns the rows and the seconds by step of a table's runs, the oldest first.

    Runs that vanished have no start and are left out.
    """
    points = [
        {
            "Run": _moment(run["STARTED_AT"]),
            "Rows read": int(run["ROWS_EXTRACTED"] or 0),
            "Rows deleted": int(run["ROWS_DELETED"] or 0),
            "extract": float(run["EXTRACT_SECONDS"] or 0),
            "load": float(run["LOAD_SECONDS"] or 0),
            "merge": float(run["MERGE_SECONDS"] or 0),
        }
        for run in runs
        if run["TABLE_NAME"] == table and run["STARTED_AT"] is not None
    ]
    return sorted(points, key=lambda point: point["Run"])


def _moment(value: datetime.datetime) -> str:
    """A label that sorts by time and tells two runs of one minute apart."""
    return value.astimezone(datetime.UTC).strftime("%m-%d %H:%M:%S")


def run_list(runs: Iterable[Row], table: str) -> list[dict[str, Any]]:
    """Returns a table's runs for reading, the newest first."""
    return [
        {
            "Finished": run["FINISHED_AT"],
            "Kind": run["KIND"],
            "Status": run["STATUS"],
            "Seconds": float(run["TOTAL_SECONDS"] or 0),
            "Read": _whole(run["ROWS_EXTRACTED"]),
            "Inserted": _whole(run["ROWS_INSERTED"]),
            "Updated": _whole(run["ROWS_UPDATED"]),
            "Deleted": _whole(run["ROWS_DELETED"]),
            "Files": _whole(run["FILES"]),
            "Loaded": size(run["BYTES"]),
            "Statements": _whole(run["STATEMENTS"]),
            "Error": run["ERROR_CODE"] or "",
            "Run id": run["RUN_ID"],
        }
        for run in runs
        if run["TABLE_NAME"] == table
    ]


def failing_now(rows: Sequence[Row]) -> list[tuple[str, Failure]]:
    """Returns the tables whose last sync failed, with the error."""
    return [
        (row["TABLE_NAME"], _failure(row, "LAST_"))
        for row in rows
        if row["LAST_ERROR_CODE"]
    ]


def past_failures(runs: Iterable[Row]) -> list[dict[str, Any]]:
    """Returns the failed runs of the period, the newest first."""
    return [
        {
            "Finished": run["FINISHED_AT"],
            "Table": run["TABLE_NAME"],
            "Code": run["ERROR_CODE"],
            "What happened": run["ERROR_MESSAGE"],
            "What to do": run["ERROR_HINT"],
            "Run id": run["RUN_ID"],
        }
        for run in runs
        if run["ERROR_CODE"]
    ]


def _failure(row: Row, prefix: str) -> Failure:
    may_help = row[f"{prefix}ERROR_RETRYABLE"]
    return Failure(
        code=row[f"{prefix}ERROR_CODE"],
        message=row[f"{prefix}ERROR_MESSAGE"] or "",
        retry="A retry may help." if may_help else "A retry does not help.",
        hint=row[f"{prefix}ERROR_HINT"] or "",
        where=f"run {row[f'{prefix}RUN_ID']}",
    )


def failure_of(text: str) -> Failure:
    """Returns what an error of a call says, without what Snowflake puts around it."""
    found = _ERROR.search(text)
    if found is None:
        lines = text.strip().splitlines() or ["The call failed without a message."]
        return Failure("warehouse_error", " ".join(line.strip() for line in lines))
    return Failure(
        code=found["code"],
        message=found["message"].strip(),
        retry=found["retry"],
        hint=found["hint"].strip(),
        where=found["where"] or "",
    )


def report_of(value: object) -> dict[str, Any]:
    """Returns the report of a call; a VARIANT arrives as JSON text."""
    report = json.loads(value) if isinstance(value, str) else value
    return report if isinstance(report, dict) else {"summary": str(report)}


def changes(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Returns schema changes for reading."""
    return [
        {
            "When": row["RECORDED_AT"],
            "Table": row["TABLE_NAME"],
            "Column": row["COLUMN_NAME"],
            "Change": str(row["CHANGE"]).replace("_", " "),
            "From": row["OLD_TYPE"] or "",
            "To": row["NEW_TYPE"] or "",
        }
        for row in rows
    ]


def altered(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Returns altered values for reading."""
    return [
        {
            "When": row["RECORDED_AT"],
            "Table": row["TABLE_NAME"],
            "Column": row["COLUMN_NAME"],
            "Values": _whole(row["ROW_COUNT"]),
            "Some keys": " ".join(str(row["SAMPLE_KEYS"] or "").split()),
        }
        for row in rows
    ]
