"""What the configuration of mode log may say."""

import json
from typing import Any

import pytest

from snowpark.errors import ConfigError
from snowpark.settings import parse


def config(
    table: dict[str, Any], source: dict[str, Any] | None = None
) -> dict[str, Any]:
    return {
        "version": 1,
        "defaults": {"source": "My-Shop", "target_schema": "sales", "cursor": "at"},
        "sources": {"My-Shop": {"log": {}} if source is None else source},
        "tables": {"orders": {"mode": "log", **table}},
    }


def problems(table: dict[str, Any], source: dict[str, Any] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse.parse(json.dumps(config(table, source)))
    return [problem.pointer for problem in caught.value.problems]


def test_what_a_table_of_mode_log_is_by_default() -> None:
    (table,) = parse.parse(json.dumps(config({})))
    assert (table.mode, table.cursor, table.deletes) == ("log", None, "log")
    assert table.deletes_softly and table.max_delete_percent == 100
    assert table.log_slot == table.log_publication == "aurora_sync_my_shop"
    assert table.log_spec is not None and table.log_spec.slot == "aurora_sync_my_shop"


def test_a_change_of_the_mode_needs_a_reload() -> None:
    (table,) = parse.parse(json.dumps(config({})))
    (full,) = parse.parse(json.dumps(config({"mode": "full"})))
    (cursor,) = parse.parse(json.dumps(config({"mode": "incremental"})))
    (named,) = parse.parse(json.dumps(config({"mode": "incremental", "cursor": "log"})))
    assert len({table.origin, full.origin, cursor.origin, named.origin}) == 4
    assert full.log_spec is None and cursor.log_spec is None


@pytest.mark.parametrize(
    ("table", "place"),
    [
        ({"cursor": "at"}, "cursor"),
        ({"lookback_seconds": 5}, "lookback_seconds"),
        ({"margin_seconds": 5}, "margin_seconds"),
        ({"null_cursor": "fail"}, "null_cursor"),
        ({"source_changed": "fail"}, "source_changed"),
        ({"deletes": "soft_column", "delete_column": "gone"}, "deletes"),
        ({"load_method": "snowpipe"}, "load_method"),
        ({"key": ["a"], "columns": {"a": {"protect": "hash"}}}, "columns/a/protect"),
        ({"history": True, "history_time": "cursor"}, "history_time"),
        ({"history": True, "delete_action": "hard"}, "delete_action"),
        (
            {"whole_table_percent": 30, "deletes": "none", "history": True},
            "whole_table_percent",
        ),
        ({"mode": "full", "deletes": "log"}, "deletes"),
        ({"mode": "incremental", "deletes": "log"}, "deletes"),
        ({"mode": "incremental", "on_truncate": "fail"}, "on_truncate"),
        ({"deletes": "none", "delete_action": "hard"}, "delete_action"),
        ({"whole_table_percent": 30}, "whole_table_percent"),
        ({"whole_table_percent": 101}, "whole_table_percent"),
        (
            {"whole_table_percent": 30, "deletes": "none"},
            "whole_table_percent",
        ),
        ({"mode": "full", "whole_table_percent": 30}, "whole_table_percent"),
    ],
)
def test_what_has_no_meaning(table: dict[str, Any], place: str) -> None:
    assert f"/tables/orders/{place}" in problems(table)


def test_a_publication_of_keys_needs_to_know_them() -> None:
    source = {"log": {"publish": "keys"}}
    assert problems({}, source=source) == ["/tables/orders/key"]
    (table,) = parse.parse(json.dumps(config({"key": ["id"]}, source)))
    assert table.log_publish == "keys"
    other = {"mode": "full"}
    parse.parse(json.dumps(config(other, source)))


def test_a_share_of_changed_rows_needs_rows_that_go() -> None:
    hard = {"delete_action": "hard"}
    (table,) = parse.parse(json.dumps(config({"whole_table_percent": 30, **hard})))
    assert table.whole_table_percent == 30
    parse.parse(json.dumps(config({"whole_table_percent": 0})))


def test_a_table_with_history_keeps_what_is_gone() -> None:
    """As versions that have ended: it may be read as a whole at any time."""
    kept = {"history": True, "whole_table_percent": 30, "current_view": True}
    (table,) = parse.parse(json.dumps(config(kept)))
    assert table.history and table.whole_table_percent == 30
    assert (table.cursor, table.deletes, table.deletes_softly) == (None, "log", False)
    extracted = {"history": True, "history_time": "extracted"}
    parse.parse(json.dumps(config(extracted)))


def test_a_source_without_a_log() -> None:
    assert problems({}, source={}) == ["/tables/orders"]


@pytest.mark.parametrize(
    "log",
    [
        {"slot": "Upper"},
        {"slot": ""},
        {"max_wal_megabytes": 63},
        {"on_huge": "skip"},
        {"on_gap": "ignore"},
        # What is not built is refused, not ignored; docs/LOG_MODE.md says what is.
        {"failover": True},
        {"publish": "columns"},
        {"capture_minutes": 0},
    ],
)
def test_a_log_that_is_no_log(log: dict[str, Any]) -> None:
    (pointer,) = problems({}, source={"log": log})
    assert pointer.startswith("/sources/My-Shop/log/")
