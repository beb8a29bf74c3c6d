"""Tasks, and the rules of the graphs that they form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from local.snowflake_server.core.errors import SnowflakeError, compilation
from local.snowflake_server.core.names import Name
from local.snowflake_server.engine import Account
from local.snowflake_server.tasks.task_schedule import Schedule, read_schedule

# user-guide/tasks-graphs
_MOST_RELATIVES = 100
_MOST_TASKS = 1000


@dataclass(frozen=True)
class Task:
    """A task.

    Attributes:
        definition: The statement that it runs.
        after: Predecessors; empty for a root, a finalizer and a task on its own.
        finalizes: The root whose finalizer this is.
        options: As given, by upper-case name.
        condition: Of WHEN; empty: it always runs.
    """

    name: Name
    definition: str
    after: tuple[Name, ...] = ()
    finalizes: Name | None = None
    options: dict[str, Any] = field(default_factory=dict)
    condition: str = ""
    started: bool = False
    owner: str = ""
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def is_root(self) -> bool:
        """Whether it can be scheduled or executed."""
        return not self.after and self.finalizes is None

    @property
    def schedule(self) -> Schedule | None:
        """When it runs by itself; None: only when executed."""
        text = self.options.get("SCHEDULE")
        return None if text is None else read_schedule(text)

    @property
    def comment(self) -> str:
        """The text that SHOW prints."""
        return str(self.options.get("COMMENT", ""))


def all_tasks(account: Account) -> dict[Name, Task]:
    """The tasks of all schemas."""
    tasks: dict[Name, Task] = account.catalog.in_schema["TASK"]
    return tasks


def existing(account: Account, name: Name) -> Task:
    """The task of that name.

    Raises:
        SnowflakeError: There is none.
    """
    task: Task = account.catalog.thing("TASK", name)
    return task


def children(tasks: dict[Name, Task], name: Name) -> list[Task]:
    """Tasks that run after this one."""
    return [task for task in tasks.values() if name in task.after]


def finalizer(tasks: dict[Name, Task], root: Name) -> Task | None:
    """The finalizer of a root."""
    return next((t for t in tasks.values() if t.finalizes == root), None)


def root_of(tasks: dict[Name, Task], task: Task) -> Task:
    """The root of the graph that a task belongs to."""
    above = task.finalizes or (task.after[0] if task.after else None)
    while above is not None and above in tasks:
        task = tasks[above]
        above = task.after[0] if task.after else None
    return task


def graph(tasks: dict[Name, Task], root: Name) -> Iterator[Task]:
    """A root and all that run after it, without the finalizer; parents first."""
    below: dict[Name, list[Task]] = {}
    for task in tasks.values():
        for parent in task.after:
            below.setdefault(parent, []).append(task)
    seen: set[Name] = set()
    waiting = [tasks[root]]
    while waiting:
        task = waiting.pop(0)
        if task.name in seen:
            continue
        seen.add(task.name)
        yield task
        waiting.extend(below.get(task.name, []))


def check(account: Account, task: Task, old: Task | None) -> None:
    """Refuses what Snowflake refuses when a task becomes part of a graph."""
    tasks = all_tasks(account)
    parents = [*task.after, *([task.finalizes] if task.finalizes else [])]
    for parent in parents:
        if parent.parts[:2] != task.name.parts[:2]:
            raise compilation("All tasks of a graph must be in the same schema.")
        above = existing(account, parent)
        if above.finalizes is not None:
            raise compilation("A finalizer task cannot have child tasks.")
        if root_of(tasks, above).started:
            raise running(root_of(tasks, above))
        if above.owner != task.owner:
            raise compilation("All tasks of a graph must have the same owner.")
    if old is not None and root_of(tasks, old).started:
        raise running(root_of(tasks, old))
    _check_relatives(tasks, task)


def _check_relatives(tasks: dict[Name, Task], task: Task) -> None:
    if len(task.after) > _MOST_RELATIVES:
        raise compilation(f"More than {_MOST_RELATIVES} predecessors.")
    below = [t for t in graph(tasks, task.name)] if task.name in tasks else []
    if {t.name for t in below} & set(task.after):
        raise compilation("Graph has at least one cycle.")
    for parent in task.after:
        others = [t for t in children(tasks, parent) if t.name != task.name]
        if len(others) >= _MOST_RELATIVES:
            raise compilation(
                f"Task {parent} has {_MOST_RELATIVES} child tasks already."
            )
    if task.after:
        root = root_of(tasks, tasks[task.after[0]])
        names = {t.name for t in graph(tasks, root.name)} | {task.name}
        if len(names) > _MOST_TASKS:
            raise compilation(f"A graph has at most {_MOST_TASKS} tasks.")
    if task.finalizes is not None:
        other = finalizer(tasks, task.finalizes)
        if other is not None and other.name != task.name:
            raise compilation("The root has a finalizer task already.")
        if not tasks[task.finalizes].is_root:
            raise compilation("A finalizer task belongs to a root task.")


def running(root: Task) -> SnowflakeError:
    return SnowflakeError(
        91433,
        "55000",
        f"Unable to update graph with root task {root.name} since that root task is "
        "not suspended.",
    )
