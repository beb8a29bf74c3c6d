"""PURE: the SQL texts of alerts. Tested against tests/golden/*/*.sql."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from snowpark.sql import Statement, literal, value_rows

# The kind of what is good news: the table is in sync again.
RECOVERED = "recovered"


@dataclass(frozen=True)
class TableProblem:
    """One row of SYNC_DUE_ALERTS: a table that has to be reported.

    Attributes:
        kind: "failed", "late" or "recovered".
        code: Error code, or "freshness_sla"; of what is over, if it recovered.
        since: Timestamp as Snowflake prints it; when it was reported, if it recovered.
    """

    table: str
    group: str | None
    kind: str
    code: str
    message: str
    hint: str
    since: str


_ALERTS_PER_INSERT = 100


def read_due_alerts() -> Statement:
    """Reads what is wrong, or good again, and was not reported yet or not for long."""
    return Statement("""\
SELECT
    table_name,
    group_name,
    kind,
    error_code,
    message,
    hint,
    TO_VARCHAR(since) AS since
FROM control.sync_due_alerts
ORDER BY table_name""")


def count_problems() -> Statement:
    """Counts what is wrong now."""
    return Statement("SELECT COUNT(*) FROM control.sync_problems")


def insert_alerts(
    problems: Sequence[TableProblem],
    *,
    sent_to: str | None,
    send_error: str | None,
    remind_minutes: int,
) -> Iterator[Statement]:
    """Appends alerts, a hundred at a time.

    Args:
        sent_to: Names of the integrations that took the notification.
        remind_minutes: Before that, the same problem is not reported again.
    """
    rows = [
        (p.table, p.group, p.kind, p.code, p.message[:16000], p.hint) for p in problems
    ]
    for values in value_rows(["VARCHAR"] * 6, rows, most_rows=_ALERTS_PER_INSERT):
        yield Statement(
            f"""\
INSERT INTO control.sync_alerts (
    table_name, group_name, kind, error_code, message, hint,
    sent_to, send_error, raised_at, remind_at
)
SELECT
    column1, column2, column3, column4, column5, column6,
    ?, ?, CURRENT_TIMESTAMP(), DATEADD('minute', ?, CURRENT_TIMESTAMP())
FROM {values.text}""",
            (sent_to, send_error, remind_minutes, *values.params),
        )


def send_email(
    integration: str, recipients: Sequence[str], subject: str, text: str
) -> Statement:
    """Sends a plain text by an email notification integration."""
    options: dict[str, object] = {"subject": subject}
    if recipients:
        options["toAddress"] = list(recipients)
    return _send({"text/plain": text}, {integration: options})


def send_to_topic(integration: str, subject: str, text: str) -> Statement:
    """Sends subject and text, as a JSON object, to an SNS topic."""
    body = json.dumps({"subject": subject, "text": text})
    return _send({"application/json": body}, {integration: {}})


def send_to_webhook(integration: str, line: str) -> Statement:
    """Sends one line by a webhook integration; its template says what is around it."""
    return _send({"text/plain": line}, {integration: {}})


def _send(message: dict[str, str], target: dict[str, dict[str, object]]) -> Statement:
    # Literals: CALL takes no bound values inside a procedure (SNOW-3454682).
    given = f"{literal(json.dumps(message))}, {literal(json.dumps(target))}"
    return Statement(f"CALL SYSTEM$SEND_SNOWFLAKE_NOTIFICATION({given})")
