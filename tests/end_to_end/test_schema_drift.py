"""The source's columns change: rows of the target before and after, case by case."""

from typing import Any

import pytest

from tests.end_to_end.drifting import CURSOR, changes, insert, make, rows
from tests.end_to_end.drifting import target_columns, update
from tests.end_to_end.lab import Lab

# --- added ----------------------------------------------------------------------------


def test_an_added_column_appears_even_where_no_row_has_changed(lab: Lab) -> None:
    table = make(lab, "added")
    insert(lab, table, id=1, a="one")
    lab.sync(table)
    lab.psql(f"ALTER TABLE {table} ADD b int")
    report = lab.sync(table)
    assert target_columns(lab, table)["B"] == "NUMBER(10,0)"
    assert report["schema_changes"] == ["b added (NUMBER(10,0))"]
    insert(lab, table, id=2, a="two", b=2)
    lab.sync(table)
    lab.sync(table)
    assert rows(lab, table, "ID", "A", "B") == [(1, "one", None), (2, "two", 2)]
    assert changes(lab, table) == [("added", "b")]
    status = lab.last_run(table)
    assert status["SCHEMA_CHANGES"] == 1
    assert status["LAST_SCHEMA_CHANGE"] == "b added"


@pytest.mark.large
def test_a_default_fills_old_rows_of_the_source_and_only_a_backfill_brings_them(
    lab: Lab,
) -> None:
    """PostgreSQL shows the default in old rows without touching their updated_at."""
    plain = make(lab, "default")
    filled = lab.name("backfilled")
    lab.psql(f"CREATE TABLE {filled} (LIKE {plain} INCLUDING ALL)")
    lab.apply(
        {plain: CURSOR, filled: {**CURSOR, "backfill_new_columns": True}},
    )
    for table in (plain, filled):
        insert(lab, table, id=1, a="one")
        insert(lab, table, id=2, a="two")
        lab.sync(table)
        lab.psql(
            f"ALTER TABLE {table} ADD b int DEFAULT 7, ADD c float DEFAULT random()"
        )
        update(lab, table, 2)
    assert lab.sync(plain)["rows_extracted"] == 1
    assert rows(lab, plain, "ID", "B") == [(1, None), (2, 7)]
    report = lab.sync(filled)
    assert report["kind"] == "snapshot"
    lab.assert_equal(filled)
    assert rows(lab, filled, "ID", "B") == [(1, 7), (2, 7)]
    assert changes(lab, filled) == [("added", "b"), ("added", "c")]
    assert lab.sync(filled)["status"] == "unchanged"


# --- dropped, and back again ----------------------------------------------------------


@pytest.mark.large
def test_a_dropped_column_stays_is_null_from_then_on_and_is_recorded_once(
    lab: Lab,
) -> None:
    table = make(lab, "dropped", "a text, b text")
    for id_ in (1, 2):
        insert(lab, table, id=id_, a="a", b="b")
    lab.sync(table)
    lab.psql(f"ALTER TABLE {table} DROP b")
    update(lab, table, 2, a="changed")
    insert(lab, table, id=3, a="new")
    lab.sync(table)
    lab.psql(f"ALTER TABLE {table} ADD c text")
    lab.sync(table)
    lab.call("RESYNC_TABLE", table)
    assert changes(lab, table) == [("dropped", "b"), ("added", "c")]
    # The reload has replaced every row; a column of the target is never taken away.
    assert rows(lab, table, "A", "B") == [("a", None), ("changed", None), ("new", None)]


def test_only_rows_written_since_lose_the_values_of_a_dropped_column(lab: Lab) -> None:
    table = make(lab, "loses", "a text, b text")
    for id_ in (1, 2):
        insert(lab, table, id=id_, a="a", b="b")
    lab.sync(table)
    lab.psql(f"ALTER TABLE {table} DROP b")
    lab.sync(table)
    assert rows(lab, table, "A", "B") == [("a", "b"), ("a", "b")]
    update(lab, table, 2, a="changed")
    lab.sync(table)
    assert rows(lab, table, "A", "B") == [("a", "b"), ("changed", None)]
    assert changes(lab, table) == [("dropped", "b")]


@pytest.mark.large
@pytest.mark.parametrize("noticed", [True, False])
def test_a_column_that_returns_does_not_get_the_values_of_the_old_one(
    lab: Lab, noticed: bool
) -> None:
    """Whether or not a sync came between the drop and the return."""
    table = make(lab, "returns", "a text, b text")
    for id_ in (1, 2):
        insert(lab, table, id=id_, a="a", b="old")
    lab.sync(table)
    lab.psql(f"ALTER TABLE {table} DROP b")
    if noticed:
        lab.sync(table)
    lab.psql(f"ALTER TABLE {table} ADD b text")
    update(lab, table, 2, b="new")
    lab.sync(table)
    lab.assert_equal(table)
    assert rows(lab, table, "B", "B__OLD_3") == [(None, "old"), ("new", None)]
    assert {change for change, _ in changes(lab, table)} == {
        "dropped",
        "moved",
        "returned" if noticed else "added",
    }


@pytest.mark.large
def test_an_excluded_column_is_one_that_is_gone_until_it_is_included_again(
    lab: Lab,
) -> None:
    table = make(lab, "excluded", "a text, b text")
    for id_ in (1, 2):
        insert(lab, table, id=id_, a="a", b="b")
    lab.sync(table)
    lab.apply({table: {**CURSOR, "exclude": ["b"]}})
    update(lab, table, 2)
    lab.sync(table)
    assert rows(lab, table, "B") == [("b",), (None,)]
    lab.apply({table: {**CURSOR, "backfill_new_columns": True}})
    lab.sync(table)
    lab.assert_equal(table)
    assert changes(lab, table) == [("excluded", "b"), ("returned", "b")]


# --- renamed --------------------------------------------------------------------------


def test_a_renamed_column_keeps_its_values(lab: Lab) -> None:
    table = make(lab, "renamed", "a text, b text")
    for id_ in (1, 2):
        insert(lab, table, id=id_, a="a", b="b")
    lab.sync(table)
    lab.psql(f"ALTER TABLE {table} RENAME b TO c")
    update(lab, table, 2, c="C")
    report = lab.sync(table)
    lab.assert_equal(table)
    assert list(target_columns(lab, table)) == ["ID", "A", "C", "UPDATED_AT"]
    assert report["schema_changes"] == ["c renamed from b"]


@pytest.mark.large
def test_the_configuration_renames_a_column_without_a_reload(lab: Lab) -> None:
    table = make(lab, "configured")
    for id_ in (1, 2):
        insert(lab, table, id=id_, a="a")
    lab.sync(table)
    lab.apply({table: {**CURSOR, "columns": {"a": {"rename": "remark"}}}})
    update(lab, table, 2, a="A")
    assert lab.sync(table)["kind"] == "increment"
    assert rows(lab, table, "ID", "REMARK") == [(1, "a"), (2, "A")]
    assert changes(lab, table) == [("renamed", "a")]


@pytest.mark.large
def test_columns_exchange_names_rotate_and_take_the_names_of_others(lab: Lab) -> None:
    table = make(lab, "exchanged", "a text, b text, c text, d text")
    values = {"a": "1", "b": "2", "c": "3", "d": "4"}
    insert(lab, table, id=1, **values)
    lab.sync(table)
    lab.psql(
        f"ALTER TABLE {table} RENAME a TO x; ALTER TABLE {table} RENAME b TO a;"
        f"ALTER TABLE {table} RENAME x TO b"
    )
    lab.sync(table)
    lab.assert_equal(table)
    assert rows(lab, table, "A", "B", "C", "D") == [("2", "1", "3", "4")]
    # A chain, a drop, a column that takes the name of a renamed one: all at once.
    lab.psql(
        f"ALTER TABLE {table} DROP d; ALTER TABLE {table} RENAME c TO d;"
        f"ALTER TABLE {table} RENAME b TO c; ALTER TABLE {table} RENAME a TO b;"
        f"ALTER TABLE {table} ADD a text"
    )
    lab.sync(table)
    lab.assert_equal(table)
    assert rows(lab, table, "A", "B", "C", "D") == [(None, "2", "1", "3")]
    assert not [c for c in target_columns(lab, table) if c.startswith("_")]


@pytest.mark.large
def test_a_key_and_a_frozen_column_may_be_renamed(lab: Lab) -> None:
    table = make(lab, "renamed_key", deletes="key_compare", delete_check_minutes=0)
    frozen = make(lab, "frozen", schema_drift="freeze")
    both: dict[str, dict[str, Any]] = {
        table: {**CURSOR, "deletes": "key_compare", "delete_check_minutes": 0},
        frozen: {**CURSOR, "schema_drift": "freeze"},
    }
    lab.apply(both)
    for name in both:
        for id_ in range(1, 12):
            insert(lab, name, id=id_, a="a")
        lab.sync(name)
    lab.psql(f"ALTER TABLE {table} RENAME id TO number")
    lab.psql(f"DELETE FROM {table} WHERE number = 2")
    assert lab.sync(table)["rows_deleted"] == 1
    assert "NUMBER" in target_columns(lab, table)

    lab.psql(f"ALTER TABLE {frozen} RENAME a TO b; ALTER TABLE {frozen} ADD a text")
    update(lab, frozen, 1, a="new", b="changed")
    lab.sync(frozen)
    lab.sync(frozen)
    assert list(target_columns(lab, frozen)) == ["ID", "A", "UPDATED_AT"]
    assert rows(lab, frozen, "A")[:2] == [("changed",), ("a",)]
    assert changes(lab, frozen) == [("renamed", "b"), ("ignored", "a")]
    both[frozen] = {**CURSOR, "backfill_new_columns": True}
    lab.apply(both)
    lab.sync(frozen)
    lab.assert_equal(frozen)


@pytest.mark.large
def test_a_table_that_was_made_anew_is_matched_by_name(lab: Lab) -> None:
    """A restored table numbers its columns without the gaps of dropped ones."""
    table = make(lab, "restored", "gap text, a text, b text")
    lab.psql(f"ALTER TABLE {table} DROP gap")
    insert(lab, table, id=1, a="a", b="b")
    lab.sync(table)
    lab.psql(
        f"CREATE TABLE {table}_new (LIKE {table} INCLUDING ALL);"
        f"INSERT INTO {table}_new SELECT * FROM {table}; DROP TABLE {table};"
        f"ALTER TABLE {table}_new RENAME TO {table}"
    )
    insert(lab, table, id=2, a="a", b="b")
    lab.sync(table)
    lab.assert_equal(table)
    assert changes(lab, table) == [("source_changed", table)]


# --- types ----------------------------------------------------------------------------


@pytest.mark.large
def test_wider_types_widen_the_target_and_narrower_ones_leave_it(lab: Lab) -> None:
    table = make(lab, "wider", "n int, v varchar(5), m numeric(6,2), w bigint")
    insert(lab, table, id=1, n=1, v="v", m="1.25", w=1)
    lab.sync(table)
    lab.psql(
        f"ALTER TABLE {table} ALTER n TYPE bigint, ALTER v TYPE text,"
        " ALTER m TYPE numeric(12,2), ALTER w TYPE smallint, ALTER v SET NOT NULL"
    )
    insert(lab, table, id=2, n=2**40, v="longer than five", m="1234567890.12", w=2)
    lab.sync(table)
    lab.assert_equal(table)
    types = target_columns(lab, table)
    assert [types[c] for c in "NVMW"] == [
        "NUMBER(19,0)",
        "VARCHAR(134217728)",
        "NUMBER(12,2)",
        "NUMBER(19,0)",
    ]
    assert changes(lab, table) == [
        ("widened", "n"),
        ("widened", "v"),
        ("widened", "m"),
        ("narrowed", "w"),
    ]


def test_a_type_snowflake_cannot_follow_fails_until_a_person_reloads(lab: Lab) -> None:
    table = make(lab, "typed", "n int")
    for id_ in (1, 2):
        insert(lab, table, id=id_, n=id_)
    lab.sync(table)
    lab.psql(f"ALTER TABLE {table} ALTER n TYPE text")
    update(lab, table, 2, n="two")
    before = lab.watermark(table)
    for _ in range(2):
        message = lab.fail("SYNC_TABLE", table)
        assert "[type_changed]" in message and '"n"' in message
        assert "RESYNC_TABLE" in message
    assert lab.watermark(table) == before
    assert rows(lab, table, "N") == [(1,), (2,)]
    assert "type_changed" in lab.call("PLAN_SYNC", table)["schema_changes"][0]
    lab.call("RESYNC_TABLE", table)
    lab.assert_equal(table)
    assert changes(lab, table) == [("type_changed", "n")]
    insert(lab, table, id=3, n="three")
    lab.sync(table)
    lab.assert_equal(table)


@pytest.mark.large
def test_a_changed_type_may_get_a_column_of_its_own(lab: Lab) -> None:
    table = make(lab, "new_column", "n int, big numeric(5,1)", type_change="new_column")
    for id_ in (1, 2):
        insert(lab, table, id=id_, n=id_, big="1.5")
    lab.sync(table)
    lab.psql(f"ALTER TABLE {table} ALTER n TYPE text, ALTER big TYPE numeric")
    update(lab, table, 2, n="two")
    lab.sync(table)
    lab.sync(table)
    assert rows(lab, table, "N", "N__VARCHAR") == [(1, None), (None, "two")]
    assert rows(lab, table, "BIG", "BIG__DECFLOAT")[0][0] is not None
    lab.psql(f"ALTER TABLE {table} ALTER n TYPE int USING length(n)")
    lab.psql(f"ALTER TABLE {table} ALTER big TYPE numeric(5,1)")
    update(lab, table, 1)
    lab.sync(table)
    assert rows(lab, table, "N", "N__VARCHAR", "N__VARCHAR__NUMBER") == [
        (None, None, 1),
        (None, "two", None),
    ]
    assert [c for c, _ in changes(lab, table)] == ["type_changed"] * 3 + ["narrowed"]


# --- policies -------------------------------------------------------------------------


@pytest.mark.large
def test_the_policy_fail_wants_the_target_to_fit_and_accepts_it_by_hand(
    lab: Lab,
) -> None:
    table = make(lab, "strict", "a text, b text", schema_drift="fail")
    insert(lab, table, id=1, a="a", b="b")
    lab.sync(table)
    lab.psql(f"ALTER TABLE {table} ADD c text")
    assert "[schema_drift]" in lab.fail("SYNC_TABLE", table)
    lab.query(f"ALTER TABLE lab.{table} ADD COLUMN c VARCHAR")
    update(lab, table, 1, c="c")
    assert "[schema_drift]" in lab.fail("SYNC_TABLE", table)  # VARCHAR is too narrow.
    lab.query(f"ALTER TABLE lab.{table} ALTER c SET DATA TYPE VARCHAR(134217728)")
    lab.sync(table)
    lab.psql(f"ALTER TABLE {table} RENAME b TO d")
    assert "[schema_drift]" in lab.fail("SYNC_TABLE", table)
    lab.query(f"ALTER TABLE lab.{table} RENAME COLUMN b TO d")
    lab.sync(table)
    lab.psql(f"ALTER TABLE {table} DROP d")
    assert "[schema_drift]" in lab.fail("SYNC_TABLE", table)
    lab.query(f"ALTER TABLE lab.{table} DROP COLUMN d")
    lab.sync(table)
    lab.assert_equal(table)
    assert [c for c, _ in changes(lab, table)] == ["added", "renamed", "dropped"]


@pytest.mark.large
def test_another_key_needs_a_reload(lab: Lab) -> None:
    table = make(lab, "key", "a int NOT NULL")
    for id_ in (1, 2):
        insert(lab, table, id=id_, a=id_ * 10)
    lab.sync(table)
    lab.psql(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey, ADD PRIMARY KEY (a)")
    update(lab, table, 1)
    message = lab.fail("SYNC_TABLE", table)
    assert "[key_changed]" in message and '"id"' in message and "RESYNC" in message
    lab.call("RESYNC_TABLE", table)
    lab.psql(f"UPDATE {table} SET id = 7, updated_at = now() WHERE a = 20")
    lab.sync(table)
    lab.assert_equal(table)
    lab.psql(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey")
    assert "[no_primary_key]" in lab.fail("SYNC_TABLE", table)
