"""Of an error that may quote a row, only what was known before is repeated."""

import pytest

from snowpark.redact import describe

PATH = "data/orders/20260101T000000-0a/p1/00000.csv.zst"
KNOWN = [PATH, "AMOUNT", 'ODD"NAME', "ID"]
TAIL = (
    f" File 'landing/{PATH}', line 39, character 168"
    ' Row 38, column "ORDERS_X"["AMOUNT":4] If you would like to continue loading when'
    " an error is encountered, use other values such as 'SKIP_FILE'"
)


def test_a_refused_file_is_told_with_its_place() -> None:
    told = describe(100038, "Numeric value 'hidden' is not recognized" + TAIL, KNOWN)
    assert told == (
        "a value is not of its column's type (error 100038);"
        f" file {PATH}; line 39, character 168; row 38, column AMOUNT"
    )


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (100038, "Numeric value 'it's \"hidden\" here' is not recognized" + TAIL),
        (100038, "Numeric value 'x' is not recognized hidden'" + TAIL),
        (100069, 'Error parsing JSON: unknown keyword "hidden", pos 7'),
        (100071, 'Failed to cast variant value "hidden" to FIXED'),
        (100090, 'Duplicate row detected during DML action Row Values: [1, "hidden"]'),
        (100078, "String 'hidden" + "x" * 5000),
        (100046, "hidden is out of representable range"),
        (999999, "Something new about hidden, and 'hidden'"),
        (None, "hidden"),
        (100038, "Date 'File 'hidden', line 1, character 2' is not recognized"),
        (100038, 'Date \'Row 1, column "T"["hidden":2]\' is not recognized'),
    ],
)
def test_no_value_is_told_however_it_is_quoted(number: int | None, text: str) -> None:
    told = describe(number, text, KNOWN)
    assert "hidden" not in told
    assert str(number) in told


def test_a_value_that_looks_like_a_place_is_not_taken_for_it() -> None:
    value = f"File '{PATH}', line 4111111111111111, character 1"
    told = describe(100038, f"Date '{value}' is not recognized" + TAIL, KNOWN)
    assert "4111111111111111" not in told
    assert "line 39, character 168" in told


def test_an_odd_column_name_is_told() -> None:
    text = 'Bad Row 3, column "T"["ODD"NAME":2]'
    assert 'row 3, column ODD"NAME' in describe(100038, text, KNOWN)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (2003, "Table 'LAB.ORDERS' does not exist or not authorized."),
        (3001, "Insufficient privileges to operate on table 'ORDERS'"),
        (625, "Statement has locked table 'ORDERS' and has not yet committed."),
    ],
)
def test_what_is_not_about_rows_is_told_in_snowflakes_words(
    number: int, text: str
) -> None:
    assert describe(number, text, ()) == text
