"""PURE: the SQL texts of task graphs. Tested against tests/golden/*/*.sql.

A task cannot be written with bound values, so each text is composed of quoted
identifiers and literals alone.
"""

import hashlib
import re

from snowpark.groups.task_graph import Task
from snowpark.sql import Statement, literal, quote

# How APPLY_TASKS knows its own tasks, and whether they are up to date.
_COMMENT = re.compile(r"Aurora sync, group ([^:]+): .* \[([0-9a-f]{16})\]")
_MILLISECONDS = 60_000


def task_name(name: str) -> str:
    """Returns the quoted name of a task."""
    return f"control.{quote(name)}"


def create_task(task: Task) -> Statement:
    """Creates a task, or alters what differs; started stays started."""
    lines = [f"CREATE OR ALTER TASK {task_name(task.name)}"]
    group = task.settings.name
    comment = f"Aurora sync, group {group}: {task.purpose} [{digest(task)}]"
    lines += [*_properties(task), f"COMMENT = {literal(comment)}", *_place(task)]
    return Statement("\n".join([*lines, "AS", task.call]))


def digest(task: Task) -> str:
    """Returns what shows whether a task is as it should be."""
    parts = [task.name, *_properties(task), *_place(task), task.call, task.purpose]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def read_comment(comment: str) -> tuple[str, str] | None:
    """Returns group and digest of one of our tasks; None for somebody else's."""
    found = _COMMENT.fullmatch(comment)
    return (found[1], found[2]) if found else None


def _properties(task: Task) -> list[str]:
    settings = task.settings
    if settings.warehouse:
        lines = [f"WAREHOUSE = {quote(settings.warehouse.upper())}"]
    else:
        size = literal(settings.serverless_size)
        lines = [f"USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE = {size}"]
    if task.is_root:
        # Runs do not overlap: Snowflake's default, whose option has changed its name.
        lines.append(f"SCHEDULE = {literal(settings.schedule)}")
    lines += [
        # A procedure inherits both; an account may have set them for every session.
        "AUTOCOMMIT = TRUE",
        "ROWS_PER_RESULTSET = 0",
        f"QUERY_TAG = {literal(f'aurora_sync:{settings.name}:{task.name}')}",
        f"USER_TASK_TIMEOUT_MS = {settings.timeout_minutes * _MILLISECONDS}",
    ]
    if task.is_root:
        # Snowflake would stop the schedule after ten failures in a row, and one broken
        # table makes its graph a failed one each time.
        lines += [
            "SUSPEND_TASK_AFTER_NUM_FAILURES = 0",
            f"TASK_AUTO_RETRY_ATTEMPTS = {settings.retry_attempts}",
        ]
    return lines


def _place(task: Task) -> list[str]:
    if task.finalizes:
        return [f"FINALIZE = {task_name(task.finalizes)}"]
    lines = [f"AFTER {task_name(task.after)}"] if task.after else []
    return [*lines, f"WHEN {task.condition}"] if task.condition else lines


def show_tasks() -> Statement:
    """Lists all tasks of the schema."""
    return Statement("SHOW TASKS IN SCHEMA control")


def suspend_task(name: str) -> Statement:
    """Suspends a root, so that its graph can be changed; a run under way goes on."""
    return Statement(f"ALTER TASK IF EXISTS {task_name(name)} SUSPEND")


def resume_task(name: str) -> Statement:
    """Resumes one task."""
    return Statement(f"ALTER TASK {task_name(name)} RESUME")


def drop_task(name: str) -> Statement:
    """Drops a task."""
    return Statement(f"DROP TASK IF EXISTS {task_name(name)}")
