"""The notification integrations: which there are, what each is sent, and TEST_ALERT."""

from collections.abc import Sequence
from typing import Any

from snowpark.alerts import statements
from snowpark.alerts import text as alerts_text
from snowpark.errors import SnowflakeError, UsageError
from snowpark.ledger import statements as ledger_statements
from snowpark.session import Snowflake
from snowpark.settings import groups
from snowpark.settings.groups import AlertTargets
from snowpark.sql import Statement

# An integration, and the statement that sends something by it.
Call = tuple[str, Statement]
_TEST = "Aurora sync: this is a test"
_TEST_TEXT = "CALL TEST_ALERT() was made. Nothing is wrong."


def targets(snowflake: Snowflake) -> AlertTargets:
    """Returns where the configuration wants alerts to go."""
    rows = snowflake.run(ledger_statements.read_config_text())
    return groups.alert_targets(str(rows[0][0])) if rows else AlertTargets()


def calls(
    wanted: AlertTargets, subject: str, text: str, short: str, what: Sequence[str]
) -> list[Call]:
    """Returns what is sent by each integration.

    Args:
        short: One line, for webhooks.
        what: What is told; a webhook that tells none of it gets nothing.
    """
    found: list[Call] = []
    if wanted.email:
        mail = statements.send_email(wanted.email, wanted.recipients, subject, text)
        found.append((wanted.email, mail))
    if wanted.sns:
        found.append((wanted.sns, statements.send_to_topic(wanted.sns, subject, text)))
    for hook in wanted.webhooks:
        if set(hook.tells) & set(what):
            call = statements.send_to_webhook(hook.integration, short)
            found.append((hook.integration, call))
    return found


def send(snowflake: Snowflake, made: Sequence[Call]) -> tuple[list[str], list[str]]:
    """Returns the integrations that took it, and what the others said."""
    sent, errors = [], []
    for name, statement in made:
        try:
            snowflake.run(statement)
            sent.append(name)
        except SnowflakeError as error:
            errors.append(f"{name}: {error.message}")
    return sent, errors


def try_all(snowflake: Snowflake) -> dict[str, Any]:
    """Sends a test by each integration of the configuration; records nothing.

    Raises:
        UsageError: "no_alert_targets": the configuration names none.
    """
    wanted = targets(snowflake)
    everything = [what for hook in wanted.webhooks for what in hook.tells]
    line = alerts_text.plain(f"{_TEST} | {_TEST_TEXT}")
    made = calls(wanted, _TEST, _TEST_TEXT, line, everything)
    if not made:
        raise UsageError(
            "no_alert_targets", "The configuration names no notification integration."
        )
    sent, errors = send(snowflake, made)
    return {
        "summary": f"{len(sent)} of {len(made)} integrations took the test.",
        "sent_to": sent,
        "send_errors": errors,
        "hint": "What was taken is sent by Snowflake later: TABLE("
        "INFORMATION_SCHEMA.NOTIFICATION_HISTORY()) says how that went.",
    }
