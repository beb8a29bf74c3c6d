"""DBT_SOURCES: what dbt is told of a target is what stands there."""

import pytest
import yaml

from tests.end_to_end.lab import TARGET_SCHEMA, Lab


@pytest.mark.large
def test_what_dbt_is_told_holds_in_the_target(lab: Lab) -> None:
    table, never = lab.name("orders"), lab.name("never")
    lab.psql(
        f'CREATE TABLE {table} (tenant int, "No" int, note text, PRIMARY KEY'
        f" (tenant, \"No\")); INSERT INTO {table} SELECT i % 2, i, 'x'"
        " FROM generate_series(1, 9) AS i;"
        f" COMMENT ON TABLE {table} IS 'Orders: {{{{ all }}}} of them';"
        f" COMMENT ON COLUMN {table}.note IS 'Free \"text\"'"
    )
    entry = {"mode": "full", "freshness_sla_minutes": 90}
    lab.apply({table: entry, never: entry})
    lab.sync(table)

    ((text,),) = [row.values() for row in lab.query("CALL DBT_SOURCES()")]

    (source,) = yaml.safe_load(text)["sources"]
    assert (source["database"], source["schema"]) == ("AURORA_SYNC", TARGET_SCHEMA)
    of = {one["name"]: one for one in source["tables"]}
    orders = of[table]
    assert orders["description"] == "Orders: {{ '{' }}{ all }} of them"
    columns = {one["name"]: one for one in orders["columns"]}
    assert columns["NOTE"]["description"] == 'Free "text"'
    assert (
        columns["TENANT"]["data_tests"] == columns["NO"]["data_tests"] == ["not_null"]
    )
    ((named,),) = [test["unique"].values() for test in orders["data_tests"]]
    (row,) = lab.query(
        f"SELECT COUNT(DISTINCT {named}) AS n FROM {TARGET_SCHEMA}.{table}"
    )
    assert row["N"] == 9
    (fresh,) = lab.query(orders["config"]["loaded_at_query"])
    (status,) = lab.query(
        "SELECT fresh_as_of FROM control.sync_status WHERE table_name = %s", table
    )
    assert fresh["LOADED_AT"] == status["FRESH_AS_OF"]
    # Nothing was synced: no key and no comment are known, and it is stale.
    assert not {"columns", "data_tests", "description"} & set(of[never])
    (old,) = lab.query(of[never]["config"]["loaded_at_query"])
    assert old["LOADED_AT"].year == 1970
