"""Runs tasks and alerts: at their time or when executed, in graphs, several at once."""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from local.snowflake_server.core.access import check_own_run
from local.snowflake_server.core.errors import SnowflakeError
from local.snowflake_server.core.faults import ProcedureKilled
from local.snowflake_server.core.names import Name
from local.snowflake_server.core.statement import Statement
from local.snowflake_server.engine import Account
from local.snowflake_server.tasks import alerts, scripting
from local.snowflake_server.tasks import task_graph as tasks
from local.snowflake_server.tasks.alerts import Alert
from local.snowflake_server.tasks.task_graph import Task

_AT_ONCE = 8
_LONGEST_WAIT_SECONDS = 3600.0


@dataclass(frozen=True)
class TaskRun:
    """One row of the task history.

    Attributes:
        graph_run: Shared by all tasks of one run of a graph, retries included.
        state: SUCCEEDED, FAILED or SKIPPED.
        return_value: What the task has set; None: nothing.
    """

    graph_run: str
    root: str
    name: str
    state: str
    error: str | None
    attempt: int
    scheduled_at: str
    started_at: str
    ended_at: str
    return_value: str | None = None


@dataclass(frozen=True)
class Ended:
    """How the statement of a task ended.

    Attributes:
        error: Its text; None: it went well.
        value: The return value that it has set; None: none.
    """

    error: str | None = None
    value: str | None = None


class Scheduler:
    """Knows what is due, and what runs.

    The clock may be set forward for tests: only schedules see that, not CURRENT_TIME.
    """

    def __init__(self, account: Account) -> None:
        """Serve one account; nothing runs before `start`."""
        self._account = account
        self._changed = threading.Condition()
        self._due: dict[Name, datetime] = {}
        self._running: set[Name] = set()
        self._history: list[TaskRun] = []
        self._ahead = timedelta()
        self._stopped = False
        self._pool = ThreadPoolExecutor(_AT_ONCE, "task")

    def start(self) -> None:
        """Begin to run what is due."""
        threading.Thread(target=self._watch, name="tasks", daemon=True).start()

    def stop(self) -> None:
        """Start nothing more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def now(self) -> datetime:
        """The clock of the schedules."""
        return datetime.now(UTC) + self._ahead

    def advance(self, seconds: float) -> None:
        """Set the clock of the schedules forward."""
        with self._changed:
            self._ahead += timedelta(seconds=seconds)
            self._changed.notify_all()

    def resumed(self, what: Task | Alert) -> None:
        """Something scheduled was resumed: an interval counts from now."""
        if what.schedule is None:
            return
        with self._changed:
            self._due[what.name] = what.schedule.after(self.now())
            self._changed.notify_all()

    def forget(self, name: Name) -> None:
        """Something was suspended, replaced or dropped."""
        with self._changed:
            self._due.pop(name, None)

    def run_now(self, root: Task) -> None:
        """EXECUTE TASK.

        Raises:
            SnowflakeError: A run of the graph is under way.
        """
        with self._changed:
            if root.name in self._running:
                raise SnowflakeError(
                    91097, "55000", f"Task {root.name} has a run under way."
                )
        self._begin(root)

    def listed(self) -> dict[str, Any]:
        """What runs and what ran, for tests."""
        with self._changed:
            return {
                "running": sorted(str(name) for name in self._running),
                "runs": [asdict(run) for run in self._history],
            }

    def history(
        self, database: str, schema: str, limit: int
    ) -> list[tuple[str | None, ...]]:
        """What INFORMATION_SCHEMA.TASK_HISTORY tells of the tasks of a schema.

        Returns:
            Name, state, error, and the moments of schedule, start and end as text; the
            newest schedule first.
        """
        known = {
            name: task
            for name, task in tasks.all_tasks(self._account).items()
            if (name.database, name.schema) == (database, schema)
        }
        names = {name.name for name in known}
        with self._changed:
            rows: list[tuple[str | None, ...]] = [
                (run.name, run.state, run.error, run.scheduled_at, run.started_at,
                 run.ended_at)
                for run in self._history
                if run.root.startswith(f"{database}.{schema}.") and run.name in names
            ]  # fmt: skip
            rows += [
                (name.name, "SCHEDULED", None, self._due[name].isoformat(), None, None)
                for name in known
                if name in self._due
            ]
        return sorted(rows, key=lambda row: str(row[3]), reverse=True)[:limit]

    # --- the clock --------------------------------------------------------------------

    def _watch(self) -> None:
        while True:
            with self._changed:
                if self._stopped:
                    return
                ready = [n for n, due in self._due.items() if due <= self.now()]
                if not ready:
                    self._changed.wait(self._seconds_to_wait())
                    continue
            for name in ready:
                self._fire(name)

    def _seconds_to_wait(self) -> float:
        if not self._due:
            return _LONGEST_WAIT_SECONDS
        left = (min(self._due.values()) - self.now()).total_seconds()
        return max(0.0, min(left, _LONGEST_WAIT_SECONDS))

    def _fire(self, name: Name) -> None:
        catalog = self._account.catalog.in_schema
        found: Task | Alert | None = catalog["TASK"].get(name)
        found = found or catalog["ALERT"].get(name)
        if found is None or not found.started or found.schedule is None:
            self.forget(name)
            return
        with self._changed:
            self._due[name] = found.schedule.after(self.now())
            overlaps = name in self._running
        if not overlaps:
            self._begin(found)

    def _begin(self, what: Task | Alert) -> None:
        with self._changed:
            self._running.add(what.name)
        if isinstance(what, Alert):
            target, value = self._run_alert, what
        else:
            target, value = self._run_graph, what  # type: ignore[assignment]
        thread = threading.Thread(target=target, args=(value,), daemon=True)
        thread.start()

    def _ended(self, name: Name) -> None:
        with self._changed:
            self._running.discard(name)

    # --- runs -------------------------------------------------------------------------

    def _run_alert(self, alert: Alert) -> None:
        try:
            alerts.evaluate(self._account, alert)
        except (SnowflakeError, ProcedureKilled):
            pass  # its statement is in the query history, with the error
        finally:
            self._ended(alert.name)

    def _run_graph(self, root: Task) -> None:
        everything = dict(tasks.all_tasks(self._account))
        last = tasks.finalizer(everything, root.name)
        run = _GraphRun(self, root, list(tasks.graph(everything, root.name)))
        try:
            run.run()
            if last is not None and last.started:
                run.run_one(last)
        finally:
            self._ended(root.name)

    def record(self, run: TaskRun) -> None:
        """Append to the history."""
        with self._changed:
            self._history.append(run)

    def submit(self, task: Task) -> Future[Ended]:
        """Run the statement of a task soon; the future gives how it ended."""
        return self._pool.submit(self.run_statement, task)

    def run_statement(self, task: Task) -> Ended:
        """Run the statement of a task, or its block, as its owner."""
        account = self._account
        session = account.new_session(user="SYSTEM", role=task.owner)
        session.database, session.schema = task.name.database, task.name.schema
        session.warehouse = task.options.get("WAREHOUSE", "COMPUTE_SERVICE_WH")

        def send(text: str) -> object:
            found = account.run(Statement(text=text, session=session))
            return found.table.column(0)[0].as_py()

        try:
            managed = "WAREHOUSE" not in task.options
            check_own_run(
                account.catalog.access, task.owner, managed=managed, kind="TASK"
            )
            if scripting.is_block(task.definition):
                return Ended(value=scripting.run(task.definition, send))
            account.run(Statement(text=task.definition, session=session))
        except SnowflakeError as error:
            return Ended(error.message)
        except ProcedureKilled as killed:
            return Ended(str(killed))
        finally:
            account.close_session(session)
        return Ended()


class _GraphRun:
    """One run of a graph, as it was when the run began."""

    def __init__(self, scheduler: Scheduler, root: Task, members: list[Task]) -> None:
        self._scheduler = scheduler
        self._root = root
        self._members = members
        self._id = str(uuid4())
        self._scheduled_at = scheduler.now().isoformat()
        self._states: dict[Name, str] = {}
        self._values: dict[Name, str | None] = {}

    def run(self) -> None:
        """Run the tasks; what failed, and what it held up, again while retries last."""
        attempts = 1 + int(self._root.options.get("TASK_AUTO_RETRY_ATTEMPTS", 0))
        for attempt in range(1, attempts + 1):
            self._states = {
                n: s for n, s in self._states.items() if s in ("SUCCEEDED", "SUSPENDED")
            }
            self._run_all(attempt)
            if "FAILED" not in self._states.values():
                return

    def _run_all(self, attempt: int) -> None:
        running: dict[Future[Ended], tuple[Task, str]] = {}
        left = [t for t in self._members if t.name not in self._states]
        while left or running:
            for task in [t for t in left if self._decided(t)]:
                left.remove(task)
                self._start(task, attempt, running)
            if not running:
                continue
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                task, started_at = running.pop(future)
                self._finish(task, attempt, started_at, future.result())

    def _decided(self, task: Task) -> bool:
        return all(parent in self._states for parent in task.after)

    def _start(
        self,
        task: Task,
        attempt: int,
        running: dict[Future[Ended], tuple[Task, str]],
    ) -> None:
        above = {self._states[parent] for parent in task.after}
        if above & {"FAILED", "SKIPPED"} or not self._is_wanted(task):
            self._states[task.name] = "SKIPPED"
            now = self._scheduler.now().isoformat()
            self._record(task, "SKIPPED", Ended(), attempt, now)
        elif not task.started and task is not self._root:
            # A suspended child is passed over, not its children (tasks-graphs).
            self._states[task.name] = "SUSPENDED"
        else:
            started_at = self._scheduler.now().isoformat()
            running[self._scheduler.submit(task)] = (task, started_at)

    def _is_wanted(self, task: Task) -> bool:
        """Whether the WHEN of a task holds."""
        if not task.condition:
            return True
        value = self._values.get(task.after[0])
        return scripting.condition_holds(task.condition, value)

    def _finish(self, task: Task, attempt: int, started_at: str, ended: Ended) -> None:
        state = "SUCCEEDED" if ended.error is None else "FAILED"
        self._states[task.name] = state
        self._values[task.name] = ended.value
        self._record(task, state, ended, attempt, started_at)

    def run_one(self, task: Task) -> None:
        """Run the finalizer."""
        started_at = self._scheduler.now().isoformat()
        ended = self._scheduler.submit(task).result()
        state = "SUCCEEDED" if ended.error is None else "FAILED"
        self._record(task, state, ended, 1, started_at)

    def _record(
        self, task: Task, state: str, ended: Ended, attempt: int, started_at: str
    ) -> None:
        self._scheduler.record(
            TaskRun(
                graph_run=self._id,
                root=str(self._root.name),
                name=task.name.name,
                state=state,
                error=ended.error,
                return_value=ended.value,
                attempt=attempt,
                scheduled_at=self._scheduled_at,
                started_at=started_at,
                ended_at=self._scheduler.now().isoformat(),
            )
        )
