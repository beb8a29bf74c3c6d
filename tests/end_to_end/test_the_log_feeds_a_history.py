"""History of tables of mode log: the log tells the keys, each sync sees one version."""

import contextlib
import json
from typing import Any

import pytest
from snowflake.connector.errors import ProgrammingError

from snowpark.captures.capture import lease_name
from tests.end_to_end.faults import Switchboard
from tests.end_to_end.lab import Lab
from tests.end_to_end.log_lab import LogLab
from tests.end_to_end.test_every_version_of_a_row_is_kept import (
    assert_sound,
    notes,
    versions,
    whole,
)

DECLARED = "(id bigint PRIMARY KEY, note text)"


def begun(lab: Lab, log: LogLab, rows: int = 3, **settings: Any) -> str:
    """A table with history whose log is recorded, and that was synced once."""
    table = log.table("kept", DECLARED, **{"history": True, **settings})
    lab.psql(
        f"INSERT INTO {table} SELECT i, 'r' || i FROM generate_series(1, {rows}) i"
    )
    log.start()
    assert lab.sync(table)["kind"] == "snapshot"
    return table


def told(lab: Lab, table: str, key: int) -> list[tuple[Any, ...]]:
    """Returns note, whether current and whether deleted of each version of a key."""
    return [(note, *flags) for note, _, _, *flags in versions(lab, table, key)]


def clock(lab: Lab) -> Any:
    ((now,),) = lab.psql("SELECT clock_timestamp()")
    return now


def test_each_sync_sees_one_version(lab: Lab, log: LogLab) -> None:
    """Update, delete, insert; the moment is when the sync looked."""
    table = begun(lab, log, current_view=True)
    lab.psql(f"UPDATE {table} SET note = 'unseen' WHERE id = 1")
    lab.psql(f"UPDATE {table} SET note = 'new' WHERE id = 1")
    lab.psql(f"DELETE FROM {table} WHERE id = 2")
    lab.psql(f"INSERT INTO {table} VALUES (4, 'r4'), (5, 'r5')")
    lab.psql(f"DELETE FROM {table} WHERE id = 5")
    before = clock(lab)
    assert lab.sync(table)["kind"] == "increment"
    after = clock(lab)
    assert told(lab, table, 1) == [("r1", False, False), ("new", True, False)]
    assert told(lab, table, 2) == [("r2", False, True)]
    assert told(lab, table, 3) == [("r3", True, False)]
    assert told(lab, table, 4) == [("r4", True, False)]
    # Born and gone between two syncs.
    assert versions(lab, table, 5) == []
    old, new = versions(lab, table, 1)
    (gone,) = versions(lab, table, 2)
    assert old[2] == new[1] == gone[2] and before <= new[1] <= after
    rows = lab.query(f"SELECT id, note FROM lab.{table}_current ORDER BY id")
    assert [tuple(r.values()) for r in rows] == [(1, "new"), (3, "r3"), (4, "r4")]
    assert_sound(lab, table)
    assert lab.sync(table)["status"] == "unchanged"


@pytest.mark.large
def test_a_reborn_key_opens_again_and_another_key_is_another_row(
    lab: Lab, log: LogLab
) -> None:
    table = begun(lab, log)
    lab.psql(f"DELETE FROM {table} WHERE id = 1")
    lab.psql(f"UPDATE {table} SET id = 22 WHERE id = 2")
    lab.sync(table)
    assert told(lab, table, 2) == [("r2", False, True)]
    assert told(lab, table, 22) == [("r2", True, False)]
    lab.psql(f"INSERT INTO {table} VALUES (1, 'r1')")
    lab.psql(f"UPDATE {table} SET id = 2 WHERE id = 22")
    # Gone and back between two syncs: the row is as it was.
    lab.psql(f"DELETE FROM {table} WHERE id = 3")
    lab.psql(f"INSERT INTO {table} VALUES (3, 'r3')")
    lab.sync(table)
    for key in (1, 2):
        gone, again = versions(lab, table, key)
        assert gone[3:] == (False, True) and again[2:] == (None, True, False)
        assert again[1] > gone[2]
    assert told(lab, table, 22) == [("r2", False, True)]
    assert told(lab, table, 3) == [("r3", True, False)]
    assert_sound(lab, table)


@pytest.mark.large
def test_rows_that_are_read_again_make_no_version(lab: Lab, log: LogLab) -> None:
    """By the log, by a resync of the table or of its source, by VALIDATE."""
    table = begun(lab, log)
    lab.psql(f"UPDATE {table} SET note = 'new' WHERE id = 1")
    lab.psql(f"DELETE FROM {table} WHERE id = 2")
    lab.sync(table)
    before = whole(lab, table)
    lab.psql(f"UPDATE {table} SET note = note")
    assert lab.sync(table)["rows_extracted"] == 2
    assert whole(lab, table) == before
    lab.call("RESYNC_TABLE", table)
    assert whole(lab, table) == before
    lab.call("RESYNC_SOURCE", "shop")
    assert lab.sync(table)["kind"] == "snapshot"
    assert whole(lab, table) == before
    lab.query("CALL VALIDATE_TABLE(%s, TRUE)", table)
    assert whole(lab, table) == before
    assert_sound(lab, table)


@pytest.mark.large
def test_an_emptied_table_closes_all_of_its_rows(lab: Lab, log: LogLab) -> None:
    table = begun(lab, log, on_truncate="fail")
    before = whole(lab, table)
    lab.psql(f"TRUNCATE {table}")
    lab.psql(f"INSERT INTO {table} VALUES (2, 'second'), (3, 'r3')")
    assert "[truncated]" in lab.fail("SYNC_TABLE", table)
    assert whole(lab, table) == before
    lab.call("CONFIRM_DELETES", table)
    assert told(lab, table, 1) == [("r1", False, True)]
    assert told(lab, table, 2) == [("r2", False, False), ("second", True, False)]
    assert told(lab, table, 3) == [("r3", True, False)]
    assert_sound(lab, table)
    lab.psql(f"TRUNCATE {table}")
    assert "[truncated]" in lab.fail("SYNC_TABLE", table)
    lab.call("CONFIRM_DELETES", table)
    rows = whole(lab, table)
    assert len(rows) == 4 and not any(row["_SYNC_IS_CURRENT"] for row in rows)
    assert lab.sync(table)["status"] == "unchanged"
    assert whole(lab, table) == rows
    lab.psql(f"INSERT INTO {table} VALUES (1, 'back')")
    lab.sync(table)
    assert told(lab, table, 1) == [("r1", False, True), ("back", True, False)]
    assert_sound(lab, table)


@pytest.mark.large
def test_a_gap_loses_no_version_and_empties_no_table(lab: Lab, log: LogLab) -> None:
    """The slot is made anew by itself; what happened meanwhile is found."""
    log.more = {"on_gap": "resync"}
    table = begun(lab, log, rows=6, max_delete_percent=50)
    lab.psql(f"UPDATE {table} SET note = 'new' WHERE id = 1")
    lab.sync(table)
    lab.psql(f"SELECT pg_drop_replication_slot('{log.name}')")
    lab.psql(f"DELETE FROM {table} WHERE id = 2")
    lab.psql(f"UPDATE {table} SET note = 'newer' WHERE id = 1")
    lab.psql(f"INSERT INTO {table} VALUES (7, 'r7')")
    assert lab.sync(table)["kind"] == "snapshot"
    assert notes(lab, table, 1) == ["r1", "new", "newer"]
    assert told(lab, table, 2) == [("r2", False, True)]
    assert told(lab, table, 7) == [("r7", True, False)]
    assert_sound(lab, table)
    before = whole(lab, table)
    lab.psql(f"SELECT pg_drop_replication_slot('{log.name}')")
    lab.psql(f"DELETE FROM {table} WHERE id > 2")
    assert "[too_many_deletes]" in lab.fail("SYNC_TABLE", table)
    assert whole(lab, table) == before
    lab.call("CONFIRM_DELETES", table)
    assert [r["ID"] for r in whole(lab, table) if r["_SYNC_IS_CURRENT"]] == [1]
    assert_sound(lab, table)


@pytest.mark.large
def test_a_run_that_dies_anywhere_leaves_the_history_as_it_was(
    lab: Lab, log: LogLab, faults: Switchboard
) -> None:
    """Each statement of a run kills it once, before and after it was carried out."""
    table = begun(lab, log)
    statements = (
        "INSERT INTO control.sync_captures",
        "INSERT INTO control.sync_capture_tables",
        "COPY INTO",
        "MERGE INTO",
        "INTO control.sync_watermarks",
        "INTO control.sync_runs",
    )
    kills = [(match, when) for match in statements for when in ("before", "after")]
    for number, (match, when) in enumerate(kills):
        before = whole(lab, table)
        lab.psql(f"UPDATE {table} SET note = 'n{number}' WHERE id = 1")
        lab.psql(f"INSERT INTO {table} VALUES ({10 + number}, 'r')")
        lab.psql(f"DELETE FROM {table} WHERE id = {9 + number}")
        faults.snowflake({"match": match, "action": "kill_procedure", "when": when})
        with contextlib.suppress(ProgrammingError):
            lab.sync(table)
        faults.clear()
        assert whole(lab, table) == before, (match, when)
        for lease in (table, lease_name("shop")):
            lab.expire_lease(lease)
        lab.sync(table)
        assert notes(lab, table, 1)[-1] == f"n{number}"
        assert told(lab, table, 10 + number) == [("r", True, False)]
    assert notes(lab, table, 1) == ["r1"] + [f"n{i}" for i in range(len(kills))]
    assert_sound(lab, table)


@pytest.mark.large
def test_history_begins_and_ends_with_the_rows_that_are_there(
    lab: Lab, log: LogLab
) -> None:
    """Flagged rows become closed versions, while the source rests and while not."""
    idle = log.table("idle", DECLARED)
    table = begun(lab, log, history=False)
    lab.psql(f"INSERT INTO {idle} VALUES (1, 'a'), (2, 'b')")
    lab.psql(f"DELETE FROM {table} WHERE id = 3")
    lab.sync(idle)
    lab.sync(table)
    for name in (idle, table):
        log.tables[name] = {"mode": "log", "history": True}
    log.apply()
    lab.psql(f"UPDATE {table} SET note = 'new' WHERE id = 1")
    lab.sync(idle)
    lab.sync(table)
    assert told(lab, idle, 1) == [("a", True, False)]
    assert notes(lab, table, 1) == ["r1", "new"]
    assert told(lab, table, 3) == [("r3", False, True)]
    assert_sound(lab, idle)
    assert_sound(lab, table)
    for name in (idle, table):
        log.tables[name] = {"mode": "log"}
    log.apply()
    assert "[history_kept]" in lab.fail("SYNC_TABLE", table)
    log.tables[table]["drop_history"] = True
    log.apply()
    lab.sync(table)
    rows = lab.query(f"SELECT * FROM lab.{table} ORDER BY id")
    assert [(r["ID"], r["NOTE"]) for r in rows] == [(1, "new"), (2, "r2")]
    assert "_SYNC_VALID_FROM" not in rows[0]


@pytest.mark.large
def test_a_table_of_another_mode_goes_on_with_its_versions(
    lab: Lab, log: LogLab
) -> None:
    declared = "(id bigint PRIMARY KEY, note text, at timestamptz DEFAULT now())"
    table = log.table("moded", declared, history=True)
    of_log = log.tables[table]
    # A source has a log if one of its tables follows it.
    log.table("other", DECLARED)
    log.tables[table] = {"cursor": "at", "history": True}
    log.apply()
    log.start()
    lab.psql(f"INSERT INTO {table} VALUES (1, 'a'), (2, 'b')")
    lab.sync(table)
    lab.psql(f"UPDATE {table} SET note = 'aa', at = now() + '1 hour' WHERE id = 1")
    lab.sync(table)
    before = whole(lab, table)
    log.tables[table] = of_log
    log.apply()
    lab.call("RESYNC_TABLE", table)
    assert whole(lab, table) == before
    # Its version begins in an hour; the one that follows cannot begin before.
    lab.psql(f"UPDATE {table} SET note = 'aaa' WHERE id = 1")
    lab.sync(table)
    lab.psql(f"DELETE FROM {table} WHERE id = 1")
    lab.sync(table)
    assert notes(lab, table, 1) == ["a", "aa", "aaa"]
    assert [v[3:] for v in versions(lab, table, 1)][-1] == (False, True)
    assert_sound(lab, table)


@pytest.mark.large
def test_rows_that_are_kept_and_rows_that_leave_the_filter(
    lab: Lab, log: LogLab
) -> None:
    where = {"column": "note", "operator": "!=", "value": "closed"}
    some = log.table("some", DECLARED, history=True, where=where)
    kept = log.table("kept", DECLARED, history=True, deletes="none")
    log.start()
    for table in (some, kept):
        lab.psql(f"INSERT INTO {table} VALUES (1, 'a'), (2, 'b')")
        lab.sync(table)
        lab.psql(f"UPDATE {table} SET note = 'closed' WHERE id = 1")
        lab.psql(f"DELETE FROM {table} WHERE id = 2")
        lab.sync(table)
    assert told(lab, some, 1) == [("a", False, True)]
    assert told(lab, some, 2) == [("b", False, True)]
    assert told(lab, kept, 1) == [("a", False, False), ("closed", True, False)]
    assert told(lab, kept, 2) == [("b", True, False)]
    assert_sound(lab, some)


@pytest.mark.large
def test_keys_that_are_equal_but_spelled_otherwise_are_one_row(
    lab: Lab, log: LogLab
) -> None:
    table = log.table("spelled", "(id numeric PRIMARY KEY, note text)", history=True)
    lab.psql(f"INSERT INTO {table} VALUES (1, 'a'), (2, 'b')")
    log.start()
    lab.sync(table)
    before = whole(lab, table)
    lab.psql(f"UPDATE {table} SET id = id + 0.00")
    lab.sync(table)
    assert whole(lab, table) == before
    lab.psql(f"UPDATE {table} SET id = 3 WHERE id = 2")
    lab.sync(table)
    assert told(lab, table, 2) == [("b", False, True)]
    assert told(lab, table, 3) == [("b", True, False)]
    assert_sound(lab, table)


@pytest.mark.large
def test_columns_that_change_make_no_version_by_themselves(
    lab: Lab, log: LogLab
) -> None:
    table = begun(lab, log, backfill_new_columns=True)
    lab.psql(f"ALTER TABLE {table} ADD COLUMN kind text DEFAULT 'plain'")
    lab.psql(f"UPDATE {table} SET note = 'new' WHERE id = 1")
    lab.sync(table)
    assert notes(lab, table, 1) == ["r1", "new"]
    assert len(whole(lab, table)) == 4
    kinds = lab.query(f"SELECT kind FROM lab.{table} WHERE _sync_is_current")
    assert {row["KIND"] for row in kinds} == {"plain"}
    lab.psql(f"UPDATE {table} SET kind = 'other' WHERE id = 2")
    lab.sync(table)
    assert told(lab, table, 2) == [("r2", False, False), ("r2", True, False)]
    assert_sound(lab, table)


@pytest.mark.large
def test_partitions_and_many_keys_close_what_is_gone(lab: Lab, log: LogLab) -> None:
    """What the log does not tell, and a table that is read as a whole for its keys."""
    days = log.table(
        "days",
        "(id bigint, day date, note text, PRIMARY KEY (id, day))"
        " PARTITION BY RANGE (day)",
        history=True,
    )
    for day in (1, 2):
        lab.psql(
            f"CREATE TABLE {days}_{day} PARTITION OF {days} FOR VALUES"
            f" FROM ('2026-01-0{day}') TO ('2026-01-0{day + 1}')"
        )
    lab.psql(
        f"INSERT INTO {days} VALUES (1, '2026-01-01', 'a'), (2, '2026-01-02', 'b')"
    )
    many = begun(lab, log, rows=12_000, whole_table_percent=50)
    lab.sync(days)
    lab.psql(f"TRUNCATE {days}_1")
    lab.psql(f"DROP TABLE {days}_2")
    lab.psql(f"INSERT INTO {days} VALUES (3, '2026-01-01', 'c')")
    lab.sync(days)
    assert [told(lab, days, key)[0][1:] for key in (1, 2, 3)] == [
        (False, True),
        (False, True),
        (True, False),
    ]
    assert_sound(lab, days)
    lab.psql(f"ANALYZE {many}")
    lab.psql(f"DELETE FROM {many} WHERE id > 11000")
    lab.psql(f"UPDATE {many} SET note = 'e'")
    assert lab.sync(many)["kind"] == "snapshot"
    (row,) = lab.query(
        "SELECT COUNT(*) AS n, SUM(IFF(_sync_is_current, 1, 0)) AS alive,"
        f" SUM(IFF(_sync_deleted, 1, 0)) AS gone FROM lab.{many}"
    )
    assert (row["N"], row["ALIVE"], row["GONE"]) == (23_000, 11_000, 1000)
    assert_sound(lab, many)


@pytest.mark.large
def test_a_group_writes_histories_too(lab: Lab, log: LogLab) -> None:
    """Each window of a capture that is larger than one is of a moment of its own."""
    group = lab.name("kept_group")
    log.groups = {group: {}}
    first = log.table("one", DECLARED, history=True, group=group, chunk_rows=50)
    second = log.table("two", DECLARED, history=True, group=group)
    log.apply()
    log.start()
    assert lab.call("SYNC_GROUP", group)["failed"] == {}
    for value in ("a", "b", "c"):
        for table in (first, second):
            lab.psql(
                f"INSERT INTO {table} SELECT i, '{value}' FROM generate_series(1, 60) i"
                " ON CONFLICT (id) DO UPDATE SET note = excluded.note"
            )
        if value == "b":
            lab.call("CAPTURE_LOG", "shop")
        else:
            assert lab.call("SYNC_GROUP", group)["failed"] == {}
    for table in (first, second):
        lab.psql(f"DELETE FROM {table} WHERE id = 60")
    assert lab.call("SYNC_GROUP", group)["failed"] == {}
    for table in (first, second):
        assert notes(lab, table, 1) == ["a", "c"]
        assert told(lab, table, 60)[-1] == ("c", False, True)
        assert_sound(lab, table)


@pytest.mark.large
def test_a_history_that_was_damaged_is_repaired_by_ending_versions(
    lab: Lab, log: LogLab
) -> None:
    table = begun(lab, log, keys_in_messages=True)
    lab.query(f"UPDATE lab.{table} SET note = 'damaged' WHERE id = 1")
    lab.query(f"UPDATE lab.{table} SET id = 77 WHERE id = 3")
    (row,) = lab.query("CALL VALIDATE_TABLE(%s, TRUE)", table)
    assert json.loads(row["VALIDATE_TABLE"])["status"] == "repaired"
    assert notes(lab, table, 1) == ["damaged", "r1"]
    assert told(lab, table, 77) == [("r3", False, True)]
    assert told(lab, table, 3) == [("r3", True, False)]
    lab.psql(f"UPDATE {table} SET note = 'new' WHERE id = 1")
    assert lab.sync(table)["kind"] == "increment"
    assert notes(lab, table, 1) == ["damaged", "r1", "new"]
    assert_sound(lab, table)
