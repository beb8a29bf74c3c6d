"""CHECK_SYNC from a worksheet: what is broken is a row with what to do."""

import json
from typing import Any

import pytest

from tests.end_to_end.faults import Switchboard
from tests.end_to_end.lab import Lab
from tests.end_to_end.log_lab import LogLab

Rows = list[dict[str, Any]]


def check(lab: Lab, subject: str | None = None) -> Rows:
    report = lab.call("CHECK_SYNC", subject)
    rows: Rows = report["rows"]
    counted = {state: sum(r["state"] == state for r in rows) for state in ("failed",)}
    assert report["failed"] == counted["failed"]
    for row in rows:
        assert bool(row["what_to_do"]) == (row["state"] != "ok"), row
    return rows


def found(rows: Rows, name: str, subject: str | None = None) -> dict[str, Any]:
    (row,) = (r for r in rows if r["check"] == name and subject in (None, r["subject"]))
    return row


def broken(rows: Rows) -> set[tuple[str, str]]:
    """What is not ok, but for TLS, which the local server does not have."""
    return {
        (r["check"], r["subject"])
        for r in rows
        if r["state"] != "ok" and r["check"] != "tls"
    }


@pytest.fixture
def table(lab: Lab) -> str:
    name = lab.name("checked")
    lab.orders_table(name, 3)
    lab.apply({name: {"cursor": "updated_at"}})
    return name


def test_all_is_well_before_and_after_the_first_sync(lab: Lab, table: str) -> None:
    rows = check(lab, table)
    assert broken(rows) == set()
    assert found(rows, "target")["detail"] == "the first sync creates it"
    lab.sync(table)
    assert "owned by SYNC_ADMIN" in found(check(lab, table), "target")["detail"]


@pytest.mark.large
def test_it_writes_nothing(lab: Lab, table: str) -> None:
    before = len(lab.statements())
    check(lab)
    sent = {s["text"].split()[0] for s in lab.statements()[before:]}
    assert sent == {"CALL", "SELECT", "SHOW", "DESCRIBE", "LIST"}


def test_one_bad_table_hides_no_other(lab: Lab) -> None:
    good, gone = lab.name("good"), lab.name("gone")
    hidden, late = lab.name("hidden"), lab.name("late")
    lab.orders_table(good, 1)
    lab.orders_table(hidden, 1)
    lab.psql(f"ALTER TABLE {hidden} ENABLE ROW LEVEL SECURITY")
    lab.psql(f"CREATE TABLE {late} (id int, updated_at text)")
    lab.apply({name: {"cursor": "updated_at"} for name in (good, gone, hidden, late)})
    rows = check(lab, "shop")
    assert broken(rows) == {
        ("select", gone),
        ("select", hidden),
        ("key", late),
        ("cursor", late),
        ("index", late),
    }
    assert "BYPASSRLS" in found(rows, "select", hidden)["what_to_do"]
    assert '"key"' in found(rows, "key", late)["what_to_do"]


@pytest.mark.large
def test_an_unknown_source_is_a_row_and_other_sources_are_looked_at(
    lab: Lab, table: str
) -> None:
    other = lab.name("elsewhere")
    config = lab.config(
        {
            table: {"cursor": "updated_at"},
            other: {"cursor": "updated_at", "source": "nowhere"},
        }
    )
    config["sources"]["nowhere"] = {}
    lab.call("APPLY_CONFIG", json.dumps(config))
    rows = check(lab)
    assert "unknown_source" in found(rows, "source", "nowhere")["detail"]
    assert found(rows, "select", table)["state"] == "ok"


@pytest.mark.large
def test_a_lambda_that_is_not_reached(
    lab: Lab, table: str, faults: Switchboard
) -> None:
    faults.snowflake(
        {"match": "aurora_extract", "nth": 0, "action": "error", "code": 90000}
    )
    rows = check(lab, table)
    assert broken(rows) == {("lambda", "shop")}
    assert "API Gateway" in found(rows, "lambda")["what_to_do"]


@pytest.mark.large
@pytest.mark.parametrize(
    ("match", "name", "told"),
    [
        ("^DESCRIBE INTEGRATION .AURORA_SYNC_API", "integration", "GRANT USAGE"),
        ("^DESCRIBE INTEGRATION .AURORA_SYNC_STORAGE", "integration", "GRANT USAGE"),
        ("^LIST @control.landing", "landing", "trust policy"),
        ("information_schema.schemata", "target", "GRANT USAGE ON DATABASE"),
        ("^SHOW PARAMETERS LIKE 'DEFAULT_DDL", "collation", "query history"),
    ],
)
def test_what_snowflake_refuses_is_a_row(
    lab: Lab,
    table: str,
    faults: Switchboard,
    match: str,
    name: str,
    told: str,
) -> None:
    faults.snowflake(
        {"match": match, "action": "error", "code": 3001, "message": "Insufficient"}
    )
    rows = check(lab, table)
    ((check_name, subject),) = broken(rows)
    assert check_name == name
    row = found([r for r in rows if r["state"] != "ok"], name, subject)
    assert told in row["what_to_do"] and "Insufficient" in row["detail"]


@pytest.mark.large
def test_a_table_of_somebody_else_stands_in_the_targets_place(
    lab: Lab, table: str
) -> None:
    lab.query(f"CREATE TABLE lab.{table} (x INT)")
    lab.query(f"GRANT SELECT ON TABLE lab.{table} TO ROLE sync_admin")
    row = found(check(lab, table), "target")
    assert row["state"] == "failed" and "target_table" in row["what_to_do"]


@pytest.mark.large
def test_tasks_warehouses_and_notifications_of_the_account(lab: Lab) -> None:
    table, group = lab.name("grouped"), lab.name("g")
    lab.orders_table(table, 1)
    config = lab.config({table: {"cursor": "updated_at", "group": group}})
    config["groups"] = {
        group: {"schedule": {"every_minutes": 600}, "warehouse": "NO_SUCH_WAREHOUSE"}
    }
    config["alerts"] = {"sns": {"integration": "NO_SUCH_INTEGRATION"}}
    lab.call("APPLY_CONFIG", json.dumps(config))
    rows = check(lab)
    root = f"EXTRACT_{group.upper()}"
    assert found(rows, "task", root)["what_to_do"] == "CALL APPLY_TASKS();"
    assert found(rows, "warehouse")["state"] == "failed"
    assert found(rows, "grant", "EXECUTE TASK")["state"] == "ok"
    assert found(rows, "notification")["what_to_do"].startswith("GRANT USAGE ON")
    assert {r["subject"] for r in rows if r["check"] == "parameter"} > {"AUTOCOMMIT"}
    roles = {r["subject"]: r["detail"] for r in rows if r["check"] == "roles"}
    assert set(roles) == {"SYNC_CONFIGURATOR", "SYNC_OPERATOR", "SYNC_READER"}
    assert all(detail.startswith("granted to") for detail in roles.values())


def test_a_table_of_mode_log_before_its_log_is_started(lab: Lab, log: LogLab) -> None:
    table = log.table("logged", "(id bigint PRIMARY KEY)")
    rows = check(lab, table)
    assert broken(rows) == {("log", "shop")}
    assert found(rows, "log")["what_to_do"].startswith("CALL START_LOG")
    assert found(rows, "published", table)["state"] == "ok"


def test_a_name_that_nobody_has(lab: Lab, table: str) -> None:
    assert "[unknown_table]" in lab.fail("CHECK_SYNC", "nothing like it")
    assert "[invalid_argument]" in lab.fail("CHECK_SYNC", " ")
    ((text,),) = lab.target.cursor().execute("CALL CHECK_SYNC()").fetchall()
    assert json.loads(text)["summary"].endswith(" ok.")
