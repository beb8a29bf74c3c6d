"""SQL of CHECK_SYNC: texts and bound values to the letter (golden.py)."""

import re

import pytest

from snowpark.check import statements
from snowpark.sql import Statement
from tests.unit.snowpark import golden

CASES: dict[str, Statement] = {
    "read_tables": statements.read_tables(),
    "read_shape": statements.read_shape("orders"),
    "read_session": statements.read_session(),
    "list_landing": statements.list_landing(),
    "describe_integration": statements.describe_integration("AURORA_SYNC_API"),
    "show_warehouses": statements.show_warehouses(),
    "show_grants_to": statements.show_grants_to("SYNC_ADMIN"),
    "show_grants_of": statements.show_grants_of("SYNC_OPERATOR"),
    "show_grants_on_schema": statements.show_grants_on_schema("D", 'A"B'),
    "show_account_parameters": statements.show_account_parameters(),
    "show_collation": statements.show_collation("D", "SHOP"),
    "read_schemas": statements.read_schemas("D", ["LAB", "SHOP"]),
    "read_targets": statements.read_targets("D", ["LAB", "SHOP"]),
}


@pytest.mark.parametrize("name", CASES)
def test_the_statement_is_the_golden_one(name: str) -> None:
    golden.check("check", name, CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_an_independent_parser_understands_the_text(name: str) -> None:
    golden.check_by_parser(CASES[name])


def test_no_golden_file_is_left_over() -> None:
    golden.check_left_over("check", CASES)


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_written(name: str) -> None:
    assert re.match(r"(SELECT|SHOW|DESCRIBE|LIST)\s", CASES[name].text)


def test_nothing_of_the_current_session_or_user_is_shown() -> None:
    """SHOW PARAMETERS, or GRANTS, of nothing named is refused in a procedure."""
    for statement in CASES.values():
        if re.match("SHOW (PARAMETERS|GRANTS)", statement.text):
            assert re.search(
                r" (IN (ACCOUNT|SCHEMA)|(TO|OF) ROLE|ON SCHEMA)\b", statement.text
            )
