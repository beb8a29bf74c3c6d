"""RAISE_ALERTS: reports what is wrong, once, and again while it lasts; and its end."""

import uuid
from collections.abc import Sequence
from typing import Any

from snowpark.alerts import notify, statements
from snowpark.alerts import text as alerts_text
from snowpark.alerts.statements import RECOVERED, TableProblem
from snowpark.ledger import lease as ledger_lease
from snowpark.ledger import statements as ledger_statements
from snowpark.session import Snowflake
from snowpark.settings.groups import AlertTargets

# A finalizer and the alert object may come at the same moment; one of them reports it.
_LEASE = "#alerts"
_LEASE_SECONDS = 300
# An alert that could not be sent is tried again soon.
_RETRY_MINUTES = 60


def raise_alerts(snowflake: Snowflake) -> dict[str, Any]:
    """Sends one notification for all that is due, and records it in SYNC_ALERTS.

    What is wrong and what is good again are notifications of their own. One that cannot
    be sent is no error: the alert is recorded with the reason, so that neither a sync
    nor the record depends on an integration.

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
    rows = snowflake.run_list(statements.read_due_alerts())
    return [_problem(row) for row in rows]


def _tell(snowflake: Snowflake) -> dict[str, Any]:
    # Read again under the lease: another call may have reported it a moment ago.
    due = _due(snowflake)
    if not due:
        return {"summary": "Nothing to report.", "tables": []}
    targets = notify.targets(snowflake)
    problems = [one for one in due if one.kind != RECOVERED]
    recovered = [one for one in due if one.kind == RECOVERED]
    report: dict[str, Any] = {}
    if problems:
        report = _report(snowflake, targets, problems, ("problems",))
    if recovered:
        told = _report(snowflake, targets, recovered, _good_news(snowflake, targets))
        report = {**told, "tables": []} | report
        report["recovered"] = told["tables"]
    return report


def _good_news(snowflake: Snowflake, targets: AlertTargets) -> tuple[str, ...]:
    """Returns what is told; that nothing is wrong any more only if somebody asks."""
    if not any("all_recovered" in one.tells for one in targets.webhooks):
        return ("recovered",)
    (row,) = snowflake.run(statements.count_problems())
    return ("recovered",) if int(row[0]) else ("recovered", "all_recovered")


def _report(
    snowflake: Snowflake,
    targets: AlertTargets,
    problems: Sequence[TableProblem],
    what: tuple[str, ...],
) -> dict[str, Any]:
    """Sends one notification and records it."""
    subject, text = alerts_text.subject(problems), alerts_text.text(problems)
    calls = notify.calls(targets, subject, text, alerts_text.short(problems), what)
    sent, errors = notify.send(snowflake, calls)
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
        "summary": subject + ".",
        "tables": [problem.table for problem in problems],
        "text": text,
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
