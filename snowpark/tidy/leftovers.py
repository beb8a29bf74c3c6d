"""PURE: which tables and pipes of STAGING belong to nobody any more."""

import re
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta, timezone

from snowpark.load.pipe_statements import Pair

# See `names.staging_name`: the id of a run says when it began.
_STAGED = re.compile(r".+__[A-Z]+_(\d{8}T\d{6})_([0-9A-F]{12})")
_OF_PIPE = re.compile(r"P_.+__(LANDED|PIPE)_\d+")


def staged(
    names: Iterable[str], owners: Collection[str], now: datetime, hours: int
) -> list[str]:
    """Returns the staging tables of runs that are gone.

    A run without a lease cannot commit any more, whatever it still does; and none goes
    on for so many hours without one.

    Args:
        owners: Ids of the runs that have a lease.
    """
    gone = []
    for name in names:
        found = _STAGED.fullmatch(name)
        if not found or f"{found[1]}-{found[2].lower()}" in owners:
            continue
        began = datetime.strptime(found[1], "%Y%m%dT%H%M%S")
        if now - began.replace(tzinfo=timezone.utc) > timedelta(hours=hours):
            gone.append(name)
    return sorted(gone)


def of_run(names: Iterable[str], run_id: str) -> list[str]:
    """Returns the staging tables of one run, which is over."""
    ends = "_" + run_id.upper().replace("-", "_")
    return sorted(n for n in names if _STAGED.fullmatch(n) and n.endswith(ends))


def of_pipes(names: Iterable[str], configured: Iterable[str]) -> list[str]:
    """Returns pipes, or tables of pipes, whose table is not configured any more."""
    stems = tuple(Pair(table, 0).stem for table in configured)
    return sorted(
        name
        for name in names
        if _OF_PIPE.fullmatch(name) and not name.startswith(stems)
    )
