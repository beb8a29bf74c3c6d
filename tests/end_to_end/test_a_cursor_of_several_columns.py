"""A cursor of several columns: the greatest that is not NULL, everywhere."""

import datetime as dt
import json

import pytest

from tests.end_to_end.lab import Lab

pytestmark = pytest.mark.large

BOTH = ["modified_at", "created_at"]


def documents(lab: Lab, key: str = "PRIMARY KEY") -> str:
    """A table whose rows are created with one time and modified with the other."""
    table = lab.name("documents")
    lab.psql(f"""
        CREATE TABLE {table} (
            id int {key},
            note text,
            modified_at timestamptz,
            created_at timestamptz DEFAULT now()
        );
        CREATE INDEX ON {table} (GREATEST(modified_at, created_at));
        INSERT INTO {table} SELECT i, 'old', NULL, '2026-01-01'::timestamptz
            + i * interval '1 day' FROM generate_series(1, 20) AS i
        """)
    return table


def test_rows_that_were_created_and_rows_that_were_modified_arrive(lab: Lab) -> None:
    table = documents(lab)
    lab.apply({table: {"cursor": BOTH, "chunk_rows": 7}})
    lab.sync(table)
    lab.assert_equal(table)
    plan = lab.call("PLAN_SYNC", table)
    assert "GREATEST(modified_at, created_at) after 2026-01-21" in plan["summary"]
    assert lab.sync(table)["rows_inserted"] == 0
    lab.psql(f"UPDATE {table} SET note = 'm', modified_at = now() WHERE id % 4 = 0")
    lab.psql(f"INSERT INTO {table} SELECT i, 'n' FROM generate_series(21, 40) AS i")
    # Its creation is the greater value; and a row that has no cursor at all.
    lab.psql(f"INSERT INTO {table} VALUES (41, 'o', '2020-01-01'), (42, 'p', NULL)")
    lab.psql(f"UPDATE {table} SET created_at = NULL WHERE id = 42")
    report = lab.sync(table)
    assert (report["rows_inserted"], report["rows_updated"]) == (22, 5)
    assert report["null_cursor_rows"] == 1 and not report.get("warnings")
    lab.assert_equal(table)


def test_a_range_of_the_greatest_is_read_again(lab: Lab) -> None:
    table = documents(lab)
    lab.apply({table: {"cursor": BOTH, "chunk_rows": 7}})
    lab.psql(f"UPDATE {table} SET modified_at = '2026-02-01' WHERE id = 20")
    lab.sync(table)
    lab.psql(f"UPDATE {table} SET note = 'again'")
    lab.query(f"CALL BACKFILL_TABLE('{table}', '2026-01-06', '2026-01-31')")
    rows = lab.query(f"SELECT id FROM lab.{table} WHERE note = 'again' ORDER BY id")
    # Of the last row the greatest value lies beyond the range.
    assert [row["ID"] for row in rows] == list(range(5, 20))
    (answer,) = lab.query(f"CALL VALIDATE_TABLE('{table}', TRUE)")
    found = json.loads(next(iter(answer.values())))
    assert found["compared_up_to"].startswith("2026-02-01")
    assert (found["status"], found["repaired"]) == ("repaired", 5)
    lab.assert_equal(table)


def test_of_two_rows_with_one_key_the_one_with_the_greatest_value_stays(
    lab: Lab,
) -> None:
    """In PostgreSQL GREATEST ignores NULL, in Snowflake it is NULL then."""
    table = documents(lab, key="NOT NULL")
    settings = {"cursor": BOTH, "key": ["id"], "duplicate_keys": "warn"}
    lab.apply({table: settings})
    lab.sync(table)
    lab.psql(f"DELETE FROM {table}")
    first, second = dt.date(2030, 1, 1), dt.date(2030, 1, 2)
    lab.psql(
        f"INSERT INTO {table} VALUES (1, 'older', %s, '2020-01-01'),"
        " (1, 'newer', NULL, %s), (2, 'newer', %s, NULL),"
        " (2, 'older', '2020-01-01', %s)",
        *(first, second, second, first),
    )
    lab.sync(table)
    rows = lab.query(f"SELECT note FROM lab.{table} WHERE id IN (1, 2)")
    assert [row["NOTE"] for row in rows] == ["newer", "newer"]


def test_a_late_commit_of_either_column_still_arrives(lab: Lab) -> None:
    table = documents(lab)
    lab.apply({table: {"cursor": BOTH}})
    lab.sync(table)
    lab.source.autocommit = False
    try:
        lab.psql(f"UPDATE {table} SET modified_at = now(), note = 'l' WHERE id = 1")
        lab.psql(f"INSERT INTO {table} VALUES (50, 'l')")
        with lab.stack.aurora.connect("shop") as other, other.cursor() as cursor:
            cursor.execute(f"INSERT INTO {table} VALUES (51, 'in between')")
        assert lab.sync(table)["rows_inserted"] == 1
        lab.source.commit()
    finally:
        lab.source.rollback()
        lab.source.autocommit = True
    assert lab.sync(table)["rows_inserted"] == 1
    lab.assert_equal(table)


def test_a_column_that_is_dropped_is_named_and_another_cursor_reloads(lab: Lab) -> None:
    table = documents(lab)
    lab.apply({table: {"cursor": BOTH}})
    lab.sync(table)
    lab.psql(f"ALTER TABLE {table} DROP modified_at")
    told = lab.fail("SYNC_TABLE", table)
    assert "[cursor_not_found]" in told and "'modified_at'" in told
    lab.apply({table: {"cursor": ["created_at"]}})
    assert "[origin_changed]" in lab.fail("SYNC_TABLE", table)
    lab.call("RESYNC_TABLE", table)
    before = lab.watermark(table)
    # One column in brackets is the column itself.
    lab.apply({table: {"cursor": "created_at"}})
    assert lab.sync(table)["rows_inserted"] == 0 and lab.watermark(table) == before
