"""A table with "where": only the rows that fulfil it exist, in every call."""

import json
from typing import Any

import pytest

from tests.end_to_end.lab import Lab

pytestmark = pytest.mark.large

SEVEN = {"column": "tenant", "operator": "=", "value": 7}


def filtered(lab: Lab, where: dict[str, Any] = SEVEN, **settings: Any) -> str:
    table = lab.name("tenants")
    lab.psql(f"""
        CREATE TABLE {table} (
            id int PRIMARY KEY, tenant int, note text,
            updated_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX ON {table} (updated_at);
        INSERT INTO {table} SELECT i, 7 + i % 2, 'n' FROM generate_series(1, 20) AS i
        """)
    apply(lab, table, where, **settings)
    lab.sync(table)
    return table


def apply(lab: Lab, table: str, where: dict[str, Any], **settings: Any) -> None:
    lab.apply({table: {"cursor": "updated_at", "where": where, **settings}})


def loaded(lab: Lab, table: str) -> list[int]:
    return [row["ID"] for row in lab.query(f"SELECT id FROM lab.{table} ORDER BY id")]


def meant(lab: Lab, table: str, tenant: int = 7) -> list[int]:
    rows = lab.psql(f"SELECT id FROM {table} WHERE tenant = {tenant} ORDER BY id")
    return [row[0] for row in rows]


@pytest.mark.parametrize("load_method", ["copy", "snowpipe"])
def test_a_row_that_leaves_the_filter_leaves_the_target(
    lab: Lab, load_method: str
) -> None:
    table = filtered(
        lab,
        load_method=load_method,
        deletes="key_compare",
        delete_action="hard",
        delete_check_minutes=0,
        max_delete_percent=50,
    )
    assert loaded(lab, table) == meant(lab, table)
    # One leaves, one comes in with an old cursor, one changes, others do not matter.
    lab.psql(f"UPDATE {table} SET tenant = 9, updated_at = now() WHERE id = 2")
    lab.psql(f"UPDATE {table} SET tenant = 7 WHERE id = 3")
    lab.psql(f"UPDATE {table} SET note = 'm', updated_at = now() WHERE id IN (4, 5)")
    report = lab.sync(table)
    assert report["rows_deleted"] == 1
    assert loaded(lab, table) == meant(lab, table)
    (row,) = lab.query(f"SELECT note FROM lab.{table} WHERE id = 4")
    assert row["NOTE"] == "m"
    (answer,) = lab.query(f"CALL VALIDATE_TABLE('{table}')")
    assert '"equal"' in next(iter(answer.values())), answer


def test_without_compared_keys_a_row_that_left_is_found_by_validation(lab: Lab) -> None:
    table = filtered(lab)
    lab.psql(f"UPDATE {table} SET tenant = 9, updated_at = now() WHERE id = 2")
    lab.sync(table)
    assert 2 in loaded(lab, table)
    lab.query(f"CALL VALIDATE_TABLE('{table}', TRUE)")
    assert loaded(lab, table) == meant(lab, table)


def test_another_filter_reloads_by_itself(lab: Lab) -> None:
    table = filtered(lab)
    apply(lab, table, {**SEVEN, "value": 8})
    assert lab.sync(table)["kind"] == "snapshot"
    assert loaded(lab, table) == meant(lab, table, 8)
    assert lab.sync(table)["rows_inserted"] == 0


def test_a_full_table_and_a_backfill_have_the_filtered_rows(lab: Lab) -> None:
    table = filtered(lab)
    lab.query(f"DELETE FROM lab.{table}")
    lab.query(f"CALL BACKFILL_TABLE('{table}', '2000-01-01', '2100-01-01')")
    assert loaded(lab, table) == meant(lab, table)
    full = lab.name("full")
    lab.psql(f"CREATE TABLE {full} AS SELECT id, tenant FROM {table}")
    lab.apply({full: {"mode": "full", "where": SEVEN}})
    lab.sync(full)
    lab.psql(f"UPDATE {full} SET tenant = 9 WHERE id = 2")
    lab.sync(full)
    assert loaded(lab, full) == meant(lab, full)


def test_a_filter_that_does_not_fit_says_so_without_its_value(lab: Lab) -> None:
    table = lab.name("misfit")
    lab.orders_table(table, 3)
    apply(lab, table, {"column": "id", "operator": "=", "value": "confidential"})
    message = lab.fail("SYNC_TABLE", table)
    assert "filter_invalid" in message
    assert "confidential" not in message


def test_a_group_has_the_filtered_rows_of_each_table(lab: Lab) -> None:
    """Two tenants of one table; their keys are unique within each of them alone."""
    relation, group = lab.name("shared"), lab.name("tenants")
    lab.psql(f"""
        CREATE TABLE {relation} (
            id int NOT NULL, tenant int NOT NULL, note text,
            updated_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX ON {relation} (updated_at);
        INSERT INTO {relation}
        SELECT i % 10, 7 + i / 10, 'n' FROM generate_series(0, 29) AS i
        """)
    tables = {lab.name(f"tenant{tenant}"): tenant for tenant in (7, 8)}
    config = lab.config(
        {
            table: {
                "table": relation,
                "target_table": table,
                "group": group,
                "key": ["id"],
                "where": {**SEVEN, "value": tenant},
                "cursor": "updated_at",
                "deletes": "key_compare",
                "delete_action": "hard",
                "delete_check_minutes": 0,
                "max_delete_percent": 50,
            }
            for table, tenant in tables.items()
        }
    )
    lab.call("APPLY_CONFIG", json.dumps({**config, "groups": {group: {}}}))
    assert lab.call("SYNC_GROUP", group)["failed"] == {}
    lab.psql(
        f"UPDATE {relation} SET note = tenant::text, updated_at = now() WHERE id < 3"
    )
    # One leaves the first tenant for the second; another is new to both filters.
    lab.psql(
        f"UPDATE {relation} SET tenant = 8, id = 50, updated_at = now()"
        " WHERE tenant = 7 AND id = 9"
    )
    lab.psql(f"UPDATE {relation} SET tenant = 7, id = 60 WHERE tenant = 9 AND id = 9")
    report = lab.call("SYNC_GROUP", group)
    assert report["failed"] == {}, report
    for table, tenant in tables.items():
        assert loaded(lab, table) == meant(lab, relation, tenant)
        rows = lab.query(f"SELECT note FROM lab.{table} WHERE id < 3")
        assert [row["NOTE"] for row in rows] == [str(tenant)] * 3
    assert lab.call("SYNC_GROUP", group)["changed"] == []
