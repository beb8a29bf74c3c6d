"""Mode log: every change and every delete arrives, whatever happens on the way."""

import contextlib
import itertools
import json

import pytest
from snowflake.connector.errors import ProgrammingError

from tests.end_to_end.faults import Switchboard
from tests.end_to_end.lab import Lab
from tests.end_to_end.log_lab import LogLab
from tests.end_to_end.test_every_call_with_wrong_arguments import at_once

# What a call says if another one is at work on the same log, or has just ended it.
BUSY_LOG = ("lease_held", "lease_lost", "log_not_started", "slot_missing")
BUSY_LOG += ("slot_active", "slot_moved", "source_replaced")


def alive(lab: Lab, table: str) -> list[int]:
    rows = lab.query(
        f"SELECT id FROM lab.{table} WHERE _sync_deleted_at IS NULL ORDER BY id"
    )
    return [row["ID"] for row in rows]


def tidied(lab: Lab) -> dict[str, int]:
    """Returns what TIDY has deleted, by ledger."""
    (row,) = lab.query("CALL TIDY()")
    deleted: dict[str, int] = json.loads(row["TIDY"])["deleted"]
    return deleted


def test_inserts_updates_and_deletes_arrive(lab: Lab, log: LogLab) -> None:
    table = log.table(
        "orders", "(id bigint PRIMARY KEY, note text)", delete_action="hard"
    )
    lab.psql(f"INSERT INTO {table} SELECT i, 'n' || i FROM generate_series(1, 20) i")
    log.start()
    assert lab.sync(table)["kind"] == "snapshot"
    lab.assert_equal(table)
    lab.psql(f"UPDATE {table} SET note = 'changed' WHERE id <= 3")
    lab.psql(f"DELETE FROM {table} WHERE id IN (4, 5)")
    lab.psql(f"INSERT INTO {table} VALUES (21, 'new')")
    lab.psql(f"UPDATE {table} SET id = 99 WHERE id = 20")
    report = lab.sync(table)
    assert report["kind"] == "increment"
    assert report["rows_extracted"] == 8
    assert (report["rows_inserted"], report["rows_deleted"]) == (2, 3)
    lab.assert_equal(table)
    assert lab.sync(table)["status"] == "unchanged"


def test_deleted_rows_are_flagged_and_come_back(lab: Lab, log: LogLab) -> None:
    table = log.table("soft", "(id bigint PRIMARY KEY, note text)")
    lab.psql(f"INSERT INTO {table} VALUES (1, 'a'), (2, 'b')")
    log.start()
    lab.sync(table)
    lab.psql(f"DELETE FROM {table} WHERE id = 2")
    lab.sync(table)
    assert alive(lab, table) == [1]
    (row,) = lab.query(f"SELECT note FROM lab.{table} WHERE id = 2")
    assert row["NOTE"] == "b"
    lab.psql(
        f"INSERT INTO {table} VALUES (2, 'again'); DELETE FROM {table} WHERE id = 1"
    )
    lab.sync(table)
    assert alive(lab, table) == [2]


@pytest.mark.large
def test_keys_that_are_equal_but_spelled_otherwise(lab: Lab, log: LogLab) -> None:
    table = log.table(
        "spelled", "(id numeric PRIMARY KEY, note text)", delete_action="hard"
    )
    text = log.table("texts", "(id char(6) PRIMARY KEY)", delete_action="hard")
    lab.psql(f"INSERT INTO {table} VALUES (1, 'a'), (2, 'b')")
    lab.psql(f"INSERT INTO {text} VALUES ('a'), ('b ')")
    log.start()
    lab.sync(table)
    lab.sync(text)
    lab.psql(f"UPDATE {table} SET id = id + 0.00")
    lab.psql(f"UPDATE {table} SET id = 3 WHERE id = 2")
    lab.psql(f"UPDATE {text} SET id = 'c' WHERE id = 'a'")
    lab.sync(table)
    lab.sync(text)
    rows = lab.query(f"SELECT id, note FROM lab.{table} ORDER BY id")
    assert [(int(row["ID"]), row["NOTE"]) for row in rows] == [(1, "a"), (3, "b")]
    rows = lab.query(f"SELECT id FROM lab.{text} ORDER BY id")
    assert [row["ID"] for row in rows] == ["b     ", "c     "]


@pytest.mark.large
@pytest.mark.parametrize("action", ["hard", "soft"])
def test_what_the_log_does_not_tell_arrives_all_the_same(
    lab: Lab, log: LogLab, action: str
) -> None:
    table = log.table(
        "days",
        "(id int, day date, note text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day)",
        delete_action=action,
    )
    for day in (1, 2, 3):
        lab.psql(
            f"CREATE TABLE {table}_{day} PARTITION OF {table} FOR VALUES"
            f" FROM ('2026-01-0{day}') TO ('2026-01-0{day + 1}')"
        )
    lab.psql(
        f"INSERT INTO {table} SELECT i, '2026-01-01'::date + i % 3"
        " FROM generate_series(1, 30) i"
    )
    log.start()
    lab.sync(table)
    ends = "FROM ('2026-01-01') TO ('2026-01-02')"
    statements = [
        f"ALTER TABLE {table} DETACH PARTITION {table}_1",
        f"UPDATE {table}_1 SET note = 'apart'; DELETE FROM {table}_1 WHERE id = 3",
        f"ALTER TABLE {table} ATTACH PARTITION {table}_1 FOR VALUES {ends}",
        f"TRUNCATE {table}_2; INSERT INTO {table} VALUES (99, '2026-01-02')",
        f"DROP TABLE {table}_3",
        f"TRUNCATE {table}; INSERT INTO {table} VALUES (100, '2026-01-02')",
        f"VACUUM FULL {table}_2",
        f"ALTER TABLE {table} ALTER note TYPE varchar(9)",
    ]
    for statement in statements:
        for one in statement.split("; "):
            lab.psql(one)
        report = lab.sync(table)
        expected = lab.psql(f"SELECT id, note FROM {table} ORDER BY id")
        gone = " WHERE _sync_deleted_at IS NULL" if action == "soft" else ""
        rows = lab.query(f"SELECT id, note FROM lab.{table}{gone} ORDER BY id")
        assert [(row["ID"], row["NOTE"]) for row in rows] == expected, statement
    assert report["kind"] == "increment"
    assert lab.sync(table)["status"] == "unchanged"


@pytest.mark.large
def test_a_slot_that_is_lost_is_told_and_made_anew(lab: Lab, log: LogLab) -> None:
    table = log.table(
        "lost", "(id bigint PRIMARY KEY, note text)", delete_action="hard"
    )
    lab.psql(f"INSERT INTO {table} VALUES (1, 'a'), (2, 'b')")
    assert "[log_not_started]" in lab.fail("SYNC_TABLE", table)
    log.start()
    lab.sync(table)
    lab.psql(f"SELECT pg_drop_replication_slot('{log.name}')")
    lab.psql(f"DELETE FROM {table} WHERE id = 1")
    error = lab.fail("SYNC_TABLE", table)
    assert "[slot_missing]" in error and "RESYNC_SOURCE" in error
    lab.call("RESYNC_SOURCE", "SHOP")
    assert lab.sync(table)["kind"] == "snapshot"
    lab.assert_equal(table)
    lab.psql(f"UPDATE {table} SET note = 'c'")
    assert lab.sync(table)["kind"] == "increment"
    lab.assert_equal(table)


@pytest.mark.large
def test_a_slot_that_is_lost_heals_by_itself_but_empties_no_table(
    lab: Lab, log: LogLab
) -> None:
    """`on_gap`: no person is needed, unless most of the rows are gone."""
    log.more = {"on_gap": "resync"}
    table = log.table(
        "healed",
        "(id bigint PRIMARY KEY, note text)",
        delete_action="hard",
        max_delete_percent=50,
    )
    lab.psql(f"INSERT INTO {table} SELECT i, 'a' FROM generate_series(1, 10) i")
    log.start()
    lab.sync(table)
    lab.psql(f"SELECT pg_drop_replication_slot('{log.name}')")
    lab.psql(f"DELETE FROM {table} WHERE id = 1")
    assert lab.sync(table)["kind"] == "snapshot"
    lab.assert_equal(table)
    lab.psql(f"UPDATE {table} SET note = 'b' WHERE id = 2")
    assert lab.sync(table)["kind"] == "increment"
    (row,) = lab.query("SELECT last_gap_reason FROM control.sync_logs")
    assert row["LAST_GAP_REASON"] == "slot_missing"
    lab.psql(f"SELECT pg_drop_replication_slot('{log.name}')")
    lab.psql(f"DELETE FROM {table} WHERE id > 3")
    assert "[too_many_deletes]" in lab.fail("SYNC_TABLE", table)
    (row,) = lab.query(f"SELECT COUNT(*) AS n FROM lab.{table}")
    assert row["N"] == 9
    lab.call("CONFIRM_DELETES", table)
    lab.assert_equal(table)


@pytest.mark.large
def test_one_table_without_a_key_stops_no_other(lab: Lab, log: LogLab) -> None:
    good = log.table("good", "(id bigint PRIMARY KEY)", delete_action="hard")
    bad = log.table("bad", "(id bigint NOT NULL UNIQUE)", key=["id"])
    log.start()
    lab.sync(good)
    lab.psql(f"INSERT INTO {good} VALUES (1)")
    error = lab.fail("SYNC_TABLE", bad)
    assert "[replica_identity]" in error and "REPLICA IDENTITY" in error
    lab.sync(good)
    lab.assert_equal(good)
    lab.psql(f"ALTER TABLE {bad} REPLICA IDENTITY USING INDEX {bad}_id_key")
    lab.psql(f"INSERT INTO {bad} VALUES (7)")
    assert lab.sync(bad)["kind"] == "snapshot"
    lab.assert_equal(bad)


@pytest.mark.large
def test_a_mode_changes_both_ways_without_a_gap(lab: Lab, log: LogLab) -> None:
    table = log.table(
        "moded",
        "(id bigint PRIMARY KEY, updated_at timestamptz NOT NULL DEFAULT now())",
        delete_action="hard",
    )
    lab.psql(f"INSERT INTO {table} SELECT generate_series(1, 5)")
    log.start()
    lab.sync(table)
    settings = log.tables[table]
    log.tables[table] = {"cursor": "updated_at"}
    other = log.table("kept", "(id bigint PRIMARY KEY)")
    assert "[origin_changed]" in lab.fail("SYNC_TABLE", table)
    lab.call("RESYNC_TABLE", table)
    lab.psql(f"INSERT INTO {table} VALUES (6)")
    lab.sync(table)
    lab.assert_equal(table)
    log.tables[table] = settings
    log.apply()
    assert "[origin_changed]" in lab.fail("SYNC_TABLE", table)
    lab.call("RESYNC_TABLE", table)
    lab.psql(f"DELETE FROM {table} WHERE id = 1")
    lab.sync(table)
    lab.assert_equal(table)
    lab.sync(other)


@pytest.mark.large
def test_columns_change_beside_rows(lab: Lab, log: LogLab) -> None:
    table = log.table(
        "drifting", "(id bigint PRIMARY KEY, note text)", delete_action="hard"
    )
    lab.psql(f"INSERT INTO {table} VALUES (1, 'a'), (2, 'b'), (3, 'c')")
    log.start()
    lab.sync(table)
    lab.psql(f"UPDATE {table} SET note = 'before' WHERE id = 1")
    lab.psql(f"ALTER TABLE {table} RENAME COLUMN note TO remark")
    lab.psql(f"ALTER TABLE {table} ADD COLUMN more int")
    lab.psql(
        f"UPDATE {table} SET more = 7 WHERE id = 2; DELETE FROM {table} WHERE id = 3"
    )
    assert lab.sync(table)["kind"] == "increment"
    lab.assert_equal(table)


@pytest.mark.large
def test_rows_that_leave_the_filter_and_rows_that_are_kept(
    lab: Lab, log: LogLab
) -> None:
    declared = "(id bigint PRIMARY KEY, state text)"
    where = {"column": "state", "operator": "=", "value": "open"}
    some = log.table("some", declared, where=where, delete_action="hard")
    kept = log.table("kept", declared, deletes="none")
    for table in (some, kept):
        lab.psql(f"INSERT INTO {table} VALUES (1, 'open'), (2, 'open')")
    log.start()
    for table in (some, kept):
        lab.sync(table)
        lab.psql(f"UPDATE {table} SET state = 'closed' WHERE id = 1")
        lab.psql(
            f"DELETE FROM {table} WHERE id = 2; INSERT INTO {table} VALUES (3, 'open')"
        )
        lab.sync(table)
    rows = lab.query(f"SELECT id FROM lab.{some}")
    assert [row["ID"] for row in rows] == [3]
    rows = lab.query(f"SELECT id, state FROM lab.{kept} ORDER BY id")
    assert [tuple(row.values()) for row in rows] == [
        (1, "closed"),
        (2, "open"),
        (3, "open"),
    ]


@pytest.mark.large
def test_a_capture_larger_than_a_window(lab: Lab, log: LogLab) -> None:
    table = log.table(
        "wide", "(id bigint PRIMARY KEY, n int)", delete_action="hard", chunk_rows=50
    )
    log.start()
    lab.sync(table)
    for _ in range(3):
        lab.psql(
            f"INSERT INTO {table} SELECT i, 0 FROM generate_series(1, 60) i"
            " ON CONFLICT (id) DO UPDATE SET n = excluded.n + 1"
        )
        lab.call("CAPTURE_LOG", "shop")
    assert lab.sync(table)["windows"] == 3
    lab.assert_equal(table)


@pytest.mark.large
def test_a_table_that_was_emptied_may_wait_for_a_person(lab: Lab, log: LogLab) -> None:
    table = log.table(
        "emptied", "(id bigint PRIMARY KEY)", delete_action="hard", on_truncate="fail"
    )
    lab.psql(f"INSERT INTO {table} VALUES (1), (2)")
    log.start()
    lab.sync(table)
    lab.psql(f"TRUNCATE {table}")
    assert "[truncated]" in lab.fail("SYNC_TABLE", table)
    assert len(lab.query(f"SELECT id FROM lab.{table}")) == 2
    lab.call("CONFIRM_DELETES", table)
    lab.assert_equal(table)
    # Said once is enough, though no row came since.
    assert lab.sync(table)["status"] == "unchanged"
    lab.psql(f"INSERT INTO {table} VALUES (3)")
    lab.sync(table)
    lab.assert_equal(table)


@pytest.mark.large
def test_a_run_that_dies_anywhere_is_made_up_for(
    lab: Lab, log: LogLab, faults: Switchboard
) -> None:
    """The crash matrix: each statement of a run fails once."""
    table = log.table("dying", "(id bigint PRIMARY KEY, n int)", delete_action="hard")
    log.start()
    lab.sync(table)
    for number, match in enumerate(
        (
            "INSERT INTO control.sync_captures",
            "INSERT INTO control.sync_capture_tables",
            "COPY INTO",
            "MERGE INTO",
            "INTO control.sync_watermarks",
            "INTO control.sync_runs",
        )
    ):
        lab.psql(f"INSERT INTO {table} VALUES ({number}, 0)")
        lab.psql(
            f"UPDATE {table} SET n = n + 1; DELETE FROM {table} WHERE id = {number - 2}"
        )
        faults.snowflake({"match": match, "action": "error"})
        with contextlib.suppress(ProgrammingError):
            lab.sync(table)
        faults.clear()
        lab.expire_lease(table)
    lab.psql(f"DELETE FROM {table} WHERE id = 5")
    lab.sync(table)
    lab.assert_equal(table)


@pytest.mark.large
def test_a_table_that_is_not_configured_for_a_while(lab: Lab, log: LogLab) -> None:
    """Captures of that time tell nothing of it."""
    other = log.table("other", "(id bigint PRIMARY KEY)")
    table = log.table("away", "(id bigint PRIMARY KEY)", delete_action="hard")
    log.start()
    lab.sync(table)
    away = log.tables.pop(table)
    log.apply()
    lab.psql(f"INSERT INTO {table} VALUES (1)")
    lab.sync(other)
    log.tables[table] = away
    log.apply()
    lab.psql(f"INSERT INTO {table} VALUES (2)")
    assert lab.sync(table)["kind"] == "snapshot"
    lab.assert_equal(table)
    lab.psql(f"INSERT INTO {table} VALUES (3)")
    assert lab.sync(table)["kind"] == "increment"
    lab.assert_equal(table)


@pytest.mark.large
def test_captures_that_were_tidied_away(lab: Lab, log: LogLab) -> None:
    table = log.table("late", "(id bigint PRIMARY KEY)", delete_action="hard")
    log.start()
    lab.sync(table)
    for number in (1, 2):
        lab.psql(f"INSERT INTO {table} VALUES ({number})")
        lab.call("CAPTURE_LOG", "shop")
    lab.query(
        "UPDATE control.sync_captures SET recorded_at = '2020-01-01 00:00:00+00'"
        " WHERE kind = 'capture'"
    )
    assert "sync_captures" not in tidied(lab), "the latest of a source stay"
    lab.query(
        "DELETE FROM control.sync_captures WHERE version <"
        " (SELECT MAX(version) FROM control.sync_captures)"
    )
    assert "sync_capture_tables" in tidied(lab)
    assert lab.sync(table)["kind"] == "snapshot"
    lab.assert_equal(table)


@pytest.mark.large
def test_calls_of_one_log_at_once(lab: Lab, log: LogLab) -> None:
    """Each succeeds or says why not; in the end the table is equal."""
    table = log.table("busy", "(id bigint PRIMARY KEY)", delete_action="hard")
    log.start()
    calls = {
        "SYNC_TABLE": table,
        "CAPTURE_LOG": "shop",
        "START_LOG": "shop",
        "STOP_LOG": "shop",
        "RESYNC_SOURCE": "shop",
    }
    pairs = itertools.combinations_with_replacement(calls.items(), 2)
    for number, pair in enumerate(pairs):
        lab.psql(f"INSERT INTO {table} VALUES ({number})")
        lab.psql(f"DELETE FROM {table} WHERE id = {number - 3}")
        for text in at_once(lab, *((name, (value,)) for name, value in pair)):
            assert any(f"[{code}]" in text for code in BUSY_LOG), (pair, text)
        log.start()
    lab.sync(table)
    lab.assert_equal(table)


@pytest.mark.large
def test_a_group_with_tables_of_both_kinds(lab: Lab, log: LogLab) -> None:
    group = lab.name("group")
    logged = log.table(
        "member", "(id bigint PRIMARY KEY)", delete_action="hard", group=group
    )
    second = log.table(
        "second", "(id bigint PRIMARY KEY)", delete_action="hard", group=group
    )
    full = lab.name("full")
    lab.psql(f"CREATE TABLE {full} (id bigint)")
    log.tables[full] = {"mode": "full", "group": group}
    config = lab.config(log.tables)
    config["groups"] = {group: {}}
    config["sources"]["shop"]["log"] = {"slot": log.name, "publication": log.name}
    lab.call("APPLY_CONFIG", json.dumps(config))
    log.start()
    lab.psql(f"INSERT INTO {logged} VALUES (1), (2); INSERT INTO {full} VALUES (1)")
    report = lab.call("SYNC_GROUP", group)
    assert report["failed"] == {}
    lab.psql(f"DELETE FROM {logged} WHERE id = 1; INSERT INTO {second} VALUES (1)")
    report = lab.call("SYNC_GROUP", group)
    lab.assert_equal(logged)
    lab.assert_equal(second)
    captures = "SELECT COUNT(*) AS n FROM control.sync_captures WHERE run_id = %s"
    (row,) = lab.query(captures, report["run_id"])
    assert row["N"] == 1, "one capture for all tables of the source"
    lab.psql(f"SELECT pg_drop_replication_slot('{log.name}')")
    report = lab.call("SYNC_GROUP", group)
    assert {report["failed"][t]["code"] for t in (logged, second)} == {"slot_missing"}
    assert full not in report["failed"]


@pytest.mark.large
def test_a_table_is_validated_and_repaired_and_goes_on_by_its_log(
    lab: Lab, log: LogLab
) -> None:
    """A repair leaves the position as it is; what is masked or renamed stays so."""
    table = log.table(
        "checked",
        "(id bigint PRIMARY KEY, note text, email text)",
        delete_action="hard",
        keys_in_messages=True,
        columns={"note": {"rename": "remark"}, "email": {"protect": "hash"}},
    )
    lab.psql(
        f"INSERT INTO {table} SELECT i, 'n' || i, 'a@b' FROM generate_series(1, 9) i"
    )
    log.start()
    lab.sync(table)
    lab.psql(f"UPDATE {table} SET note = 'later', email = 'c@d' WHERE id = 1")
    lab.psql(f"DELETE FROM {table} WHERE id = 2")
    assert lab.call("VALIDATE_TABLE", table)["status"] == "equal"
    lab.query(f"UPDATE lab.{table} SET remark = 'damaged' WHERE id = 3")
    lab.query(f"DELETE FROM lab.{table} WHERE id = 4")
    lab.query(f"UPDATE lab.{table} SET id = 77 WHERE id = 5")
    report = lab.call("VALIDATE_TABLE", table)
    assert report["counts"] == {
        "different": 1,
        "missing_in_target": 2,
        "extra_in_target": 1,
    }
    assert {d["key"]["id"] for d in report["differences"]} == {"3", "4", "5", "77"}
    (row,) = lab.query("CALL VALIDATE_TABLE(%s, TRUE)", table)
    report = json.loads(row["VALIDATE_TABLE"])
    assert (report["status"], report["repaired"]) == ("repaired", 4)
    lab.psql(f"UPDATE {table} SET email = 'a@b' WHERE id = 1")
    assert lab.sync(table)["kind"] == "increment"
    rows = lab.query(f"SELECT id, remark, email FROM lab.{table} ORDER BY id")
    expected = lab.psql(f"SELECT id, note FROM {table} ORDER BY id")
    assert [(row["ID"], row["REMARK"]) for row in rows] == expected
    # One hash, whether a row came by its plan, by its key, or by a repair.
    assert len({row["EMAIL"] for row in rows}) == 1 and rows[0]["EMAIL"] != "a@b"
    assert lab.call("VALIDATE_TABLE", table)["status"] == "equal"
