"""SELECT: types through the connector, functions, names, and what is refused."""

import datetime
import json
from decimal import Decimal
from typing import Any

import pytest

from .conftest import Client

UTC = datetime.UTC


def test_every_type_comes_back_as_it_went(client: Client) -> None:
    client.run(
        "CREATE TABLE t (i NUMBER(38,0), n NUMBER(10,2), f FLOAT, b BOOLEAN, "
        "s VARCHAR, x BINARY, d DATE, t TIME(6), ts TIMESTAMP_NTZ(6), "
        "tz TIMESTAMP_TZ(6))"
    )
    row = (
        12345678901234567890123456789012345678,
        Decimal("-12.34"),
        1.5,
        True,
        "é\n'\"\\",
        b"\x00\xff",
        datetime.date(2024, 2, 29),
        datetime.time(23, 59, 59, 999999),
        datetime.datetime(1960, 1, 2, 3, 4, 5, 678901),
        datetime.datetime(2024, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    )
    places = ", ".join("?" * len(row))
    client.run(f"INSERT INTO t VALUES ({places})", *row)
    client.run(f"INSERT INTO t VALUES ({places})", *[None] * len(row))
    found = client.run("SELECT * FROM t ORDER BY i NULLS LAST")
    assert found == [row, (None,) * len(row)]


def test_not_a_number_and_infinity_are_kept(client: Client) -> None:
    client.run("CREATE TABLE t (f FLOAT)")
    client.run(
        "INSERT INTO t VALUES (CAST(? AS FLOAT)), (CAST(? AS FLOAT))",
        float("inf"),
        float("nan"),
    )
    assert str(client.run("SELECT f FROM t ORDER BY f")) == "[(inf,), (nan,)]"


def test_variant_keeps_every_digit_and_tells_null_from_null(client: Client) -> None:
    client.run("CREATE TABLE t (v VARIANT)")
    text = '{"n": 1234567890123456789012, "e": {}, "a": [1, null]}'
    client.run("INSERT INTO t SELECT PARSE_JSON(?)", text)
    client.run("INSERT INTO t SELECT PARSE_JSON('null')")
    client.run("INSERT INTO t SELECT PARSE_JSON(NULL)")
    found = [v for (v,) in client.run("SELECT v FROM t")]
    assert json.loads(found[0]) == json.loads(text)
    assert found[1:] == ["null", None]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("IFF(1 = 1, 'y', 'n')", "y"),
        ("NVL(NULL, 2)", 2),
        ("ZEROIFNULL(NULL)", 0),
        ("GREATEST(1, NULL)", None),
        ("GREATEST_IGNORE_NULLS(1, NULL, 3)", 3),
        ("GREATEST_IGNORE_NULLS(NULL, 2)", 2),
        ("GREATEST_IGNORE_NULLS(NULL, NULL)", None),
        ("CONCAT('a', NULL)", None),
        (
            "SHA2('a')",
            "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
        ),
        ("TO_VARCHAR('2024-01-02 03:04:05'::TIMESTAMP_NTZ)", "2024-01-02 03:04:05.000"),
        ("TRY_TO_NUMBER('x')", None),
        ("TRY_TO_DATE('x')", None),
        ('PARSE_JSON(\'{"a": {"b": [5]}}\'):a.b[0]::INT', 5),
        ('PARSE_JSON(\'{"a": "x"}\'):a::VARCHAR', "x"),
        ("ARRAY_SIZE(PARSE_JSON('[1, 2]'))", 2),
        ("TO_JSON(OBJECT_CONSTRUCT('a', 1, 'b', NULL))", '{"a":1}'),
        ("PARSE_JSON('{\"a\": 1, \"a\": 2}', 'd'):a::INT", 2),
        ("DATEADD(day, 1, '2024-01-01'::DATE)", datetime.date(2024, 1, 2)),
        (
            "DATEDIFF('second', '2024-01-01'::TIMESTAMP_NTZ, "
            "'2024-01-01 00:01:00'::TIMESTAMP_NTZ)",
            60,
        ),
        ("CURRENT_USER()", "TESTER"),
        ("SYSDATE() = CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())", True),
        ("1.50::DECFLOAT", "1.5"),
    ],
)
def test_function(client: Client, text: str, value: Any) -> None:
    assert client.one(f"SELECT {text}") == value


def test_aggregates_and_windows(client: Client) -> None:
    rows = "VALUES ('a', 1), ('b', 2), ('b', 3)"
    assert client.run(
        "SELECT LISTAGG(column1, ',') WITHIN GROUP (ORDER BY column2 DESC), "
        f"MAX_BY(column1, column2) FROM {rows}"
    ) == [("b,b,a", "b")]
    assert client.run(
        f"SELECT column1, column2 FROM {rows} QUALIFY ROW_NUMBER() OVER "
        "(PARTITION BY column1 ORDER BY column2 DESC) = 1 ORDER BY 1"
    ) == [("a", 1), ("b", 3)]


def test_flatten(client: Client) -> None:
    found = client.run(
        "SELECT f.index, f.value::INT FROM (SELECT PARSE_JSON('[7, 8]') AS v), "
        "LATERAL FLATTEN(input => v) AS f ORDER BY 1"
    )
    assert found == [(0, 7), (1, 8)]


def test_names_differ_by_case_only_where_they_are_quoted(client: Client) -> None:
    client.run('CREATE TABLE "Mixed" ("a" INT, "A" INT)')
    client.run('INSERT INTO "Mixed" VALUES (1, 2)')
    assert client.run('SELECT "a", a FROM "Mixed"') == [(1, 2)]
    assert client.cursor.description[0].name == "a"
    assert client.fails("SELECT a FROM mixed").errno == 2003


@pytest.mark.parametrize(
    "text",
    [
        "SELECT LIST_CONCAT([1], [2])",
        "SELECT * FROM READ_CSV('x')",
        "SELECT * FROM RANGE(3)",
        "SELECT STRING_AGG(column1) FROM VALUES ('a')",
        "SELECT DISTINCT ON (column1) column1 FROM VALUES (1)",
        "SELECT 1::HUGEINT",
        "FROM t",
        "PRAGMA version",
        "ATTACH 'x'",
        "SUMMARIZE t",
        "SELECT rowid FROM t",
        "SELECT nothing FROM t",
        "SELECT a FROM no_table",
        "SELECT a FROM t USING SAMPLE 1",
        "SELECT 1; SELECT 2",
    ],
)
def test_what_snowflake_refuses_is_refused(client: Client, text: str) -> None:
    client.run("CREATE TABLE t (a INT)")
    assert client.fails(text).errno in (2, 8, 904, 1003, 2003, 2140)


def test_texts_bind_to_every_type(client: Client) -> None:
    client.run("CREATE TABLE t (i INT, tz TIMESTAMP_TZ)")
    client.run("INSERT INTO t VALUES (?, ?)", "7", "2024-01-01 00:00:00+00")
    assert client.one(
        "SELECT COUNT(*) FROM t WHERE i = ? AND tz > ?", "7", "2020-01-01"
    )


def test_division_by_zero_and_invalid_json_are_errors(client: Client) -> None:
    assert client.fails("SELECT 1 / 0").errno == 100051
    assert client.fails("SELECT PARSE_JSON('{')").errno == 100069
    assert client.fails('SELECT PARSE_JSON(\'{"a": 1, "a": 2}\')').errno == 100069
