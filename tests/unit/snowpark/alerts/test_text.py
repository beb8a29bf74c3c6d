"""What an alert says."""

from snowpark.alerts import text as alerts_text
from snowpark.alerts.statements import TableProblem


def problem(number: int, message: str = "It is gone.") -> TableProblem:
    return TableProblem(
        f"t{number}",
        "hourly",
        "failed",
        "table_not_found",
        message,
        "Check it.",
        "noon",
    )


def test_it_says_which_table_what_since_when_and_what_to_do() -> None:
    text = alerts_text.text([problem(1)])
    assert text.startswith(
        "t1 (group hourly) failed since noon: [table_not_found] It is gone. Check it."
    )
    assert alerts_text.subject([problem(1)]) == (
        "Aurora sync: 1 table needs attention (t1)"
    )


def test_many_tables_are_all_named_and_few_explained() -> None:
    text = alerts_text.text([problem(i, "x" * 5000) for i in range(200)])
    assert len(text) < 40_000
    assert all(f"t{i}" in text for i in range(200))
    assert "t0, t1, t2, ..." in alerts_text.subject([problem(i) for i in range(200)])
