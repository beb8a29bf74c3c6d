"""HELP, PAUSE_TABLE, RESUME_TABLE and APPLY_CONFIG against a scripted warehouse."""

import hashlib
import json
from typing import Any

import pytest
from snowflake.snowpark import Row

from snowpark.errors import ConfigError, LeaseError, SnowflakeError, UsageError
from snowpark.ledger.lease import LEASE_SECONDS
from snowpark.session import Snowflake
from snowpark.worksheet import apply_config, help, pause
from tests.unit.snowpark.samples import state
from tests.unit.snowpark.scripted import (
    Answer,
    Scripted,
    Stop,
    caught,
    state_row,
    stops,
)

# --- HELP -----------------------------------------------------------------------------


def test_help_is_what_the_procedures_say() -> None:
    rows = [
        Row(
            name="SYNC_TABLE",
            arguments="SYNC_TABLE(VARCHAR) RETURN VARIANT",
            description="Syncs a table. CALL SYNC_TABLE('orders')",
        ),
        Row(name="HELP", arguments="HELP() RETURN VARIANT", description="This."),
    ]
    report = help.calls(Snowflake(Scripted(show_procedures=rows)))
    assert "SYNC_STATUS" in report["summary"]
    assert report["calls"] == {
        "HELP": {"arguments": "HELP()", "does": "This.", "example": ""},
        "SYNC_TABLE": {
            "arguments": "SYNC_TABLE(VARCHAR)",
            "does": "Syncs a table.",
            "example": "CALL SYNC_TABLE('orders');",
        },
    }
    assert list(report["calls"]) == ["HELP", "SYNC_TABLE"]


# --- pauses ---------------------------------------------------------------------------


def table(paused: bool, **answers: Answer) -> Scripted:
    return Scripted(read_state=[state_row(state(), PAUSED=paused)], **answers)


def test_a_table_is_paused_with_a_reason_and_resumed() -> None:
    running = table(False)
    assert pause.pause_table(Snowflake(running), " Orders ", "migration") == {
        "table": "orders",
        "paused": True,
        "changed": True,
        "summary": "orders: paused.",
    }
    assert running.values("insert_pause") == [("orders", True, "migration")]
    paused = table(True)
    assert pause.resume_table(Snowflake(paused), "orders") == {
        "table": "orders",
        "paused": False,
        "changed": True,
        "summary": "orders: not paused.",
    }
    assert paused.values("insert_pause") == [("orders", False)]
    assert "SELECT ?, ?, NULL," in paused.only("insert_pause").text


def test_what_is_so_already_is_not_written_again() -> None:
    for call, paused, what in (
        (pause.pause_table, True, "paused"),
        (pause.resume_table, False, "not paused"),
    ):
        session = table(paused)
        report = call(Snowflake(session), "orders")
        assert not report["changed"] and report["paused"] is paused
        assert report["summary"] == f"orders: {what} already."
        assert "insert_pause" not in session.names


@pytest.mark.parametrize(("length", "fits"), [(16_000, True), (16_001, False)])
def test_a_reason_is_a_text_that_the_ledger_holds(length: int, fits: bool) -> None:
    session = table(False)
    error = caught(lambda s: pause.pause_table(s, "orders", "x" * length), session)
    assert (error is None) is fits
    if not fits:
        assert isinstance(error, UsageError) and error.code == "invalid_argument"
        assert '"reason"' in error.message
        assert session.names == []


def test_a_pause_that_is_refused_names_the_table() -> None:
    session = table(False)
    session.stop = Stop("insert_pause")
    error = caught(lambda s: pause.pause_table(s, "orders"), session)
    assert isinstance(error, SnowflakeError)
    assert (error.table, error.run_id) == ("orders", None)


# --- APPLY_CONFIG ---------------------------------------------------------------------

TABLES: dict[str, Any] = {
    "orders": {"cursor": "u"},
    "items": {"cursor": "u", "target_schema": "stock"},
}
CONFIG = json.dumps(
    {
        "version": 1,
        "sources": {"shop": {}},
        "defaults": {"source": "shop", "target_schema": "sales"},
        "tables": TABLES,
    }
)
LAKE = CONFIG.replace('"target_schema": "stock"', '"target_database": "lake"')


def catalog(stop: Stop | None = None, **answers: Answer) -> Scripted:
    before = [Row("orders"), Row("gone")]
    anywhere = [Row(OWN_DATABASE="AURORA_SYNC", ALLOWED_TARGETS="*.*")]
    known = {
        "read_declared_targets": anywhere,
        "list_tables": before,
        "read_config_version": [Row(6, 99)],
    }
    return Scripted(stop, **{**known, **answers})


def apply(snowflake: Snowflake) -> dict[str, Any]:
    return apply_config.apply_config(snowflake, CONFIG)


def test_a_configuration_becomes_the_next_version() -> None:
    session = catalog()
    assert apply(Snowflake(session)) == {
        "version": 7,
        "summary": "Version 7 with 2 tables is in force.",
        "tables": ["items", "orders"],
        "added": ["items"],
        "removed": ["gone"],
    }
    digest = hashlib.sha256(CONFIG.encode()).hexdigest()
    assert session.values("insert_config") == [(7, CONFIG, digest)]
    assert session.values("insert_leases") == [(7,)]
    rows = session.only("insert_tables").values
    assert rows[0] == 7 and "items" in rows and "orders" in rows
    session.in_order("take_lease", "begin", "insert_tables", "insert_config")
    # The fence is the last word before the commit.
    session.in_order("insert_config", "hold_lease", "commit", "release_lease")
    ((seconds, name, run_id),) = session.values("hold_lease")
    assert (seconds, name) == (LEASE_SECONDS, "#config")
    assert str(run_id).startswith("config-")
    assert session.values("release_lease") == [("#config", run_id)]
    assert run_id in session.only("take_lease").values


def test_a_version_stays_as_a_whole_or_not_at_all() -> None:
    whole = ("insert_tables", "insert_leases", "insert_config")
    for stop, session, error in stops(catalog, apply):
        session.together(*whole)
        assert error is not None, stop
        assert stop.how != "refused" or not session.is_open, stop
        if stop.how == "refused" and "begin" in session.names:
            assert "release_lease" in session.names, stop


def test_missing_schemas_are_created_last_and_once_each() -> None:
    session = catalog()
    apply(Snowflake(session))
    assert session.names[-3:] == ["release_lease", "create_schema", "create_schema"]
    texts = [one.text for one in session.sent if one.name == "create_schema"]
    assert [text.partition("EXISTS ")[2] for text in texts] == ['"SALES"', '"STOCK"']
    other = catalog()
    apply_config.apply_config(Snowflake(other), LAKE)
    texts = [one.text for one in other.sent if one.name == "create_schema"]
    assert [t.partition("EXISTS ")[2] for t in texts] == ['"LAKE"."SALES"', '"SALES"']


def test_a_schema_that_cannot_be_created_is_told_and_the_version_stays() -> None:
    session = catalog(Stop("create_schema"))
    error = caught(apply, session)
    assert isinstance(error, UsageError) and error.code == "schema_not_created"
    assert '"SALES" is missing. Snowflake answered' in error.message
    assert "insert_config" in session.stays


def test_nothing_is_written_without_the_lease_or_with_a_wrong_text() -> None:
    held = catalog(take_lease=[Row(0)])
    error = caught(apply, held)
    assert isinstance(error, UsageError) and error.code == "lease_held"
    assert held.names == ["read_declared_targets", "take_lease"]
    wrong = catalog()
    error = caught(lambda s: apply_config.apply_config(s, "{}"), wrong)
    assert isinstance(error, ConfigError)
    assert wrong.names == ["read_declared_targets"]


def test_a_lost_lease_takes_the_version_back() -> None:
    session = catalog(hold_lease=[Row(0)])
    error = caught(apply, session)
    assert isinstance(error, LeaseError)
    assert "insert_config" not in session.stays
    session.in_order("hold_lease", "rollback", "release_lease")
