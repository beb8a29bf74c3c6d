"""Rows that are gone from the source: by a column, by comparing keys, soft and hard."""

from typing import Any

import pytest

from tests.end_to_end.faults import Switchboard
from tests.end_to_end.lab import Lab


def alive(lab: Lab, table: str) -> list[int]:
    """Returns the keys of target rows that are not flagged as deleted."""
    rows = lab.query(
        f"SELECT id FROM lab.{table} WHERE _sync_deleted_at IS NULL ORDER BY id"
    )
    return [row["ID"] for row in rows]


def compared(lab: Lab, action: str, **settings: Any) -> str:
    """Creates and syncs a table of ten rows whose keys are compared each time."""
    table = lab.name("compared")
    lab.orders_table(table, 10)
    apply(lab, table, action, **settings)
    lab.sync(table)
    return table


def apply(lab: Lab, table: str, action: str, **settings: Any) -> None:
    lab.apply(
        {
            table: {
                "cursor": "updated_at",
                "deletes": "key_compare",
                "delete_action": action,
                "delete_check_minutes": 0,
                "max_delete_percent": 30,
                **settings,
            }
        }
    )


def test_gone_rows_are_removed(lab: Lab) -> None:
    table = compared(lab, "hard")
    lab.psql(f"DELETE FROM {table} WHERE id IN (3, 7)")
    assert lab.sync(table)["rows_deleted"] == 2
    lab.assert_equal(table)
    assert lab.sync(table)["rows_deleted"] == 0


def test_gone_rows_are_flagged_and_come_back_alive(lab: Lab) -> None:
    table = compared(lab, "soft")
    lab.psql(f"DELETE FROM {table} WHERE id IN (3, 7)")
    assert lab.sync(table)["rows_deleted"] == 2
    assert alive(lab, table) == [1, 2, 4, 5, 6, 8, 9, 10]
    (first,) = lab.query(f"SELECT _sync_deleted_at AS at FROM lab.{table} WHERE id = 3")
    lab.sync(table)
    (second,) = lab.query(
        f"SELECT _sync_deleted_at AS at FROM lab.{table} WHERE id = 3"
    )
    assert first == second
    lab.psql(f"INSERT INTO {table} (id, note) VALUES (3, 'again')")
    lab.sync(table)
    assert alive(lab, table) == [1, 2, 3, 4, 5, 6, 8, 9, 10]


@pytest.mark.large
def test_a_row_that_comes_back_with_an_old_cursor_is_alive_again(lab: Lab) -> None:
    table = compared(lab, "soft")
    lab.psql(f"CREATE TABLE {table}_kept AS SELECT * FROM {table} WHERE id = 5")
    lab.psql(f"DELETE FROM {table} WHERE id = 5")
    lab.sync(table)
    assert 5 not in alive(lab, table)
    lab.psql(f"INSERT INTO {table} SELECT * FROM {table}_kept")
    lab.sync(table)
    assert 5 in alive(lab, table)


@pytest.mark.parametrize("action", ["soft", "hard"])
def test_too_many_deletes_stop_until_a_person_confirms(lab: Lab, action: str) -> None:
    table = compared(lab, action)
    lab.psql(f"DELETE FROM {table} WHERE id <= 4")
    lab.psql(f"INSERT INTO {table} (id, note) VALUES (11, 'new')")
    error = lab.fail("SYNC_TABLE", table)
    assert "[too_many_deletes]" in error
    assert "4 of 11 rows" in error
    assert "CONFIRM_DELETES" in error
    rows = lab.query(f"SELECT id FROM lab.{table}")
    assert len(rows) == 11, "the increment is kept, nothing is deleted"
    assert lab.last_run(table)["LAST_ERROR_CODE"] == "too_many_deletes"
    assert lab.call("CONFIRM_DELETES", table)["rows_deleted"] == 4
    if action == "soft":
        assert alive(lab, table) == [5, 6, 7, 8, 9, 10, 11]
    else:
        lab.assert_equal(table)


@pytest.mark.large
def test_an_emptied_source_does_not_empty_the_target(lab: Lab) -> None:
    table = compared(lab, "hard")
    lab.psql(f"TRUNCATE {table}")
    assert "[too_many_deletes]" in lab.fail("SYNC_TABLE", table)
    assert len(lab.query(f"SELECT id FROM lab.{table}")) == 10


@pytest.mark.large
def test_an_empty_target_has_nothing_to_delete(lab: Lab) -> None:
    """Counting over no rows gave NULL instead of 0, and the sync failed."""
    table = lab.name("none")
    lab.orders_table(table, 0)
    apply(lab, table, "hard")
    lab.sync(table)
    assert lab.sync(table)["status"] == "unchanged"


@pytest.mark.large
def test_keys_are_compared_on_their_own_schedule(lab: Lab) -> None:
    table = compared(lab, "hard", delete_check_minutes=60)
    lab.psql(f"DELETE FROM {table} WHERE id = 1")
    assert lab.sync(table)["rows_deleted"] == 1
    lab.psql(f"DELETE FROM {table} WHERE id = 2")
    assert lab.sync(table)["rows_deleted"] == 0


@pytest.mark.large
def test_a_composite_key_with_text(lab: Lab) -> None:
    table = lab.name("composite")
    lab.psql(
        f"CREATE TABLE {table} (region text, id uuid DEFAULT gen_random_uuid(),"
        " updated_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (region, id))"
    )
    lab.psql(f"CREATE INDEX ON {table} (updated_at)")
    lab.psql(
        f"INSERT INTO {table} (region) SELECT 'r''\"' || i % 3"
        " FROM generate_series(1, 50) AS i"
    )
    apply(lab, table, "hard", max_delete_percent=100)
    lab.sync(table)
    lab.psql(f"DELETE FROM {table} WHERE region LIKE '%1'")
    lab.sync(table)
    lab.assert_equal(table)


@pytest.mark.large
def test_a_comparison_that_is_killed_deletes_nothing(
    lab: Lab, faults: Switchboard
) -> None:
    table = compared(lab, "hard")
    lab.psql(f"DELETE FROM {table} WHERE id = 3")
    faults.snowflake({"match": "^MERGE", "action": "kill_procedure", "when": "after"})
    lab.fail("SYNC_TABLE", table)
    faults.clear()
    assert len(lab.query(f"SELECT id FROM lab.{table}")) == 10
    lab.expire_lease(table)
    lab.sync(table)
    lab.assert_equal(table)


@pytest.mark.large
@pytest.mark.parametrize(
    ("column", "deleted", "back"),
    [("boolean", "true", "false"), ("timestamptz", "now()", "NULL")],
)
@pytest.mark.parametrize("action", ["soft", "hard"])
def test_a_column_of_the_source_says_that_a_row_is_deleted(
    lab: Lab, column: str, deleted: str, back: str, action: str
) -> None:
    table = lab.name("flagged")
    lab.orders_table(table, 6)
    lab.psql(f"ALTER TABLE {table} ADD COLUMN gone {column}")
    lab.psql(f"UPDATE {table} SET gone = {deleted} WHERE id = 6")
    lab.apply(
        {
            table: {
                "cursor": "updated_at",
                "deletes": "soft_column",
                "delete_column": "gone",
                "delete_action": action,
            }
        }
    )

    def keys() -> list[int]:
        if action == "soft":
            return alive(lab, table)
        rows = lab.query(f"SELECT id FROM lab.{table} ORDER BY id")
        return [row["ID"] for row in rows]

    lab.sync(table)
    assert keys() == [1, 2, 3, 4, 5]
    lab.psql(f"UPDATE {table} SET gone = {deleted}, updated_at = now() WHERE id < 3")
    lab.psql(f"INSERT INTO {table} (id, note, gone) VALUES (7, 'dead', {deleted})")
    lab.sync(table)
    assert keys() == [3, 4, 5]
    lab.psql(f"UPDATE {table} SET gone = {back}, updated_at = now() WHERE id IN (1, 7)")
    lab.sync(table)
    assert keys() == [1, 3, 4, 5, 7]


@pytest.mark.large
@pytest.mark.parametrize("action", ["soft", "hard"])
def test_a_restored_row_with_an_old_cursor_brings_its_values(
    lab: Lab, action: str
) -> None:
    table = compared(lab, action)
    lab.psql(f"CREATE TABLE {table}_kept AS SELECT * FROM {table} WHERE id = 5")
    lab.psql(f"DELETE FROM {table} WHERE id = 5")
    lab.sync(table)
    lab.psql(f"UPDATE {table}_kept SET note = 'restored'")
    lab.psql(f"INSERT INTO {table} SELECT * FROM {table}_kept")
    report = lab.sync(table)
    (row,) = lab.query(f"SELECT note FROM lab.{table} WHERE id = 5")
    assert row["NOTE"] == "restored"
    assert report["status"] == "succeeded"
    assert report["rows_extracted"] == 1
    assert lab.sync(table)["status"] == "unchanged"


@pytest.mark.large
@pytest.mark.parametrize("action", ["soft", "hard"])
def test_rows_imported_with_old_cursors_arrive(lab: Lab, action: str) -> None:
    table = compared(lab, action)
    lab.psql(
        f"INSERT INTO {table} (id, note, updated_at) SELECT i, 'imported',"
        " '2001-01-01' FROM generate_series(101, 110) AS i"
    )
    report = lab.sync(table)
    assert (report["rows_inserted"], report["rows_deleted"]) == (10, 0)
    assert len(lab.query(f"SELECT id FROM lab.{table}")) == 20
    assert "10 rows" in report["summary"]
