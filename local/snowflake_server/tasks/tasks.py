"""Tasks as objects: CREATE, ALTER, DROP, EXECUTE, SHOW and DESCRIBE."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from local.snowflake_server.core.errors import compilation, exists, syntax
from local.snowflake_server.core.names import Name
from local.snowflake_server.core.results import MOMENT, TEXT, Result, made, status
from local.snowflake_server.core.scan import Scanner, one_of
from local.snowflake_server.core.statement import Statement
from local.snowflake_server.engine import Account
from local.snowflake_server.tasks import scripting
from local.snowflake_server.tasks.task_graph import (
    Task,
    all_tasks,
    check,
    children,
    existing,
    finalizer,
    graph,
    root_of,
    running,
)

_SIZES = one_of("XSMALL", "SMALL", "MEDIUM", "LARGE", "XLARGE", "XXLARGE")


def _path_option(scanner: Scanner) -> tuple[str, ...]:
    return scanner.path()


_ROOT_ONLY = (
    "SCHEDULE",
    "CONFIG",
    "OVERLAP_POLICY",
    "TASK_AUTO_RETRY_ATTEMPTS",
    "SUSPEND_TASK_AFTER_NUM_FAILURES",
    "ERROR_INTEGRATION",
)
_OPTIONS = {
    "WAREHOUSE": Scanner.identifier,
    "USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE": _SIZES,
    "SCHEDULE": Scanner.string,
    "CONFIG": Scanner.string,
    "OVERLAP_POLICY": one_of("NO_OVERLAP"),
    "USER_TASK_TIMEOUT_MS": Scanner.number,
    "SUSPEND_TASK_AFTER_NUM_FAILURES": Scanner.number,
    "TASK_AUTO_RETRY_ATTEMPTS": Scanner.number,
    "ERROR_INTEGRATION": Scanner.identifier,
    "QUERY_TAG": Scanner.string,
    "AUTOCOMMIT": one_of("TRUE", "FALSE"),
    "ROWS_PER_RESULTSET": Scanner.number,
    "COMMENT": Scanner.string,
    "FINALIZE": _path_option,
}


def create(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """CREATE [OR REPLACE | OR ALTER] TASK [IF NOT EXISTS] ... AS <statement>."""
    replaced = scanner.take("OR", "REPLACE")
    altered = not replaced and scanner.take("OR", "ALTER")
    scanner.expect("TASK")
    if_not_exists = scanner.take("IF", "NOT", "EXISTS")
    session = statement.session
    name = account.name(session, scanner.path())
    task = _read(account, statement, scanner, name)

    def work(_connection: object) -> Result:
        account.catalog.check_schema(name.database, name.schema)
        tasks = all_tasks(account)
        old = tasks.get(name)
        if old is not None:
            if if_not_exists:
                return status(f"{name.name} already exists, statement succeeded.")
            if not (replaced or altered):
                raise exists(str(name))
        kept = old if altered else None
        check(account, task, kept)
        if kept:
            new = replace(task, started=kept.started, created=kept.created)
        else:
            new = task
        tasks[name] = new
        if old is not None and not altered:
            account.scheduler.forget(name)
            account.catalog.forget_grants("TASK", name)
        return status(f"Task {name.name} successfully created.")

    return account.ddl(session, work)


def _read(account: Account, statement: Statement, scanner: Scanner, name: Name) -> Task:
    session = statement.session
    options: dict[str, Any] = {}
    after: tuple[Name, ...] = ()
    condition = ""
    while scanner.peek() != "AS":
        scanner.take(",")
        if scanner.take("WHEN"):
            condition = scanner.text_before("AS").strip()
            scripting.check_condition(condition)
            break
        if scanner.take("AFTER"):
            found = [scanner.path()]
            while scanner.take(","):
                found.append(scanner.path())
            after = tuple(account.name(session, parts) for parts in found)
            continue
        options |= _option(scanner, options)
    scanner.expect("AS")
    definition = scanner.rest()
    if not definition:
        raise syntax("a task needs a statement")
    if scripting.is_block(definition):
        scripting.check(definition)
    if condition and not after:
        raise compilation("A return value is that of a predecessor; there is none.")
    finalize = options.pop("FINALIZE", None)
    task = Task(
        name=name,
        definition=definition,
        after=after,
        finalizes=account.name(session, finalize) if finalize else None,
        options=options,
        condition=condition,
        owner=session.role,
    )
    _check_options(account, task)
    return task


def _option(scanner: Scanner, known: dict[str, Any]) -> dict[str, Any]:
    key = scanner.word()
    if key not in _OPTIONS:
        raise syntax(f"unknown or misplaced option '{key}'.")
    if key in known:
        raise syntax(f"duplicate option '{key}'.")
    scanner.expect("=")
    return {key: _OPTIONS[key](scanner)}


def _check_options(account: Account, task: Task) -> None:
    options = task.options
    if "WAREHOUSE" in options and "USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE" in options:
        raise compilation("A task has either a warehouse or a serverless size.")
    named = options.get("WAREHOUSE")
    if named and named not in account.catalog.in_account["WAREHOUSE"]:
        raise compilation(f"Warehouse '{named}' does not exist.", code=2003)
    integration = options.get("ERROR_INTEGRATION")
    if integration and integration not in account.catalog.in_account["INTEGRATION"]:
        raise compilation(f"Integration '{integration}' does not exist.", code=2003)
    for option in () if task.is_root else _ROOT_ONLY:
        if option in options:
            raise compilation(f"{option} can be set for a root task only.")
    _ = task.schedule  # refuses what is no schedule
    try:
        json.loads(options.get("CONFIG", "{}"))
    except ValueError:
        raise compilation("CONFIG is not JSON.") from None


def alter(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """ALTER TASK [IF EXISTS] name RESUME, SUSPEND, SET, UNSET, AFTER, MODIFY AS."""
    scanner.expect("TASK")
    if_exists = scanner.take("IF", "EXISTS")
    name = account.name(statement.session, scanner.path())
    if if_exists and name not in all_tasks(account):
        return status("ALTER TASK: no such task, statement succeeded.")
    task = existing(account, name)
    if scanner.take("RESUME"):
        scanner.end()
        return account.ddl(statement.session, lambda _: _resume(account, [task]))
    if scanner.take("SUSPEND"):
        scanner.end()
        return account.ddl(statement.session, lambda _: _suspend(account, task))
    changed = _changed(account, statement, scanner, task)

    def work(_connection: object) -> Result:
        tasks = all_tasks(account)
        if root_of(tasks, task).started:
            raise running(root_of(tasks, task))
        _check_options(account, changed)
        check(account, changed, task)
        tasks[name] = changed
        return status("Statement executed successfully.")

    return account.ddl(statement.session, work)


def _changed(
    account: Account, statement: Statement, scanner: Scanner, task: Task
) -> Task:
    options = dict(task.options)
    if scanner.take("MODIFY", "AS"):
        return replace(task, definition=scanner.rest())
    if scanner.take("SET"):
        given: dict[str, Any] = {}
        while not scanner.done:
            scanner.take(",")
            given |= _option(scanner, given)
        return replace(task, options=options | given)
    if scanner.take("UNSET"):
        while not scanner.done:
            scanner.take(",")
            options.pop(scanner.word(), None)
        return replace(task, options=options)
    add = scanner.take("ADD", "AFTER")
    if not add:
        scanner.expect("REMOVE", "AFTER")
    found = [account.name(statement.session, scanner.path())]
    while scanner.take(","):
        found.append(account.name(statement.session, scanner.path()))
    scanner.end()
    rest = tuple(n for n in task.after if n not in found)
    return replace(task, after=(*rest, *found) if add else rest)


def _resume(account: Account, wanted: list[Task]) -> Result:
    tasks = all_tasks(account)
    for task in wanted:
        if not task.started and not task.is_root and root_of(tasks, task).started:
            raise running(root_of(tasks, task))
        if task.is_root and task.schedule is None and not _has_others(tasks, task):
            raise compilation("A task without a schedule cannot be resumed.")
    # Children first: the root starts when everything below it is there.
    for task in reversed(wanted):
        tasks[task.name] = replace(tasks[task.name], started=True)
        if task.is_root:
            account.scheduler.resumed(tasks[task.name])
    return status("Statement executed successfully.")


def _has_others(tasks: dict[Name, Task], root: Task) -> bool:
    return bool(children(tasks, root.name) or finalizer(tasks, root.name))


def _suspend(account: Account, task: Task) -> Result:
    tasks = all_tasks(account)
    if not task.is_root and task.started and root_of(tasks, task).started:
        raise running(root_of(tasks, task))
    tasks[task.name] = replace(task, started=False)
    account.scheduler.forget(task.name)
    return status("Statement executed successfully.")


_ENABLE = re.compile(
    r"SELECT\s+SYSTEM\$TASK_DEPENDENTS_ENABLE\s*\(\s*(\?|'(?:[^']|'')*')\s*\)\s*;?\s*",
    re.IGNORECASE,
)


def enable_dependents(account: Account, statement: Statement) -> Result | None:
    """SELECT SYSTEM$TASK_DEPENDENTS_ENABLE('root'); None for any other statement."""
    found = _ENABLE.fullmatch(statement.text)
    if found is None:
        return None
    given = statement.binds.get("wbind_1__") if found[1] == "?" else found[1][1:-1]
    path = Scanner(str(given).replace("''", "'")).path()
    name = account.name(statement.session, path)

    def work(_connection: object) -> Result:
        tasks = all_tasks(account)
        wanted = list(graph(tasks, existing(account, name).name))
        last = finalizer(tasks, name)
        _resume(account, [*wanted, *([last] if last else [])])
        return made({"SYSTEM$TASK_DEPENDENTS_ENABLE": TEXT}, [("true",)])

    return account.ddl(statement.session, work)


def drop(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """DROP TASK [IF EXISTS]; the root of its graph must be suspended."""
    scanner.expect("TASK")
    if_exists = scanner.take("IF", "EXISTS")
    name = account.name(statement.session, scanner.path())
    scanner.end()

    def work(_connection: object) -> Result:
        tasks = all_tasks(account)
        if name not in tasks and if_exists:
            return status("Drop statement executed successfully.")
        task = existing(account, name)
        if not task.is_root and root_of(tasks, task).started:
            raise running(root_of(tasks, task))
        del tasks[name]
        account.catalog.forget_grants("TASK", name)
        account.scheduler.forget(name)
        for child in children(tasks, name):
            rest = tuple(n for n in child.after if n != name)
            tasks[child.name] = replace(child, after=rest, started=False)
        if (last := finalizer(tasks, name)) is not None:
            tasks[last.name] = replace(last, finalizes=None, started=False)
        return status(f"{name.name} successfully dropped.")

    return account.ddl(statement.session, work)


def execute(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """EXECUTE TASK name: starts a run of the graph and does not wait for it."""
    scanner.expect("TASK")
    name = account.name(statement.session, scanner.path())
    scanner.end()
    task = existing(account, name)
    if not task.is_root:
        raise compilation("EXECUTE TASK needs a root task.", code=91096)
    account.scheduler.run_now(task)
    return status(f"Task {name.name} is scheduled to run immediately.")


_COLUMNS = {
    "created_on": MOMENT, "name": TEXT, "database_name": TEXT, "schema_name": TEXT,
    "owner": TEXT, "comment": TEXT, "warehouse": TEXT, "schedule": TEXT,
    "predecessors": TEXT, "state": TEXT, "definition": TEXT, "condition": TEXT,
    "error_integration": TEXT, "config": TEXT, "task_relations": TEXT,
}  # fmt: skip


def show(account: Account, statement: Statement, inside: Any) -> Any:
    """SHOW TASKS."""
    tasks = all_tasks(account)
    rows = [_shown(tasks, task) for task in tasks.values() if inside(task.name)]
    return _COLUMNS, rows


def describe(account: Account, name: Name) -> Result:
    """DESCRIBE TASK."""
    return made(_COLUMNS, [_shown(all_tasks(account), existing(account, name))])


def _shown(tasks: dict[Name, Task], task: Task) -> tuple[Any, ...]:
    relations: dict[str, Any] = {"Predecessors": [str(n) for n in task.after]}
    if task.finalizes is not None:
        relations["FinalizedRootTask"] = str(task.finalizes)
    last = finalizer(tasks, task.name)
    if last is not None:
        relations["FinalizerTask"] = str(last.name)
    options, name = task.options, task.name
    return (
        task.created, name.name, name.database, name.schema, task.owner, task.comment,
        options.get("WAREHOUSE"), options.get("SCHEDULE"),
        json.dumps([str(n) for n in task.after]),
        "started" if task.started else "suspended", task.definition, None,
        options.get("ERROR_INTEGRATION"), options.get("CONFIG"), json.dumps(relations),
    )  # fmt: skip
