"""Every property of the configuration's schema reaches the settings it stands for.

`parse` copies settings by name, so one that is added to the schema and forgotten there
would be accepted and do nothing.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from lambda_extract.contract import ColumnSpec, FilterTerm
from snowpark.settings import parse
from snowpark.settings.table import TableSettings

SCHEMA = json.loads(Path("config/sync_config.schema.json").read_text("utf-8"))["$defs"]
# Says something to people alone.
WITHOUT_EFFECT = {"description"}
# Property: a value other than its default, the field, what must stand there, and what
# else the table must say for the value to be allowed.
VALUES: dict[str, tuple[Any, str, Any, dict[str, Any]]] = {
    "source": ("crm", "source", "crm", {}),
    "group": ("hourly", "group", "hourly", {}),
    "schema": ("sales", "schema", "sales", {}),
    "table": ("orders_2", "relation", "orders_2", {"target_table": "orders"}),
    "target_database": ("OTHER", "target_database", "OTHER", {}),
    "target_schema": ("other", "target_schema", "other", {}),
    "target_table": ("other", "target_table", "other", {}),
    "mode": ("full", "mode", "full", {"cursor": None}),
    "cursor": ("created_at", "cursor", "created_at", {}),
    "key": (["a", "b"], "key", ("a", "b"), {}),
    "exclude": (["a", "b"], "exclude", ("a", "b"), {}),
    "columns": (
        {"a": {"rename": "b"}},
        "columns",
        (ColumnSpec("a", rename="B"),),
        {},
    ),
    "where": (
        {"column": "tenant", "operator": "=", "value": 7},
        "where",
        (FilterTerm("=", "tenant", ("7",)),),
        {},
    ),
    "margin_seconds": (7.5, "margin_seconds", 7.5, {}),
    "lookback_seconds": (60, "lookback_seconds", 60, {}),
    "lookback_values": (50, "lookback_values", 50, {}),
    "null_cursor": ("ignore", "null_cursor", "ignore", {}),
    "chunk_rows": (20_000, "chunk_rows", 20_000, {}),
    "file_megabytes": (200, "file_bytes", 200_000_000, {}),
    "special_values": ("fail", "special_values", "fail", {}),
    "schema_drift": ("freeze", "schema_drift", "freeze", {}),
    "source_changed": ("fail", "source_changed", "fail", {}),
    "duplicate_keys": ("warn", "duplicate_keys", "warn", {}),
    "keys_in_messages": (True, "keys_in_messages", True, {}),
    "trim_char": (True, "trim_char", True, {}),
    "comments": (False, "comments", False, {}),
    "primary_key": (False, "primary_key", False, {}),
    "protected_tag": ("gov.tags.pii", "protected_tag", "GOV.TAGS.PII", {}),
    "readers": (["b", "a"], "readers", ("A", "B"), {}),
    "cluster_by": (["b", "a"], "cluster_by", ("b", "a"), {}),
    "type_change": ("new_column", "type_change", "new_column", {}),
    "backfill_new_columns": (True, "backfill_new_columns", True, {}),
    "freshness_sla_minutes": (90, "freshness_sla_minutes", 90, {}),
    "load_method": ("snowpipe", "load_method", "snowpipe", {}),
    "pipe_wait_seconds": (120, "pipe_wait_seconds", 120, {}),
    "deletes": ("key_compare", "deletes", "key_compare", {}),
    "delete_column": ("gone", "delete_column", "gone", {"deletes": "soft_column"}),
    "delete_action": ("hard", "delete_action", "hard", {"deletes": "key_compare"}),
    "history": (True, "history", True, {}),
    "history_columns": (["a"], "history_columns", ("a",), {"history": True}),
    "history_time": ("extracted", "history_time", "extracted", {"history": True}),
    "history_days": (90, "history_days", 90, {"history": True}),
    "current_view": (True, "current_view", True, {"history": True}),
    "drop_history": (True, "drop_history", True, {}),
    "delete_check_minutes": (
        30,
        "delete_check_minutes",
        30,
        {"deletes": "key_compare"},
    ),
    "on_truncate": ("fail", "on_truncate", "fail", {"mode": "log", "cursor": None}),
    "whole_table_percent": (
        30,
        "whole_table_percent",
        30,
        {"mode": "log", "cursor": None, "delete_action": "hard"},
    ),
    "max_delete_percent": (50, "max_delete_percent", 50, {"deletes": "key_compare"}),
}
SOURCE_VALUES = {"max_parallel": (3, "max_parallel"), "time_zone": ("CET", "time_zone")}
LOG_VALUES = {
    "slot": ("other", "log_slot", "other"),
    "publication": ("Other", "log_publication", "Other"),
    "publish": ("keys", "log_publish", "keys"),
    "max_wal_megabytes": (100, "log_max_wal_bytes", 100_000_000),
    "on_huge": ("fail", "log_on_huge", "fail"),
    "on_gap": ("resync", "log_on_gap", "resync"),
}
COLUMN_VALUES = {
    "rename": ("b", "rename", "B"),
    "type": ("NUMBER(12, 2)", "type", "NUMBER(12,2)"),
    "protect": ("hash", "protect", "hash"),
    "trim_char": (True, "trim_char", True),
}


def settings(
    table: dict[str, Any],
    defaults: dict[str, Any] | None = None,
    source: dict[str, Any] | None = None,
) -> TableSettings:
    data = {
        "version": 1,
        "defaults": {"source": "shop", "target_schema": "sales", **(defaults or {})},
        "sources": {"shop": source or {"log": {}}, "crm": {}},
        "groups": {"hourly": {"schedule": {"every_minutes": 60}}},
        "tables": {
            "orders": {
                key: value
                for key, value in {"cursor": "updated_at", **table}.items()
                if value is not None
            }
        },
    }
    (found,) = parse.parse(json.dumps(data))
    return found


@pytest.mark.parametrize(
    ("definition", "known"),
    [
        ("table", {*VALUES, *WITHOUT_EFFECT}),
        ("column", set(COLUMN_VALUES)),
    ],
)
def test_every_property_of_the_schema_is_looked_at_here(
    definition: str, known: set[str]
) -> None:
    assert (
        set(SCHEMA[definition]["properties"]) - WITHOUT_EFFECT == known - WITHOUT_EFFECT
    )


def test_every_field_of_the_settings_comes_from_somewhere() -> None:
    reached = {field for _, field, _, _ in VALUES.values()}
    reached |= {field for _, field in SOURCE_VALUES.values()}
    # The second and further columns of the cursor.
    assert settings({"cursor": ["a", "b", "c"]}).cursor_also == ("b", "c")
    reached.add("cursor_also")
    reached |= {field for _, field, _ in LOG_VALUES.values()}
    assert {f.name for f in dataclasses.fields(TableSettings)} - reached == {"name"}


@pytest.mark.parametrize("name", VALUES)
def test_a_property_of_a_table_reaches_its_field(name: str) -> None:
    value, field, expected, beside = VALUES[name]
    assert getattr(settings({**beside, name: value}), field) == expected
    default = {f.name: f.default for f in dataclasses.fields(TableSettings)}[field]
    assert default != expected, "the default would pass as well"


@pytest.mark.parametrize(
    "name", sorted(set(SCHEMA["defaults"]["properties"]) & set(VALUES))
)
def test_a_default_of_all_tables_reaches_its_field(name: str) -> None:
    value, field, expected, beside = VALUES[name]
    # Without a setting of the table's own.
    table = {"cursor": None, **beside} if name == "cursor" else beside
    assert getattr(settings(table, {name: value}), field) == expected


def test_every_default_is_a_property_of_a_table() -> None:
    assert set(SCHEMA["defaults"]["properties"]) <= set(SCHEMA["table"]["properties"])


@pytest.mark.parametrize("name", SOURCE_VALUES)
def test_a_property_of_a_source_reaches_its_tables(name: str) -> None:
    value, field = SOURCE_VALUES[name]
    assert getattr(settings({}, source={name: value}), field) == value
    assert getattr(settings({}), field) != value


@pytest.mark.parametrize("name", LOG_VALUES)
def test_a_property_of_a_log_reaches_its_tables(name: str) -> None:
    value, field, expected = LOG_VALUES[name]
    logged = {"mode": "log", "cursor": None, "key": ["id"]}
    found = settings(logged, source={"log": {name: value}})
    assert getattr(found, field) == expected
    assert getattr(settings(logged), field) != expected
    # What tasks are made of: tests/unit/snowpark/groups/test_task_graph.py.
    of_tasks = {"capture_minutes"}
    known = set(SCHEMA["source"]["properties"]["log"]["properties"])
    assert known == set(LOG_VALUES) | of_tasks


@pytest.mark.parametrize("name", COLUMN_VALUES)
def test_a_property_of_a_column_reaches_the_wire(name: str) -> None:
    value, field, expected = COLUMN_VALUES[name]
    (column,) = settings({"columns": {"a": {name: value}}}).columns
    assert getattr(column, field) == expected
