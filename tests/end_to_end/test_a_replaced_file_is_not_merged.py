"""Attacker: who replaces files of rows in the landing bucket, in spite of its policy.

Between the worker's write and the COPY the file gets other rows, as many as before; or
that, and the right rows again before anybody can look. Nothing of it is merged,
whatever call loads it.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.end_to_end.lab import TARGET_SCHEMA, Lab

CALLS: dict[str, Callable[[Lab, str], str]] = {
    "SYNC_TABLE": lambda lab, table: lab.fail("SYNC_TABLE", table),
    "RESYNC_TABLE": lambda lab, table: lab.fail("RESYNC_TABLE", table),
    "BACKFILL_TABLE": lambda lab, table: lab.fail_with(
        "BACKFILL_TABLE", table, "2000-01-01", "2100-01-01"
    ),
    "SYNC_GROUP": lambda lab, table: lab.fail("SYNC_GROUP", f"g_{table}"),
    "LOAD_LANE": lambda lab, table: lab.fail_with("LOAD_LANE", f"g_{table}", 1),
}


@pytest.fixture
def orders(lab: Lab) -> str:
    """A synced table with changes that wait for the next sync."""
    table = lab.name("orders")
    lab.orders_table(table, 40)
    config = lab.config({table: {"cursor": "updated_at", "group": f"g_{table}"}})
    config["groups"] = {f"g_{table}": {}}
    lab.call("APPLY_CONFIG", json.dumps(config))
    lab.sync(table)
    lab.psql(f"UPDATE {table} SET note = 'new', updated_at = now() WHERE id > 20")
    lab.psql(f"INSERT INTO {table} (note) SELECT 'i' FROM generate_series(1, 5)")
    return table


def rows_of(lab: Lab, table: str) -> list[dict[str, Any]]:
    return lab.query(f"SELECT * FROM {TARGET_SCHEMA}.{table} ORDER BY id")


def told(lab: Lab, table: str) -> str:
    """The error of the table's last run."""
    (row,) = lab.query(
        "SELECT error_code FROM control.sync_runs WHERE table_name = %s"
        " ORDER BY finished_at DESC LIMIT 1",
        table,
    )
    return str(row["ERROR_CODE"])


@pytest.mark.large
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("before", ["^COPY", "^LIST"])
def test_a_file_that_somebody_replaces_is_not_merged(
    lab: Lab, orders: str, before: str, call: str
) -> None:
    known = lab.landing_files(orders)
    if call == "LOAD_LANE":
        lab.query("CALL EXTRACT_LANES(%s, %s)", f"g_{orders}", 1)
    watermark, rows = lab.watermark(orders), rows_of(lab, orders)

    def replace(other: Lab) -> None:
        (written,) = other.landing_files(orders) - known
        other.forge_file(written, forged=before == "^COPY")

    with lab.before_statement(before, replace):
        error = CALLS[call](lab, orders)
    assert "file_replaced" in error and told(lab, orders) == "file_replaced"
    assert (lab.watermark(orders), rows_of(lab, orders)) == (watermark, rows)
    lab.sync(orders)
    lab.assert_equal(orders)


def test_a_file_that_somebody_takes_away_is_not_merged_by_halves(
    lab: Lab, orders: str
) -> None:
    watermark, known = lab.watermark(orders), lab.landing_files(orders)

    def take_away(other: Lab) -> None:
        (written,) = other.landing_files(orders) - known
        bucket = other.stack.endpoints.landing.bucket
        other.s3.delete_object(Bucket=bucket, Key=written)

    with lab.before_statement("^LIST", take_away):
        error = lab.fail("SYNC_TABLE", orders)
    assert "[file_replaced]" in error
    assert lab.watermark(orders) == watermark
    lab.sync(orders)
    lab.assert_equal(orders)
