"""BACKFILL_TABLE: rows that the cursor does not show, and no others."""

import json

import pytest

from tests.end_to_end.faults import Switchboard
from tests.end_to_end.lab import TARGET_SCHEMA, Lab


def backfill(lab: Lab, table: str, lower: str | None, upper: str | None) -> dict:
    (row,) = lab.query("CALL BACKFILL_TABLE(%s, %s, %s)", table, lower, upper)
    return json.loads(row["BACKFILL_TABLE"])


def silently_changed(lab: Lab) -> str:
    """A synced table whose rows changed behind the cursor's back."""
    table = lab.name("orders")
    lab.orders_table(table, 30)
    lab.psql(f"UPDATE {table} SET updated_at = '2026-01-01'::date + id::int")
    lab.apply({table: {"cursor": "updated_at"}})
    lab.sync(table)
    lab.psql(f"UPDATE {table} SET note = 'restored'")
    return table


def test_exactly_the_range_is_read_and_the_watermark_stays(lab: Lab) -> None:
    table = silently_changed(lab)
    before = lab.watermark(table)
    report = backfill(lab, table, "2026-01-11", "2026-01-21")
    assert (report["rows_extracted"], report["rows_updated"]) == (10, 10)
    assert report["kind"] == "backfill"
    restored = lab.query(
        f"SELECT MIN(id) AS a, MAX(id) AS b FROM {TARGET_SCHEMA}.{table}"
        " WHERE note = 'restored'"
    )
    assert [tuple(map(int, row.values())) for row in restored] == [(10, 19)]
    assert lab.watermark(table) == before
    backfill(lab, table, None, "2026-01-11")
    backfill(lab, table, "2026-01-21", None)
    lab.assert_equal(table)
    assert backfill(lab, table, "2030-01-01", None)["status"] == "unchanged"
    assert lab.sync(table)["rows_extracted"] == 0


def test_wrong_ranges_are_told_and_nothing_is_changed(lab: Lab) -> None:
    table = silently_changed(lab)
    full = lab.name("full")
    lab.orders_table(full, 1)
    lab.apply({table: {"cursor": "updated_at"}, full: {"mode": "full"}})
    wrong = {
        (table, None, None): "invalid_argument",
        (table, "", None): "invalid_argument",
        (table, "not a date", None): "bad_request",
        (table, "1') OR true --", None): "bad_request",
        (full, "2026-01-01", None): "nothing_to_backfill",
        ("no_such_table", "2026-01-01", None): "unknown_table",
    }
    for arguments, code in wrong.items():
        text = lab.fail_with("BACKFILL_TABLE", *arguments)
        assert code in text, text
    assert lab.lease_owner(table) is None
    lab.psql(f"ALTER TABLE {table} ADD COLUMN more text")
    text = lab.fail_with("BACKFILL_TABLE", table, "2026-01-01", None)
    assert "columns_changed" in text
    assert lab.last_run(table)["FRESHNESS_MINUTES"] == 0


@pytest.mark.large
def test_a_long_range_is_read_part_by_part(lab: Lab, faults: Switchboard) -> None:
    """Parts that were committed before an error stay; the call is simply repeated."""
    table = lab.name("orders")
    lab.orders_table(table, 6000)
    lab.psql(f"ANALYZE {table}")
    lab.apply({table: {"cursor": "updated_at", "chunk_rows": 1000}})
    lab.sync(table)
    lab.psql(f"UPDATE {table} SET note = 'restored' WHERE id BETWEEN 501 AND 5500")
    (row,) = lab.psql(
        f"SELECT min(updated_at)::text, max(updated_at)::text FROM {table}"
        " WHERE note = 'restored'"
    )
    lower, last = row
    faults.snowflake({"match": "^MERGE", "nth": 3, "action": "error"})
    assert "warehouse_error" in lab.fail_with("BACKFILL_TABLE", table, lower, last)
    faults.clear()
    restored = f"{TARGET_SCHEMA}.{table} WHERE note = 'restored'"
    (partly,) = lab.query(f"SELECT COUNT(*) AS n FROM {restored}")
    assert 0 < partly["N"] < 5000
    report = backfill(lab, table, lower, None)
    assert report["windows"] >= 4
    assert report["rows_extracted"] == 5500
    lab.assert_equal(table)
    assert not lab.query(f"SHOW TABLES LIKE '{table}%' IN SCHEMA staging")
