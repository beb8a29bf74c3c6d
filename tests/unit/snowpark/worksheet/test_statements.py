"""SQL of worksheet: texts and bound values to the letter (golden.py)."""

import pytest

from snowpark.sql import Statement
from snowpark.worksheet.discoveries import Discovery
from snowpark.worksheet import statements as worksheet_statements
from tests.unit.snowpark import golden
from tests.unit.snowpark.samples import settings

CASES: dict[str, Statement] = {
    "insert_pause": worksheet_statements.insert_pause("orders", True, "migration"),
    "show_procedures": worksheet_statements.show_procedures(),
    "read_configured": worksheet_statements.read_configured(),
    "read_tables_and_shapes": worksheet_statements.read_tables_and_shapes(),
    "read_comments": worksheet_statements.read_comments("AURORA_SYNC", ["ERP", "CRM"]),
    "read_config_version": worksheet_statements.read_config_version(),
    "insert_config": worksheet_statements.insert_config(3, "{}", "c0ffee"),
    "insert_tables": next(
        iter(worksheet_statements.insert_tables(3, [settings(), settings(name="b")]))
    ),
    "insert_leases": worksheet_statements.insert_leases(3),
    "read_patterns_to_look_at": worksheet_statements.read_patterns_to_look_at(),
    "insert_discoveries": next(
        iter(
            worksheet_statements.insert_discoveries(
                [Discovery("new", "shop", "erp.a", "erp.a", "add"), Discovery("looked")]
            )
        )
    ),
    "create_schema": worksheet_statements.create_schema('"SHOP"'),
    "grant_usage": worksheet_statements.grant_usage(
        "SCHEMA", '"A"."SHOP"', "Data Analyst"
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_statement_is_the_golden_one(name: str) -> None:
    golden.check("worksheet", name, CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_an_independent_parser_understands_the_text(name: str) -> None:
    golden.check_by_parser(CASES[name])


def test_no_golden_file_is_left_over() -> None:
    golden.check_left_over("worksheet", CASES)
