"""PURE: what needs attention, grouped by cause: what, since when, what to do."""

import datetime
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from snowpark.dashboard.buttons import BY_PROCEDURE
from snowpark.dashboard.schedule import Schedule
from snowpark.dashboard.shaping import Row, ago, badness, count, duration

# A person's pause is no problem; what runs is on its way.
NEEDS_ATTENTION = ("failed", "late", "lost", "never synced", "warning")
_TITLES = {
    "late": "Data is older than its limit",
    "lost": "A run has vanished",
    "never synced": "Never synced",
    "paused": "Paused",
}
_OWN_HINTS = " (The page of each table has its own.)"
_PROCEDURE = re.compile(rf"\b({'|'.join(BY_PROCEDURE)})\b")


@dataclass(frozen=True)
class Card:
    """One cause, and the tables that it holds up.

    Attributes:
        state: Of SYNC_OVERVIEW.
        code: From docs/RUNBOOK.md; empty if the state says it all.
        message: What happened; of the first table, if there are several.
        since: When it began, of the first table that it met.
        readers: What readers of the targets see meanwhile.
        hint: What to do.
        subjects: What the buttons are about: names of tables, or a source.
        buttons: Labels, those that the hint names first.
        are_tables: Whether the subjects have a page.
    """

    state: str
    code: str
    title: str
    message: str
    since: datetime.datetime | None
    readers: str
    hint: str
    subjects: tuple[str, ...]
    buttons: tuple[str, ...]
    are_tables: bool = True

    @property
    def key(self) -> str:
        """Tells cards of one page apart."""
        return "|".join(
            (self.state, self.code, self.hint, self.title, *self.subjects[:1])
        )


def headline(rows: Sequence[Row]) -> tuple[str, bool]:
    """Returns the sentence that the page begins with, and whether all is well."""
    bad = sum(row["STATE"] in NEEDS_ATTENTION for row in rows)
    if bad:
        verb = "needs" if bad == 1 else "need"
        return f"{bad} of {count(len(rows), 'table')} {verb} attention", False
    quiet = sum(row["STATE"] == "paused" for row in rows)
    if quiet == len(rows):
        every = f"All {quiet} tables are" if quiet > 1 else "The one table is"
        return f"{every} paused", False
    if len(rows) == 1:
        return "The one table is in sync", True
    rest = f"{len(rows) - quiet} tables that are not paused" if quiet else ""
    return f"All {rest or count(len(rows), 'table')} are in sync", True


def running(rows: Iterable[Row], now: datetime.datetime) -> list[str]:
    """Returns a line for each table that is being synced now: since when, how far."""
    return [
        f"{row['TABLE_NAME']}: {row['WHAT']}, since {ago(row['SINCE'], now)}"
        for row in rows
        if row["STATE"] == "running"
    ]


def cards(
    rows: Sequence[Row], warnings: Sequence[Row], now: datetime.datetime
) -> list[Card]:
    """Returns a card for each cause, the worst first, then those of most tables."""
    by_name = {row["TABLE_NAME"]: row for row in rows}
    causes: dict[tuple[str, ...], list[tuple[Row, _Cause]]] = {}
    for row, cause in _causes(rows, warnings, by_name):
        hint = "" if row["STATE"] == "warning" else _without(cause.hint, row)
        same = (row["STATE"], cause.code, hint)
        causes.setdefault(same, []).append((row, cause))
    found = [_card(met, now) for met in causes.values()]
    return sorted(found, key=lambda c: (badness(c.state), -len(c.subjects), c.title))


@dataclass(frozen=True)
class _Cause:
    code: str
    message: str
    hint: str
    since: datetime.datetime | None


def _causes(
    rows: Sequence[Row], warnings: Sequence[Row], by_name: dict[str, Row]
) -> Iterable[tuple[Row, _Cause]]:
    for row in rows:
        if row["STATE"] in ("failed", "late", "lost", "never synced", "paused"):
            yield row, _cause(row)
    for warning in warnings:
        row = by_name.get(warning["TABLE_NAME"], {})
        # What fails, or is late, has more to be said.
        if row and row["STATE"] == "warning":
            yield row, _Cause(
                warning["CODE"],
                warning["MESSAGE"],
                warning["HINT"] or "",
                warning["RECORDED_AT"],
            )


def _cause(row: Row) -> _Cause:
    since = row["PROBLEM_SINCE"]
    if row["STATE"] == "failed" and row["LAST_ERROR_CODE"]:
        return _Cause(
            row["LAST_ERROR_CODE"],
            row["LAST_ERROR_MESSAGE"] or "",
            row["LAST_ERROR_HINT"] or "",
            since or row["LAST_RUN_FINISHED_AT"],
        )
    return _Cause("", row["WHAT"] or "", row["WHAT_TO_DO"] or "", since)


def _without(hint: str, row: Row) -> str:
    """The hint as it would be for any table."""
    return hint.replace(f"'{row['TABLE_NAME']}'", "'...'")


def _card(met: list[tuple[Row, _Cause]], now: datetime.datetime) -> Card:
    (row, cause), *_ = met
    rows = [row for row, _ in met]
    state = row["STATE"]
    known = [cause.since for _, cause in met if cause.since is not None]
    return Card(
        state=state,
        code=cause.code,
        title=_TITLES.get(state) or cause.code.replace("_", " ").capitalize(),
        message=cause.message,
        since=min(known, default=None),
        readers=_readers(rows, now),
        hint=cause.hint + (_OWN_HINTS if _differ(met) else ""),
        subjects=tuple(row["TABLE_NAME"] for row in rows),
        buttons=_buttons(state, cause.hint),
    )


def _differ(met: list[tuple[Row, _Cause]]) -> bool:
    return len({_without(cause.hint, row) for row, cause in met}) > 1


def _readers(rows: Sequence[Row], now: datetime.datetime) -> str:
    """What those see who read the targets."""
    loaded = [row for row in rows if row["FRESH_AS_OF"] is not None]
    if not loaded:
        return "no rows yet"
    oldest = min(loaded, key=lambda row: row["FRESH_AS_OF"])
    text = f"rows as of {ago(oldest['FRESH_AS_OF'], now)}"
    if len(loaded) > 1:
        text = f"the oldest of them {text}"
    limit = oldest["FRESHNESS_SLA_MINUTES"]
    return f"{text}; the limit is {duration(limit)}" if limit else text


def _buttons(state: str, hint: str) -> tuple[str, ...]:
    named = [BY_PROCEDURE[word] for word in _PROCEDURE.findall(hint)]
    last = {"paused": ["Resume"], "warning": ["Sync now", "Validate"]}
    return tuple(dict.fromkeys([*named, *last.get(state, ["Sync now"])]))


def schedule_cards(schedules: Iterable[Schedule]) -> list[Card]:
    """Returns a card for each group that does not run although it has a task."""
    return [
        Card(
            state="late",
            code="",
            title=f"The schedule of group {one.group} stands still",
            message=f"Its first task, {one.task}, is suspended: its tables are not"
            " synced by themselves.",
            since=one.suspended_at,
            readers="what was synced before",
            hint="CALL APPLY_TASKS() starts it, unless somebody stopped it on purpose.",
            subjects=(),
            buttons=("Start schedules",),
            are_tables=False,
        )
        for one in schedules
        if one.state != "started"
    ]


def log_cards(rows: Iterable[Row]) -> list[Card]:
    """Returns a card for each source whose log is not recorded as it should be."""
    made = []
    for row in rows:
        broken = row["STATE"] == "broken"
        since = row["LAST_GAP_AT"] if broken else row["LAST_CAPTURE_AT"]
        what = f": {row['LAST_GAP_REASON']}" if row["LAST_GAP_REASON"] else ""
        made.append(
            Card(
                state="failed" if broken else "late",
                code="",
                title=f"The log of source {row['SOURCE_NAME']} is"
                f" {'broken' if broken else 'not read'}",
                message=(
                    f"Nothing is recorded of it since a gap{what}."
                    if broken
                    else "It was not captured for two hours; PostgreSQL keeps its WAL."
                ),
                since=since,
                readers="what was synced before",
                hint=(
                    "CALL RESYNC_SOURCE begins it anew; each table is read as a whole"
                    " once."
                    if broken
                    else "CALL CAPTURE_LOG records it now; see that its group runs."
                ),
                subjects=(row["SOURCE_NAME"],),
                buttons=("Resync source",) if broken else ("Capture log",),
                are_tables=False,
            )
        )
    return made
