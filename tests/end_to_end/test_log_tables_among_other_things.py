"""Tables of mode log that are renamed, swapped, grow columns, or are read twice."""

import contextlib
from collections.abc import Iterator

import pytest

from tests.end_to_end.lab import Lab
from tests.end_to_end.log_lab import LogLab

KEYED = "(id bigint PRIMARY KEY, note text)"
CALLS = ("LOG_SETUP", "START_LOG", "CAPTURE_LOG", "STOP_LOG", "RESYNC_SOURCE")
# Who may call them; the configurator writes what they do, and does not do it.
OPERATORS = {"SYNC_ADMIN", "SYNC_OPERATOR"}


@contextlib.contextmanager
def role(lab: Lab, name: str) -> Iterator[None]:
    """A person of this role, on the warehouse of the syncs."""
    (before,) = lab.query("SELECT CURRENT_ROLE() AS name, CURRENT_WAREHOUSE() AS house")
    lab.query(f"USE ROLE {name}")
    try:
        lab.query("USE WAREHOUSE aurora_sync")
        yield
    finally:
        lab.query(f"USE ROLE {before['NAME']}")
        lab.query(f"USE WAREHOUSE {before['HOUSE']}")


@pytest.mark.large
def test_a_table_has_another_name_for_a_while_and_then_for_good(
    lab: Lab, log: LogLab
) -> None:
    """A table is followed by what it is: the log has the name of its moment."""
    table = log.table("named", KEYED, delete_action="hard")
    log.start()
    lab.sync(table)
    lab.psql(f"INSERT INTO {table} VALUES (1, 'before'), (2, 'before')")
    lab.psql(f"ALTER TABLE {table} RENAME TO {table}_away")
    lab.psql(f"UPDATE {table}_away SET note = 'away' WHERE id = 1")
    lab.psql(f"INSERT INTO {table}_away VALUES (3, 'away')")
    error = lab.fail("SYNC_TABLE", table)
    assert "[table_not_found]" in error
    lab.psql(f"ALTER TABLE {table}_away RENAME TO {table}")
    lab.sync(table)
    lab.assert_equal(table)
    # Away and back between two captures: none of them has missed the table.
    lab.psql(f"ALTER TABLE {table} RENAME TO {table}_away")
    lab.psql(f"DELETE FROM {table}_away WHERE id = 2")
    lab.psql(f"INSERT INTO {table}_away VALUES (4, 'away')")
    lab.psql(f"ALTER TABLE {table}_away RENAME TO {table}")
    report = lab.sync(table)
    assert (report["kind"], report["rows_extracted"]) == ("increment", 2)
    lab.assert_equal(table)
    lab.psql(f"INSERT INTO {table} VALUES (5, 'under the old name')")
    lab.psql(f"ALTER TABLE {table} RENAME TO {table}_new")
    log.tables[table] |= {"table": f"{table}_new", "target_table": table}
    log.apply()
    assert "[origin_changed]" in lab.fail("SYNC_TABLE", table)
    lab.call("RESYNC_TABLE", table)
    lab.psql(f"DELETE FROM {table}_new WHERE id = 3")
    assert lab.sync(table)["kind"] == "increment"
    rows = lab.query(f"SELECT id, note FROM lab.{table} ORDER BY id")
    expected = lab.psql(f"SELECT id, note FROM {table}_new ORDER BY id")
    assert [tuple(row.values()) for row in rows] == expected


@pytest.mark.large
def test_another_table_takes_the_name(lab: Lab, log: LogLab) -> None:
    """What is published is the old one; the new one is read as a whole."""
    table = log.table("swapped", KEYED, delete_action="hard")
    lab.psql(f"INSERT INTO {table} VALUES (1, 'old'), (2, 'old')")
    log.start()
    lab.sync(table)
    lab.psql(f"CREATE TABLE {table}_next {KEYED}")
    lab.psql(f"INSERT INTO {table}_next VALUES (2, 'new'), (3, 'new')")
    lab.psql(
        f"BEGIN; ALTER TABLE {table} RENAME TO {table}_old;"
        f" ALTER TABLE {table}_next RENAME TO {table}; COMMIT"
    )
    lab.psql(f"UPDATE {table}_old SET note = 'of the old one' WHERE id = 2")
    assert "[not_published]" in lab.fail("SYNC_TABLE", table)
    lab.psql(f"ALTER PUBLICATION {log.name} ADD TABLE {table}")
    assert lab.sync(table)["kind"] == "snapshot"
    lab.assert_equal(table)
    lab.psql(f"DELETE FROM {table} WHERE id = 2")
    assert lab.sync(table)["kind"] == "increment"
    lab.assert_equal(table)


@pytest.mark.large
def test_one_relation_is_read_for_two_targets(lab: Lab, log: LogLab) -> None:
    table = log.table("shared", KEYED, delete_action="hard")
    where = {"column": "note", "operator": "=", "value": "open"}
    second = f"{table}_open"
    log.tables[second] = {
        "mode": "log",
        "table": table,
        "target_table": second,
        "where": where,
        "delete_action": "hard",
    }
    log.apply()
    lab.psql(f"INSERT INTO {table} VALUES (1, 'open'), (2, 'shut')")
    log.start()
    lab.sync(table)
    lab.sync(second)
    lab.psql(f"UPDATE {table} SET note = 'shut' WHERE id = 1")
    lab.psql(f"INSERT INTO {table} VALUES (3, 'open')")
    lab.call("CAPTURE_LOG", "shop")
    assert lab.sync(table)["rows_extracted"] == 2
    lab.assert_equal(table)
    lab.sync(second)
    rows = lab.query(f"SELECT id FROM lab.{second}")
    assert [row["ID"] for row in rows] == [3]


@pytest.mark.large
def test_a_new_column_is_filled_for_all_rows_if_that_is_configured(
    lab: Lab, log: LogLab
) -> None:
    plain = log.table("plain", KEYED, delete_action="hard")
    filled = log.table("filled", KEYED, delete_action="hard", backfill_new_columns=True)
    log.start()
    for table in (plain, filled):
        lab.psql(f"INSERT INTO {table} VALUES (1, 'a'), (2, 'b'), (3, 'c')")
        lab.sync(table)
        lab.psql(f"UPDATE {table} SET note = 'before' WHERE id = 1")
        lab.psql(f"ALTER TABLE {table} ADD more int DEFAULT 7")
        lab.psql(f"UPDATE {table} SET more = 8 WHERE id = 2")
        lab.psql(f"DELETE FROM {table} WHERE id = 3")
        lab.psql(f"INSERT INTO {table} VALUES (4, 'd', 9)")
    report = lab.sync(plain)
    assert (report["kind"], report["rows_extracted"]) == ("increment", 4)
    rows = lab.query(f"SELECT id, more FROM lab.{plain} ORDER BY id")
    assert [tuple(row.values()) for row in rows] == [(1, 7), (2, 8), (4, 9)]
    assert lab.sync(filled)["kind"] == "snapshot"
    lab.assert_equal(filled)
    lab.psql(f"DELETE FROM {filled} WHERE id = 4")
    assert lab.sync(filled)["kind"] == "increment"
    lab.assert_equal(filled)
    # Without a change of a row nothing is read, so that nobody sees the column.
    lab.psql(f"ALTER TABLE {filled} ADD again int DEFAULT 5")
    lab.psql(f"UPDATE {filled} SET again = 6 WHERE id = 1")
    lab.sync(filled)
    lab.assert_equal(filled)
    assert lab.sync(filled)["status"] == "unchanged"


@pytest.mark.large
def test_a_publication_of_keys_alone_as_log_setup_writes_it(
    lab: Lab, log: LogLab
) -> None:
    """Every change arrives; what would stop the application is told."""
    log.more = {"publish": "keys"}
    table = log.table("keyed", KEYED, key=["id"], delete_action="hard")
    days = log.table(
        "daily",
        "(id int, day int, note text, PRIMARY KEY (id, day)) PARTITION BY LIST (day)",
        key=["id", "day"],
        delete_action="hard",
    )
    for day in (1, 2):
        lab.psql(f"CREATE TABLE {days}_{day} PARTITION OF {days} FOR VALUES IN ({day})")
    lab.psql(f"DROP PUBLICATION {log.name}")
    _, _, look, create, *_ = lab.call("LOG_SETUP", "shop")["statements"]
    lab.psql(f"ALTER TABLE {days}_1 REPLICA IDENTITY FULL")
    assert lab.psql(look) == [(f"{days}_1",)]
    lab.psql(f"ALTER TABLE {days}_1 REPLICA IDENTITY DEFAULT")
    assert lab.psql(look) == []
    lab.psql(create)
    log.start()
    for name in (table, days):
        lab.sync(name)
        found = lab.call("CHECK_SYNC", name)["rows"]
        (published,) = [row for row in found if row["check"] == "published"]
        assert published["detail"].endswith("by the columns of its key alone")
    numbers = "FROM generate_series(1, 9) i"
    lab.psql(f"INSERT INTO {table} SELECT i, 'n' {numbers}")
    lab.psql(f"INSERT INTO {days} SELECT i, 1 + i % 2, 'n' {numbers}")
    for name in (table, days):
        lab.sync(name)
        lab.assert_equal(name)
        lab.psql(f"UPDATE {name} SET note = 'changed' WHERE id = 1")
        lab.psql(f"UPDATE {name} SET id = 77 WHERE id = 2")
        lab.psql(f"DELETE FROM {name} WHERE id = 3")
    # From one partition to another.
    lab.psql(f"UPDATE {days} SET day = 1 WHERE day = 2 AND id = 5")
    for name, rows in ((table, 4), (days, 6)):
        report = lab.sync(name)
        assert (report["kind"], report["rows_extracted"]) == ("increment", rows)
        lab.assert_equal(name)
    lab.psql(f"ALTER TABLE {days}_1 REPLICA IDENTITY FULL")
    lab.psql(f"INSERT INTO {days} VALUES (100, 1, 'n')")
    error = lab.fail("SYNC_TABLE", days)
    assert "[replica_identity]" in error and "of the application fail" in error
    lab.sync(table)
    lab.psql(f"ALTER PUBLICATION {log.name} DROP TABLE {days}")
    lab.psql(f"ALTER PUBLICATION {log.name} ADD TABLE {days}")
    assert lab.sync(days)["kind"] == "snapshot"
    lab.psql(f"UPDATE {days} SET note = 'whole rows now' WHERE id = 1")
    assert lab.sync(days)["rows_extracted"] == 1
    lab.assert_equal(days)


@pytest.mark.large
def test_a_table_of_which_most_rows_have_changed_is_read_as_a_whole(
    lab: Lab, log: LogLab
) -> None:
    """Alone and in a group; not for few rows, however many that is of the table."""
    group = lab.name("mostly")
    log.groups = {group: {}}
    table = log.table(
        "mostly", KEYED, delete_action="hard", whole_table_percent=50, group=group
    )
    log.apply()
    log.start()
    lab.psql(f"INSERT INTO {table} VALUES (1, 'a'), (2, 'b')")
    lab.sync(table)
    lab.psql(f"UPDATE {table} SET note = 'c'")
    assert lab.sync(table)["kind"] == "increment"
    lab.psql(f"INSERT INTO {table} SELECT generate_series(3, 21000)")
    lab.psql(f"ANALYZE {table}")
    assert lab.sync(table)["kind"] == "snapshot"
    lab.assert_equal(table)
    lab.psql(f"UPDATE {table} SET note = 'd' WHERE id <= 9000")
    assert lab.sync(table)["kind"] == "increment"
    lab.psql(f"DELETE FROM {table} WHERE id <= 2000")
    lab.psql(f"UPDATE {table} SET note = 'e' WHERE id <= 14000")
    lab.psql(f"ANALYZE {table}")
    assert lab.call("SYNC_GROUP", group)["failed"] == {}
    (row,) = lab.query(
        "SELECT kind FROM control.sync_runs WHERE table_name = %s"
        " AND status = 'succeeded' ORDER BY finished_at DESC LIMIT 1",
        table,
    )
    assert row["KIND"] == "snapshot"
    lab.assert_equal(table)
    lab.psql(f"DELETE FROM {table} WHERE id = 20000")
    assert lab.sync(table)["rows_extracted"] == 1
    lab.assert_equal(table)


@pytest.mark.large
@pytest.mark.parametrize(
    "name", ["SYNC_ADMIN", "SYNC_OPERATOR", "SYNC_CONFIGURATOR", "SYNC_READER"]
)
def test_who_may_begin_and_end_a_log(lab: Lab, log: LogLab, name: str) -> None:
    table = log.table("guarded", KEYED, delete_action="hard")
    log.start()
    lab.sync(table)
    if name in OPERATORS:
        with role(lab, name):
            for call in CALLS:
                lab.call(call, "shop")
        return
    ((slot,),) = lab.psql(
        "SELECT restart_lsn FROM pg_replication_slots WHERE slot_name = %s", log.name
    )
    with role(lab, name):
        for call in CALLS:
            error = lab.fail(call, "shop")
            assert "does not exist or not authorized" in error, call
    assert lab.psql(
        "SELECT restart_lsn FROM pg_replication_slots WHERE slot_name = %s", log.name
    ) == [(slot,)]
    # Who may look sees the state.
    if name == "SYNC_READER":
        with role(lab, name):
            assert lab.query("SELECT state FROM control.sync_logs")
