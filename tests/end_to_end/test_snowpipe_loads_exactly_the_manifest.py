"""Tables whose files a pipe loads: what a run merges is its manifest, nothing else."""

import json
import time
from typing import Any

import pytest
import zstandard

from tests.end_to_end.faults import Switchboard
from tests.end_to_end.lab import TARGET_SCHEMA, Lab


def configured(lab: Lab, table: str, **settings: Any) -> None:
    usual = {"cursor": "updated_at", "load_method": "snowpipe", "pipe_wait_seconds": 30}
    lab.apply({table: usual | settings})


def piped(lab: Lab, name: str, rows: int = 20, **settings: Any) -> str:
    """Returns a synced table that a pipe loads."""
    table = lab.name(name)
    lab.orders_table(table, rows)
    configured(lab, table, **settings)
    lab.sync(table)
    return table


def change(lab: Lab, table: str) -> None:
    lab.psql(f"UPDATE {table} SET note = 'x', updated_at = now() WHERE id % 3 = 0")
    lab.psql(f"INSERT INTO {table} (note) VALUES ('new')")


def pipes(lab: Lab, table: str) -> list[str]:
    """Returns the names of a table's pipes."""
    shown = lab.query(f"SHOW PIPES LIKE 'P_{table.upper()}_%' IN SCHEMA staging")
    return [row["name"] for row in shown]


def landed(lab: Lab, table: str) -> int:
    """Returns how many rows lie in the table of the only pipe."""
    (pipe,) = pipes(lab, table)
    name = pipe.replace("__PIPE_", "__LANDED_")
    (row,) = lab.query(f"SELECT COUNT(*) AS n FROM staging.{name}")
    return int(row["N"])


def piped_files(lab: Lab, table: str) -> set[str]:
    """Returns the keys of the files that pipes load."""
    landing = lab.stack.endpoints.landing
    prefix = f"{landing.prefix}pipe/{table}/"
    found = lab.s3.list_objects_v2(Bucket=landing.bucket, Prefix=prefix)
    return {entry["Key"] for entry in found.get("Contents", [])}


def sent_by_sync(lab: Lab, table: str) -> list[str]:
    before = len(lab.statements())
    lab.sync(table)
    return [" ".join(s["text"].split()) for s in lab.statements()[before:]]


def wait_for_rows(lab: Lab, table: str) -> None:
    end = time.monotonic() + 30
    while landed(lab, table) == 0:
        assert time.monotonic() < end, "the file did not come"
        time.sleep(0.02)


def test_increments_arrive_and_leave_nothing_behind(
    lab: Lab, faults: Switchboard
) -> None:
    table = piped(lab, "pipe_increment")
    lab.assert_equal(table)
    assert len(pipes(lab, table)) == 1
    faults.storage(double_events=9)  # Each notification comes twice.
    change(lab, table)
    texts = sent_by_sync(lab, table)
    lab.assert_equal(table)
    polls = sum("copy_history" in text for text in texts)
    assert polls and not any(t.startswith(("COPY", "CREATE PIPE")) for t in texts)
    assert len(texts) - polls <= 18, texts
    assert landed(lab, table) == 0
    idle = sent_by_sync(lab, table)
    assert len(idle) <= 8
    assert not [t for t in idle if "copy_history" in t or t.startswith("SHOW")]


def test_an_object_of_somebody_else_is_never_merged(lab: Lab) -> None:
    table = piped(lab, "pipe_alien")
    bucket = lab.stack.endpoints.landing.bucket
    (known,) = piped_files(lab, table)
    folder = known.rsplit("/", 3)[0]
    lab.psql(f"UPDATE {table} SET note = 'new', updated_at = now()")
    rows = zstandard.compress(b"1,false,1,2999-01-01 00:00:00+00\n")
    for name in ("20000101T000000-alien/w00001/00000.csv.zst", "x.csv", "a/b/c/d"):
        lab.s3.put_object(Bucket=bucket, Key=f"{folder}/{name}", Body=rows)
    wait_for_rows(lab, table)
    lab.sync(table)
    lab.assert_equal(table)


def test_windows_and_parts_of_a_table_come_by_one_pipe(
    lab: Lab, faults: Switchboard
) -> None:
    """Several parts and windows, and a snapshot that a later run finishes."""
    table = lab.name("pipe_parts")
    lab.orders_table(table, 50)
    configured(lab, table, chunk_rows=20)
    faults.snowflake({"match": "insert overwrite into", "action": "kill_procedure"})
    lab.fail("SYNC_TABLE", table)
    faults.clear()
    assert landed(lab, table) == 50
    lab.expire_lease(table)
    lab.sync(table)
    lab.assert_equal(table)
    lab.psql(f"UPDATE {table} SET note = 'y', updated_at = now() + id * interval '1s'")
    assert lab.sync(table)["windows"] == 3
    lab.assert_equal(table)
    assert landed(lab, table) == 0
    lab.call("RESYNC_TABLE", table)
    lab.assert_equal(table)


def test_a_run_that_was_killed_while_it_waited_leaves_rows_that_nobody_merges(
    lab: Lab, faults: Switchboard
) -> None:
    table = piped(lab, "pipe_killed")
    lab.psql(f"INSERT INTO {table} (id, note) VALUES (999, 'seen by the first run')")
    faults.snowflake(
        {"match": f"^PIPE .*{table}", "action": "hold"},
        {"match": "copy_history", "nth": 3, "action": "kill_procedure"},
    )
    lab.fail("SYNC_TABLE", table)
    faults.clear()
    wait_for_rows(lab, table)
    lab.psql(f"DELETE FROM {table} WHERE id = 999")
    change(lab, table)
    lab.expire_lease(table)
    lab.sync(table)
    lab.assert_equal(table)
    assert landed(lab, table) == 0


def test_a_file_that_comes_after_the_time_out_is_never_merged(
    lab: Lab, faults: Switchboard
) -> None:
    table = piped(lab, "pipe_late")
    lab.psql(f"INSERT INTO {table} (id, note) VALUES (999, 'seen by the first run')")
    faults.snowflake({"match": f"^PIPE .*{table}", "action": "hold"})
    configured(lab, table, pipe_wait_seconds=1)
    error = lab.fail("SYNC_TABLE", table)
    assert "[pipe_timeout]" in error and "it is RUNNING with" in error
    assert "EventBridge" in error and "A retry may help" in error
    lab.psql(f"DELETE FROM {table} WHERE id = 999")
    change(lab, table)
    configured(lab, table)
    faults.clear()
    wait_for_rows(lab, table)
    lab.sync(table)
    lab.assert_equal(table)
    assert landed(lab, table) == 0


def test_a_lost_notification_is_made_good_by_a_refresh(
    lab: Lab, faults: Switchboard
) -> None:
    table = piped(lab, "pipe_lost", pipe_wait_seconds=2)
    faults.storage(lose_events=1)
    change(lab, table)
    texts = sent_by_sync(lab, table)
    assert [text for text in texts if text.startswith("ALTER PIPE")]
    lab.assert_equal(table)


def test_a_paused_pipe_is_told_and_loads_when_it_goes_on(lab: Lab) -> None:
    table = piped(lab, "pipe_paused", pipe_wait_seconds=1)
    (pipe,) = pipes(lab, table)
    lab.query(f"ALTER PIPE staging.{pipe} SET PIPE_EXECUTION_PAUSED = TRUE")
    change(lab, table)
    error = lab.fail("SYNC_TABLE", table)
    assert "[pipe_stopped]" in error and "is PAUSED with 1 files pending" in error
    assert lab.last_run(table)["LAST_ERROR_CODE"] == "pipe_stopped"
    lab.query(f"ALTER PIPE staging.{pipe} SET PIPE_EXECUTION_PAUSED = FALSE")
    configured(lab, table)
    lab.sync(table)
    lab.assert_equal(table)


@pytest.mark.parametrize("damage", ["no zstd", "a row less"])
def test_a_file_that_is_not_the_manifests_is_not_merged(
    lab: Lab, faults: Switchboard, damage: str
) -> None:
    table = piped(lab, "pipe_damaged")
    before = lab.query(f"SELECT * FROM {TARGET_SCHEMA}.{table} ORDER BY id")
    change(lab, table)
    faults.storage(lose_events=1)
    known = piped_files(lab, table)

    def spoil(rival: Lab) -> None:
        (key,) = piped_files(rival, table) - known
        if damage == "a row less":
            rival.shorten_file(key)
            return
        bucket = rival.stack.endpoints.landing.bucket
        rival.s3.put_object(Bucket=bucket, Key=key, Body=b"garbage")

    with lab.before_statement("^SHOW PIPES", spoil):
        error = lab.fail("SYNC_TABLE", table)
    code = "count_mismatch" if damage == "a row less" else "pipe_file_failed"
    assert f"[{code}]" in error and "garbage" not in error
    assert lab.query(f"SELECT * FROM {TARGET_SCHEMA}.{table} ORDER BY id") == before
    lab.sync(table)
    lab.assert_equal(table)


def test_a_snapshot_with_a_damaged_file_is_read_anew(lab: Lab) -> None:
    table = lab.name("pipe_anew")
    lab.orders_table(table, 20)
    configured(lab, table)

    def spoil(rival: Lab) -> None:
        bucket = rival.stack.endpoints.landing.bucket
        for key in piped_files(rival, table):
            rival.s3.put_object(Bucket=bucket, Key=key, Body=b"garbage")

    with lab.before_statement("^SHOW PIPES", spoil):
        assert "[pipe_file_failed]" in lab.fail("SYNC_TABLE", table)
    lab.sync(table)
    lab.assert_equal(table)


def test_other_columns_get_another_pipe_and_the_old_one_goes(lab: Lab) -> None:
    table = piped(lab, "pipe_drift")
    (old,) = pipes(lab, table)
    lab.psql(f"ALTER TABLE {table} ADD COLUMN extra bytea DEFAULT '\\x00ff'")
    lab.psql(f"ALTER TABLE {table} RENAME COLUMN note TO remark")
    lab.psql(f"UPDATE {table} SET remark = 'z', updated_at = now() WHERE id < 5")
    lab.sync(table)
    (new,) = pipes(lab, table)
    assert old != new
    name = old.replace("__PIPE_", "__LANDED_")
    assert not lab.query(f"SHOW TABLES LIKE '{name}' IN SCHEMA staging")
    rows = lab.query(f"SELECT remark, extra FROM {TARGET_SCHEMA}.{table} WHERE id < 5")
    assert {(row["REMARK"], row["EXTRA"].hex()) for row in rows} == {("z", "00ff")}
    lab.psql(f"ALTER TABLE {table} DROP COLUMN extra")
    lab.psql(f"UPDATE {table} SET updated_at = now()")
    lab.sync(table)
    assert pipes(lab, table) == [old]


def test_deleted_keys_are_found_and_a_group_takes_both_kinds(lab: Lab) -> None:
    by_pipe, by_copy = lab.name("pipe_member"), lab.name("copy_member")
    for table in (by_pipe, by_copy):
        lab.orders_table(table, 20)
    group = lab.name("mixed")
    entry = {
        "cursor": "updated_at",
        "deletes": "key_compare",
        "delete_action": "hard",
        "delete_check_minutes": 0,
    }
    config = {
        "version": 1,
        "defaults": {
            "source": "shop",
            "group": group,
            "target_schema": TARGET_SCHEMA,
            "margin_seconds": 0,
        },
        "sources": {"shop": {"time_zone": "UTC"}},
        "groups": {group: {}},
        "tables": {by_pipe: entry | {"load_method": "snowpipe"}, by_copy: entry},
    }
    lab.call("APPLY_CONFIG", json.dumps(config))
    lab.call("SYNC_GROUP", group)
    for table in (by_pipe, by_copy):
        change(lab, table)
        lab.psql(f"DELETE FROM {table} WHERE id = 7")
    report = lab.call("SYNC_GROUP", group)
    assert report["succeeded"] == 2, report
    for table in (by_pipe, by_copy):
        lab.assert_equal(table)
    assert landed(lab, by_pipe) == 0


def test_a_table_may_change_its_load_method(lab: Lab) -> None:
    table = piped(lab, "pipe_switch")
    lab.psql(f"UPDATE {table} SET note = 'unseen' WHERE id = 5")
    lab.query("CALL BACKFILL_TABLE(%s, '2000-01-01', '2100-01-01')", table)
    lab.assert_equal(table)
    assert landed(lab, table) == 0
    change(lab, table)
    configured(lab, table, load_method="copy")
    assert any(text.startswith("COPY INTO") for text in sent_by_sync(lab, table))
    change(lab, table)
    configured(lab, table)
    assert not any(text.startswith("COPY INTO") for text in sent_by_sync(lab, table))
    lab.assert_equal(table)
