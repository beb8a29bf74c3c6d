"""From an endpoint to tables in sync, without a configuration written by hand."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.end_to_end.lab import Lab

SCRIPT = """
    CREATE SCHEMA {s};
    GRANT USAGE ON SCHEMA {s} TO aurora_sync;
    ALTER DEFAULT PRIVILEGES IN SCHEMA {s} GRANT SELECT ON TABLES TO aurora_sync;
    CREATE TABLE {s}.orders (
        id bigint PRIMARY KEY, email text, note text,
        updated_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX ON {s}.orders (updated_at);
    INSERT INTO {s}.orders (id, email, note) SELECT i, i || '@x', 'n' FROM
        generate_series(1, 50) AS i;
    CREATE TABLE {s}."Odd Name" (a int, "A" int);
    INSERT INTO {s}."Odd Name" VALUES (1, 2), (3, 4);
    CREATE TABLE {s}.denied (id int PRIMARY KEY);
    REVOKE ALL ON {s}.denied FROM aurora_sync;
    CREATE VIEW {s}.seen AS SELECT id FROM {s}.orders;
"""


@pytest.fixture
def schema(lab: Lab) -> Iterator[str]:
    name = lab.name("erp")
    lab.psql(SCRIPT.replace("{s}", name))
    yield name
    lab.psql(f"DROP SCHEMA {name} CASCADE")


def called(lab: Lab, text: str) -> dict[str, Any]:
    """Makes a call as a worksheet does and returns its report."""
    (row,) = lab.query(text)
    report: dict[str, Any] = json.loads(next(iter(row.values())))
    return report


def by_table(report: dict[str, Any]) -> dict[str, Any]:
    return {row["table"].partition(".")[2]: row for row in report["tables"]}


def test_from_nothing_to_in_sync_in_three_calls(lab: Lab, schema: str) -> None:
    lab.apply({})
    proposed = called(lab, f"CALL PROPOSE_CONFIG('shop', '{schema}.*')")
    rows = by_table(proposed)
    assert {name: row["state"] for name, row in rows.items()} == {
        "denied": "blocked",
        "seen": "blocked",
        "Odd Name": "look",
        "orders": "look",
    }
    assert rows["orders"]["mode"] == "incremental"
    assert rows["orders"]["cursor"] == "updated_at"
    assert "index begins with it" in rows["orders"]["evidence"]
    assert "GRANT SELECT" in rows["denied"]["misfits"][0]["what_to_do"]
    assert "email (hash)" in rows["orders"]["misfits"][0]["what"]
    assert proposed["next"] == f"CALL ADD_TABLES('shop', ['{schema}.*']);"
    assert lab.query("SELECT * FROM control.sync_current_tables") == []
    added = called(lab, proposed["next"].rstrip(";"))
    assert added["added"] == [f"{schema}.odd_name", f"{schema}.orders"]
    report = called(lab, "CALL SYNC_GROUP('shop')")
    assert report["failed"] == {}, report
    (row,) = lab.query(
        f'SELECT COUNT(*) AS n, MAX(email) AS e FROM "{schema.upper()}".' '"ORDERS"'
    )
    assert row["N"] == 50 and "@" not in row["E"]
    assert len(lab.query(f'SELECT A, A_2 FROM "{schema.upper()}"."ODD NAME"')) == 2


@pytest.mark.large
def test_the_proposed_text_is_ready_to_apply(lab: Lab, schema: str) -> None:
    lab.apply({})
    proposed = called(lab, f"CALL PROPOSE_CONFIG('shop', '{schema}.*')")
    text = json.dumps(proposed["config"])
    told = called(lab, f"CALL APPLY_CONFIG($${text}$$, TRUE)")
    assert told["added"] == [f"{schema}.odd_name", f"{schema}.orders"]
    assert told["summary"].startswith("Nothing was stored.")
    assert lab.query("SELECT * FROM control.sync_current_tables") == []
    stored = called(
        lab, f"CALL APPLY_CONFIG(config_text => $${text}$$, dry_run => FALSE)"
    )
    assert stored["tables"] == told["tables"]


@pytest.mark.large
def test_tables_are_added_by_name_and_removed_again(lab: Lab, schema: str) -> None:
    lab.apply({})
    report = called(
        lab, f"CALL ADD_TABLES('shop', ['{schema}.seen', '{schema}.nothing'])"
    )
    assert report["added"] == [f"{schema}.seen"]
    assert report["not_found"] == [f"{schema}.nothing"]
    again = lab.fail_with("ADD_TABLES", "shop", f"{schema}.seen")
    assert "[nothing_found]" in again and "Configured already" in again
    lab.sync(f"{schema}.seen")
    removed = called(lab, f"CALL REMOVE_TABLES('{schema}.seen')")
    assert removed["removed"] == [f"{schema}.seen"]
    assert len(lab.query(f'SELECT * FROM "{schema.upper()}".SEEN')) == 50
    assert "[unknown_table]" in lab.fail_with("REMOVE_TABLES", f"{schema}.seen")


@pytest.mark.large
def test_u3_an_older_file_does_not_remove_tables_by_mistake(lab: Lab) -> None:
    names = [lab.name(f"t{i}") for i in range(6)]
    config = lab.config({name: {"mode": "full"} for name in names})
    del config["max_removed_tables"]
    lab.apply({})
    lab.call("APPLY_CONFIG", json.dumps(lab.config({})))
    first = {**config, "max_removed_tables": 3}
    called(lab, f"CALL APPLY_CONFIG($${json.dumps(first)}$$, FALSE, TRUE)")
    older = json.dumps({**config, "tables": {names[0]: {"mode": "full"}}})
    refused = lab.fail_with("APPLY_CONFIG", older)
    assert "[too_many_removed]" in refused and names[5] in refused
    told = called(lab, f"CALL APPLY_CONFIG($${older}$$, TRUE)")
    assert told["refused"] == "too_many_removed" and len(told["removed"]) == 5
    assert len(lab.query("SELECT * FROM control.sync_current_tables")) == 6
    called(lab, f"CALL APPLY_CONFIG($${older}$$, FALSE, TRUE)")
    assert len(lab.query("SELECT * FROM control.sync_current_tables")) == 1


@pytest.mark.large
def test_u5_a_mask_is_told_of_and_reloads_by_itself(lab: Lab) -> None:
    table = lab.name("people")
    lab.orders_table(table, 5)
    lab.apply({table: {"cursor": "updated_at"}})
    lab.sync(table)
    masked = {"cursor": "updated_at", "columns": {"note": {"protect": "mask"}}}
    (change,) = lab.apply({table: masked})["changes"]
    assert change["subject"] == f"{table}.note"
    assert change["what"] == "plain -> masked"
    assert "reloaded by the next sync" in change["effect"]
    assert lab.sync(table)["kind"] == "snapshot"
    assert lab.query(f"SELECT DISTINCT note FROM lab.{table}") == [{"NOTE": "***"}]
    assert lab.sync(table)["status"] == "unchanged"


@pytest.mark.large
def test_u6_plan_sync_says_which_cause_a_sync_is_refused_for(lab: Lab) -> None:
    table = lab.name("moved")
    lab.orders_table(table, 5)
    lab.apply({table: {"cursor": "updated_at"}})
    lab.sync(table)
    report = lab.apply({table: {"cursor": "id"}})
    assert report["calls"] == [f"CALL RESYNC_TABLE('{table}');"]
    said = called(lab, f"CALL PLAN_SYNC('{table}')")
    assert said["refused"] == "origin_changed"
    assert "the cursor was updated_at and is id" in said["summary"]
    assert "the cursor was updated_at and is id" in lab.fail("SYNC_TABLE", table)


@pytest.mark.large
def test_a_pattern_stands_for_tables_and_meets_new_and_vanished_ones(
    lab: Lab, schema: str
) -> None:
    config = lab.config({})
    config["groups"] = {"erp": {}}
    config["patterns"] = {
        f"{schema}.*": {
            "exclude": [f"{schema}.Odd*"],
            "new_tables": "add",
            "settings": {"group": "erp", "chunk_rows": 7000},
        }
    }
    text = json.dumps(config)
    told = called(lab, f"CALL APPLY_CONFIG($${text}$$, TRUE)")
    assert told["added"] == [f"{schema}.orders"]
    assert called(lab, f"CALL APPLY_CONFIG($${text}$$)")["added"] == told["added"]
    (row,) = lab.query("SELECT settings FROM control.sync_current_tables")
    settings = json.loads(row["SETTINGS"])
    assert (settings["chunk_rows"], settings["cursor"]) == (7000, "updated_at")
    again = called(lab, f"CALL APPLY_CONFIG($${text}$$)")
    assert again["changes"] == []
    lab.psql(f"CREATE TABLE {schema}.late (id int PRIMARY KEY)")
    lab.query("DELETE FROM control.sync_discoveries")
    report = called(lab, "CALL SYNC_GROUP('erp')")
    assert report["discoveries"] == [
        {"what": "blocked", "table": f"{schema}.denied", "policy": "add"},
        {"what": "new", "table": f"{schema}.late", "policy": "add"},
    ]
    names = lab.query("SELECT table_name FROM control.sync_current_tables")
    assert {row["TABLE_NAME"] for row in names} == {
        f"{schema}.late",
        f"{schema}.orders",
    }
    lab.psql(f"DROP TABLE {schema}.late")
    # Within the hour nobody looks again.
    assert "discoveries" not in called(lab, "CALL SYNC_GROUP('erp')")
    lab.query("DELETE FROM control.sync_discoveries")
    gone = called(lab, "CALL SYNC_GROUP('erp')")["discoveries"]
    assert [one["what"] for one in gone] == ["vanished", "blocked"]
    # The pattern would bring it back, so it is excluded; what has vanished goes, too.
    removed = called(lab, f"CALL REMOVE_TABLES('{schema}.orders')")
    assert removed["tables"] == []
    assert called(lab, f"CALL ADD_TABLES('shop', '{schema}.orders')")["added"]


@pytest.mark.large
def test_new_tables_are_told_or_ignored_and_what_cannot_be_read_is_told(
    lab: Lab, schema: str
) -> None:
    config = lab.config({})
    config["groups"] = {"erp": {}}
    config["patterns"] = {
        f"{schema}.o*": {"settings": {"group": "erp"}},
        f"{schema}.x*": {"new_tables": "ignore", "settings": {"group": "erp"}},
        f"{schema}.y*": {"new_tables": "add", "settings": {"group": "erp"}},
    }
    called(lab, f"CALL APPLY_CONFIG($${json.dumps(config)}$$)")
    for name in ("o_told", "x_ignored", "y_denied"):
        lab.psql(f"CREATE TABLE {schema}.{name} (id int PRIMARY KEY)")
    lab.psql(f"CREATE VIEW {schema}.o_seen AS SELECT id FROM {schema}.orders")
    lab.psql(f"REVOKE ALL ON {schema}.y_denied FROM aurora_sync")
    lab.query("DELETE FROM control.sync_discoveries")
    report = called(lab, "CALL SYNC_GROUP('erp')")
    assert report["failed"] == {} and report["succeeded"] == 1
    assert report["discoveries"] == [
        {"what": "new", "table": f"{schema}.o_told", "policy": "tell"},
        {"what": "blocked", "table": f"{schema}.y_denied", "policy": "add"},
    ]
    noted = lab.query(
        "SELECT what, source_table FROM control.sync_discoveries"
        " WHERE what <> 'looked' ORDER BY what"
    )
    assert [row["SOURCE_TABLE"] for row in noted] == [
        f"{schema}.y_denied",
        f"{schema}.o_told",
    ]
    (row,) = lab.query("SELECT table_name FROM control.sync_current_tables")
    assert row["TABLE_NAME"] == f"{schema}.orders"
    # Once it may be read it is added like any other.
    lab.psql(f"GRANT SELECT ON {schema}.y_denied TO aurora_sync")
    lab.query("DELETE FROM control.sync_discoveries")
    assert called(lab, "CALL SYNC_GROUP('erp')")["discoveries"][1]["what"] == "new"
    added = lab.query("SELECT table_name FROM control.sync_current_tables")
    assert f"{schema}.y_denied" in {row["TABLE_NAME"] for row in added}
