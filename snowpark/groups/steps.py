"""The ledger of group runs: what one step leaves for the next."""

import dataclasses
import json
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any, Literal

from snowpark.errors import SyncError
from snowpark.groups import set_statements, statements
from snowpark.groups.statements import GroupStep
from snowpark.ledger.run import Run
from snowpark.session import Snowflake

Trigger = Literal["graph", "call"]


def record(snowflake: Snowflake, steps: Sequence[GroupStep]) -> None:
    """Appends steps."""
    for statement in statements.insert_steps(steps):
        snowflake.run(statement)


def of_table(
    snowflake: Snowflake, table: str, group_run_id: str | None
) -> list[GroupStep]:
    """Returns a table's steps in order; see `group_statements.read_table_steps`."""
    rows = snowflake.run_list(statements.read_table_steps(table, group_run_id))
    return [_step(row) for row in rows]


def graph_runs(snowflake: Snowflake, group: str) -> list[str]:
    """Returns the open runs of a group's graph and the latest, which is the last."""
    rows = snowflake.run_list(statements.read_graph_runs(group))
    return [str(row["GROUP_RUN_ID"]) for row in rows]


def of_group(snowflake: Snowflake, group_run_id: str) -> list[GroupStep]:
    """Returns all steps of a group run, without the replies of extractions."""
    rows = snowflake.run_list(statements.read_group_steps(group_run_id))
    return [_step(row) for row in rows]


def failed(step: GroupStep, error: SyncError) -> GroupStep:
    """Returns the step as one that failed, with the error's words."""
    return dataclasses.replace(
        step,
        status="failed",
        error_code=error.code,
        error_message=error.message[:16000],
        error_retryable=error.retryable,
        error_hint=error.hint[:16000],
    )


def error_of(step: GroupStep) -> SyncError:
    """Returns the error of a failed step."""
    return SyncError(
        step.error_code or "internal_error",
        step.error_message or "",
        retryable=bool(step.error_retryable),
        hint=step.error_hint or "",
    )


Outcome = dict[str, Any] | SyncError


def outcomes(snowflake: Snowflake, group_run_id: str) -> dict[str, Outcome]:
    """Returns how the tables of a group run have ended, as far as they have."""
    began_at = began(group_run_id).isoformat()
    rows = snowflake.run_list(set_statements.read_outcomes(group_run_id, began_at))
    found: dict[str, Outcome] = {}
    for row in rows:
        table = str(row["TABLE_NAME"])
        if row["ERROR_CODE"] is not None:
            found[table] = SyncError(
                str(row["ERROR_CODE"]),
                str(row["ERROR_MESSAGE"] or ""),
                retryable=bool(row["ERROR_RETRYABLE"]),
                hint=str(row["ERROR_HINT"] or ""),
            ).about(table, group_run_id)
            continue
        before = found.get(table)
        known = before if isinstance(before, dict) else {}
        changed = "succeeded" in (row["STATUS"], known.get("status"))
        found[table] = {
            "table": table,
            "status": "succeeded" if changed else str(row["STATUS"]),
            "rows_extracted": int(row["ROWS_EXTRACTED"] or 0)
            + int(known.get("rows_extracted", 0)),
        }
    return found


def of_lane(snowflake: Snowflake, group: str, lane: int) -> list[GroupStep]:
    """Returns what the latest run of a group's graph has extracted for a lane."""
    rows = snowflake.run_list(statements.read_lane_steps(group, lane))
    return [_step(row) for row in rows]


def done(extracted: GroupStep, report: dict[str, Any]) -> GroupStep:
    """Returns the step of a table that a whole sync has brought up to date."""
    return dataclasses.replace(
        extracted, step="merge", status="done", message=json.dumps(report)
    )


def began(group_run_id: str) -> datetime:
    """Returns when a run began: its id says it."""
    time = datetime.strptime(group_run_id[:15], "%Y%m%dT%H%M%S")
    return time.replace(tzinfo=timezone.utc)


def run_of(step: GroupStep) -> Run:
    """Returns the run of one table of a group run; its id says when it began."""
    started_at = began(step.group_run_id).isoformat()
    return Run(id=step.group_run_id, table=step.table or "", started_at=started_at)


def unchanged(steps: Sequence[GroupStep]) -> list[str]:
    """Returns the tables in which the extraction found nothing new."""
    found: list[str] = []
    for step in steps:
        if step.table is None and step.step == "extract":
            found += json.loads(step.message or "{}").get("unchanged", [])
    return found


def _step(row: Any) -> GroupStep:
    return GroupStep(
        group_run_id=row["GROUP_RUN_ID"],
        group=row["GROUP_NAME"],
        trigger=row["ORIGIN"],
        table=row["TABLE_NAME"],
        step=row["STEP"],
        status=row["STATUS"],
        identity=row["IDENTITY_SHA256"],
        message=row["MESSAGE"],
        error_code=row["ERROR_CODE"],
        error_message=row["ERROR_MESSAGE"],
        error_retryable=row["ERROR_RETRYABLE"],
        error_hint=row["ERROR_HINT"],
        lane=_number(row["LANE"]),
        place=_number(row["PLACE"]),
    )


def _number(value: object) -> int | None:
    return None if value is None else int(str(value))
