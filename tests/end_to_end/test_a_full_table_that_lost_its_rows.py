"""A full table that lost rows says so, and one that lost most of them is left alone."""

from typing import Any

import pytest

from tests.end_to_end.lab import Lab


def full(lab: Lab, **settings: Any) -> str:
    """Creates and syncs a full table of ten rows."""
    table = lab.name("whole")
    lab.orders_table(table, 10)
    lab.apply({table: {"mode": "full", **settings}})
    lab.sync(table)
    return table


@pytest.mark.large
def test_lost_rows_are_reported(lab: Lab) -> None:
    table = full(lab)
    lab.psql(f"DELETE FROM {table} WHERE id <= 3")
    report = lab.sync(table)
    assert (report["status"], report["rows_deleted"]) == ("succeeded", 3)
    assert "3 fewer than before" in report["summary"]
    lab.assert_equal(table)


def test_an_emptied_table_waits_for_a_person(lab: Lab) -> None:
    table = full(lab)
    lab.psql(f"TRUNCATE {table}")
    error = lab.fail("SYNC_TABLE", table)
    assert "[too_many_deletes]" in error
    assert "0 rows, the target 10" in error
    assert len(lab.query(f"SELECT id FROM lab.{table}")) == 10
    report = lab.call("CONFIRM_DELETES", table)
    assert (report["status"], report["rows_deleted"]) == ("succeeded", 10)
    assert lab.query(f"SELECT id FROM lab.{table}") == []


@pytest.mark.large
def test_after_a_refusal_the_source_is_read_anew(lab: Lab) -> None:
    table = full(lab)
    lab.psql(f"CREATE TABLE {table}_kept AS SELECT * FROM {table}")
    lab.psql(f"DELETE FROM {table} WHERE id > 2")
    lab.fail("SYNC_TABLE", table)
    lab.psql(f"INSERT INTO {table} SELECT * FROM {table}_kept WHERE id > 2")
    lab.sync(table)
    lab.assert_equal(table)


@pytest.mark.large
def test_the_share_is_configured(lab: Lab) -> None:
    table = full(lab, max_delete_percent=100)
    lab.psql(f"TRUNCATE {table}")
    assert lab.sync(table)["rows_deleted"] == 10
