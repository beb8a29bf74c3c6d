"""The settings of one table: what is left out, and what is derived from them."""

import json

import pytest

from lambda_extract.contract import ColumnSpec, CursorSpec, Limits, TableSpec
from snowpark.settings.table import TableSettings
from tests.unit.snowpark.samples import settings


def test_what_is_left_out_has_the_documented_default() -> None:
    least = TableSettings("orders", "shop", "public", "orders", "sales", "o", "full")
    found = json.loads(least.to_json())
    given = "name source schema relation target_schema target_table mode".split()
    assert {name: found[name] for name in found if name not in given} == {
        "target_database": None,
        "group": None,
        "cursor": None,
        "key": [],
        "exclude": [],
        "columns": [],
        "margin_seconds": 5.0,
        "lookback_seconds": None,
        "lookback_values": None,
        "time_zone": "",
        "null_cursor": "load",
        "chunk_rows": 1_000_000,
        "file_bytes": 150_000_000,
        "max_parallel": 8,
        "special_values": "null",
        "schema_drift": "evolve",
        "type_change": "fail",
        "backfill_new_columns": False,
        "freshness_sla_minutes": None,
        "deletes": "none",
        "delete_column": None,
        "delete_action": "soft",
        "delete_check_minutes": 1440,
        "max_delete_percent": 10.0,
        "load_method": "copy",
        "pipe_wait_seconds": 600,
        "source_changed": "reload",
        "duplicate_keys": "fail",
        "trim_char": False,
        "on_truncate": "delete",
        "log_slot": "",
        "log_publication": "",
        "log_max_wal_bytes": 8_192_000_000,
        "log_on_huge": "whole",
        "where": [],
    }


@pytest.mark.parametrize(
    ("deletes", "action", "softly"),
    [
        ("none", "soft", False),
        ("none", "hard", False),
        ("soft_column", "soft", True),
        ("soft_column", "hard", False),
        ("key_compare", "soft", True),
        ("key_compare", "hard", False),
    ],
)
def test_who_deletes_softly(deletes: str, action: str, softly: bool) -> None:
    assert settings(deletes=deletes, delete_action=action).deletes_softly is softly


def test_the_origin_is_all_that_a_watermark_belongs_to() -> None:
    table = settings(schema="s", relation="r", target_database="lake")
    assert json.loads(table.origin) == [
        "shop",
        "s",
        "r",
        "updated_at",
        '"LAKE"."SHOP"."ORDERS"',
    ]


def test_a_protected_column_is_part_of_the_origin_and_a_renamed_one_is_not() -> None:
    email = ColumnSpec("email", protect="hash")
    phone = ColumnSpec("phone", protect="mask")
    plain = settings()
    assert settings(columns=(ColumnSpec("a", rename="b"),)).origin == plain.origin
    one = settings(columns=(email,)).origin
    assert len({plain.origin, one, settings(columns=(phone,)).origin}) == 3
    both = settings(columns=(email, phone)).origin
    assert both not in (plain.origin, one)
    assert settings(columns=(phone, email)).origin == both


def test_the_route_is_source_table_and_target() -> None:
    table = settings(schema="s", relation="r", target_table="t")
    assert json.loads(table.route) == ["shop", "s", "r", '"SHOP"."T"']


def test_the_wire_gets_each_setting_in_its_place() -> None:
    column = ColumnSpec("email", protect="hash")
    table = settings(
        schema="s",
        relation="r",
        key=("a", "b"),
        exclude=("x",),
        special_values="fail",
        columns=(column,),
        margin_seconds=7.0,
        lookback_seconds=60.0,
        lookback_values=9,
        time_zone="Europe/Berlin",
        null_cursor="fail",
        chunk_rows=11,
        file_bytes=22,
    )
    assert table.table_spec == TableSpec(
        name="orders",
        source="shop",
        schema="s",
        relation="r",
        key=("a", "b"),
        exclude=("x",),
        special_values="fail",
        columns=(column,),
    )
    assert table.cursor_spec == CursorSpec(
        column="updated_at",
        margin_seconds=7.0,
        lookback_seconds=60.0,
        lookback_values=9,
        time_zone="Europe/Berlin",
        null_policy="fail",
    )
    assert table.limits == Limits(chunk_rows=11, file_bytes=22)
    assert settings(mode="full", cursor=None).cursor_spec is None
    assert TableSettings.from_json(table.to_json()) == table
