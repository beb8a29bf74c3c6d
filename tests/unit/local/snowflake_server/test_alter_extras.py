"""ALTER TABLE: key, comments, tags and clustering, as the product's texts have them."""

from collections.abc import Iterable

import pytest

from snowpark.load import extras_statements as statements
from snowpark.sql import Statement
from tests.unit.local.snowflake_server.conftest import Account, Client


@pytest.fixture
def table(client: Client) -> Client:
    client.run("CREATE TABLE t (id INT, part INT, note VARCHAR, doc VARIANT)")
    client.run("INSERT INTO t SELECT 1, 2, 'n', NULL")
    return client


def send(client: Client, found: Statement | Iterable[Statement]) -> None:
    for statement in [found] if isinstance(found, Statement) else found:
        client.run(statement.text)


def described(client: Client, place: int) -> dict[str, object]:
    return {row[0]: row[place] for row in client.run("DESCRIBE TABLE t")}


NULLABLE, KEY, COMMENT = 3, 5, 9


def test_a_key_is_declared_and_implies_not_null(table: Client) -> None:
    send(table, statements.add_key('"T"', ["ID", "PART"]))
    assert described(table, KEY) == {"ID": "Y", "PART": "Y", "NOTE": "N", "DOC": "N"}
    assert described(table, NULLABLE)["PART"] == "N"
    error = table.fails("INSERT INTO t SELECT NULL, 2, 'n', NULL")
    assert "NULL" in error.msg.upper()
    # Declared is not enforced.
    table.run("INSERT INTO t SELECT 1, 2, 'again', NULL")
    assert table.one(statements.count_shared_keys('"T"', ["ID", "PART"]).text) == 1
    assert "already exists" in table.fails("ALTER TABLE t ADD PRIMARY KEY (id)").msg
    assert "part of" in table.fails("ALTER TABLE t ALTER id DROP NOT NULL").msg
    table.run("ALTER TABLE t RENAME COLUMN part TO piece")
    assert described(table, KEY)["PIECE"] == "Y"
    assert "DROP COLUMN of a key" in table.fails("ALTER TABLE t DROP COLUMN id").msg
    send(table, statements.drop_key('"T"'))
    send(table, statements.allow_nulls('"T"', ["ID", "PIECE"]))
    assert set(described(table, NULLABLE).values()) == {"Y"}
    assert "does not exist" in table.fails("ALTER TABLE t DROP PRIMARY KEY").msg


def test_a_key_with_nulls_or_without_a_column_is_refused(table: Client) -> None:
    table.run("INSERT INTO t SELECT NULL, 2, 'n', NULL")
    assert "null values" in table.fails("ALTER TABLE t ADD PRIMARY KEY (id)").msg
    assert "NOWHERE" in table.fails("ALTER TABLE t ADD PRIMARY KEY (nowhere)").msg
    assert "semi-structured" in table.fails("ALTER TABLE t ADD PRIMARY KEY (doc)").msg


def test_comments_come_and_go_together(table: Client) -> None:
    texts = {"ID": "It's \\ one", "NOTE": 'two\n"lines"'}
    send(table, statements.comment_on_table('"T"', "a 'table'"))
    send(table, statements.comment_on_columns('"T"', texts))
    assert {k: v for k, v in described(table, COMMENT).items() if v} == texts
    (row,) = table.run("SHOW TABLES LIKE 'T'")
    assert "a 'table'" in row
    send(table, statements.comment_on_columns('"T"', {"ID": "", "NOTE": "new"}))
    assert described(table, COMMENT) == {
        "ID": None,
        "PART": None,
        "NOTE": "new",
        "DOC": None,
    }
    assert "NOWHERE" in table.fails("ALTER TABLE t ALTER nowhere COMMENT 'x'").msg


def test_a_tag_has_to_exist_and_to_allow_the_value(table: Client) -> None:
    database = table.one("SELECT CURRENT_DATABASE()")
    tag = f'"{database}"."PUBLIC"."PII"'
    wanted = statements.set_tag('"T"', "NOTE", tag, "hash")
    assert "Tag" in table.fails(wanted.text).msg
    table.run("CREATE TAG pii ALLOWED_VALUES 'hash', 'mask' COMMENT = 'personal'")
    send(table, wanted)
    send(table, wanted)
    assert (
        "not allowed"
        in table.fails(statements.set_tag('"T"', "NOTE", tag, "plain").text).msg
    )
    send(table, statements.unset_tag('"T"', "NOTE", tag))
    send(table, statements.unset_tag('"T"', "NOTE", tag))
    table.run("DROP TAG pii")
    assert "Tag" in table.fails(wanted.text).msg


def test_a_tag_is_applied_by_who_may_apply_it(
    account: Account, database: str, table: Client
) -> None:
    table.run("CREATE TAG pii")
    role = f"R_{database}"
    table.run(f"CREATE ROLE {role}")
    table.run(f"GRANT ROLE {role} TO ROLE ACCOUNTADMIN")
    table.run(f"GRANT USAGE ON DATABASE {database} TO ROLE {role}")
    table.run(f"GRANT USAGE ON SCHEMA public TO ROLE {role}")
    table.run(f"GRANT OWNERSHIP ON TABLE t TO ROLE {role}")
    text = "ALTER TABLE t MODIFY COLUMN note SET TAG pii = 'x'"
    with account.connect(database=database, schema="PUBLIC", role=role) as connection:
        client = Client(connection)
        client.fails(text)
        table.run(f"GRANT APPLY ON TAG pii TO ROLE {role}")
        client.run(text)


def test_clustering_is_shown_and_dropped(table: Client) -> None:
    send(table, statements.cluster_by('"T"', ["PART", "ID"]))
    assert "LINEAR(PART, ID)" in table.run("SHOW TABLES LIKE 'T'")[0]
    send(table, statements.drop_clustering('"T"'))
    assert not any("LINEAR" in str(v) for v in table.run("SHOW TABLES LIKE 'T'")[0])
