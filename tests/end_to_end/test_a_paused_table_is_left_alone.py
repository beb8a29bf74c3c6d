"""PAUSE_TABLE and RESUME_TABLE."""

import json

from tests.end_to_end.lab import TARGET_SCHEMA, Lab


def grouped(lab: Lab, *tables: str) -> str:
    """Configures tables of one group and returns its name."""
    group = lab.name("daily")
    for table in tables:
        lab.orders_table(table, 10)
    config = {
        "version": 1,
        "defaults": {"source": "shop", "group": group, "target_schema": TARGET_SCHEMA},
        "sources": {"shop": {}},
        "groups": {group: {}},
        "tables": {table: {"cursor": "updated_at"} for table in tables},
    }
    lab.call("APPLY_CONFIG", json.dumps(config))
    return group


def test_nothing_syncs_a_paused_table_until_it_is_resumed(lab: Lab) -> None:
    table, other = lab.name("paused"), lab.name("other")
    group = grouped(lab, table, other)
    lab.call("SYNC_GROUP", group)
    lab.psql(f"INSERT INTO {table} (note) VALUES ('while paused')")
    report = lab.query("CALL PAUSE_TABLE(%s, %s)", table.upper(), "it's a test")
    assert json.loads(report[0]["PAUSE_TABLE"])["changed"] is True
    assert lab.call("PAUSE_TABLE", table)["changed"] is False
    assert lab.last_run(table)["STATE"] == "paused"
    for procedure in ("SYNC_TABLE", "RESYNC_TABLE", "CONFIRM_DELETES"):
        assert "table_paused" in lab.fail(procedure, table)
    assert lab.lease_owner(table) is None
    together = lab.call("SYNC_GROUP", group)
    assert (together["paused"], together["succeeded"]) == ([table], 1)
    assert lab.call("RESUME_TABLE", table)["changed"] is True
    assert lab.call("RESUME_TABLE", table)["changed"] is False
    assert lab.sync(table)["rows_inserted"] == 1
    lab.assert_equal(table)
    row, _ = lab.query(
        "SELECT reason, changed_by FROM control.sync_pauses WHERE table_name = %s"
        " ORDER BY changed_at",
        table,
    )
    assert row["REASON"] == "it's a test" and row["CHANGED_BY"]


def test_wrong_arguments_are_told(lab: Lab) -> None:
    for procedure in ("PAUSE_TABLE", "RESUME_TABLE"):
        assert "unknown_table" in lab.fail(procedure, "no_such_table")
        assert "invalid_argument" in lab.fail(procedure, None)
        assert "invalid_argument" in lab.fail(procedure, "  ")
