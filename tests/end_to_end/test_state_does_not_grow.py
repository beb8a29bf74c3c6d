"""A year of runs: readers of the present see the same, and none of the past is lost."""

import json
from typing import Any

import pytest

from scripts.run_state import measure
from tests.end_to_end.lab import Lab

pytestmark = pytest.mark.large

RUNS = """
INSERT INTO control.sync_runs (
    run_id, table_name, kind, status, started_at, finished_at, rows_extracted
)
SELECT
    'r' || SEQ4(),
    %s,
    IFF(MOD(SEQ4(), 50) = 7, 'key_compare', 'increment'),
    CASE MOD(SEQ4(), 10) WHEN 3 THEN 'failed' WHEN 4 THEN 'succeeded'
        ELSE 'unchanged' END,
    DATEADD('hour', -30 - SEQ4(), CURRENT_TIMESTAMP()),
    DATEADD('hour', -30 - SEQ4(), CURRENT_TIMESTAMP()),
    SEQ4()
FROM TABLE(GENERATOR(ROWCOUNT => 1000))
"""
MARKS = """
INSERT INTO control.sync_watermarks (
    table_name, version, run_id, kind, origin, row_count, recorded_at
)
SELECT %s, SEQ4() + 1, 'r', 'increment', 'o', 0,
    DATEADD('hour', SEQ4() - 1100, CURRENT_TIMESTAMP())
FROM TABLE(GENERATOR(ROWCOUNT => 1000))
"""


def tidied(lab: Lab) -> dict[str, Any]:
    (row,) = lab.query("CALL TIDY()")
    report: dict[str, Any] = json.loads(row["TIDY"])
    return report


def count(lab: Lab, ledger: str, table: str) -> int:
    (row,) = lab.query(
        f"SELECT COUNT(*) AS n FROM control.{ledger} WHERE table_name = %s", table
    )
    return int(row["N"])


def shown(lab: Lab, view: str, table: str) -> list[dict[str, Any]]:
    rows = lab.query(f"SELECT * FROM control.{view} WHERE table_name = %s", table)
    # Minutes go by.
    return [{k: v for k, v in r.items() if k != "FRESHNESS_MINUTES"} for r in rows]


def test_a_year_of_runs_is_moved_and_nobody_sees_a_difference(lab: Lab) -> None:
    table = lab.name("orders")
    lab.orders_table(table, 3)
    lab.apply({table: {"cursor": "updated_at", "freshness_sla_minutes": 5}})
    lab.query(RUNS, table)
    lab.query(MARKS, table)
    views = ("sync_status", "sync_problems", "sync_current_watermarks")
    before = {view: shown(lab, view, table) for view in views}
    history = count(lab, "sync_history", table)
    # TIDY sees and drops what its own role has left.
    (role,) = lab.query("SELECT CURRENT_ROLE() AS name")
    lab.query("USE ROLE sync_admin")
    lab.query(
        'CREATE TABLE staging."GONE__ROWS_20200101T000000_0123456789AB" (a NUMBER)'
    )
    lab.query(f"USE ROLE {role['NAME']}")
    report = tidied(lab)
    assert {view: shown(lab, view, table) for view in views} == before
    assert count(lab, "sync_history", table) == history == 1000
    # The last of each kind and end, and the first of those that fail.
    assert count(lab, "sync_runs", table) <= 8
    assert count(lab, "sync_watermarks", table) == 1
    assert count(lab, "sync_watermarks_history", table) == 999
    assert report["moved"]["sync_runs"] >= 990
    gone = '"STAGING"."GONE__ROWS_20200101T000000_0123456789AB"'
    assert gone in report["dropped"]
    again = tidied(lab)
    assert set(again["moved"].values()) == {0} and not again["dropped"]


def test_syncs_go_on_from_what_is_left(lab: Lab) -> None:
    table = lab.name("orders")
    lab.orders_table(table, 3)
    lab.apply({table: {"cursor": "updated_at"}})
    lab.sync(table)
    lab.query(
        "UPDATE control.sync_watermarks SET recorded_at ="
        " DATEADD('day', -9, recorded_at) WHERE table_name = %s",
        table,
    )
    tidied(lab)
    lab.psql(f"UPDATE {table} SET note = 'later', updated_at = now()")
    with lab.before_statement("^MERGE", lambda other: other.query("CALL TIDY()")):
        lab.sync(table)
    lab.assert_equal(table)


def test_a_group_that_finds_nothing_writes_one_row_for_all_of_its_tables(
    lab: Lab,
) -> None:
    """And everybody still sees each table's run, whatever TIDY makes of it."""
    names = [lab.name(f"quiet{number}") for number in range(3)]
    group = lab.name("group")
    config = lab.config({n: {"cursor": "updated_at", "group": group} for n in names})
    config["groups"] = {group: {}}
    for name in names:
        lab.orders_table(name, 2)
    lab.call("APPLY_CONFIG", json.dumps(config))
    lab.call("SYNC_GROUP", group)
    lab.call("SYNC_GROUP", group)
    written = [count(lab, "sync_runs", name) for name in names]
    report = lab.call("SYNC_GROUP", group)
    assert report["succeeded"] == 3 and not report["changed"]
    assert [count(lab, "sync_runs", name) for name in names] == written
    quiet = "FROM control.sync_quiet_runs WHERE run_id = %s"
    assert len(lab.query(f"SELECT tables {quiet}", report["run_id"])) == 1
    for name in names:
        status = lab.last_run(name)
        assert status["LAST_RUN_ID"] == report["run_id"]
        assert status["LAST_RUN_STATUS"] == "unchanged" and status["STATE"] == "ok"
        assert status["WATERMARK"] == lab.watermark(name)
    lab.query(
        "UPDATE control.sync_quiet_runs SET"
        " started_at = DATEADD('day', -2, started_at),"
        " finished_at = DATEADD('day', -2, finished_at) WHERE run_id = %s",
        report["run_id"],
    )
    views = ("sync_status", "sync_history", "sync_overview", "sync_problems")
    before = [sorted(map(repr, shown(lab, v, n))) for v in views for n in names]
    tidied(lab)
    after = [sorted(map(repr, shown(lab, v, n))) for v in views for n in names]
    assert after == before
    assert not lab.query(f"SELECT 1 {quiet}", report["run_id"])
    assert all(
        "unchanged" in {row["STATUS"] for row in shown(lab, "sync_history", name)}
        for name in names
    )


def test_what_is_older_than_history_goes(lab: Lab) -> None:
    table = lab.name("orders")
    lab.orders_table(table, 1)
    config = lab.config({table: {"cursor": "updated_at"}}) | {"history_days": 2}
    lab.call("APPLY_CONFIG", json.dumps(config))
    lab.query(RUNS, table)
    tidied(lab)
    left = count(lab, "sync_runs_history", table)
    assert left <= 18
    lab.apply({table: {"cursor": "updated_at"}})


def test_readers_of_the_present_do_not_wait_for_the_past(lab: Lab) -> None:
    """scripts/run_state.sh with few rows, which tell little of its ratio."""
    prefix = lab.name("aged")
    figures = measure(lab.stack, runs=20_000, tables=5, prefix=prefix)
    assert figures.rows == 20_000 and figures.tidy_seconds > 0
    for table in (f"{prefix}_0000", f"{prefix}_0004"):
        # A day of runs, and the last ones of each kind; all are in history.
        assert count(lab, "sync_runs", table) <= 60
        assert count(lab, "sync_history", table) >= 4_000
    assert figures.ratio < 5
