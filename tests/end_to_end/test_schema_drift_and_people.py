"""Somebody alters the target; sources that are no plain tables; what drift may cost."""

import pytest

from tests.end_to_end.drifting import CURSOR, changes, insert, make, rows
from tests.end_to_end.drifting import target_columns, update
from tests.end_to_end.lab import Lab

pytestmark = pytest.mark.large


def test_what_people_add_to_a_target_is_left_alone(lab: Lab) -> None:
    table = make(lab, "theirs")
    insert(lab, table, id=1, a="a")
    lab.sync(table)
    lab.query(f"ALTER TABLE lab.{table} ADD COLUMN note VARCHAR(100)")
    lab.query(f"UPDATE lab.{table} SET note = 'mine'")
    update(lab, table, 1, a="A")
    lab.psql(f"ALTER TABLE {table} ADD b text")
    lab.sync(table)
    assert rows(lab, table, "A", "NOTE") == [("A", "mine")]
    assert changes(lab, table) == [("added", "b")]


def test_what_people_take_from_a_target_comes_back_whole(lab: Lab) -> None:
    table = make(lab, "taken", "a text, b varchar(40)")
    for id_ in (1, 2):
        insert(lab, table, id=id_, a="a", b="b" * 30)
    lab.sync(table)
    lab.query(f"ALTER TABLE lab.{table} DROP COLUMN a")
    update(lab, table, 2, a="A")
    report = lab.sync(table)
    lab.assert_equal(table)
    assert report["schema_changes"] == ["a restored (VARCHAR(134217728))"]
    # Narrower than the source: Snowflake cannot do that to a column, people can.
    lab.query(f"ALTER TABLE lab.{table} DROP COLUMN b")
    lab.query(f"ALTER TABLE lab.{table} ADD COLUMN b VARCHAR(5)")
    update(lab, table, 2, b="B" * 40)
    lab.sync(table)
    assert target_columns(lab, table)["B"] == "VARCHAR(40)"
    lab.call("RESYNC_TABLE", table)
    lab.assert_equal(table)


def test_another_type_or_another_name_given_by_people_is_a_clear_error(
    lab: Lab,
) -> None:
    table = make(lab, "retyped", "a text, b text")
    insert(lab, table, id=1, a="a", b="b")
    lab.sync(table)
    lab.query(f"ALTER TABLE lab.{table} DROP COLUMN a")
    lab.query(f"ALTER TABLE lab.{table} ADD COLUMN a NUMBER(5, 0)")
    update(lab, table, 1, a="A")
    message = lab.fail("SYNC_TABLE", table)
    assert "[type_changed]" in message and '"a" is NUMBER(5,0)' in message
    lab.call("RESYNC_TABLE", table)
    lab.assert_equal(table)
    lab.psql(f"ALTER TABLE {table} RENAME b TO c")
    lab.query(f"ALTER TABLE lab.{table} ADD COLUMN c VARCHAR")
    assert "[rename_conflict]" in lab.fail("SYNC_TABLE", table)
    lab.query(f"ALTER TABLE lab.{table} DROP COLUMN c")
    lab.sync(table)
    lab.assert_equal(table)
    lab.query(f"ALTER TABLE lab.{table} DROP PRIMARY KEY")
    lab.query(f"ALTER TABLE lab.{table} DROP COLUMN id")
    update(lab, table, 1)
    assert "[key_changed]" in lab.fail("SYNC_TABLE", table)
    lab.call("RESYNC_TABLE", table)
    lab.assert_equal(table)


def test_a_dropped_target_is_built_again_by_a_reload(lab: Lab) -> None:
    table = make(lab, "dropped_target", type_change="new_column")
    insert(lab, table, id=1, a="1")
    lab.sync(table)
    lab.psql(f"ALTER TABLE {table} ALTER a TYPE int USING a::int")
    lab.sync(table)
    assert "A__NUMBER" in target_columns(lab, table)
    lab.query(f"DROP TABLE lab.{table}")
    update(lab, table, 1)
    message = lab.fail("SYNC_TABLE", table)
    assert "[target_missing]" in message and "RESYNC_TABLE" in message
    lab.call("RESYNC_TABLE", table)
    assert list(target_columns(lab, table)) == ["ID", "A", "UPDATED_AT"]
    lab.assert_equal(table)


def test_the_parent_of_partitions_counts_not_its_children(lab: Lab) -> None:
    """A partition that was attached numbers its columns in another way."""
    table = lab.name("parent")
    lab.psql(f"""
        CREATE TABLE {table} (id int, a text, b text,
            updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            PRIMARY KEY (id)) PARTITION BY RANGE (id);
        CREATE TABLE {table}_low PARTITION OF {table} FOR VALUES FROM (0) TO (10);
        CREATE TABLE {table}_high (gap int, b text, updated_at timestamptz NOT NULL,
            id int NOT NULL, a text);
        ALTER TABLE {table}_high DROP gap;
        ALTER TABLE {table} ATTACH PARTITION {table}_high
            FOR VALUES FROM (10) TO (20);
        CREATE INDEX ON {table} (updated_at);
        """)
    lab.apply({table: CURSOR})
    for id_ in (1, 11):
        insert(lab, table, id=id_, a="a", b="b")
    lab.sync(table)
    lab.psql(f"ALTER TABLE {table} RENAME a TO c; ALTER TABLE {table} DROP b")
    update(lab, table, 11, c="C")
    lab.sync(table)
    lab.assert_equal(table)
    assert rows(lab, table, "C", "B") == [("a", "b"), ("C", None)]
    assert sorted(changes(lab, table)) == [("dropped", "b"), ("renamed", "c")]


def test_views_that_are_replaced_altered_or_made_anew(lab: Lab) -> None:
    table = make(lab, "base", "a text, b text")
    view, copy = f"{table}_v", f"{table}_m"
    insert(lab, table, id=1, a="a", b="b")
    lab.psql(f"CREATE VIEW {view} AS SELECT id, a, updated_at FROM {table}")
    lab.psql(f"CREATE MATERIALIZED VIEW {copy} AS SELECT id, a, b FROM {table}")
    lab.apply({view: {**CURSOR, "key": ["id"]}, copy: {"mode": "full"}})
    lab.sync(view)
    lab.sync(copy)
    lab.psql(
        f"CREATE OR REPLACE VIEW {view} AS SELECT id, a, updated_at, b FROM {table};"
        f"ALTER VIEW {view} RENAME a TO letter"
    )
    lab.psql(f"DROP MATERIALIZED VIEW {copy}")
    lab.psql(
        f"CREATE MATERIALIZED VIEW {copy} AS SELECT b, id, updated_at FROM {table}"
    )
    update(lab, table, 1, a="A")
    lab.sync(view)
    lab.sync(copy)
    assert rows(lab, view, "ID", "LETTER", "B") == [(1, "A", "b")]
    assert sorted(changes(lab, view)) == [("added", "b"), ("renamed", "letter")]
    assert rows(lab, copy, "ID", "A", "B") == [(1, None, "b")]
    assert sorted(changes(lab, copy)) == [("added", "updated_at"), ("dropped", "a")]


def test_a_table_that_has_drifted_costs_what_any_table_costs(lab: Lab) -> None:
    """No statement more, once the change is recorded; whatever the policy."""
    table = make(lab, "cheap", "a text, b text, n int", type_change="new_column")
    frozen = make(lab, "cheap_frozen", "a text", schema_drift="freeze")
    lab.apply(
        {
            table: {**CURSOR, "type_change": "new_column"},
            frozen: {**CURSOR, "schema_drift": "freeze"},
        }
    )
    insert(lab, table, id=1, a="a", b="b")
    insert(lab, frozen, id=1, a="a")
    for name in (table, frozen):
        lab.sync(name)
    lab.psql(
        f"ALTER TABLE {table} DROP b, ALTER n TYPE text;"
        f"ALTER TABLE {table} RENAME a TO c"
    )
    lab.psql(f"ALTER TABLE {frozen} ADD b text; ALTER TABLE {frozen} RENAME a TO c")
    for name in (table, frozen):
        lab.sync(name)
        before = len(lab.statements())
        lab.sync(name)
        assert len(lab.statements()) - before <= 8
        update(lab, name, 1)
        before = len(lab.statements())
        assert lab.sync(name)["rows_updated"] == 1
        sent = [" ".join(s["text"].split()) for s in lab.statements()[before:]]
        assert len(sent) <= 16, sent
        assert not [text for text in sent if text.startswith("ALTER")]
