"""A deployment brings what an older release has made to what the code says (C1)."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts.deploy_local import deploy_local, local_variables
from scripts.deploy_snowflake import deploy, plan_deployment
from scripts.snowflake_connection import connect
from scripts.sql_files import read_files
from tests.end_to_end.lab import Lab

OLDER = Path(__file__).resolve().parents[1] / "releases" / "9acf2c0"
SHOWN = ("STAGES", "FILE FORMATS", "TABLES", "VIEWS", "PROCEDURES", "ALERTS")
CHANGES = {"created_on", "created", "database_name", "catalog_name", "rows", "text"}
ACCOUNT = (
    ("SHOW WAREHOUSES LIKE 'AURORA_SYNC'", ()),
    ("DESC STORAGE INTEGRATION aurora_sync_storage", ()),
    ("DESC API INTEGRATION aurora_sync_api", ()),
)


def kept(rows: list[dict[str, Any]], database: str) -> list[dict[str, Any]]:
    """What is comparable of two databases of the same release."""
    return [
        {
            key: value.replace(database, "D") if isinstance(value, str) else value
            for key, value in row.items()
            if key not in CHANGES
        }
        for row in rows
    ]


def properties(lab: Lab, database: str) -> dict[str, Any]:
    """Every property that SHOW and DESCRIBE tell of the deployed objects."""
    lab.query(f"USE DATABASE {database}")
    found: dict[str, Any] = {"SCHEMAS": kept(lab.query("SHOW SCHEMAS"), database)}
    for kind in SHOWN:
        for schema in ("CONTROL", "STAGING"):
            rows = lab.query(f"SHOW {kind} IN SCHEMA {database}.{schema}")
            found[f"{schema} {kind}"] = kept(rows, database)
    for table in lab.query(f"SHOW TABLES IN SCHEMA {database}.control"):
        name = table["name"]
        described = lab.query(f"DESC TABLE {database}.control.{name}")
        found[f"columns of {name}"] = described
    found["file format"] = lab.query(f"DESC FILE FORMAT {database}.control.landing_csv")
    return found


@pytest.fixture
def fresh(lab: Lab) -> Any:
    """Two databases: deployed by this release alone, and over the older one."""
    endpoints = lab.stack.endpoints
    names = {"fresh": "FRESH_RELEASE", "older": "OLDER_RELEASE"}
    places = {
        key: replace(endpoints, snowflake=replace(endpoints.snowflake, database=name))
        for key, name in names.items()
    }
    connection = connect(endpoints.snowflake.parameters)
    try:
        steps = plan_deployment(
            read_files(OLDER), local_variables(places["older"]), Path("/no.zip")
        )
        deploy(connection, steps)
    finally:
        connection.close()
    try:
        yield names, places
    finally:
        for name in names.values():
            lab.query(f"DROP DATABASE IF EXISTS {name}")
        lab.query(f"USE SCHEMA {endpoints.snowflake.database}.control")


@pytest.mark.large
def test_every_property_is_that_of_a_fresh_deployment(lab: Lab, fresh: Any) -> None:
    names, places = fresh
    old = properties(lab, names["older"])
    deploy_local(places["older"])
    deploy_local(places["fresh"])
    now = properties(lab, names["older"])
    assert now == properties(lab, names["fresh"])
    assert old["file format"] != now["file format"]
    skips = {row["property"]: row["property_value"] for row in now["file format"]}
    assert skips["SKIP_BYTE_ORDER_MARK"] == "False"
    managed = {row["name"]: row["options"] for row in now["SCHEMAS"]}
    assert managed["CONTROL"] == managed["STAGING"] == "MANAGED ACCESS"


@pytest.mark.large
def test_a_renamed_view_keeps_its_old_name_and_the_old_name_its_grants(
    lab: Lab, fresh: Any
) -> None:
    """SYNC_TROUBLES is SYNC_PROBLEMS now; the old name is a view for one release."""
    names, places = fresh
    control = f"{names['older']}.control"
    lab.query("CREATE ROLE IF NOT EXISTS watcher")
    lab.query(f"GRANT SELECT ON VIEW {control}.sync_troubles TO ROLE watcher")
    deploy_local(places["older"])
    granted = {row["name"] for row in lab.query("SHOW GRANTS TO ROLE watcher")}
    assert granted == {f"{names['older']}.CONTROL.SYNC_TROUBLES"}
    lab.query(
        f"INSERT INTO {control}.sync_config (version, config_text, config_sha256,"
        " applied_at) VALUES (1, '{}', 'x', DATEADD('day', -1, CURRENT_TIMESTAMP()))"
    )
    lab.query(
        f"INSERT INTO {control}.sync_tables (version, table_name, target_name,"
        " freshness_sla_minutes, settings) VALUES (1, 'orders', 'T', 5, '{}')"
    )
    lab.query("USE WAREHOUSE aurora_sync")
    lab.query("USE ROLE sync_reader")
    old, new = (
        lab.query(f"SELECT * FROM {control}.{view} ORDER BY table_name")
        for view in ("sync_troubles", "sync_problems")
    )
    lab.query("USE ROLE sync_admin")
    assert old == new and [row["TABLE_NAME"] for row in new] == ["orders"]
    alerts = lab.query(f"SHOW ALERTS IN SCHEMA {control}")
    assert [alert["name"] for alert in alerts] == ["SYNC_PROBLEM"]


@pytest.mark.large
def test_objects_of_the_account_are_brought_back(lab: Lab) -> None:
    wanted = [lab.query(text) for text, _ in ACCOUNT]
    for text in (
        "ALTER WAREHOUSE aurora_sync SET AUTO_SUSPEND = 600 COMMENT = 'older'",
        "ALTER STORAGE INTEGRATION aurora_sync_storage SET ENABLED = FALSE",
        "ALTER API INTEGRATION aurora_sync_api SET COMMENT = 'older'",
    ):
        lab.query(text)
    assert [lab.query(text) for text, _ in ACCOUNT] != wanted
    deploy_local(lab.stack.endpoints)
    assert [lab.query(text) for text, _ in ACCOUNT] == wanted


def test_what_others_were_granted_stays(lab: Lab) -> None:
    """W2: a view, a procedure and a function keep their grants; the alert its state."""
    lab.query("USE ROLE accountadmin")
    lab.query("CREATE ROLE IF NOT EXISTS auditor")
    lab.query("USE ROLE sync_admin")
    for target in (
        "SELECT ON VIEW aurora_sync.control.sync_status",
        "USAGE ON PROCEDURE aurora_sync.control.plan_sync(VARCHAR)",
        "USAGE ON FUNCTION aurora_sync.control.canonical_float(FLOAT)",
    ):
        lab.query(f"GRANT {target} TO ROLE auditor")
    before = {row["name"] for row in lab.query("SHOW GRANTS TO ROLE auditor")}
    assert len(before) == 3
    deploy_local(lab.stack.endpoints)
    after = {row["name"] for row in lab.query("SHOW GRANTS TO ROLE auditor")}
    assert after == before
