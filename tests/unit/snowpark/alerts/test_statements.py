"""SQL of alerts: texts and bound values to the letter (golden.py)."""

import dataclasses

import pytest

from snowpark.alerts import statements as alerts_statements
from snowpark.alerts.statements import TableProblem
from snowpark.sql import Statement
from tests.unit.snowpark import golden

PROBLEM = TableProblem(
    "orders", "hourly", "failed", "lease_lost", "gone", "wait", "now"
)

CASES: dict[str, Statement] = {
    "read_due_alerts": alerts_statements.read_due_alerts(),
    "count_problems": alerts_statements.count_problems(),
    "insert_alerts": next(
        iter(
            alerts_statements.insert_alerts(
                [PROBLEM, PROBLEM], sent_to="MAIL", send_error=None, remind_minutes=60
            )
        )
    ),
    "send_to_topic": alerts_statements.send_to_topic("TOPIC", "s", "t"),
    "send_to_webhook": alerts_statements.send_to_webhook("SLACK", "one line"),
    "send_email": alerts_statements.send_email("MAIL", ["a@example.com"], "s", "t"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_statement_is_the_golden_one(name: str) -> None:
    golden.check("alerts", name, CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_an_independent_parser_understands_the_text(name: str) -> None:
    golden.check_by_parser(CASES[name])


def test_no_golden_file_is_left_over() -> None:
    golden.check_left_over("alerts", CASES)


def test_a_hundred_alerts_are_one_insert() -> None:
    def inserts(number: int) -> list[Statement]:
        problems = [dataclasses.replace(PROBLEM, table=f"t{i}") for i in range(number)]
        return list(
            alerts_statements.insert_alerts(
                problems, sent_to=None, send_error="no", remind_minutes=60
            )
        )

    assert inserts(0) == []
    # Three values for all, six for each alert.
    assert [len(s.params) for s in inserts(100)] == [603]
    statements = inserts(201)
    assert [len(s.params) for s in statements] == [603, 603, 9]
    tables = [p for s in statements for p in s.params if str(p).startswith("t")]
    assert tables == [f"t{i}" for i in range(201)]


def test_a_long_message_is_cut_to_what_the_ledger_holds() -> None:
    long = dataclasses.replace(PROBLEM, message="x" * 16_001)
    (one,) = alerts_statements.insert_alerts(
        [long], sent_to=None, send_error=None, remind_minutes=60
    )
    assert "x" * 16_000 in one.params


def test_an_email_without_recipients_is_the_integrations_own() -> None:
    text = alerts_statements.send_email("MAIL", [], "s", "t").text
    assert "toAddress" not in text
    assert '{"MAIL": {"subject": "s"}}' in text
