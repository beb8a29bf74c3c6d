"""An upgrade deploys over a system at work: nothing is lost, and it goes on."""

import pytest

from scripts.deploy_local import deploy_local
from tests.end_to_end.lab import Lab

KINDS = ("TABLES", "VIEWS", "PROCEDURES", "STAGES", "EXTERNAL FUNCTIONS")


def objects(lab: Lab) -> dict[str, list[str]]:
    return {
        kind: sorted(row["name"] for row in lab.query(f"SHOW {kind} IN SCHEMA control"))
        for kind in KINDS
    }


def rows(lab: Lab, tables: list[str]) -> dict[str, int]:
    counted = {
        name: lab.query(f"SELECT COUNT(*) AS n FROM control.{name}") for name in tables
    }
    return {name: row["N"] for name, (row,) in counted.items()}


def test_state_survives_a_second_deployment(lab: Lab) -> None:
    table = lab.name("orders")
    lab.orders_table(table, 10)
    lab.apply({table: {"cursor": "updated_at"}})
    lab.sync(table)
    before, watermark = objects(lab), lab.watermark(table)
    kept = rows(lab, before["TABLES"])
    assert watermark and kept["SYNC_RUNS"] and kept["SYNC_CONFIG"]

    deploy_local(lab.stack.endpoints)

    assert objects(lab) == before
    assert rows(lab, before["TABLES"]) == kept
    assert lab.watermark(table) == watermark
    assert lab.sync(table)["status"] == "unchanged"
    lab.psql(f"UPDATE {table} SET note = 'after', updated_at = now() WHERE id = 1")
    assert lab.sync(table)["rows_updated"] == 1
    lab.assert_equal(table)


@pytest.mark.large
def test_the_app_keeps_the_grants_of_others(lab: Lab) -> None:
    """W2: CREATE OR REPLACE dropped them at every deployment; it has no COPY GRANTS."""
    role = lab.name("viewers")
    lab.query(f"CREATE ROLE {role}")
    lab.query(f"GRANT USAGE ON STREAMLIT control.sync_dashboard TO ROLE {role}")

    deploy_local(lab.stack.endpoints)

    (granted,) = lab.query(f"SHOW GRANTS TO ROLE {role}")
    assert granted["privilege"] == "USAGE"
    assert granted["name"].upper().endswith("SYNC_DASHBOARD")
