"""PURE: which tasks a group needs, and how they hang together.

    EXTRACT_<group> ─┬─ LOAD_<table> ── MERGE_<table>
      (scheduled)    ├─ LOAD_<table> ── MERGE_<table>
                     └─ ...                              FINISH_<group> (finalizer)

A task has at most 100 children: a larger group gets tasks FAN_<group>_<n> in between,
which do nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from snowpark.errors import UsageError
from snowpark.settings.groups import GroupSettings
from snowpark.sql import literal

# user-guide/tasks-graphs: 100 children a task, 1000 tasks a graph. The rest is room for
# tables that move from one task to another while a graph is changed.
_CHILDREN = 90
_TASKS = 1000


@dataclass(frozen=True)
class Task:
    """A task as it should be.

    Attributes:
        call: The statement it runs.
        purpose: For people, in its comment.
        after: The task that it follows; None for root and finalizer.
        finalizes: The root whose finalizer it is.
    """

    name: str
    settings: GroupSettings
    call: str
    purpose: str
    after: str | None = None
    finalizes: str | None = None

    @property
    def is_root(self) -> bool:
        """Whether it is the one with the schedule."""
        return self.after is None and self.finalizes is None


def root_name(group: str) -> str:
    """Returns the name of a group's root."""
    return f"EXTRACT_{group.upper()}"


def finalizer_name(group: str) -> str:
    """Returns the name of a group's finalizer."""
    return f"FINISH_{group.upper()}"


def build(
    settings: GroupSettings, tables: Sequence[str], parents: Mapping[str, str]
) -> list[Task]:
    """Returns the tasks of a group, every one behind the one that it follows.

    Args:
        parents: Task that each existing LOAD task follows: it stays there, so that a
            new table changes no other one's task.

    Raises:
        UsageError: "group_too_large".
    """
    root = root_name(settings.name)
    fans = -(-len(tables) // _CHILDREN) if len(tables) > _CHILDREN else 0
    if 2 + fans + 2 * len(tables) > _TASKS:
        raise UsageError(
            "group_too_large",
            f"Group {settings.name} has {len(tables)} tables; a task graph holds"
            f" {_TASKS} tasks, two for each table.",
        )
    group = literal(settings.name)
    names = [f"FAN_{settings.name.upper()}_{i + 1}" for i in range(fans)]
    tasks = [
        Task(
            root,
            settings,
            f"CALL control.extract_group({group})",
            "extracts what is new in all tables",
        )
    ]
    for name in names:
        tasks.append(Task(name, settings, "SELECT 1", "starts some loads", root))
    for table, parent in _placed(tables, names or [root], parents):
        tasks += _of_table(settings, table, parent)
    tasks.append(
        Task(
            finalizer_name(settings.name),
            settings,
            f"CALL control.finish_group({group})",
            "closes the run and raises alerts",
            finalizes=root,
        )
    )
    return tasks


def _of_table(settings: GroupSettings, table: str, parent: str) -> list[Task]:
    load, merge = load_name(table), f"MERGE_{table.upper()}"
    argument = literal(table)
    return [
        Task(
            load,
            settings,
            f"CALL control.load_table({argument})",
            f"loads the files of {table}",
            parent,
        ),
        Task(
            merge,
            settings,
            f"CALL control.merge_table({argument})",
            f"merges the rows of {table}",
            load,
        ),
    ]


def load_name(table: str) -> str:
    """Returns the name of the task that loads a table."""
    return f"LOAD_{table.upper()}"


def _placed(
    tables: Sequence[str], parents: Sequence[str], known: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Yields each table with the task that it follows."""
    room = dict.fromkeys(parents, _CHILDREN)
    placed: dict[str, str] = {}
    for table in tables:
        parent = known.get(load_name(table))
        if parent in room and room[parent] > 0:
            placed[table] = parent
            room[parent] -= 1
    for table in tables:
        if table not in placed:
            parent = next(name for name in parents if room[name] > 0)
            placed[table] = parent
            room[parent] -= 1
        yield table, placed[table]
