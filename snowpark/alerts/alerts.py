"""RAISE_ALERTS: reports what is wrong, once, and again while it lasts."""

import uuid
from collections.abc import Sequence
from typing import Any

from snowpark.alerts import statements
from snowpark.alerts import text as alerts_text
from snowpark.alerts.statements import TableProblem
from snowpark.errors import SnowflakeError
from snowpark.ledger import lease as ledger_lease
from snowpark.ledger import statements as ledger_statements
from snowpark.session import Snowflake
from snowpark.settings import groups
from snowpark.settings.groups import AlertTargets
from snowpark.sql import Statement

# A finalizer and the alert object may come at the same moment; one of them reports it.
_LEASE = "#alerts"
_LEASE_SECONDS = 300
# An alert that could not be sent is tried again soon.
_RETRY_MINUTES = 60


def raise_alerts(snowflake: Snowflake) -> dict[str, Any]:
    """Sends one notification for all that is due, and records it in SYNC_ALERTS.

    A notification that cannot be sent is no error: the alert is recorded with the
    reason, so that neither a sync nor the record depends on an integration.

    Raises:
        SyncError: The ledgers could not be read or written.
    """
    if not _due(snowflake):
        return {"summary": "Nothing to report.", "tables": []}
    call_id = f"alerts-{uuid.uuid4().hex}"
    lease = ledger_statements.take_lease(_LEASE, call_id, _LEASE_SECONDS)
    if snowflake.changed_rows(lease) != 1:
        return {"summary": "Another call is reporting it.", "tables": []}
    ledger_lease.require_commits_or_give_back(snowflake, _LEASE, call_id)
    try:
        return _tell(snowflake)
    finally:
        ledger_lease.release_lease(snowflake, _LEASE, call_id)


def _due(snowflake: Snowflake) -> list[TableProblem]:
    rows = snowflake.run_list(statements.read_due_problems())
    return [_problem(row) for row in rows]


def _tell(snowflake: Snowflake) -> dict[str, Any]:
    # Read again under the lease: another call may have reported it a moment ago.
    problems = _due(snowflake)
    if not problems:
        return {"summary": "Nothing to report.", "tables": []}
    targets = _targets(snowflake)
    sent, errors = _send(snowflake, targets, problems)
    failed = "; ".join(errors)[:4000] or None
    minutes = _RETRY_MINUTES if errors else targets.reminder_hours * 60
    for statement in statements.insert_alerts(
        problems,
        sent_to=", ".join(sent) or None,
        send_error=failed,
        remind_minutes=minutes,
    ):
        snowflake.run(statement)
    return {
        "summary": alerts_text.subject(problems) + ".",
        "tables": [problem.table for problem in problems],
        "text": alerts_text.text(problems),
        "sent_to": sent,
        "send_error": failed,
    }


def _problem(row: Any) -> TableProblem:
    return TableProblem(
        table=row["TABLE_NAME"],
        group=row["GROUP_NAME"],
        kind=row["KIND"],
        code=row["ERROR_CODE"] or "internal_error",
        message=row["MESSAGE"] or "",
        hint=row["HINT"] or "",
        since=row["SINCE"] or "?",
    )


def _targets(snowflake: Snowflake) -> AlertTargets:
    rows = snowflake.run(ledger_statements.read_config_text())
    return groups.alert_targets(str(rows[0][0])) if rows else AlertTargets()


def _send(
    snowflake: Snowflake, targets: AlertTargets, problems: Sequence[TableProblem]
) -> tuple[list[str], list[str]]:
    """Returns the integrations that took it, and what the others said."""
    subject, text = alerts_text.subject(problems), alerts_text.text(problems)
    calls: dict[str, Statement] = {}
    if targets.email:
        calls[targets.email] = statements.send_email(
            targets.email, targets.recipients, subject, text
        )
    if targets.sns:
        calls[targets.sns] = statements.send_to_topic(targets.sns, subject, text)
    sent, errors = [], []
    for name, statement in calls.items():
        try:
            snowflake.run(statement)
            sent.append(name)
        except SnowflakeError as error:
            errors.append(f"{name}: {error.message}")
    return sent, errors
