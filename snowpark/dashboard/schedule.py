"""PURE: each group's tasks: started or not, the last run, the next one."""

import datetime
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from snowpark.dashboard.shaping import Row, ago

# What APPLY_TASKS writes into the comment of its tasks.
_COMMENT = re.compile(r"Aurora sync, group ([^:]+): ")
# What TASK_HISTORY calls a run that is still to come or not over.
_OPEN = ("SCHEDULED", "EXECUTING")


@dataclass(frozen=True)
class Schedule:
    """The task graph of one group.

    Attributes:
        task: Name of its root.
        when: Cron or interval, as SHOW TASKS has it.
        state: "started" or "suspended".
        suspended_at: When it was stopped, as far as Snowflake tells.
        tasks: Number of its tasks, the root included.
        stopped: Names of tasks below the root that are suspended.
        next_at: When it runs next; None: unknown, or never.
        last_at: When it ran last; None: unknown, or never.
        last_state: How that ended.
        errors: What its tasks said in that run.
    """

    group: str
    task: str
    when: str
    state: str
    suspended_at: datetime.datetime | None = None
    tasks: int = 1
    stopped: tuple[str, ...] = ()
    next_at: datetime.datetime | None = None
    last_at: datetime.datetime | None = None
    last_state: str = ""
    errors: tuple[str, ...] = ()


def database_of(tasks: Sequence[Row]) -> str | None:
    """Returns the database that the tasks are in; None: there is no task."""
    return str(tasks[0]["DATABASE_NAME"]) if tasks else None


def schedules(tasks: Iterable[Row], history: Sequence[Row]) -> list[Schedule]:
    """Returns the schedule of each group, from SHOW TASKS and TASK_HISTORY."""
    by_group: dict[str, list[Row]] = {}
    for row in tasks:
        found = _COMMENT.match(str(row["COMMENT"] or ""))
        if found:
            by_group.setdefault(found[1], []).append(row)
    made = [_schedule(group, rows, history) for group, rows in by_group.items()]
    return sorted((one for one in made if one), key=lambda one: one.group)


def _schedule(
    group: str, tasks: Sequence[Row], history: Sequence[Row]
) -> Schedule | None:
    root = next((row for row in tasks if row["SCHEDULE"]), None)
    if root is None:
        return None
    below = [row for row in tasks if row is not root]
    names = {row["NAME"] for row in tasks}
    of_root = [row for row in history if row["NAME"] == root["NAME"]]
    ended = [row for row in of_root if row["STATE"] not in _OPEN]
    coming = [row for row in of_root if row["STATE"] == "SCHEDULED"]
    last = max(ended, key=lambda row: row["SCHEDULED_TIME"], default=None)
    run = [
        row for row in history if last and row["NAME"] in names and _same_run(row, last)
    ]
    failed = [row for row in run if str(row["STATE"]).startswith("FAILED")]
    started = str(root["STATE"]) == "started"
    return Schedule(
        group=group,
        task=str(root["NAME"]),
        when=str(root["SCHEDULE"]),
        state=str(root["STATE"]),
        suspended_at=None if started else root.get("LAST_SUSPENDED_ON"),
        tasks=len(tasks),
        stopped=tuple(str(r["NAME"]) for r in below if r["STATE"] != "started"),
        next_at=min((r["SCHEDULED_TIME"] for r in coming), default=None),
        last_at=last["SCHEDULED_TIME"] if last else None,
        last_state="FAILED" if failed else str(last["STATE"]) if last else "",
        errors=tuple(f"{r['NAME']}: {r['ERROR_MESSAGE'] or ''}" for r in failed),
    )


def _same_run(row: Row, root: Row) -> bool:
    """Whether a task ran in the run of the graph that its root began."""
    moment: Any = row["SCHEDULED_TIME"]
    return row["STATE"] not in _OPEN and bool(moment >= root["SCHEDULED_TIME"])


def schedule_lines(
    found: Iterable[Schedule], now: datetime.datetime
) -> list[dict[str, Any]]:
    """Returns schedules for reading."""
    return [
        {
            "Group": one.group,
            "State": one.state,
            "Next run": ago(one.next_at, now) if one.next_at else "not known",
            "Schedule": one.when,
            "Last run": ago(one.last_at, now),
            "It ended": one.last_state.lower(),
            "Tasks": one.tasks,
            "Stopped below": ", ".join(one.stopped),
        }
        for one in found
    ]
