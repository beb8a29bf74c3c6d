"""The ground of every statement: what is bound, what is quoted."""

import pytest

from snowpark.sql import Statement, literal, with_nulls


def test_r1_none_is_written_as_null_and_never_bound() -> None:
    given = Statement("INSERT INTO t SELECT ?, ?, ?, ?", (1, None, "a", None))
    assert with_nulls(given) == Statement(
        "INSERT INTO t SELECT ?, NULL, ?, NULL", (1, "a")
    )


@pytest.mark.parametrize(
    "beside",
    [
        "'?'",
        "'it''s ?'",
        r"'back\' ?'",
        '"odd ? name"',
        '"a""?"',
        "-- why ?\n",
        "/* ? \n ? */",
        "$$ ? ' $$",
    ],
)
def test_r1_a_mark_that_is_no_code_stays(beside: str) -> None:
    given = Statement(f"SELECT {beside}, ? , ?", (None, 2))
    assert with_nulls(given) == Statement(f"SELECT {beside}, NULL , ?", (2,))


def test_a_quoted_name_and_a_literal_of_ours_are_left_alone() -> None:
    text = "SELECT " + literal("what? \\' -- ?") + ", ?"
    assert with_nulls(Statement(text, (False,))) == Statement(text, (False,))


@pytest.mark.parametrize("params", [(), (1,), (1, 2, 3)])
def test_marks_and_values_have_one_number(params: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="question marks"):
        with_nulls(Statement("SELECT ?, ?", params))


def test_zero_and_the_empty_text_are_values() -> None:
    given = Statement("SELECT ?, ?, ?", (0, "", False))
    assert with_nulls(given) == given
