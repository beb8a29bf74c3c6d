"""What a reader sees of a target: comments, a key, who may read; kept in step."""

import contextlib
from typing import Any

import snowflake.connector

from tests.end_to_end.lab import TARGET_SCHEMA, Lab


def described(lab: Lab, table: str) -> dict[str, dict[str, Any]]:
    rows = lab.query(f"DESCRIBE TABLE {TARGET_SCHEMA}.{table}")
    return {row["name"]: row for row in rows}


def comment_of(lab: Lab, table: str) -> str:
    (row,) = lab.query(f"SHOW TABLES LIKE '{table}' IN SCHEMA {TARGET_SCHEMA}")
    return str(row["comment"])


def altered(lab: Lab, since: int) -> list[str]:
    """ALTER and GRANT statements since a place in the query history."""
    texts = [one["text"] for one in lab.statements()[since:]]
    return [text for text in texts if text.lstrip()[:5] in ("ALTER", "GRANT", "REVOK")]


def test_a_catalogue_shows_comments_and_key_and_an_idle_sync_sends_nothing(
    lab: Lab,
) -> None:
    table = lab.name("orders")
    lab.orders_table(table, 5)
    lab.psql(f"COMMENT ON TABLE {table} IS 'What the shop''s customers ordered'")
    lab.psql(f"COMMENT ON COLUMN {table}.amount IS 'gross, in EUR'")
    lab.apply({table: {"cursor": "updated_at"}})
    assert not lab.sync(table).get("warnings")
    columns = described(lab, table)
    assert comment_of(lab, table) == "What the shop's customers ordered"
    assert columns["AMOUNT"]["comment"] == "gross, in EUR"
    assert columns["ID"]["primary key"] == "Y" and columns["ID"]["null?"] == "N"
    before = len(lab.statements())
    lab.sync(table)
    lab.psql(f"INSERT INTO {table} (note) VALUES ('one more')")
    lab.sync(table)
    assert altered(lab, before) == []
    # Only what changed is sent.
    lab.psql(f"COMMENT ON COLUMN {table}.amount IS NULL")
    lab.psql(f"COMMENT ON COLUMN {table}.note IS 'what they said'")
    lab.sync(table)
    columns = described(lab, table)
    assert (columns["AMOUNT"]["comment"], columns["NOTE"]["comment"]) == (
        None,
        "what they said",
    )
    assert len(altered(lab, before)) == 1
    # A key that PostgreSQL enforces no longer is no promise any more.
    lab.psql(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey")
    lab.apply({table: {"cursor": "updated_at", "key": ["id"]}})
    lab.sync(table)
    columns = described(lab, table)
    assert columns["ID"]["primary key"] == "N" and columns["ID"]["null?"] == "Y"
    lab.assert_equal(table)


def test_readers_keep_their_select_through_a_reload_and_lose_it_by_configuration(
    lab: Lab,
) -> None:
    table, role = lab.name("orders"), lab.name("ANALYST").upper()
    lab.orders_table(table, 3)
    lab.query(f"CREATE ROLE {role}")
    settings = {"cursor": "updated_at", "readers": [role]}
    assert "warnings" not in lab.apply({table: settings})
    lab.sync(table)
    lab.query(f"GRANT USAGE ON WAREHOUSE aurora_sync TO ROLE {role}")
    parameters = lab.stack.endpoints.snowflake.parameters | {
        "role": role,
        "warehouse": "AURORA_SYNC",
    }

    def rows() -> int:
        with contextlib.closing(snowflake.connector.connect(**parameters)) as reader:
            cursor = reader.cursor()
            cursor.execute(f"SELECT COUNT(*) FROM {TARGET_SCHEMA}.{table}")
            ((count,),) = cursor.fetchall()
            return int(count)

    assert rows() == 3
    lab.call("RESYNC_TABLE", table)
    assert rows() == 3
    lab.apply({table: settings | {"readers": []}})
    lab.sync(table)
    try:
        rows()
    except snowflake.connector.errors.ProgrammingError as error:
        assert "not authorized" in str(error)
    else:
        raise AssertionError("the role still reads")


def test_a_protected_column_is_tagged_and_the_target_clustered(lab: Lab) -> None:
    table, tag = lab.name("people"), lab.name("pii").upper()
    lab.psql(f"CREATE TABLE {table} (id int PRIMARY KEY, email text, day date)")
    lab.psql(f"INSERT INTO {table} VALUES (1, 'a@b.example', '2026-01-01')")
    wanted = f"AURORA_SYNC.{TARGET_SCHEMA}.{tag}"
    settings = {
        "mode": "full",
        "columns": {"email": {"protect": "mask"}},
        "cluster_by": ["day"],
        "protected_tag": wanted,
    }
    lab.apply({table: settings})
    (warning,) = lab.sync(table)["warnings"]
    assert warning["code"] == "extras_not_applied" and "tag" in warning["message"]
    lab.query(f"CREATE TAG {wanted} ALLOWED_VALUES 'hash', 'mask'")
    lab.query(f"GRANT APPLY ON TAG {wanted} TO ROLE SYNC_ADMIN")
    before = len(lab.statements())
    assert not lab.sync(table).get("warnings")
    (text,) = altered(lab, before)
    assert "SET TAG" in text and "'mask'" in text
    (row,) = lab.query(f"SHOW TABLES LIKE '{table}' IN SCHEMA {TARGET_SCHEMA}")
    assert row["cluster_by"] == "LINEAR(DAY)"
