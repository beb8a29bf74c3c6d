"""SQL of dashboard: texts and bound values to the letter (golden.py)."""

import pytest

from snowpark import sql
from snowpark.dashboard import statements as dashboard
from snowpark.dashboard.actions import ACTIONS
from tests.unit.snowpark import golden

CASES: dict[str, dashboard.Query] = {
    "dashboard_status": dashboard.STATUS,
    "dashboard_schema_changes": dashboard.SCHEMA_CHANGES,
    "dashboard_altered_values": dashboard.ALTERED_VALUES,
    "dashboard_history": dashboard.history(7),
    "dashboard_help": dashboard.HELP,
    "dashboard_call": dashboard.call("PAUSE_TABLE", "orders"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_statement_is_the_golden_one(name: str) -> None:
    golden.check("dashboard", name, CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_an_independent_parser_understands_the_text(name: str) -> None:
    golden.check_by_parser(CASES[name])


def test_no_golden_file_is_left_over() -> None:
    golden.check_left_over("dashboard", CASES)


@pytest.mark.parametrize("button", ACTIONS)
@pytest.mark.parametrize(
    "table", ["orders", "it's", "a\\", "\\'); DROP TABLE x; --", "what?", "ß\n"]
)
def test_r5_a_button_binds_nothing(button: str, table: str) -> None:
    """R5: inside Snowflake a CALL with bound values is refused."""
    procedure, _ = ACTIONS[button]
    query = dashboard.call(procedure, table)
    assert query.params == ()
    # The name comes first, escaped as the procedures escape theirs.
    before, _, after = query.text.partition("(")
    assert before == f"CALL control.{procedure.lower()}"
    assert after.startswith(sql.literal(table))


def test_r5_a_name_with_a_nul_is_no_call() -> None:
    with pytest.raises(ValueError, match="NUL"):
        dashboard.call("SYNC_TABLE", "a\0")
