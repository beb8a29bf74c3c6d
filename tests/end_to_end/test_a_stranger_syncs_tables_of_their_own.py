"""Only psql, the connector and worksheet calls, between changes of every kind."""

import json

import pytest

from tests.end_to_end.lab import Lab

NASTY = [
    None,
    "",
    " ",
    '"',
    '""',
    "'",
    "\\",
    "\\N",
    "\\.",
    "\n",
    "\r",
    "\r\n",
    "a\nb\r\nc\rd",
    ",",
    ';"a","b"',
    "NULL",
    "null",
    "🦊 émoji 李",
    "trailing backslash\\",
    "tab\there",
    "\x01\x1f\x7f",
    "\u200b\ufeff\u2028",
    "x" * 1_000_000,
    'q"\n\\,' * 200_000,
]


@pytest.mark.large
def test_text_arrives_byte_for_byte_again_and_again(lab: Lab) -> None:
    table = lab.name("texts")
    lab.psql(
        f"CREATE TABLE {table} (id int PRIMARY KEY, a text, b varchar,"
        " updated_at timestamptz NOT NULL DEFAULT now())"
    )
    lab.psql(f"CREATE INDEX ON {table} (updated_at)")
    lab.apply({table: {"cursor": "updated_at"}})
    for number, text in enumerate(NASTY):
        lab.psql(
            f"INSERT INTO {table} (id, a, b) VALUES (%s, %s, %s)",
            number,
            text,
            NASTY[-1 - number],
        )
    lab.sync(table)
    lab.assert_equal(table)
    lab.psql(f"UPDATE {table} SET a = b, b = a, updated_at = now()")
    lab.sync(table)
    lab.assert_equal(table)


def test_changes_between_syncs_arrive(lab: Lab) -> None:
    table = lab.name("orders")
    lab.orders_table(table, 500)
    lab.apply({table: {"cursor": "updated_at"}})
    report = lab.sync(table)
    assert report["kind"] == "snapshot"
    assert report["rows_inserted"] == 500
    lab.assert_equal(table)
    for round_ in range(3):
        lab.psql(f"INSERT INTO {table} (note) SELECT 'new' FROM generate_series(1, 7)")
        lab.psql(
            f"UPDATE {table} SET note = note || '!', updated_at = now()"
            f" WHERE id % 50 = {round_}"
        )
        report = lab.sync(table.upper())
        assert report["kind"] == "increment"
        assert (report["rows_inserted"], report["rows_updated"]) == (
            7,
            10 + (round_ > 0),
        )
        lab.assert_equal(table)


def test_a_table_without_cursor_is_reloaded_and_forgets_deleted_rows(lab: Lab) -> None:
    table = lab.name("products")
    lab.orders_table(table, 300)
    lab.apply({table: {"mode": "full"}})
    lab.sync(table)
    lab.assert_equal(table)
    lab.psql(f"DELETE FROM {table} WHERE id <= 100")
    lab.psql(f"UPDATE {table} SET note = '' WHERE id > 200")
    lab.sync(table)
    lab.assert_equal(table)


@pytest.mark.large
def test_an_integer_cursor_follows_an_insert_only_table(lab: Lab) -> None:
    table = lab.name("events")
    lab.orders_table(table, 100)
    lab.apply({table: {"cursor": "id"}})
    lab.sync(table)
    for _ in range(3):
        lab.psql(f"INSERT INTO {table} (note) SELECT 'e' FROM generate_series(1, 10)")
        assert lab.sync(table)["rows_inserted"] == 10
        lab.assert_equal(table)


@pytest.mark.large
@pytest.mark.parametrize("column", ["timestamp", "date"])
def test_other_time_cursors_work(lab: Lab, column: str) -> None:
    table = lab.name("times")
    lab.psql(
        f"CREATE TABLE {table} (id int PRIMARY KEY, changed {column} NOT NULL"
        f" DEFAULT (now() AT TIME ZONE 'UTC')); CREATE INDEX ON {table} (changed)"
    )
    lab.psql(f"INSERT INTO {table} SELECT i FROM generate_series(1, 50) AS i")
    lab.apply({table: {"cursor": "changed"}})
    lab.sync(table)
    lab.psql(f"INSERT INTO {table} SELECT i FROM generate_series(51, 60) AS i")
    lab.sync(table)
    lab.assert_equal(table)


def test_an_empty_table_starts_and_grows(lab: Lab) -> None:
    table = lab.name("empty")
    lab.orders_table(table, 0)
    lab.apply({table: {"cursor": "updated_at"}})
    assert lab.sync(table)["rows_extracted"] == 0
    lab.assert_equal(table)
    lab.psql(f"INSERT INTO {table} (note) VALUES ('first')")
    lab.sync(table)
    lab.assert_equal(table)


@pytest.mark.large
def test_windows_smaller_than_the_increment_are_read_one_after_another(
    lab: Lab,
) -> None:
    table = lab.name("windows")
    lab.orders_table(table, 10)
    lab.apply({table: {"cursor": "updated_at", "chunk_rows": 100}})
    lab.sync(table)
    lab.psql(
        f"INSERT INTO {table} (note, updated_at)"
        " SELECT 'w', now() + i / 10 * interval '1 microsecond'"
        " FROM generate_series(1, 1000) AS i"
    )
    report = lab.sync(table)
    assert report["windows"] >= 9
    assert report["rows_inserted"] == 1000
    lab.assert_equal(table)


@pytest.mark.large
def test_a_new_source_column_appears_in_the_target(lab: Lab) -> None:
    table = lab.name("drift")
    lab.orders_table(table, 20)
    lab.apply({table: {"cursor": "updated_at"}})
    lab.sync(table)
    lab.psql(f"ALTER TABLE {table} ADD COLUMN colour text")
    lab.psql(f"UPDATE {table} SET colour = 'red', updated_at = now()")
    lab.sync(table)
    lab.assert_equal(table)
    changes = lab.query(
        "SELECT change, column_name FROM control.sync_schema_changes"
        " WHERE table_name = %s AND change <> 'created'",
        table,
    )
    assert changes == [{"CHANGE": "added", "COLUMN_NAME": "colour"}]


def test_the_status_view_tells_how_fresh_a_table_is(lab: Lab) -> None:
    table = lab.name("status")
    lab.orders_table(table, 5)
    lab.apply({table: {"cursor": "updated_at", "freshness_sla_minutes": 60}})
    assert lab.last_run(table)["STATE"] == "never synced"
    lab.sync(table)
    row = lab.last_run(table)
    assert row["STATE"] == "ok"
    assert row["FRESHNESS_MINUTES"] == 0
    assert row["LAST_ROWS_INSERTED"] == 5
    (run,) = lab.query(
        "SELECT * FROM control.sync_history WHERE table_name = %s", table
    )
    assert run["STATUS"] == "succeeded"
    assert run["STATEMENTS"] > 5


def test_values_without_a_place_in_snowflake_are_replaced_and_recorded(
    lab: Lab,
) -> None:
    table = lab.name("special")
    lab.psql(
        f"CREATE TABLE {table} (id int PRIMARY KEY, born date, price numeric(10, 2),"
        " updated_at timestamptz NOT NULL DEFAULT now())"
    )
    lab.psql(f"CREATE INDEX ON {table} (updated_at)")
    lab.apply({table: {"cursor": "updated_at"}})
    lab.psql(
        f"INSERT INTO {table} VALUES (1, '2000-01-01', 1), (2, 'infinity', 2),"
        " (3, '0044-03-15 BC', 'NaN'), (4, NULL, NULL)"
    )
    lab.sync(table)
    lab.assert_equal(table)
    altered = lab.query(
        "SELECT column_name, row_count, sample_keys FROM control.sync_altered_values"
        " WHERE table_name = %s ORDER BY column_name",
        table,
    )
    assert [(a["COLUMN_NAME"], a["ROW_COUNT"]) for a in altered] == [
        ("born", 2),
        ("price", 1),
    ]
    assert json.loads(altered[0]["SAMPLE_KEYS"]) == [{"id": 2}, {"id": 3}]
    lab.apply({table: {"cursor": "updated_at", "special_values": "fail"}})
    lab.psql(f"UPDATE {table} SET updated_at = now()")
    assert "[special_value_refused]" in lab.fail("SYNC_TABLE", table)
