"""The settings of one table: what is left out, and what is derived from them."""

import json

import pytest

from lambda_extract.contract import (
    ColumnSpec,
    CursorSpec,
    FilterTerm,
    Limits,
    TableSpec,
)
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
        "cursor_also": [],
        "keys_in_messages": False,
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
        "whole_table_percent": 0,
        "log_slot": "",
        "log_publication": "",
        "log_max_wal_bytes": 8_192_000_000,
        "log_on_gap": "fail",
        "log_publish": "rows",
        "log_on_huge": "whole",
        "where": [],
        "history": False,
        "history_columns": [],
        "history_time": "cursor",
        "history_days": None,
        "current_view": False,
        "drop_history": False,
        "comments": True,
        "primary_key": True,
        "protected_tag": None,
        "readers": [],
        "cluster_by": [],
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


def test_a_cursor_of_several_columns_is_another_origin() -> None:
    one, two = settings(), settings(cursor_also=("created_at",))
    turned = settings(cursor="created_at", cursor_also=("updated_at",))
    more = settings(cursor_also=("created_at", "c"))
    assert len({t.origin for t in (one, two, turned, more)}) == 4
    assert two.origin[:-1].startswith(one.origin[:-1])
    assert two.cursors == ("updated_at", "created_at") and one.cursors == (
        "updated_at",
    )
    assert settings(mode="full", cursor=None).cursors == ()
    assert two.cursor_spec is not None
    assert two.cursor_spec.columns == ("updated_at", "created_at")


def test_the_longest_origin_fits_its_column() -> None:
    """SYNC_WATERMARKS has VARCHAR(1000); a longer one would end the first commit."""
    name = "n" * 63
    columns = tuple(
        ColumnSpec(f"{name[:50]}{i}", protect="hash", trim_char=None) for i in range(90)
    ) + tuple(ColumnSpec(f"{name[:50]}t{i}", trim_char=True) for i in range(90))
    longest = settings(
        source=name,
        schema=name,
        relation=name,
        cursor=name,
        cursor_also=tuple(f"{name[:60]}{i}" for i in range(7)),
        columns=columns,
        trim_char=True,
        where=(FilterTerm("is null", name),),
        target_schema="S" * 100,
        target_table="T" * 100,
    )
    assert len(longest.origin) <= 1000
    few = settings(columns=(ColumnSpec("a", trim_char=True),))
    assert 'trim_char [false, [[\\"a\\", true]]]' in few.origin


def test_what_an_older_release_has_stored_has_one_cursor_column() -> None:
    stored = json.loads(settings().to_json())
    del stored["cursor_also"]
    assert TableSettings.from_json(json.dumps(stored)) == settings()
    both = settings(cursor_also=("created_at",))
    assert TableSettings.from_json(both.to_json()) == both


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
