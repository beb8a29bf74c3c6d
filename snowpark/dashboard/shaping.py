"""PURE: from rows of the views to what the dashboard shows."""

import datetime
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
NO_GROUP = "(no group)"

# The worst first: the states of SYNC_OVERVIEW.
COLORS = {
    "failed": "red",
    "late": "orange",
    "lost": "orange",
    "never synced": "violet",
    "warning": "yellow",
    "running": "blue",
    "paused": "gray",
    "ok": "green",
}
STATES = tuple(COLORS)

# The text that every error of a procedure has (snowpark/errors.py), inside of what
# Snowflake puts around it.
_ERROR = re.compile(
    r"\[(?P<code>[a-z_]+)\](?: \((?P<where>[^)]*)\))? (?P<message>.*?)"
    r" (?P<retry>A retry (?:may help|does not help)\.)(?P<hint>[^\n]*?)"
    r"(?: \([\w/]+\.md#\w+\))?(?=\n|$)",
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
    return {state: found[state] for state in sorted(found, key=badness)}


def badness(state: str) -> int:
    """Returns the place of a state, the worst first."""
    return STATES.index(state) if state in STATES else len(STATES)


def badge(state: str, number: int | None = None) -> str:
    """Returns the state as Markdown of Streamlit, in its color, with a number."""
    text = state if number is None else f"{number} {state}"
    return f":{COLORS.get(state, 'gray')}-badge[{text}]"


def plain(text: str) -> str:
    """Returns a text as Markdown that shows it as it is."""
    return re.sub(r"([\\`*_{}\[\]()#+\-!|~$<>:&^=])", r"\\\1", text)


def tables(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Returns a row per table: the worst state first, then the most of the SLA used."""

    def order(row: Row) -> tuple[int, float, str]:
        return badness(row["STATE"]), -(used(row) or 0.0), row["TABLE_NAME"]

    return [
        {
            "Table": row["TABLE_NAME"],
            "State": row["STATE"],
            "Age": duration(row["FRESHNESS_MINUTES"]),
            "SLA": duration(row["FRESHNESS_SLA_MINUTES"]),
            "SLA used": used(row),
            "What": row["WHAT"] or "",
            "Group": row["GROUP_NAME"] or "",
            "Last sync": row["LAST_RUN_FINISHED_AT"],
            "Rows read": _whole(row["LAST_ROWS_EXTRACTED"]),
            "Loaded": size(row["LAST_BYTES"]),
            "Target": row["TARGET_NAME"],
        }
        for row in sorted(rows, key=order)
    ]


def matching(
    rows: Sequence[Row], text: str, groups: Sequence[str], states: Sequence[str]
) -> list[Row]:
    """Returns the tables whose name or target has the text, of groups and states.

    Args:
        groups: None given: of every group. The same for states.
    """
    wanted = text.strip().lower()
    return [
        row
        for row in rows
        if wanted in f"{row['TABLE_NAME']} {row['TARGET_NAME']}".lower()
        and (not groups or (row["GROUP_NAME"] or NO_GROUP) in groups)
        and (not states or row["STATE"] in states)
    ]


def used(row: Row) -> float | None:
    """Returns the share of the SLA that is used, in percent."""
    minutes, limit = row["FRESHNESS_MINUTES"], row["FRESHNESS_SLA_MINUTES"]
    if minutes is None or not limit:
        return None
    return round(100 * float(minutes) / float(limit), 1)


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def moment(value: datetime.datetime | None) -> str:
    """Returns a moment with its zone: "2026-03-01 12:00 UTC"."""
    if value is None:
        return "never"
    return f"{value.astimezone(datetime.UTC):%Y-%m-%d %H:%M} UTC"


def ago(value: datetime.datetime | None, now: datetime.datetime) -> str:
    """Returns a moment and how long ago it was, or how soon it will be."""
    if value is None:
        return "never"
    minutes = int((now - value).total_seconds() // 60)
    near = f"{duration(minutes)} ago" if minutes >= 0 else f"in {duration(-minutes)}"
    return f"{moment(value)} ({near})"


def count(number: int, word: str) -> str:
    """Returns "1 table", "2 tables"."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


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


def run_list(runs: Iterable[Row]) -> list[dict[str, Any]]:
    """Returns runs for reading, the newest first."""
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
    ]


def past_failures(runs: Iterable[Row]) -> list[dict[str, Any]]:
    """Returns failed runs for reading."""
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
    ]


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


def warnings(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Returns warnings for reading."""
    return [
        {
            "When": row["RECORDED_AT"],
            "Table": row["TABLE_NAME"],
            "Warning": row["CODE"],
            "What": row["MESSAGE"],
            "What to do": row["HINT"] or "",
        }
        for row in rows
    ]


def discoveries(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Returns new and vanished tables of the sources for reading."""
    return [
        {
            "When": row["RECORDED_AT"],
            "Source": row["SOURCE"] or "",
            "Table": row["SOURCE_TABLE"] or "",
            "What": row["WHAT"],
            "Policy": row["POLICY"] or "",
        }
        for row in rows
    ]


def cost_lines(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Returns credits by table for reading."""
    return [
        {
            "Table": row["TABLE_NAME"] or "(not tied to a table)",
            "Credits": round(float(row["CREDITS"] or 0), 4),
            "Runs": _whole(row["RUNS"]),
            "Rows read": _whole(row["ROWS_EXTRACTED"]),
        }
        for row in rows
    ]
