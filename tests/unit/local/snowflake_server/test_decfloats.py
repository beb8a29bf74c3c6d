"""V09, D10: a DECFLOAT is ordered as a number, and compared with a text as a number."""

import itertools
from decimal import Decimal
from pathlib import Path

import pytest

from local.snowflake_server.sql.decfloats import compare_as_numbers
from local.snowflake_server.sql.functions import decfloat, decfloat_order
from local.snowflake_server.sql.translate import parse

from .conftest import Client

TEXTS = [
    *("0 1 -1 9 10 -9 -10 6.5 11.75 -6.5 -11.75 0.5 0.05 -0.05 99.9 100".split()),
    *("1e300 -1e300 1e-300 -1e-300 1.2 1.23 -1.2 -1.23 120 123 12".split()),
]


@pytest.mark.parametrize("path", sorted(Path("tests/golden").rglob("*.sql")), ids=str)
def test_no_statement_of_the_product_is_too_deep(path: Path) -> None:
    for text in path.read_text(encoding="utf-8").split(";\n"):
        if text.lstrip().startswith(("SELECT", "MERGE", "UPDATE", "DELETE", "WITH")):
            compare_as_numbers(parse(text), lambda _table, _column: False)


def test_texts_sort_as_the_numbers_do() -> None:
    for one, other in itertools.product(TEXTS, TEXTS):
        first, second = decfloat_order(decfloat(one)), decfloat_order(decfloat(other))
        assert first is not None and second is not None
        assert (first < second) == (Decimal(one) < Decimal(other)), (one, other)
        assert (first == second) == (Decimal(one) == Decimal(other))
    assert decfloat_order(None) is None


@pytest.fixture
def numbers(client: Client) -> Client:
    client.run("CREATE TABLE n (k DECFLOAT, v VARCHAR)")
    values = ", ".join(f"('{text}')" for text in ("6.5", "11.75", "-9", "100", "1e2"))
    client.run(f"INSERT INTO n SELECT column1, column1 FROM VALUES {values}")
    return client


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("SELECT v FROM n ORDER BY k, v", ["-9", "6.5", "11.75", "100", "1e2"]),
        ("SELECT v FROM n ORDER BY k DESC, v", ["100", "1e2", "11.75", "6.5", "-9"]),
        ("SELECT v FROM n AS t WHERE t.k > 9 ORDER BY v", ["100", "11.75", "1e2"]),
        ("SELECT v FROM n WHERE k BETWEEN '6.50' AND 12 ORDER BY v", ["11.75", "6.5"]),
        ("SELECT v FROM n WHERE k = '6.500'", ["6.5"]),
        ("SELECT v FROM n WHERE k = 100.0 ORDER BY v", ["100", "1e2"]),
        ("SELECT TO_VARCHAR(MAX(k)) FROM n", ["100"]),
        ("SELECT TO_VARCHAR(MIN(v::DECFLOAT)) FROM n", ["-9"]),
        ("SELECT v FROM n ORDER BY v::DECFLOAT, v LIMIT 2", ["-9", "6.5"]),
        (
            "SELECT v FROM n QUALIFY ROW_NUMBER() OVER"
            " (ORDER BY v::DECFLOAT DESC, v) = 1",
            ["100"],
        ),
        (
            "SELECT n.v FROM n JOIN (SELECT '100.0' AS k) AS s ON n.k = s.k ORDER BY 1",
            ["100", "1e2"],
        ),
        (
            "SELECT n.v FROM n JOIN (SELECT '6.50'::DECFLOAT AS k) AS s"
            " ON EQUAL_NULL(n.k, s.k)",
            ["6.5"],
        ),
    ],
)
def test_it_is_a_number(numbers: Client, query: str, found: list[str]) -> None:
    assert [row[0] for row in numbers.run(query)] == found


def test_a_merge_by_a_decfloat_writes_into_it(numbers: Client) -> None:
    numbers.run(
        "MERGE INTO n AS target USING (SELECT column1::DECFLOAT AS k, column2 AS v"
        " FROM VALUES ('6.50', 'new'), ('7', 'more')) AS source"
        " ON target.k = source.k WHEN MATCHED THEN UPDATE SET k = source.k,"
        " v = source.v WHEN NOT MATCHED THEN INSERT (k, v) VALUES (source.k, source.v)"
    )
    numbers.run("UPDATE n SET k = '1000' WHERE k > 99")
    found = numbers.run("SELECT TO_VARCHAR(k), v FROM n ORDER BY k, v")
    assert [row[0] for row in found] == ["-9", "6.5", "7", "11.75", "1000", "1000"]
    assert found[1][1] == "new"
