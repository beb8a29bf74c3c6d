"""SQL of alerts: texts and bound values to the letter (golden.py)."""

import pytest

from snowpark.alerts import statements as alerts_statements
from snowpark.alerts.statements import TableProblem
from snowpark.sql import Statement
from tests.unit.snowpark import golden

PROBLEM = TableProblem(
    "orders", "hourly", "failed", "lease_lost", "gone", "wait", "now"
)

CASES: dict[str, Statement] = {
    "read_due_problems": alerts_statements.read_due_problems(),
    "insert_alerts": next(
        iter(
            alerts_statements.insert_alerts(
                [PROBLEM, PROBLEM], sent_to="MAIL", send_error=None, remind_minutes=60
            )
        )
    ),
    "send_to_topic": alerts_statements.send_to_topic("TOPIC", "s", "t"),
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
