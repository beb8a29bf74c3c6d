"""The exact SQL texts of TIDY."""

import pytest

from snowpark.sql import Statement
from snowpark.tidy import statements
from tests.unit.snowpark import golden

RUNS, WATERMARKS = statements.MOVED
WHEN = "2026-01-02T03:04:05+00:00"
CASES: dict[str, Statement] = {
    "take_tidy_lease": statements.take_tidy_lease("tidy-1", 3600, 23),
    "unfold_quiet": statements.unfold_quiet(WHEN),
    "delete_unfolded": statements.delete_unfolded(WHEN),
    "copy_old_runs": statements.copy_old(RUNS, WHEN),
    "delete_old_runs": statements.delete_old(RUNS, WHEN),
    "copy_old_watermarks": statements.copy_old(WATERMARKS, WHEN),
    "delete_old_watermarks": statements.delete_old(WATERMARKS, WHEN),
    "delete_history": statements.delete_history(RUNS, WHEN),
    "delete_steps": statements.delete_steps(WHEN),
    "delete_parts": statements.delete_parts(WHEN),
    "delete_shapes": statements.delete_shapes(WHEN),
    "delete_alerts": statements.delete_alerts(WHEN),
    "delete_captures": statements.delete_captures(WHEN),
    "delete_capture_tables": statements.delete_capture_tables(),
    "sum_altered": statements.sum_altered("tidy-1", WHEN),
    "delete_altered": statements.delete_altered(WHEN),
    "list_settings": statements.list_settings(),
    "read_owners": statements.read_owners(),
    "show_staging": statements.show_staging(),
    "show_all_pipes": statements.show_all_pipes(),
    "drop_table": statements.drop_table('A"B'),
    "drop_pipe": statements.drop_pipe("P_A"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_statement_is_the_golden_one(name: str) -> None:
    golden.check("tidy", name, CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_an_independent_parser_understands_the_text(name: str) -> None:
    golden.check_by_parser(CASES[name])


def test_no_golden_file_is_left_over() -> None:
    golden.check_left_over("tidy", CASES)


def test_each_ledger_is_moved_with_all_of_its_columns() -> None:
    for moved in statements.MOVED:
        copied = statements.copy_old(moved, WHEN)
        gone = statements.delete_old(moved, WHEN)
        assert copied.params == gone.params == (WHEN,)
        assert moved.old in copied.text and moved.old in gone.text
