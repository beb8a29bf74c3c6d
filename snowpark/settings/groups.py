"""PURE: what the configuration says about groups, their schedules, and alerts."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from snowpark.errors import Problem
from snowpark.settings import time_zones

_MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
_WEEKDAYS = "SUN MON TUE WED THU FRI SAT".split()
# sql-reference/sql/create-task: minute, hour, day of the month, month, day of the week.
_CRON_FIELDS: tuple[tuple[str, int, int, list[str]], ...] = (
    ("minute", 0, 59, []),
    ("hour", 0, 23, []),
    ("day of the month", 1, 31, ["L"]),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 6, _WEEKDAYS + [f"{day}L" for day in range(7)]),
)


@dataclass(frozen=True)
class GroupSettings:
    """A group that runs by itself.

    Attributes:
        schedule: As Snowflake's SCHEDULE takes it.
        warehouse: None: serverless, beginning with `serverless_size`.
        timeout_minutes: Of the whole graph, and of each task in it.
        lanes: Tables that are loaded at the same time, each lane one after the other.
        retry_attempts: Times that failed tasks of a run are repeated by themselves.
    """

    name: str
    schedule: str
    warehouse: str | None = None
    serverless_size: str = "XSMALL"
    timeout_minutes: int = 240
    retry_attempts: int = 0
    lanes: int = 8


@dataclass(frozen=True)
class Webhook:
    """A webhook notification integration: Slack, Teams, PagerDuty and the like.

    Attributes:
        tells: "problems", "recovered" (each table), "all_recovered" (nothing is wrong
            any more).
    """

    integration: str
    tells: tuple[str, ...] = ("problems", "recovered")


@dataclass(frozen=True)
class AlertTargets:
    """Where alerts go; without an integration they are recorded only.

    Attributes:
        email: Name of an email notification integration.
        recipients: Verified addresses; empty: the integration's default ones.
        sns: Name of a queue notification integration.
        webhooks: Webhook notification integrations.
        reminder_hours: A problem that lasts is reported again after so many hours.
    """

    email: str | None = None
    recipients: tuple[str, ...] = ()
    sns: str | None = None
    webhooks: tuple[Webhook, ...] = ()
    reminder_hours: int = 24

    @property
    def integrations(self) -> tuple[str, ...]:
        """The names of all of them."""
        named = (self.email, self.sns, *(one.integration for one in self.webhooks))
        return tuple(name for name in named if name is not None)


def scheduled_groups(config_text: str) -> tuple[GroupSettings, ...]:
    """Returns the groups with a schedule, sorted by name.

    Args:
        config_text: A configuration that was accepted.
    """
    groups: dict[str, dict[str, Any]] = json.loads(config_text).get("groups", {})
    optional = (
        "warehouse",
        "serverless_size",
        "timeout_minutes",
        "retry_attempts",
        "lanes",
    )
    return tuple(
        GroupSettings(
            name=name,
            schedule=_schedule_text(group["schedule"]),
            **{key: group[key] for key in optional if key in group},
        )
        for name, group in sorted(groups.items(), key=lambda item: item[0].lower())
        if "schedule" in group
    )


# In front of the name of a source: no name of a group begins like this.
CAPTURES = "#"
_CAPTURE_TIMEOUT_MINUTES = 60


def scheduled_captures(config_text: str) -> tuple[GroupSettings, ...]:
    """Returns a group of its own for each source whose log is captured by the clock.

    Args:
        config_text: A configuration that was accepted.
    """
    sources: dict[str, dict[str, Any]] = json.loads(config_text).get("sources", {})
    return tuple(
        GroupSettings(
            name=f"{CAPTURES}{name}",
            schedule=f"{source['log']['capture_minutes']} MINUTES",
            timeout_minutes=_CAPTURE_TIMEOUT_MINUTES,
            lanes=0,
        )
        for name, source in sorted(sources.items(), key=lambda item: item[0].lower())
        if "capture_minutes" in source.get("log", {})
    )


def _schedule_text(schedule: dict[str, Any]) -> str:
    if "cron" in schedule:
        fields = " ".join(schedule["cron"].split())
        return f"USING CRON {fields} {schedule.get('time_zone', 'UTC')}"
    return f"{schedule['every_minutes']} MINUTES"


def alert_targets(config_text: str) -> AlertTargets:
    """Returns where the configuration wants alerts to go."""
    alerts = json.loads(config_text).get("alerts", {})
    email = alerts.get("email", {})
    return AlertTargets(
        email=email.get("integration"),
        recipients=tuple(email.get("recipients", ())),
        sns=alerts.get("sns", {}).get("integration"),
        webhooks=tuple(
            Webhook(one["integration"], tuple(one.get("tells", Webhook.tells)))
            for one in alerts.get("webhooks", ())
        ),
        reminder_hours=alerts.get("reminder_hours", AlertTargets.reminder_hours),
    )


def problems(data: dict[str, Any]) -> Iterator[Problem]:
    """Yields what a JSON Schema cannot say about groups."""
    seen: dict[str, str] = {}
    for name, group in data.get("groups", {}).items():
        pointer = f"/groups/{name}"
        if name.upper() in seen:
            yield Problem(pointer, f'Differs from "{seen[name.upper()]}" only in case.')
        seen[name.upper()] = name
        if "warehouse" in group and "serverless_size" in group:
            yield Problem(
                f"{pointer}/serverless_size",
                "Has no meaning if a warehouse is set.",
            )
        schedule = group.get("schedule")
        if schedule is not None:
            for place, message in _schedule_problems(schedule):
                yield Problem(f"{pointer}/schedule{place}", message)
        else:
            for setting in ("warehouse", "serverless_size", "retry_attempts", "lanes"):
                if setting in group:
                    yield Problem(
                        f"{pointer}/{setting}", "Has a meaning with a schedule only."
                    )


def _schedule_problems(schedule: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if ("cron" in schedule) == ("every_minutes" in schedule):
        yield "", 'Needs either "cron" or "every_minutes".'
        return
    if "cron" not in schedule:
        if "time_zone" in schedule:
            yield "/time_zone", 'Has a meaning with "cron" only.'
        return
    if found := time_zones.problem(schedule.get("time_zone", "UTC")):
        yield "/time_zone", found
    fields = schedule["cron"].split()
    if len(fields) != len(_CRON_FIELDS):
        yield "/cron", "Needs five fields: minute, hour, day, month, day of the week."
        return
    for field, (what, low, high, names) in zip(fields, _CRON_FIELDS, strict=True):
        if not all(_fits(part, low, high, names) for part in field.split(",")):
            yield "/cron", f"The {what} is not one of {low} to {high}."


def _fits(part: str, low: int, high: int, names: list[str]) -> bool:
    span, slash, step = part.partition("/")
    if slash and not (step.isascii() and step.isdigit() and int(step) > 0):
        return False
    if span == "*":
        return True
    first, dash, last = span.partition("-")
    ends = [first, last] if dash else [first]
    return all(
        end.upper() in names
        or (end.isascii() and end.isdigit() and low <= int(end) <= high)
        for end in ends
    )
