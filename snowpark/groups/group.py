"""THE PATH of a group: one extraction for all tables, then each on its own, an end."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from snowpark import arguments
from snowpark.alerts import alerts
from snowpark.errors import SyncError, UsageError
from snowpark.groups import extract as groups_extract
from snowpark.groups import statements, table_steps
from snowpark.groups import steps as groups_steps
from snowpark.groups.extract import Extracted, Group
from snowpark.groups.statements import GroupStep
from snowpark.groups.steps import Outcome, Trigger
from snowpark.load import statements as load_statements
from snowpark.session import Snowflake
from snowpark.sync import lifecycle
from snowpark.tidy import tidy

Outcomes = dict[str, Outcome]
# A report is bound to one statement, which has to stay below 500 kB: of thousands of
# tables it names so many. SYNC_STATUS and SYNC_PROBLEMS have all of them.
_NAMED = 1000
_TOLD = 100
_LETTERS = 1000
_IN_SUMMARY = 20


def sync_group(snowflake: Snowflake, group_name: object) -> dict[str, Any]:
    """Syncs all tables of a group in one call; one bad table stops no other.

    Raises:
        SyncError: The group is unknown, or Snowflake itself failed.
    """
    group = _begin(snowflake, group_name, "call")
    try:
        extracted = groups_extract.extract(snowflake, group)
        outcomes: Outcomes = {}
        staging = table_steps.common_staging(group.name, group.run_id)
        for step in extracted.steps:
            extracted.holder.hold()
            outcomes[step.table or ""] = _work(snowflake, extracted, step, staging)
        if extracted.replies:
            snowflake.run(load_statements.drop_staging(staging))
        return _end(
            snowflake,
            group.step(step="finished", status="done"),
            outcomes,
            extracted.unchanged,
        )
    except SyncError:
        groups_extract.release(snowflake, group.run_id)
        raise


def _work(
    snowflake: Snowflake, extracted: Extracted, step: GroupStep, staging: str
) -> dict[str, Any] | SyncError:
    """Brings one table up to date; its error is in the ledger and in the report."""
    table = step.table or ""
    if step.status == "paused":
        return {"table": table, "status": "paused"}
    if step.status == "failed":
        return groups_steps.error_of(step).about(table, step.group_run_id)
    try:
        return table_steps.sync_extracted(
            snowflake,
            step,
            extracted.states[table],
            extracted.replies.get(table),
            staging,
        )
    except SyncError as error:
        return error


def extract_lanes(
    snowflake: Snowflake, group_name: object, lanes: object
) -> dict[str, Any]:
    """Does what `extract_group` does, and gives each table with work to a lane.

    Args:
        lanes: How many the graph has; the first of them get work.

    Raises:
        SyncError: See `extract_group`.
    """
    number = arguments.number(lanes, "lanes")
    return extract_group(snowflake, group_name, number)


def extract_group(
    snowflake: Snowflake, group_name: object, lanes: int = 0
) -> dict[str, Any]:
    """Extracts the next window of every table of a group by few statements.

    What has to be read as a whole is left to the load step of its table, as is what
    does not fit into one extraction. A table in which nothing is new is done.

    Args:
        lanes: Of the graph; 0: each table has a load step of its own.

    Raises:
        SyncError: The group is unknown, or Snowflake itself failed. A table that cannot
            be extracted is no error here: its load step raises it.
    """
    group = _begin(snowflake, group_name, "graph")
    group = dataclasses.replace(group, lanes=lanes)
    try:
        extracted = groups_extract.extract(snowflake, group)
    except SyncError:
        groups_extract.release(snowflake, group.run_id)
        raise
    return {
        "group": group.name,
        "run_id": group.run_id,
        "tables": extracted.tables,
        "extracted": len(extracted.of("succeeded")) + len(extracted.unchanged),
        "unchanged": len(extracted.unchanged),
        "left_to_load_step": sorted(s.table or "" for s in extracted.of("alone"))[
            :_NAMED
        ],
        "lanes": extracted.lanes,
        "failed": {s.table: s.error_code for s in extracted.of("failed")[:_NAMED]},
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
    by_table = _by_table(steps)
    done = _lane_outcomes(snowflake, group_run_id, by_table)
    outcomes: Outcomes = {}
    lost: list[GroupStep] = []
    for table, own in by_table.items():
        outcome = done.get(table) or table_steps.settled(table, own)
        if outcome is None:
            lost.append(own[-1])
        else:
            outcomes[table] = outcome
    outcomes |= table_steps.close_lost(snowflake, lost)
    return _end(snowflake, first, outcomes, groups_steps.unchanged(steps))


def _lane_outcomes(
    snowflake: Snowflake, group_run_id: str, by_table: dict[str, list[GroupStep]]
) -> Outcomes:
    """Returns how the tables ended that lanes have done, from the run ledger."""
    in_lanes = [
        table
        for table, own in by_table.items()
        if own[-1].lane is not None and own[-1].step == "extract"
    ]
    if not in_lanes:
        return {}
    found = groups_steps.outcomes(snowflake, group_run_id)
    return {table: found[table] for table in in_lanes if table in found}


def _end(
    snowflake: Snowflake, first: GroupStep, outcomes: Outcomes, unchanged: list[str]
) -> dict[str, Any]:
    """Gives the leases back and records the report of a group run."""
    groups_extract.release(snowflake, first.group_run_id)
    report = _report(first, outcomes, unchanged)
    done = GroupStep(
        first.group_run_id,
        first.group,
        first.trigger,
        step="finished",
        status="failed" if report["failed_tables"] else "succeeded",
        message=json.dumps(report),
    )
    groups_steps.record(snowflake, [done])
    return report


def end_graph(snowflake: Snowflake, group_name: object) -> dict[str, Any]:
    """FINISH_GROUP, the finalizer: closes the latest run of the graph, raises alerts.

    Once a day it tidies up, too.

    Raises:
        SyncError: There is no such run, or Snowflake itself failed.
    """
    report = finish_group(snowflake, group_name)
    alert = alerts.raise_alerts(snowflake)["summary"]
    return report | {"alert": alert, "tidy": tidy.tidy_daily(snowflake)}


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
    group = Group(str(rows[0]["GROUP_NAME"]), lifecycle.new_run("").id, trigger)
    groups_steps.record(
        snowflake,
        [group.step(step="started", status="succeeded")],
    )
    return group


def _shown(name: str) -> str:
    return json.dumps(name[:100])


def _by_table(steps: Sequence[GroupStep]) -> dict[str, list[GroupStep]]:
    tables: dict[str, list[GroupStep]] = {}
    for step in steps:
        if step.table is not None:
            tables.setdefault(step.table, []).append(step)
    return tables


def _report(
    first: GroupStep, outcomes: Outcomes, unchanged: list[str]
) -> dict[str, Any]:
    good = {t: o for t, o in outcomes.items() if not isinstance(o, SyncError)}
    paused = sorted(t for t, o in good.items() if o.get("status") == "paused")
    changed = sorted(t for t, o in good.items() if o.get("status") == "succeeded")
    failed = {t: o for t, o in sorted(outcomes.items()) if isinstance(o, SyncError)}
    synced = len(good) - len(paused) + len(unchanged)
    tables = len(outcomes) + len(unchanged)
    summary = f"Group {first.group}: {synced} of {tables} tables are in sync"
    if paused:
        summary += f"; paused: {_listed(paused)}"
    if failed:
        summary += f"; failed: {_listed(list(failed))}"
    return {
        "group": first.group,
        "run_id": first.group_run_id,
        "summary": f"{summary}.",
        "tables": tables,
        "succeeded": synced,
        "paused": paused[:_NAMED],
        "rows_extracted": sum(int(o.get("rows_extracted", 0)) for o in good.values()),
        "changed_tables": len(changed),
        "changed": changed[:_NAMED],
        "failed_tables": len(failed),
        "failed": dict([_told(t, o) for t, o in failed.items()][:_TOLD]),
    }


def _told(table: str, error: SyncError) -> tuple[str, dict[str, Any]]:
    return table, {
        "code": error.code,
        "message": error.message[:_LETTERS],
        "retryable": error.retryable,
        "hint": error.hint[:_LETTERS],
    }


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _IN_SUMMARY
    listed = ", ".join(names[:_IN_SUMMARY])
    return f"{listed} and {more} more" if more > 0 else listed
