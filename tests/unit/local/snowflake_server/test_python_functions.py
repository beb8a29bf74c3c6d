"""CREATE FUNCTION ... LANGUAGE PYTHON: what Snowflake takes, and what it refuses."""

import pytest

from .conftest import Client

BODY = "AS $$\ndef f(*given):\n    return repr(given)\n$$"


def create(client: Client, head: str, body: str = BODY) -> None:
    client.run(f"CREATE OR REPLACE FUNCTION f({head} RUNTIME_VERSION = '3.11' {body}")


def test_values_arrive_as_python_has_them(client: Client) -> None:
    create(
        client,
        "a FLOAT, b VARCHAR, c VARIANT) RETURNS VARCHAR LANGUAGE PYTHON HANDLER = 'f'",
    )
    found = client.one("""SELECT f(0.1::FLOAT + 0.2::FLOAT, 'ü''"', PARSE_JSON(
        '{"int": 12345678901234567890, "decimal": 1.50, "double": 1e2, "n": [null]}'))
        """)
    document = {
        "int": 12345678901234567890,
        "decimal": "1.50",
        "double": 100.0,
        "n": [None],
    }
    assert found == repr((0.30000000000000004, "ü'\"", document))
    assert client.one("SELECT f('NaN'::FLOAT, NULL, '\"x\"'::VARIANT)") == repr(
        (float("nan"), None, '"x"')
    )


def test_documents_keep_their_numbers(client: Client) -> None:
    text = "[" + "9" * 38 + ",0.1234567890123456789012345678901234567,1.50,1e2]"
    client.run("CREATE TABLE t (v VARIANT, a ARRAY)")
    client.run(f"INSERT INTO t SELECT PARSE_JSON('{text}'), PARSE_JSON('{text}')")
    create(client, "a VARIANT) RETURNS VARCHAR LANGUAGE PYTHON HANDLER = 'f'")
    held = repr(([int("9" * 38), "0.1234567890123456789012345678901234567",
                  "1.50", 100.0],))  # fmt: skip
    for column in ("v", "a", "TO_VARIANT(a)"):
        assert client.one(f"SELECT f({column}) FROM t") == held
        assert client.one(f"SELECT TO_JSON({column}) FROM t") == text
    assert client.one("SELECT TO_JSON(TO_VARIANT('x'))") == '"x"'
    assert client.one("SELECT TO_JSON(TO_VARIANT(1.5))") == "1.5"


def test_rows_of_a_table_and_null_handling(client: Client) -> None:
    client.run("CREATE TABLE t (id INT, x FLOAT)")
    client.run("INSERT INTO t VALUES (1, 1.5), (2, NULL)")
    create(
        client,
        "a FLOAT) RETURNS VARCHAR LANGUAGE PYTHON RETURNS NULL ON NULL INPUT"
        " HANDLER = 'f'",
    )
    found = client.run("SELECT id, MD5(f(x)), f(x) FROM t WHERE id > 0 ORDER BY id")
    assert [(row[0], row[2]) for row in found] == [(1, "(1.5,)"), (2, None)]
    assert found[1][1] is None
    assert "FLOAT" in client.run("SHOW USER FUNCTIONS LIKE 'F'")[0][5]


@pytest.mark.parametrize(
    ("head", "body", "told"),
    [
        ("a DATE) RETURNS VARCHAR LANGUAGE PYTHON HANDLER = 'f'", BODY, "arguments"),
        ("a FLOAT) RETURNS FLOAT LANGUAGE PYTHON HANDLER = 'f'", BODY, "VARCHAR"),
        ("a FLOAT) RETURNS VARCHAR LANGUAGE SQL HANDLER = 'f'", BODY, "language"),
        ("a FLOAT) RETURNS VARCHAR LANGUAGE PYTHON", BODY, "HANDLER"),
        ("a FLOAT) RETURNS VARCHAR LANGUAGE PYTHON HANDLER = 'g'", BODY, "handler 'g'"),
        (
            "a FLOAT) RETURNS VARCHAR LANGUAGE PYTHON HANDLER = 'f'",
            "AS $$\ndef f(\n$$",
            "SyntaxError",
        ),
        (
            "a FLOAT) RETURNS VARCHAR LANGUAGE PYTHON PACKAGES = ('numpy')"
            " HANDLER = 'f'",
            BODY,
            "packages",
        ),
        (
            "a FLOAT) RETURNS VARCHAR LANGUAGE PYTHON IMPORTS = ('@s/x.zip')"
            " HANDLER = 'f'",
            BODY,
            "IMPORTS",
        ),
    ],
)
def test_what_is_refused(client: Client, head: str, body: str, told: str) -> None:
    statement = f"CREATE FUNCTION f({head} RUNTIME_VERSION = '3.11' {body}"
    assert told in str(client.fails(statement))


def test_a_failing_handler_ends_the_statement(client: Client) -> None:
    create(
        client,
        "a VARCHAR) RETURNS VARCHAR LANGUAGE PYTHON HANDLER = 'f'",
        "AS $$\ndef f(a):\n    return 1 / len(a)\n$$",
    )
    assert "ZeroDivisionError" in str(client.fails("SELECT f('')"))
    assert "has to be a str" in str(client.fails("SELECT f('x')"))
    assert "expected 1 arguments" in str(client.fails("SELECT f('x', 'y')"))
