"""PURE: when a scheduled task or alert is due next."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from local.warehouse.errors import WarehouseError, compilation

_UNITS = {"H": 3600, "HOUR": 3600, "HOURS": 3600, "M": 60, "MINUTE": 60,
          "MINUTES": 60, "S": 1, "SECOND": 1, "SECONDS": 1}  # fmt: skip
# sql-reference/sql/create-task: 10 seconds to 8 days.
_SHORTEST, _LONGEST = 10, 691200
_DAYS_AHEAD = 366 * 5
_MONTHS = {name.upper(): i for i, name in enumerate(calendar.month_abbr) if name}
_WEEKDAYS = dict(zip(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), range(7)))


@dataclass(frozen=True)
class Interval:
    """Every so many seconds, counted from the moment of RESUME."""

    seconds: int

    def after(self, moment: datetime) -> datetime:
        """Returns the next time that is due."""
        return moment + timedelta(seconds=self.seconds)


@dataclass(frozen=True)
class Cron:
    """Five cron fields in a time zone.

    Attributes:
        days: Days of the month; 0 stands for the last one.
        any_day: The field was a star: the other day field alone decides.
        any_weekday: The same for the days of the week (0: Sunday).
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool
    zone: ZoneInfo

    def after(self, moment: datetime) -> datetime:
        """Returns the next time that is due.

        Raises:
            WarehouseError: No day of the next years fits, such as 30 February.
        """
        day = moment.astimezone(self.zone).date()
        for _ in range(_DAYS_AHEAD):
            if self._on(day):
                for hour in sorted(self.hours):
                    for minute in sorted(self.minutes):
                        local = datetime.combine(
                            day, time(hour, minute), tzinfo=self.zone
                        )
                        if (found := local.astimezone(UTC)) > moment:
                            return found
            day += timedelta(days=1)
        raise _invalid("no day fits")

    def _on(self, day: date) -> bool:
        last = calendar.monthrange(day.year, day.month)[1]
        by_day = day.day in self.days or (0 in self.days and day.day == last)
        by_weekday = (day.weekday() + 1) % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            fits = by_day and by_weekday
        else:
            fits = by_day or by_weekday
        return fits and day.month in self.months


Schedule = Interval | Cron


def read_schedule(text: str, *, shortest: int = _SHORTEST) -> Schedule:
    """Reads '<n> MINUTES' or 'USING CRON <five fields> <time zone>'.

    Args:
        shortest: Seconds of the shortest interval.

    Raises:
        WarehouseError: Snowflake would refuse it.
    """
    words = text.split()
    if [w.upper() for w in words[:2]] == ["USING", "CRON"] and len(words) == 8:
        return _cron(words[2:7], words[7])
    found = re.fullmatch(r"(\d+)\s*([A-Z]+)", text.strip().upper())
    if found is None or found[2] not in _UNITS:
        raise _invalid(f"'{text}'")
    seconds = int(found[1]) * _UNITS[found[2]]
    if not shortest <= seconds <= _LONGEST:
        raise _invalid(f"'{text}' is not between {shortest} and {_LONGEST} seconds")
    return Interval(seconds)


def _cron(fields: list[str], zone: str) -> Cron:
    minute, hour, day, month, weekday = fields
    try:
        return Cron(
            minutes=_field(minute, 0, 59, {}),
            hours=_field(hour, 0, 23, {}),
            days=_field(day, 1, 31, {"L": 0}),
            months=_field(month, 1, 12, _MONTHS),
            weekdays=_field(weekday, 0, 6, _WEEKDAYS),
            any_day=day == "*",
            any_weekday=weekday == "*",
            zone=ZoneInfo(zone),
        )
    except (ValueError, ZoneInfoNotFoundError, OSError):
        raise _invalid(" ".join([*fields, zone])) from None


def _field(text: str, low: int, high: int, names: dict[str, int]) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        if span == "*":
            first, last = low, high
        else:
            start, dash, end = span.partition("-")
            first = _value(start, names)
            last = _value(end, names) if dash else (high if step else first)
        named = first in names.values() and first == last
        if not (named or low <= first <= last <= high) or step == "0":
            raise ValueError(text)
        found.update(range(first, last + 1, int(step or 1)))
    return frozenset(found)


def _value(text: str, names: dict[str, int]) -> int:
    upper = text.upper()
    return names[upper] if upper in names else int(text)


def _invalid(what: str) -> WarehouseError:
    return compilation(f"Invalid schedule: {what}", code=1003)
