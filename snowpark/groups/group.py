"""THE PATH of a group: one extraction for all tables, then each on its own, an end."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lambda_extract.contract import ErrorReply, ExtractReply, ExtractRequest, encode
from snowpark import arguments
from snowpark.alerts import alerts
from snowpark.errors import LambdaError, LeaseError, SyncError, UsageError
from snowpark.extraction import ask, progress
from snowpark.extraction import requests as extraction_requests
from snowpark.groups import statements, table_steps
from snowpark.groups import steps as groups_steps
from snowpark.groups.statements import GroupStep
from snowpark.groups.steps import Trigger
from snowpark.ledger import lease, read
from snowpark.ledger import statements as ledger_statements
from snowpark.ledger.records import TableState
from snowpark.session import Snowflake
from snowpark.sync import lifecycle

# Two bound values for each request; Snowflake sends one call for each row.
_REQUESTS_PER_SELECT = 200


@dataclass(frozen=True)
class Group:
    """A group that begins to run.

    Attributes:
        name: As the configuration spells it.
        tables: Names of its tables.
    """

    name: str
    tables: tuple[str, ...]
    run_id: str
    trigger: Trigger

    def step(self, table: str | None = None, **values: Any) -> GroupStep:
        """Returns a step of this run."""
        return GroupStep(self.run_id, self.name, self.trigger, table=table, **values)


def sync_group(snowflake: Snowflake, group_name: object) -> dict[str, Any]:
    """Syncs all tables of a group in one call; one bad table stops no other.

    Raises:
        SyncError: The group is unknown, or Snowflake itself failed.
    """
    group = _begin(snowflake, group_name, "call")
    try:
        _extract(snowflake, group)
        for table in group.tables:
            # Its error is in the ledger, and in the report of the group's end.
            try:
                table_steps.load_table(snowflake, table, group.run_id)
                table_steps.merge_table(snowflake, table, group.run_id)
            except SyncError:
                continue
        return _finish(snowflake, group.run_id)
    except SyncError:
        _release(snowflake, group.run_id)
        raise


def extract_group(snowflake: Snowflake, group_name: object) -> dict[str, Any]:
    """Extracts the next window of every table of a group by one SELECT.

    What has to be read as a whole is left to the load step of its table, as is what
    does not fit into one extraction.

    Raises:
        SyncError: The group is unknown, or Snowflake itself failed. A table that cannot
            be extracted is no error here: its load step raises it.
    """
    group = _begin(snowflake, group_name, "graph")
    try:
        steps = _extract(snowflake, group)
    except SyncError:
        _release(snowflake, group.run_id)
        raise
    failed = {s.table: s.error_code for s in steps if s.status == "failed"}
    return {
        "group": group.name,
        "run_id": group.run_id,
        "tables": len(group.tables),
        "extracted": sum(s.status == "succeeded" for s in steps),
        "left_to_load_step": sorted(
            s.table or "" for s in steps if s.status == "alone"
        ),
        "failed": failed,
    }


def finish_group(snowflake: Snowflake, group_name: object) -> dict[str, Any]:
    """Closes the runs of a group's task graph: what was lost on the way, the leases.

    A graph has one run at a time, so that others that are open were given up.

    Returns:
        The report of the latest run.

    Raises:
        SyncError: There is no run, or Snowflake itself failed.
    """
    name = arguments.group_name(group_name)
    runs = groups_steps.graph_runs(snowflake, name)
    if not runs:
        raise UsageError(
            "nothing_to_finish", f"No run of group {_shown(name)} has begun."
        )
    return [_finish(snowflake, run_id) for run_id in runs][-1]


def _finish(snowflake: Snowflake, group_run_id: str) -> dict[str, Any]:
    steps = groups_steps.of_group(snowflake, group_run_id)
    ended = [s for s in steps if s.step == "finished"]
    if ended and ended[-1].message:
        report: dict[str, Any] = json.loads(ended[-1].message)
        return report
    first = steps[0]
    outcomes = {
        table: table_steps.settle(snowflake, table, own)
        for table, own in _by_table(steps).items()
    }
    snowflake.run(statements.release_leases(first.group_run_id))
    report = _report(first, outcomes)
    done = GroupStep(
        first.group_run_id,
        first.group,
        first.trigger,
        step="finished",
        status="failed" if report["failed"] else "succeeded",
        message=json.dumps(report),
    )
    groups_steps.record(snowflake, [done])
    return report


def end_graph(snowflake: Snowflake, group_name: object) -> dict[str, Any]:
    """FINISH_GROUP, the finalizer: closes the latest run of the graph, raises alerts.

    Raises:
        SyncError: There is no such run, or Snowflake itself failed.
    """
    report = finish_group(snowflake, group_name)
    return report | {"alert": alerts.raise_alerts(snowflake)["summary"]}


def _begin(snowflake: Snowflake, group_name: object, trigger: Trigger) -> Group:
    name = arguments.group_name(group_name)
    rows = snowflake.run_list(statements.list_group_tables(name))
    if not rows:
        known = [str(row[0]) for row in snowflake.run_list(statements.list_groups())]
        raise UsageError(
            "unknown_group",
            f"No table belongs to a group {_shown(name)}. Groups with tables:"
            f" {', '.join(known) or 'none; call APPLY_CONFIG first'}.",
        )
    tables = tuple(str(row["TABLE_NAME"]) for row in rows)
    group = Group(str(rows[0]["GROUP_NAME"]), tables, lifecycle.new_run("").id, trigger)
    groups_steps.record(
        snowflake,
        [group.step(step="started", status="succeeded")],
    )
    return group


def _shown(name: str) -> str:
    return json.dumps(name[:100])


def _extract(snowflake: Snowflake, group: Group) -> list[GroupStep]:
    """Takes the leases, asks for all windows at once, records what came."""
    snowflake.run(
        statements.take_leases(group.tables, group.run_id, lease.LEASE_SECONDS)
    )
    rows = snowflake.run_list(statements.read_states(group.tables))
    lease.require_commits(
        snowflake,
        rows[0]["OPEN_TRANSACTION"] if rows else None,
        lambda: _release(snowflake, group.run_id),
    )
    steps: list[GroupStep] = []
    requests: dict[str, ExtractRequest] = {}
    identities: dict[str, str] = {}
    for row in rows:
        table = str(row["TABLE_NAME"])
        blank = group.step(table, step="extract", status="alone")
        if row["LEASE_RUN_ID"] != group.run_id:
            steps.append(groups_steps.failed(blank, _held(row["LEASE_RUN_ID"])))
            continue
        read.check_dates(row)
        found = read.state_of(row)
        if found.previous_run_id:
            lost = ledger_statements.insert_abandoned_run(table, found.previous_run_id)
            snowflake.run(lost)
        if found.paused:
            steps.append(group.step(table, step="extract", status="paused"))
            continue
        identities[table] = found.identity
        try:
            request = _request(found, group.run_id)
        except SyncError as error:
            steps.append(groups_steps.failed(blank, error))
            continue
        if request is None:
            steps.append(
                group.step(
                    table, step="extract", status="alone", identity=identities[table]
                )
            )
        else:
            requests[table] = request
    for table, answer in _ask(snowflake, requests).items():
        steps.append(_extracted(group, table, identities[table], answer))
    groups_steps.record(snowflake, steps)
    return steps


def _release(snowflake: Snowflake, group_run_id: str) -> None:
    snowflake.run(statements.release_leases(group_run_id))


def _held(owner: str | None) -> LeaseError:
    return LeaseError("lease_held", f"Run {owner or '?'} is syncing the table.")


def _request(found: TableState, run_id: str) -> ExtractRequest | None:
    """Returns the request for the first window; None if the table goes alone.

    A table of mode log does, whose first window is known once the log is captured; so
    does one that is read as a whole.
    """
    if found.settings.mode == "log":
        return None
    if progress.needs_snapshot(found):
        return None
    return extraction_requests.next_window(
        found.settings, progress.start(found), run_id
    )


def _ask(
    snowflake: Snowflake, requests: dict[str, ExtractRequest]
) -> dict[str, ExtractReply | SyncError]:
    """Sends all requests by one SELECT; one by one if that fails as a whole.

    One HTTP error fails the whole statement, whoever it belongs to.
    """
    answers: dict[str, ExtractReply | SyncError] = {}
    names = list(requests)
    for i in range(0, len(names), _REQUESTS_PER_SELECT):
        batch = names[i : i + _REQUESTS_PER_SELECT]
        try:
            answers |= _ask_together(snowflake, requests, batch)
        except LambdaError as failure:
            if len(batch) == 1:
                answers[batch[0]] = failure
                continue
            for name in batch:
                try:
                    answers |= _ask_together(snowflake, requests, [name])
                except LambdaError as error:
                    answers[name] = error
    return answers


def _ask_together(
    snowflake: Snowflake, requests: dict[str, ExtractRequest], names: Sequence[str]
) -> dict[str, ExtractReply | SyncError]:
    replies = ask.ask_all(snowflake, [requests[name] for name in names])
    answers: dict[str, ExtractReply | SyncError] = {}
    for name, reply in zip(names, replies, strict=True):
        if isinstance(reply, ErrorReply):
            answers[name] = ask.refusal(reply)
        else:
            answers[name] = ask.expect(reply, ExtractReply, requests[name].run_id)
    return answers


def _extracted(
    group: Group, table: str, identity: str, answer: ExtractReply | SyncError
) -> GroupStep:
    if isinstance(answer, SyncError) and answer.code != "window_too_large":
        blank = group.step(table, step="extract", status="failed", identity=identity)
        return groups_steps.failed(blank, answer)
    if isinstance(answer, SyncError):
        # The load step halves the window until it fits.
        return group.step(table, step="extract", status="alone", identity=identity)
    return group.step(
        table,
        step="extract",
        status="succeeded",
        identity=identity,
        message=encode(answer),
    )


def _by_table(steps: Sequence[GroupStep]) -> dict[str, list[GroupStep]]:
    tables: dict[str, list[GroupStep]] = {}
    for step in steps:
        if step.table is not None:
            tables.setdefault(step.table, []).append(step)
    return tables


def _report(
    first: GroupStep, outcomes: dict[str, dict[str, Any] | SyncError]
) -> dict[str, Any]:
    good = {t: o for t, o in outcomes.items() if not isinstance(o, SyncError)}
    paused = sorted(t for t, o in good.items() if o.get("status") == "paused")
    failed = {
        t: {
            "code": o.code,
            "message": o.message,
            "retryable": o.retryable,
            "hint": o.hint,
        }
        for t, o in sorted(outcomes.items())
        if isinstance(o, SyncError)
    }
    synced = len(good) - len(paused)
    summary = f"Group {first.group}: {synced} of {len(outcomes)} tables are in sync"
    if paused:
        summary += f"; paused: {', '.join(paused)}"
    if failed:
        summary += f"; failed: {', '.join(failed)}"
    return {
        "group": first.group,
        "run_id": first.group_run_id,
        "summary": f"{summary}.",
        "tables": len(outcomes),
        "succeeded": synced,
        "paused": paused,
        "rows_extracted": sum(int(o.get("rows_extracted", 0)) for o in good.values()),
        "changed": sorted(t for t, o in good.items() if o.get("status") == "succeeded"),
        "failed": failed,
    }
