"""SQL of dashboard: texts and bound values to the letter (golden.py)."""

import pytest

from snowpark import sql
from snowpark.dashboard import statements as dashboard
from snowpark.dashboard.buttons import ACTIONS
from tests.unit.snowpark import golden

CASES: dict[str, dashboard.Query] = {
    "dashboard_tables": dashboard.TABLES,
    "dashboard_warnings": dashboard.WARNINGS,
    "dashboard_logs": dashboard.LOGS,
    "dashboard_procedures": dashboard.PROCEDURES,
    "dashboard_tasks": dashboard.TASKS,
    "dashboard_task_history": dashboard.task_history("SYNC_DEV"),
    "dashboard_runs": dashboard.runs("orders", 7),
    "dashboard_activity_by_hour": dashboard.activity(1),
    "dashboard_activity_by_day": dashboard.activity(365),
    "dashboard_failures": dashboard.failures(30),
    "dashboard_schema_changes": dashboard.SCHEMA_CHANGES,
    "dashboard_altered_values": dashboard.ALTERED_VALUES,
    "dashboard_discoveries": dashboard.DISCOVERIES,
    "dashboard_cost_by_day": dashboard.cost_by_day(30),
    "dashboard_cost_by_table": dashboard.cost_by_table(30),
    "dashboard_call": dashboard.call("PAUSE_TABLE", "orders", "it's me"),
    "dashboard_call_of_values": dashboard.call("BACKFILL_TABLE", "o", "2026", None),
    "dashboard_call_of_nothing": dashboard.call("APPLY_TASKS"),
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
    procedure = ACTIONS[button].procedure
    query = dashboard.call(procedure, table, *ACTIONS[button].fixed)
    assert query.params == ()
    # The name comes first, escaped as the procedures escape theirs.
    before, _, after = query.text.partition("(")
    assert before == f"CALL control.{procedure.lower()}"
    assert after.startswith(sql.literal(table))
    shown = dashboard.shown_call(procedure, table, *ACTIONS[button].fixed)
    assert shown == f"CALL {procedure}({after};"


def test_r5_a_name_with_a_nul_is_no_call() -> None:
    with pytest.raises(ValueError, match="NUL"):
        dashboard.call("SYNC_TABLE", "a\0")
