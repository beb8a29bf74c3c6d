"""The ground of every statement: what is bound, what is quoted."""

import json

import pytest

from snowpark.sql import Statement, json_lists, literal, quote, value_rows, with_nulls


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


# --- VALUES lists (K3, K6) ------------------------------------------------------------


def test_k6_every_value_of_every_row_has_its_type() -> None:
    row = "(CAST(? AS NUMBER), CAST(? AS VARCHAR))"
    (made,) = value_rows(["NUMBER", "VARCHAR"], [(1, None), (None, "b")], most_rows=9)
    assert made.text == f"VALUES\n    {row},\n    {row}"
    assert made.params == (1, None, None, "b")


def test_k3_lists_are_cut_by_rows_and_by_bytes_and_nothing_is_lost() -> None:
    rows = [(number, "x" * size) for number, size in enumerate([5, 150_000] * 10)]
    made = list(value_rows(["NUMBER", "VARCHAR"], rows, most_rows=7))
    sizes = [
        len(s.text.encode()) + sum(len(str(v).encode()) for v in s.params) for s in made
    ]
    assert max(sizes) <= 450_100
    assert len(made) == 5
    assert [v for s in made for v in s.params] == [v for row in rows for v in row]
    assert all(s.text.count("\n") <= 7 for s in made)


def test_k3_bytes_are_those_of_utf8() -> None:
    rows = [("ä" * 120_000,)] * 4
    assert len(list(value_rows(["VARCHAR"], rows, most_rows=9))) == 4
    assert len(list(value_rows(["VARCHAR"], [("a" * 120_000,)] * 3, most_rows=9))) == 1


@pytest.mark.parametrize(("beyond", "lists"), [(0, 1), (1, 2)])
def test_a_list_holds_as_much_as_a_statement_may_have(beyond: int, lists: int) -> None:
    half = 225_000 - len("CAST(? AS VARCHAR)")
    rows = [("a" * half,), ("b" * (half + beyond),)]
    assert len(list(value_rows(["VARCHAR"], rows, most_rows=9))) == lists


def test_a_row_that_is_too_large_alone_is_sent_alone() -> None:
    rows = [("a",), ("b" * 1_000_000,), ("c",)]
    made = list(value_rows(["VARCHAR"], rows, most_rows=9))
    assert [len(s.params) for s in made] == [1, 1, 1]
    assert list(value_rows(["VARCHAR"], [], most_rows=9)) == []


def test_k3_json_lists_are_cut_by_number_and_by_bytes_and_nothing_is_lost() -> None:
    objects = [{"a": "ä" * size} for size in [5, 60_000] * 10] + [{"a": "b" * 500_000}]
    made = list(json_lists(objects, most=7))
    assert [found for text in made for found in json.loads(text)] == objects
    # What is too large alone is sent alone.
    assert max(map(len, made[:-1])) <= 450_100 and len(json.loads(made[-1])) == 1
    short = list(json_lists(list(range(15)), most=7))
    assert [len(json.loads(text)) for text in short] == [7, 7, 1]
    assert list(json_lists([], most=7)) == []


@pytest.mark.parametrize("name", ["", "x" * 256, "a\0b", "\0"])
def test_what_is_no_identifier_is_not_quoted(name: str) -> None:
    with pytest.raises(ValueError):
        quote(name)


@pytest.mark.parametrize("length", [1, 255])
def test_an_identifier_may_be_as_long_as_snowflake_allows(length: int) -> None:
    assert quote("x" * length) == '"' + "x" * length + '"'


def test_a_literal_has_no_nul() -> None:
    with pytest.raises(ValueError):
        literal("a\0b")
