"""INSERT, INSERT OVERWRITE, UPDATE, DELETE and TRUNCATE."""

import json

from .conftest import Client


def test_counts(client: Client) -> None:
    client.run("CREATE TABLE t (a INT, b VARCHAR)")
    client.run(
        "INSERT INTO t (a, b) VALUES (CAST(? AS INT), CAST(? AS VARCHAR)),"
        " (CAST(? AS INT), CAST(? AS VARCHAR))",
        *(1, "x", 2, None),
    )
    assert client.cursor.rowcount == 2
    client.run("INSERT INTO t SELECT column1, column2 FROM VALUES (?, ?)", 3, "z")
    assert client.run("UPDATE t SET b = 'q' WHERE a > 1") == [(2, 0)]
    assert client.run("DELETE FROM t WHERE a = 1") == [(1,)]
    assert client.run("SELECT a, b FROM t ORDER BY a") == [(2, "q"), (3, "q")]


def test_many_rows_of_binds(client: Client) -> None:
    client.run("CREATE TABLE t (a INT, b VARCHAR)")
    rows = [(number, None) for number in range(50)]
    client.cursor.executemany("INSERT INTO t (a, b) VALUES (?, ?)", rows)
    assert client.run("SELECT COUNT(*), COUNT(b) FROM t") == [(50, 0)]


def test_overwrite_replaces_all_rows_inside_the_transaction(client: Client) -> None:
    client.run("CREATE TABLE t (a INT)")
    client.run("INSERT INTO t VALUES (1), (2)")
    client.run("BEGIN")
    client.run("INSERT OVERWRITE INTO t (a) SELECT a + 10 FROM t WHERE a = 1")
    assert client.run("SELECT a FROM t") == [(11,)]
    client.run("ROLLBACK")
    assert client.run("SELECT a FROM t ORDER BY a") == [(1,), (2,)]


def test_truncate_belongs_to_the_transaction(client: Client) -> None:
    client.run("CREATE TABLE t AS SELECT 1 AS a")
    client.run("BEGIN")
    client.run("TRUNCATE TABLE t")
    assert client.one("SELECT COUNT(*) FROM t") == 0
    client.run("ROLLBACK")
    assert client.one("SELECT COUNT(*) FROM t") == 1


def test_what_does_not_fit_is_refused(client: Client) -> None:
    client.run("CREATE TABLE t (a NUMBER(3,0) NOT NULL, b VARCHAR(2), v VARIANT)")
    assert client.fails("INSERT INTO t (a) VALUES (NULL)").errno == 100072
    assert client.fails("INSERT INTO t (a, b) VALUES (1, 'abc')").errno == 100078
    assert client.fails("INSERT INTO t (a) VALUES (1000)").errno == 100038
    assert client.fails("INSERT INTO t (a) VALUES ('x')").errno == 100038
    assert client.fails("INSERT INTO t (a, b) VALUES (1)").errno == 2020
    assert client.fails("INSERT INTO t (a, v) VALUES (1, 'x')").errno == 2023
    text = "INSERT INTO t (a, v) VALUES (1, PARSE_JSON('1'))"
    assert client.fails(text).errno == 2014
    for text in (
        "INSERT OR REPLACE INTO t (a) VALUES (1)",
        "INSERT INTO t BY NAME SELECT 1 a",
    ):
        assert client.fails(text).errno == 1003
    assert client.one("SELECT COUNT(*) FROM t") == 0


def test_k6_rows_of_values_have_the_types_of_the_first(client: Client) -> None:
    client.run("CREATE TABLE t (a VARCHAR)")
    assert client.fails("INSERT INTO t VALUES (3), ('d')").errno == 100038
    client.run("INSERT INTO t VALUES (3), ('4')")
    message = "bound value without CAST"
    assert message in str(client.fails("INSERT INTO t VALUES (?), (?)", None, "x"))
    assert message in str(
        client.fails("INSERT INTO t SELECT column1 FROM VALUES ('a'), (?)", "x")
    )


def test_arrays_and_objects_are_documents(client: Client) -> None:
    client.run("CREATE TABLE t (a ARRAY, o OBJECT)")
    client.run("INSERT INTO t SELECT NULL, NULL")
    client.run("""UPDATE t SET a = TO_ARRAY(PARSE_JSON('["a", null, 1]'))""")
    client.run("UPDATE t SET o = OBJECT_CONSTRUCT('a', 1)")
    ((array, thing),) = client.run("SELECT TO_JSON(a), TO_JSON(o) FROM t")
    assert (json.loads(array), json.loads(thing)) == (["a", None, 1], {"a": 1})
    assert "expecting ARRAY" in str(client.fails("UPDATE t SET a = '[1]'"))


def test_one_query_fills_several_tables(client: Client) -> None:
    """docs: insert-multi-table."""
    client.run("CREATE TABLE t (a INT, b VARCHAR)")
    client.run("CREATE TABLE u (v VARIANT, c TIMESTAMP_TZ(6))")
    text = (
        "INSERT ALL INTO t (b, a) VALUES (x, n) INTO u (c, v) VALUES (at, w)"
        " SELECT ? AS x, ? AS n, CURRENT_TIMESTAMP() AS at, PARSE_JSON(?) AS w"
        " WHERE NOT EXISTS (SELECT 1 FROM t WHERE a >= ?)"
    )
    client.run("BEGIN")
    assert client.run(text, "one", 1, "[1]", 1) == [(1, 1)]
    names = [d[0] for d in client.cursor.description]
    assert names == [f"number of rows inserted into {t}" for t in ("T", "U")]
    # What it has inserted it sees, as does the next one.
    assert client.run(text, "two", 2, "[2]", 1) == [(0, 0)]
    assert client.run("SELECT a, b, v, c IS NULL FROM t, u") == [
        (1, "one", "[\n  1\n]", False)
    ]
    client.run("ROLLBACK")
    assert client.one("SELECT COUNT(*) FROM t") == 0
    assert client.one("SELECT COUNT(*) FROM u") == 0


def test_what_one_query_may_not_fill_several_tables_by(client: Client) -> None:
    client.run("CREATE TABLE t (a INT, v VARIANT)")
    head = "INSERT ALL INTO t (a) VALUES "
    assert client.fails(f"{head} (b) SELECT 1 AS a").errno == 904
    assert client.fails(f"{head} (a, a) SELECT 1 AS a").errno == 2020
    for text in (
        f"{head} (a + 1) SELECT 1 AS a",
        f"{head} (a) SELECT 1",
        "INSERT ALL WHEN a > 0 THEN INTO t (a) VALUES (a) SELECT 1 AS a",
        "INSERT ALL INTO t SELECT 1 AS a",
        "INSERT OVERWRITE ALL INTO t (a) VALUES (a) SELECT 1 AS a",
        "INSERT FIRST INTO t (a) VALUES (a) SELECT 1 AS a",
    ):
        assert client.fails(text).errno == 2, text
