"""APPLY_TASKS: makes the task graphs what the configuration says."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from snowpark.errors import SyncError
from snowpark.groups import statements, task_graph, task_statements
from snowpark.groups.task_graph import Task
from snowpark.ledger import lease
from snowpark.ledger import statements as ledger_statements
from snowpark.session import Snowflake
from snowpark.settings import groups as settings_groups
from snowpark.settings.groups import GroupSettings

# Of a graph that goes, what follows others goes first. MERGE_ and FAN_ are tasks of
# older releases, which had some for each table.
_DROP_ORDER = ("MERGE_", "LOAD_", "FAN_", "FINISH_", "EXTRACT_", "CAPTURE_")


@dataclass(frozen=True)
class Existing:
    """One of our tasks, as it exists.

    Attributes:
        group: In the spelling of its time.
        digest: Of the text that it was made by.
    """

    group: str
    digest: str
    started: bool


def apply_tasks(snowflake: Snowflake) -> dict[str, Any]:
    """Creates, alters, drops and resumes tasks; leaves graphs that are right alone.

    A run under way goes on with the tasks it began with. A call that dies in the middle
    leaves a suspended root, which the next call completes and resumes.

    Raises:
        SyncError: Snowflake refused something.
    """
    run_id = f"config-{uuid.uuid4().hex}"
    lease.take_config_lease(snowflake, run_id)
    try:
        return _apply(snowflake)
    finally:
        lease.release_lease(snowflake, lease.CONFIG_LEASE, run_id)


def _apply(snowflake: Snowflake) -> dict[str, Any]:
    existing = _existing(snowflake)
    graphs = _wanted(snowflake)
    wanted = {task.name: task for graph in graphs.values() for task in graph}
    changed = [
        task
        for task in wanted.values()
        if task.name not in existing
        or existing[task.name].digest != task_statements.digest(task)
    ]
    obsolete = sorted(set(existing) - set(wanted), key=_drop_order)
    touched = _touched(changed, obsolete, wanted, existing)
    roots = [task_graph.root_name(group) for group in sorted(touched)]
    suspended = [root for root in roots if root in existing]
    try:
        for root in suspended:
            snowflake.run(task_statements.suspend_task(root))
        for task in changed:
            snowflake.run(task_statements.create_task(task))
        for name in obsolete:
            snowflake.run(task_statements.drop_task(name))
        for group, graph in sorted(graphs.items()):
            if group.upper() in touched:
                _resume(snowflake, graph, existing)
    except SyncError as error:
        _leave_running(snowflake, suspended, existing, error)
        raise
    created = [task.name for task in changed if task.name not in existing]
    return _report(graphs, created, [t.name for t in changed], obsolete)


def _resume(
    snowflake: Snowflake, graph: list[Task], existing: dict[str, Existing]
) -> None:
    """Resumes what is not started: leaves first, then the finalizer, the root last.

    Task by task: SYSTEM$TASK_DEPENDENTS_ENABLE has side effects, which no query of a
    procedure may have.
    """
    idle = [
        task
        for task in reversed(graph)
        if task.name not in existing or not existing[task.name].started
    ]
    children = [task for task in idle if task.after is not None]
    finalizers = [task for task in idle if task.finalizes is not None]
    roots = [task for task in graph if task.is_root]
    for task in [*children, *finalizers, *roots]:
        snowflake.run(task_statements.resume_task(task.name))


def _leave_running(
    snowflake: Snowflake,
    suspended: list[str],
    existing: dict[str, Existing],
    error: SyncError,
) -> None:
    """Resumes the roots that a failing call has suspended: their schedules go on."""
    for root in suspended:
        if existing[root].started:
            try:
                snowflake.run(task_statements.resume_task(root))
            except SyncError as second:
                error.add_note(f"Task {root} stays suspended: {second.message}")


def _existing(snowflake: Snowflake) -> dict[str, Existing]:
    found: dict[str, Existing] = {}
    for row in snowflake.run_list(task_statements.show_tasks()):
        ours = task_statements.read_comment(str(row["comment"] or ""))
        if ours:
            found[str(row["name"])] = Existing(
                group=ours[0],
                digest=ours[1],
                started=str(row["state"]).lower() == "started",
            )
    return found


def _wanted(snowflake: Snowflake) -> dict[str, list[Task]]:
    """Returns the tasks of every scheduled group that has tables, and of captures."""
    rows = snowflake.run_list(statements.list_groups())
    known = {str(row["GROUP_NAME"]) for row in rows}
    groups, captures = _scheduled(snowflake)
    wanted = [*(group for group in groups if group.name in known), *captures]
    return {group.name: task_graph.build(group) for group in wanted}


def _scheduled(
    snowflake: Snowflake,
) -> tuple[tuple[GroupSettings, ...], tuple[GroupSettings, ...]]:
    rows = snowflake.run(ledger_statements.read_config_text())
    if not rows:
        return (), ()
    text = str(rows[0][0])
    return (
        settings_groups.scheduled_groups(text),
        settings_groups.scheduled_captures(text),
    )


def _touched(
    changed: Iterable[Task],
    obsolete: Iterable[str],
    wanted: dict[str, Task],
    existing: dict[str, Existing],
) -> set[str]:
    """Returns, in upper case, the groups whose root must be suspended meanwhile.

    A table that goes to another group is part of both, and a task that is not started
    shows that a call died.
    """
    touched = {task.settings.name.upper() for task in changed}
    touched |= {existing[t.name].group.upper() for t in changed if t.name in existing}
    touched |= {existing[name].group.upper() for name in obsolete}
    idle = {name for name, task in existing.items() if not task.started}
    touched |= {wanted[name].settings.name.upper() for name in idle & set(wanted)}
    return touched


def _drop_order(name: str) -> tuple[int, str]:
    ranks = (i for i, p in enumerate(_DROP_ORDER) if name.startswith(p))
    return next(ranks, 0), name


def _report(
    graphs: dict[str, list[Task]],
    created: list[str],
    changed: list[str],
    dropped: list[str],
) -> dict[str, Any]:
    altered = sorted(set(changed) - set(created))
    told = {
        name: {"schedule": tasks[0].settings.schedule, "tasks": len(tasks)}
        for name, tasks in graphs.items()
    }
    mark = settings_groups.CAPTURES
    groups = {name: what for name, what in told.items() if not name.startswith(mark)}
    captures = {
        name.removeprefix(mark): what
        for name, what in told.items()
        if name.startswith(mark)
    }
    unchanged = sum(len(tasks) for tasks in graphs.values()) - len(changed)
    return {
        "summary": f"{_groups(len(groups))} scheduled: {len(created)} tasks created,"
        f" {len(altered)} altered, {len(dropped)} dropped, {unchanged} unchanged.",
        "groups": groups,
        "captures": captures,
        "created": sorted(created),
        "altered": altered,
        "dropped": sorted(dropped),
    }


def _groups(number: int) -> str:
    return "1 group is" if number == 1 else f"{number} groups are"
