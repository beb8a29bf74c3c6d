"""What is refused, by a real PostgreSQL: table, column and key are named."""

from typing import Any

import psycopg2.extensions
import pytest

from lambda_extract.contract import ColumnSpec, Partition
from lambda_extract.errors import ExtractError

from tests.unit.lambda_extract.conftest import MakeTable, Reader

WHOLE = Partition("00000")
NINES = "9" * 39


def override(kind: str) -> dict[str, Any]:
    return {"columns": (ColumnSpec("v", type=kind),)}


REFUSED: list[tuple[str, str, dict[str, Any]]] = [
    ("numeric", f"{NINES}", {}),
    ("numeric", f"-0.1{NINES}", {}),
    ("numeric(60,30)", "123456789012345678901234567890.123456789", {}),
    ("numeric", "1.005", override("NUMBER(12,2)")),
    ("numeric", "1e10", override("NUMBER(12,2)")),
    ("numeric", "-1e10", override("NUMBER(12,2)")),
    ("numeric(10,4)", "0.0001", override("NUMBER(10,2)")),
    ("integer", "100", override("NUMBER(2,0)")),
    ("bigint", "-9223372036854775808", override("NUMBER(18,0)")),
    ("money", "1.25", override("NUMBER(5,1)")),
    ("text", "four", override("VARCHAR(3)")),
    ("char(5)", "§§", override("VARCHAR(3)")),
    ("uuid", "00000000-0000-0000-0000-000000000000", override("VARCHAR(35)")),
    ("jsonb", NINES, {}),
    ("jsonb", '{"a": [{"b": ' + NINES + "}]}", {}),
    ("json", '{"a": 1.23456789012345678e5}', {}),
    ("json", '{"a":1,"a":2}', {}),
    ("json", r'"\u0000"', {}),
    ("json", r'"\ud83e"', {}),
    ("json[]", '{"{\\"a\\":1,\\"a\\":2}"}', {}),
    ("numeric[]", "{" + NINES + "}", {}),
    ("integer[]", "[2:3]={1,2}", {}),
    ("integer[]", "[1:1][0:1]={{1,2}}", {}),
]


@pytest.mark.parametrize(("declared", "value", "spec"), REFUSED)
def test_a_value_that_would_be_altered_is_refused_by_its_key(
    make_table: MakeTable,
    owner: psycopg2.extensions.connection,
    declared: str,
    value: str,
    spec: dict[str, Any],
) -> None:
    reader = make_table(f"id int PRIMARY KEY, v {declared}", **spec)
    insert(owner, reader, declared, value)
    with pytest.raises(ExtractError) as caught:
        reader.run(partition=WHOLE)
    error = caught.value
    assert (error.code, error.retryable) == ("value_refused", False)
    assert "Column 'v' of table 'orders'" in error.message
    assert '{"id": 7}' in error.message
    assert '"type": "VARCHAR"' in error.hint
    assert value not in error.message
    # And VARCHAR takes it as it is.
    exact = make_table(f"id int PRIMARY KEY, v {declared}", **override("VARCHAR"))
    insert(owner, exact, declared, value)
    with owner.cursor() as cursor:
        cursor.execute(f"SELECT concat(v) FROM {exact.spec.relation}")
        (text,) = cursor.fetchone() or ("",)
    reply = exact.run(partition=WHOLE)
    assert exact.rows(reply) == [["7", text]]
    assert reply.columns[1].snowflake_type == "VARCHAR(134217728)"


def insert(
    owner: psycopg2.extensions.connection, reader: Reader, declared: str, value: str
) -> None:
    with owner.cursor() as cursor:
        statement = f"INSERT INTO {reader.spec.relation} VALUES (7, %s::{declared})"
        cursor.execute(statement, [value])


@pytest.mark.parametrize(
    ("declared", "value", "kind", "wire"),
    [
        ("numeric", "1.50", "NUMBER(12,2)", "1.50"),
        ("numeric", "9999999999.99", "NUMBER(12,2)", "9999999999.99"),
        ("numeric", "1.500", "NUMBER(12,1)", "1.500"),
        ("numeric(40,0)", "5", "NUMBER(38,0)", "5"),
        ("integer", "99", "NUMBER(2,0)", "99"),
        ("money", "1.20", "NUMBER(5,1)", "1.20"),
        ("boolean", "true", "VARCHAR", "t"),
        ("char(5)", "a", "VARCHAR(5)", "a    "),
        ("jsonb", '{"a":1}', "VARCHAR", '{"a": 1}'),
        ("integer[]", "[2:3]={1,2}", "VARCHAR", "[2:3]={1,2}"),
        ("timestamptz", "infinity", "VARCHAR", "infinity"),
        ("bytea", r"\x00ff", "VARCHAR", r"\x00ff"),
    ],
)
def test_another_type_takes_what_it_can_hold(
    make_table: MakeTable,
    owner: psycopg2.extensions.connection,
    declared: str,
    value: str,
    kind: str,
    wire: str,
) -> None:
    reader = make_table(f"id int PRIMARY KEY, v {declared}", **override(kind))
    insert(owner, reader, declared, value)
    assert reader.rows(reader.run(partition=WHOLE)) == [["7", wire]]


@pytest.mark.parametrize("value", ["NaN", "Infinity"])
def test_a_number_that_is_none_stays_a_special_value(
    make_table: MakeTable, owner: psycopg2.extensions.connection, value: str
) -> None:
    reader = make_table("id int PRIMARY KEY, v numeric", **override("NUMBER(12,2)"))
    insert(owner, reader, "numeric", value)
    reply = reader.run(partition=WHOLE)
    assert reader.rows(reply) == [["7", ""]]
    assert [(a.column, a.rows) for a in reply.altered] == [("v", 1)]


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ("date", "infinity"),
        ("timestamptz", "-infinity"),
        ("numeric", "NaN"),
        ("numeric(5,2)", "NaN"),
        ("time", "24:00:00"),
    ],
)
def test_a_key_never_becomes_null(
    make_table: MakeTable, declared: str, value: str
) -> None:
    reader = make_table(
        f"k {declared}, id int, PRIMARY KEY (k, id)",
        f"INSERT INTO {{table}} VALUES ('{value}', 1)",
    )
    with pytest.raises(ExtractError) as caught:
        reader.run(partition=WHOLE)
    assert caught.value.code == "value_refused"
    assert "has a key of" in caught.value.message


@pytest.mark.parametrize("declared", ["text", "jsonb", "date", "double precision"])
def test_a_type_that_is_no_exact_number_cannot_become_one(
    make_table: MakeTable, declared: str
) -> None:
    reader = make_table(f"id int PRIMARY KEY, v {declared}", **override("NUMBER(5,0)"))
    with pytest.raises(ExtractError) as caught:
        reader.run(partition=WHOLE)
    assert caught.value.code == "type_unsupported"
    with pytest.raises(ExtractError):
        reader.plan()


def test_a_configured_column_that_is_not_there_is_named(make_table: MakeTable) -> None:
    reader = make_table("id int PRIMARY KEY", columns=(ColumnSpec("vv", rename="x"),))
    with pytest.raises(ExtractError) as caught:
        reader.run(partition=WHOLE)
    assert caught.value.code == "column_not_found"
    assert "'vv'" in caught.value.message


@pytest.mark.large
def test_values_at_the_limits_of_size_pass_and_one_byte_more_is_refused(
    make_table: MakeTable,
) -> None:
    reader = make_table(
        "id int PRIMARY KEY, t text, b bytea",
        "INSERT INTO {table} VALUES (1, repeat('x', 134217728), NULL),"
        " (2, NULL, decode(repeat('ab', 67108864), 'hex'))",
    )
    assert reader.run(partition=WHOLE).rows == 2
    for column, value in (("t", "t || 'x'"), ("b", r"b || '\x00'")):
        with reader.aurora.connect("shop") as connection:
            connection.cursor().execute(
                f"UPDATE {reader.spec.relation} SET {column} = {value}"
            )
        with pytest.raises(ExtractError) as caught:
            reader.run(partition=WHOLE)
        assert caught.value.code == "value_refused"
        assert f"Column '{column}'" in caught.value.message
        with reader.aurora.connect("shop") as connection:
            connection.cursor().execute(
                f"UPDATE {reader.spec.relation} SET {column} = NULL"
            )


@pytest.mark.parametrize(
    ("declared", "spec"),
    [
        ("id int PRIMARY KEY, v numeric", {"keys_in_messages": False}),
        ("id int, v numeric", {"key": ("id",)}),
    ],
    ids=["not asked for", "not enforced"],
)
def test_s7_no_key_is_named_unless_it_may(
    make_table: MakeTable, declared: str, spec: dict[str, Any]
) -> None:
    script = "INSERT INTO {table} VALUES (7654321, 'NaN')"
    reader = make_table(declared, script, **spec)
    (altered,) = reader.run(partition=Partition("p")).altered
    assert altered.rows == 1 and altered.sample_keys == ()
    refusing = make_table(declared, script, special_values="fail", **spec)
    with pytest.raises(ExtractError) as raised:
        refusing.run(partition=Partition("p"))
    assert "7654321" not in str(raised.value) and "1 row(s)" in str(raised.value)
