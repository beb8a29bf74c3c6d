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
from tests.unit.snowpark.samples import settings, state
from tests.unit.snowpark.scripted import (
    Answer,
    Scripted,
    Stop,
    caught,
    state_row,
    stops,
)

# --- HELP -----------------------------------------------------------------------------


def test_help_is_what_the_procedures_say_without_the_steps_of_graphs() -> None:
    names = ("SYNC_TABLE", "LOAD_TABLE", "HELP")
    rows = [
        Row(
            name=name,
            arguments=f"{name}(VARCHAR) RETURN VARIANT",
            description=f"Does it's work. CALL {name}('orders')",
        )
        for name in names
    ]
    text = help.calls(Snowflake(Scripted(show_procedures=rows)))
    assert text.startswith('SELECT column1 AS "CALL", column2 AS "DOES"')
    assert "('HELP', 'Does it''s work.', 'CALL HELP(''orders'');')" in text
    assert "LOAD_TABLE" not in text and "SYNC_OVERVIEW" in text


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


def test_u10_a_second_reason_is_written() -> None:
    session = table(True)
    assert not pause.pause_table(Snowflake(session), "orders", "longer")["changed"]
    assert session.values("insert_pause") == [("orders", True, "longer")]


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
    before = [Row(settings(cursor="u").to_json()), Row(settings(name="gone").to_json())]
    anywhere = [Row(OWN_DATABASE="AURORA_SYNC", ALLOWED_TARGETS="*.*")]
    known = {
        "read_declared_targets": anywhere,
        "read_configured": before,
        "read_config_version": [Row(6, 99)],
        "read_config_text": [Row('{"tables": {}}')],
    }
    return Scripted(stop, **{**known, **answers})


def apply(snowflake: Snowflake) -> dict[str, Any]:
    return apply_config.apply_config(snowflake, CONFIG)


def test_a_configuration_becomes_the_next_version() -> None:
    session = catalog()
    report = apply(Snowflake(session))
    assert report["summary"] == (
        "Version 7 is in force, with 2 tables: 1 added, 1 removed, 1 changed."
    )
    assert (report["version"], report["tables"]) == (7, ["items", "orders"])
    assert (report["added"], report["removed"]) == (["items"], ["gone"])
    told = [(one["kind"], one["subject"]) for one in report["changes"]]
    assert told == [("removed", "gone"), ("changed", "orders"), ("added", "items")]
    assert report["calls"] == ["CALL RESYNC_TABLE('orders');"]
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
    assert held.names == ["take_lease"]
    wrong = catalog()
    error = caught(lambda s: apply_config.apply_config(s, "{}"), wrong)
    assert isinstance(error, ConfigError)
    assert wrong.names == []


def test_a_lost_lease_takes_the_version_back() -> None:
    session = catalog(hold_lease=[Row(0)])
    error = caught(apply, session)
    assert isinstance(error, LeaseError)
    assert "insert_config" not in session.stays
    session.in_order("hold_lease", "rollback", "release_lease")


def test_a_dry_run_only_reads() -> None:
    session = catalog()
    report = apply_config.apply_config(Snowflake(session), CONFIG, True)
    assert set(session.names) == {
        "read_config_text",
        "read_configured",
        "read_declared_targets",
        "longest_list",
    }
    assert report["version"] is None and report["removed"] == ["gone"]


def many(number: int) -> list[Row]:
    return [Row(settings(name=f"t{i}").to_json()) for i in range(number)]


@pytest.mark.parametrize(
    ("before", "old", "confirm", "refused"),
    [
        (3, {}, False, False),
        (4, {}, False, True),
        (4, {}, True, False),
        (4, {"max_removed_tables": 4}, False, False),
        (3, {"max_removed_tables": 2}, False, True),
    ],
)
def test_u3_many_tables_are_not_forgotten_by_mistake(
    before: int, old: dict[str, Any], confirm: bool, refused: bool
) -> None:
    text = json.dumps({"tables": {}, **old})
    session = catalog(read_configured=many(before), read_config_text=[Row(text)])
    error = caught(
        lambda s: apply_config.apply_config(s, CONFIG, False, confirm), session
    )
    assert (error is not None) == refused
    if refused:
        assert isinstance(error, UsageError) and error.code == "too_many_removed"
        assert session.names[-1] == "release_lease"
        assert "insert_config" not in session.names


def test_of_many_tables_a_tenth_may_go() -> None:
    kept = {f"t{i}": {"cursor": "updated_at"} for i in range(36)}
    config = json.dumps({**json.loads(CONFIG), "tables": kept})
    for before, refused in ((40, False), (41, True)):
        session = catalog(read_configured=many(before))
        error = caught(lambda s: apply_config.apply_config(s, config), session)
        assert (error is not None) == refused, before


SCHEDULED = json.dumps(
    {
        **json.loads(CONFIG),
        "groups": {"hourly": {"schedule": {"every_minutes": 60}}},
        "tables": {"orders": {"cursor": "u", "group": "hourly"}},
    }
)


def test_u5_no_graph_is_made_before_somebody_has_asked_for_it() -> None:
    session = catalog(show_tasks=[])
    report = apply_config.apply_config(Snowflake(session), SCHEDULED)
    assert report["call"] == "CALL APPLY_TASKS();"
    session.in_order("commit", "release_lease", "show_tasks", "create_schema")


def test_u5_graphs_that_cannot_be_altered_leave_the_configuration_in_force() -> None:
    session = catalog(Stop("show_tasks"), show_tasks=[])
    report = apply_config.apply_config(Snowflake(session), SCHEDULED)
    assert report["tasks"].startswith("The task graphs are as they were: [")
    assert "insert_config" in session.stays
