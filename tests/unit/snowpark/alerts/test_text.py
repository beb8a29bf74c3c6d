"""What an alert says."""

import dataclasses
import json

import pytest

from snowpark.alerts import text as alerts_text
from snowpark.alerts.statements import RECOVERED, TableProblem


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


def test_u10_tables_with_one_cause_are_one_paragraph() -> None:
    down = [problem(i, "PostgreSQL does not answer.") for i in range(30)]
    text = alerts_text.text([*down, problem(30, "Another cause.")])
    first, second, _ = text.split("\n\n")
    assert first.startswith("t0, t1, t2, ") and first.count("does not answer") == 1
    assert second.startswith("t30 (group hourly) failed since noon")


def test_many_tables_are_all_named_and_few_explained() -> None:
    text = alerts_text.text([problem(i, f"{i}" + "x" * 5000) for i in range(200)])
    assert len(text) < 40_000
    assert all(f"t{i}" in text for i in range(200))
    assert "t0, t1, t2, ..." in alerts_text.subject([problem(i) for i in range(200)])


def test_the_subject_counts_and_names_three() -> None:
    def subject(number: int) -> str:
        return alerts_text.subject([problem(i) for i in range(number)])

    assert subject(3) == "Aurora sync: 3 tables need attention (t0, t1, t2)"
    assert subject(4) == "Aurora sync: 4 tables need attention (t0, t1, t2, ...)"


def test_thirty_causes_are_explained_and_the_others_counted() -> None:
    causes = [problem(i, f"Cause {i}.") for i in range(32)]
    paragraphs = alerts_text.text(causes).split("\n\n")
    assert paragraphs[-1] == (
        "All of them: SELECT * FROM CONTROL.SYNC_PROBLEMS. See docs/RUNBOOK.md."
    )
    assert paragraphs[-2] == "And 2 more: t30, t31"
    assert len(paragraphs) == 32
    exactly = alerts_text.text(causes[:30])
    assert "more" not in exactly


def test_long_texts_are_cut() -> None:
    first, _ = alerts_text.text([problem(1, "x" * 601)]).split("\n\n")
    assert first.endswith(f"] {'x' * 600} ... Check it.")
    first, _ = alerts_text.text([problem(1, "x" * 600)]).split("\n\n")
    assert first.endswith(f"] {'x' * 600} Check it.")
    causes = [problem(i, f"Cause {i}.") for i in range(5000)]
    many = alerts_text.text(causes).split("\n\n")
    assert len(many[-2]) == 10_000


def test_what_is_over_says_what_it_was() -> None:
    over = [
        dataclasses.replace(problem(i, ""), kind=RECOVERED, hint="") for i in range(2)
    ]
    assert alerts_text.subject(over[:1]) == (
        "Aurora sync: 1 table is in sync again (t0)"
    )
    assert alerts_text.subject(over) == (
        "Aurora sync: 2 tables are in sync again (t0, t1)"
    )
    assert alerts_text.text(over).startswith(
        "t0, t1 (group hourly) in sync again; told noon: table_not_found"
    )


@pytest.mark.parametrize(
    "message",
    [
        'a "quoted" name',
        "back\\slash",
        "two\nlines\r\n\tand more",
        "nul \0 and \x1b escape",
        "line\u2028separator",
        "<!channel> <@U123>",
        "its secret: SNOWFLAKE_WEBHOOK_SECRET, snowflake_webhook_message",
    ],
)
def test_a_line_may_stand_in_a_template_as_it_is(message: str) -> None:
    line = alerts_text.short([problem(1, message)])
    assert json.loads('{"text": "' + line + '"}') == {"text": line}
    # Whether or not Snowflake escapes what it puts there.
    assert json.dumps(line, ensure_ascii=False) == f'"{line}"'
    assert "\n" not in line and "<" not in line
    assert "SNOWFLAKE_WEBHOOK" not in line.upper()


def test_a_line_has_the_causes_that_it_has_room_for() -> None:
    one = alerts_text.short([problem(1)])
    assert one == (
        "Aurora sync: 1 table needs attention (t1) | t1 (group hourly) failed since"
        " noon: [table_not_found] It is gone. Check it."
    )
    many = alerts_text.short([problem(i, f"Cause {i}.") for i in range(200)])
    assert len(many) == 1000
    assert many.endswith(" ... SELECT * FROM CONTROL.SYNC_PROBLEMS")
    same = alerts_text.short([problem(i) for i in range(200)])
    assert len(same) < 600 and same.count("It is gone.") == 1
    assert alerts_text.plain("x" * 1000) == "x" * 1000
    assert alerts_text.plain("x" * 1001) == "x" * 996 + " ..."
