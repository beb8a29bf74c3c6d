"""PURE: when a scheduled task or alert is due next."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import CroniterBadDateError, croniter

from local.snowflake_server.core.errors import SnowflakeError, compilation

_UNITS = {"H": 3600, "HOUR": 3600, "HOURS": 3600, "M": 60, "MINUTE": 60,
          "MINUTES": 60, "S": 1, "SECOND": 1, "SECONDS": 1}  # fmt: skip
# sql-reference/sql/create-task: 10 seconds to 8 days.
_SHORTEST, _LONGEST = 10, 691200


@dataclass(frozen=True)
class Interval:
    """Every so many seconds, counted from the moment of RESUME."""

    seconds: int

    def after(self, moment: datetime) -> datetime:
        """Returns the next time that is due."""
        return moment + timedelta(seconds=self.seconds)


@dataclass(frozen=True)
class Cron:
    """Five cron fields in a time zone."""

    fields: str
    zone: ZoneInfo

    def after(self, moment: datetime) -> datetime:
        """Returns the next time that is due.

        Raises:
            SnowflakeError: No day of the next years fits, such as 30 February.
        """
        local = moment.astimezone(self.zone)
        try:
            found: datetime = croniter(self.fields, local).get_next(datetime)
        except CroniterBadDateError:
            raise _invalid("no day fits") from None
        return found.astimezone(UTC)


Schedule = Interval | Cron


def read_schedule(text: str, *, shortest: int = _SHORTEST) -> Schedule:
    """Reads '<n> MINUTES' or 'USING CRON <five fields> <time zone>'.

    Args:
        shortest: Seconds of the shortest interval.

    Raises:
        SnowflakeError: Snowflake would refuse it.
    """
    words = text.split()
    if [w.upper() for w in words[:2]] == ["USING", "CRON"] and len(words) == 8:
        return _cron(" ".join(words[2:7]), words[7])
    found = re.fullmatch(r"(\d+)\s*([A-Z]+)", text.strip().upper())
    if found is None or found[2] not in _UNITS:
        raise _invalid(f"'{text}'")
    seconds = int(found[1]) * _UNITS[found[2]]
    if not shortest <= seconds <= _LONGEST:
        raise _invalid(f"'{text}' is not between {shortest} and {_LONGEST} seconds")
    return Interval(seconds)


def _cron(fields: str, zone: str) -> Cron:
    try:
        if not croniter.is_valid(fields):
            raise ValueError(fields)
        return Cron(fields, ZoneInfo(zone))
    except (ValueError, ZoneInfoNotFoundError, OSError):
        raise _invalid(f"{fields} {zone}") from None


def _invalid(what: str) -> SnowflakeError:
    return compilation(f"Invalid schedule: {what}", code=1003)
