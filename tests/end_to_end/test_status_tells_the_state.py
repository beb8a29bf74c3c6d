"""SYNC_STATUS: one row per table, in each state; the runs are invented."""

from typing import Any

import pytest

from tests.end_to_end.lab import Lab

NAMES = ("new", "good", "quiet", "late", "failed", "hidden", "running", "lost", "gone")


class Ledgers:
    """Configured tables with invented runs, so that nothing has to be waited for."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.tables = {name: lab.name(name) for name in NAMES}
        lab.apply(
            {
                table: {
                    "cursor": "updated_at",
                    "freshness_sla_minutes": 60,
                }
                for table in self.tables.values()
            }
        )

    def run(
        self, name: str, status: str, minutes_ago: int, kind: str = "increment"
    ) -> None:
        """Appends a finished run; the error is there if it failed."""
        error = ("source_unreachable", "No answer.", "Wait.")
        self.lab.query(
            "INSERT INTO control.sync_runs (run_id, table_name, kind, status,"
            " started_at, finished_at, rows_extracted, bytes, error_code,"
            " error_message, error_hint)"
            " SELECT %s, %s, %s, %s, DATEADD('minute', %s, CURRENT_TIMESTAMP()),"
            " DATEADD('minute', %s, CURRENT_TIMESTAMP()), 7, 99, %s, %s, %s",
            f"{kind}-{minutes_ago}",
            self.tables[name],
            kind,
            status,
            -minutes_ago,
            -minutes_ago,
            *(error if status == "failed" else (None, None, None)),
        )

    def lease(self, name: str, minutes: int) -> None:
        """Lets a run hold the table, until so many minutes from now."""
        self.lab.query(
            "UPDATE control.sync_leases SET run_id = 'r',"
            " expires_at = DATEADD('minute', %s, CURRENT_TIMESTAMP())"
            " WHERE table_name = %s",
            minutes,
            self.tables[name],
        )

    def status(self) -> dict[str, dict[str, Any]]:
        """Returns the rows of SYNC_STATUS by the names used here."""
        rows = {
            row["TABLE_NAME"]: row
            for row in self.lab.query("SELECT * FROM control.sync_status")
        }
        return {name: rows[table] for name, table in self.tables.items()}


@pytest.fixture
def ledgers(lab: Lab) -> Ledgers:
    """Configured tables without a run."""
    return Ledgers(lab)


@pytest.mark.large
def test_each_state_is_told(ledgers: Ledgers) -> None:
    ledgers.run("good", "succeeded", 59)
    ledgers.run("quiet", "succeeded", 500)
    ledgers.run("quiet", "unchanged", 5)
    ledgers.run("late", "succeeded", 500)
    ledgers.run("late", "succeeded", 61)
    ledgers.run("failed", "succeeded", 30)
    ledgers.run("failed", "failed", 10)
    # What a person starts for some rows makes nothing fresh and hides no failure.
    ledgers.run("hidden", "failed", 10)
    ledgers.run("hidden", "succeeded", 5, kind="backfill")
    ledgers.run("hidden", "succeeded", 4, kind="repair")
    ledgers.run("running", "failed", 10)
    ledgers.lease("running", 5)
    ledgers.run("lost", "succeeded", 10)
    ledgers.lease("lost", -1)
    ledgers.run("gone", "succeeded", 20)
    ledgers.run("gone", "abandoned", 10)

    found = ledgers.status()

    assert {name: row["STATE"] for name, row in found.items()} == {
        "new": "never synced",
        "good": "ok",
        "quiet": "ok",
        "late": "late",
        "failed": "failed",
        "hidden": "failed",
        "running": "running",
        "lost": "lost",
        "gone": "failed",
    }
    assert {
        name: row["FRESHNESS_MINUTES"]
        for name, row in found.items()
        if row["FRESHNESS_MINUTES"] is not None
    } == pytest.approx(
        {"good": 59, "quiet": 5, "late": 61, "failed": 30, "lost": 10, "gone": 20},
        abs=1,
    )
    failed = found["failed"]
    assert failed["LAST_ERROR_CODE"] == "source_unreachable"
    assert failed["LAST_ERROR_HINT"] == "Wait."
    assert failed["FRESHNESS_SLA_MINUTES"] == 60
    assert (failed["LAST_ROWS_EXTRACTED"], failed["LAST_BYTES"]) == (7, 99)
    assert found["good"]["LAST_ERROR_CODE"] is None


def test_a_pause_is_told_with_its_reason_unless_a_sync_runs(ledgers: Ledgers) -> None:
    lab = ledgers.lab
    for name in ("failed", "running"):
        lab.query("CALL PAUSE_TABLE(%s, 'moving house')", ledgers.tables[name])
    ledgers.run("failed", "failed", 10)
    ledgers.lease("running", 5)
    found = ledgers.status()
    assert found["failed"]["STATE"] == "paused"
    assert found["failed"]["PAUSED_REASON"] == "moving house"
    assert found["running"]["STATE"] == "running"
    lab.call("RESUME_TABLE", ledgers.tables["failed"])
    found = ledgers.status()
    assert found["failed"]["STATE"] == "failed"
    assert found["failed"]["PAUSED_REASON"] is None


def test_what_a_sync_met_is_in_the_row(lab: Lab) -> None:
    table = lab.name("met")
    lab.orders_table(table, 3)
    lab.apply({table: {"cursor": "updated_at"}})
    lab.sync(table)
    lab.psql(f"ALTER TABLE {table} ADD COLUMN day date")
    lab.psql(f"INSERT INTO {table} (note, day) VALUES ('far', 'infinity')")
    lab.sync(table)
    row = lab.last_run(table)
    assert row["STATE"] == "ok"
    assert row["WATERMARK"] == lab.watermark(table)
    assert row["SCHEMA_CHANGES"] == 1 and row["LAST_SCHEMA_CHANGE"] == "day added"
    assert row["ALTERED_VALUES"] == 1
    assert row["LAST_RUN_ID"] and row["LAST_BYTES"] > 0
    (run,) = lab.query(
        "SELECT * FROM control.sync_history WHERE table_name = %s"
        " ORDER BY finished_at DESC LIMIT 1",
        table,
    )
    assert run["STATEMENTS"] > 0 and run["TOTAL_SECONDS"] > 0
    assert run["EXTRACT_SECONDS"] > 0 and run["MERGE_SECONDS"] > 0


def test_every_column_of_the_views_says_what_it_is(lab: Lab) -> None:
    for view in ("sync_status", "sync_history"):
        for row in lab.query(f"DESC VIEW control.{view}"):
            assert row["comment"], f"{view}.{row['name']}"
