"""MERGE."""

import pytest

from .conftest import Client

MERGE = """
MERGE INTO t USING (
    SELECT column1 AS id, column2 AS v, column3 AS gone
    FROM VALUES (1, 'new', FALSE), (2, 'x', TRUE), (3, 'third', FALSE)
) AS s ON t.id = s.id AND t.id BETWEEN ? AND ?
WHEN MATCHED AND s.gone THEN DELETE
WHEN MATCHED THEN UPDATE SET t.v = s.v
WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.id, s.v)
"""


def test_all_branches_are_counted(client: Client) -> None:
    client.run("CREATE TABLE t (id INT, v VARCHAR)")
    client.run("INSERT INTO t VALUES (1, 'old'), (2, 'old')")
    assert client.run(MERGE, 1, 3) == [(1, 1, 1)]
    names = [column.name for column in client.cursor.description]
    assert names == [f"number of rows {w}" for w in ("inserted", "updated", "deleted")]
    assert client.run("SELECT * FROM t ORDER BY id") == [(1, "new"), (3, "third")]


def test_only_branches_that_are_there_have_a_count(client: Client) -> None:
    client.run("CREATE TABLE t (id INT)")
    text = (
        "MERGE INTO t USING (SELECT 1 AS id) s ON t.id = s.id {} INSERT VALUES (s.id)"
    )
    assert client.run(text.format("WHEN NOT MATCHED THEN")) == [(1,)]
    assert [c.name for c in client.cursor.description] == ["number of rows inserted"]


def test_two_source_rows_for_one_target_row_are_an_error(client: Client) -> None:
    client.run("CREATE TABLE t AS SELECT 1 AS id, 'a' AS v")
    error = client.fails(
        "MERGE INTO t USING (SELECT 1 AS id, column1 AS v FROM VALUES ('b'), ('c')) s "
        "ON t.id = s.id WHEN MATCHED THEN UPDATE SET v = s.v"
    )
    assert error.errno == 100090
    assert client.one("SELECT v FROM t") == "a"


@pytest.mark.parametrize("kind", ["VARIANT", "ARRAY", "OBJECT"])
@pytest.mark.parametrize(
    "statement",
    [
        "MERGE INTO documents AS t USING texts AS s ON t.k = s.k"
        " WHEN NOT MATCHED THEN INSERT (k, v) VALUES (s.k, s.v)",
        "MERGE INTO documents AS t USING texts AS s ON t.k <> s.k"
        " WHEN MATCHED THEN UPDATE SET t.v = s.v",
        "UPDATE documents SET v = '{}'",
    ],
)
def test_a_text_is_no_document(client: Client, kind: str, statement: str) -> None:
    """D09: PARSE_JSON is missing; INSERT refuses it as well."""
    client.run(f"CREATE TABLE documents (k INT, v {kind})")
    client.run("INSERT INTO documents SELECT 1, NULL")
    client.run("CREATE TABLE texts (k INT, v VARCHAR)")
    client.run("INSERT INTO texts VALUES (2, '{}')")
    assert "Expression type does not match" in (client.fails(statement).msg or "")
    parsed = statement.replace("s.v", "PARSE_JSON(s.v)").replace(
        "'{}'", "PARSE_JSON('{}')"
    )
    if kind != "ARRAY":
        client.run(parsed)
