"""Two environments stand side by side: neither sees or touches the other."""

import json
from typing import Any

import pytest
import snowflake.connector

from scripts import undeploy_snowflake
from scripts.deploy_local import deploy_local
from tests.end_to_end.lab import TARGET_SCHEMA, Lab

DEV = {"environment": "dev", "database": "AURORA_SYNC_DEV"}
LEDGERS = ("sync_config", "sync_tables", "sync_runs", "sync_watermarks", "sync_alerts")


def counted(lab: Lab) -> dict[str, int]:
    found = {}
    for name in LEDGERS:
        (row,) = lab.query(f"SELECT COUNT(*) AS n FROM AURORA_SYNC.control.{name}")
        found[name] = row["N"]
    return found


def of_account(lab: Lab) -> set[str]:
    kinds = ("ROLES", "WAREHOUSES", "INTEGRATIONS", "DATABASES")
    return {str(row["name"]) for kind in kinds for row in lab.query(f"SHOW {kind}")}


@pytest.mark.large
def test_each_is_its_own_and_goes_alone(lab: Lab) -> None:
    table = lab.name("orders")
    lab.orders_table(table, 5)
    lab.apply({table: {"cursor": "updated_at"}})
    lab.sync(table)
    before = counted(lab)

    deploy_local(lab.stack.endpoints, given=DEV)
    parameters = lab.stack.endpoints.snowflake.parameters
    with snowflake.connector.connect(**parameters) as connection:
        dev = Lab(lab.stack, lab.source, connection)
        dev.query("USE SCHEMA AURORA_SYNC_DEV.CONTROL")
        dev.apply({table: {"mode": "full"}})
        assert dev.sync(table)["rows_inserted"] == 5
        report: dict[str, Any] = json.loads(*dev.query("CALL CHECK_SYNC()")[0].values())
        subjects = {r["subject"] for r in report["rows"] if r["check"] == "integration"}
        assert subjects == {"AURORA_SYNC_API_DEV", "AURORA_SYNC_STORAGE_DEV"}
        assert not [r for r in report["rows"] if r["state"] == "failed"], report
        # Its owner may do nothing in the other one.
        dev.query("USE ROLE SYNC_ADMIN_DEV")
        for text in (
            "SELECT COUNT(*) FROM AURORA_SYNC.control.sync_config",
            "CALL AURORA_SYNC.CONTROL.HELP()",
            f"SELECT COUNT(*) FROM AURORA_SYNC.{TARGET_SCHEMA}.{table}",
            "DESCRIBE INTEGRATION AURORA_SYNC_API",
        ):
            with pytest.raises(snowflake.connector.errors.ProgrammingError):
                dev.query(text)
    assert counted(lab) == before
    both = of_account(lab)
    assert {"SYNC_ADMIN", "SYNC_ADMIN_DEV", "AURORA_SYNC", "AURORA_SYNC_DEV"} <= both

    values = {**DEV, "warehouse": "AURORA_SYNC_DEV", "admin_role": "ACCOUNTADMIN"}
    gone = undeploy_snowflake.statements(values, integrations=True, roles=True)
    with snowflake.connector.connect(**parameters) as connection:
        for text in gone:
            connection.cursor().execute(text)
        # Its database is what stays; of the test itself.
        connection.cursor().execute("USE ROLE ACCOUNTADMIN")
    assert {n for n in both if n.endswith("_DEV")} & of_account(lab) == {
        "AURORA_SYNC_DEV"
    }
    assert counted(lab) == before
    lab.psql(f"UPDATE {table} SET note = 'after', updated_at = now() WHERE id = 1")
    assert lab.sync(table)["rows_updated"] == 1
    lab.assert_equal(table)
