"""What a table of the source becomes: mode, key, cursor, protections, and misfits."""

import dataclasses
import json
from typing import Any

import pytest

from lambda_extract.contract import FoundColumn, FoundTable, Warning
from snowpark.settings import parse
from snowpark.worksheet import discovery, personal, proposal
from snowpark.worksheet.proposal import Proposal, SourceFacts

INSTANT = "timestamp with time zone"
LOCAL = "timestamp without time zone"
ID = FoundColumn("id", "bigint", not_null=True, cursor_type="bigint", indexed=True)
UPDATED = FoundColumn("updated_at", INSTANT, cursor_type=INSTANT, indexed=True)
NOTE = FoundColumn("note", "text")
SHOP = SourceFacts("shop", hashes=True)


def table(*columns: FoundColumn, **changes: Any) -> FoundTable:
    """Returns a table with a key and an indexed cursor, unless said otherwise."""
    found = FoundTable("erp", "orders", "r", 10, 1000, columns or (ID, NOTE, UPDATED))
    usual = {"key": ("id",), "primary": True}
    return dataclasses.replace(found, **{**usual, **changes})


def one(found: FoundTable, facts: SourceFacts = SHOP, **options: Any) -> Proposal:
    config = options.pop("config", discovery.first_config("shop"))
    (proposed,) = proposal.propose([found], facts, config, **options)
    return proposed


def codes(proposed: Proposal) -> list[str]:
    return [misfit.code for misfit in proposed.misfits]


def test_a_table_that_has_all_it_needs() -> None:
    proposed = one(table())
    assert proposed.state == "ready" and proposed.name == "erp.orders"
    assert proposed.entry == {
        "schema": "erp",
        "target_schema": "erp",
        "table": "orders",
        "cursor": "updated_at",
        "deletes": "key_compare",
    }
    assert proposed.cursor is not None
    assert proposed.cursor.evidence == (
        "timestamp with time zone; its name says so; the application sets it; an index"
        " begins with it"
    )


@pytest.mark.parametrize(
    ("changes", "mode", "misfits"),
    [
        ({"key": (), "primary": False}, "full", ["no_key"]),
        ({"columns": (ID, NOTE)}, "full", ["no_cursor"]),
        (
            {"columns": (ID, dataclasses.replace(UPDATED, indexed=False))},
            "incremental",
            ["cursor_not_indexed"],
        ),
        (
            {"columns": (ID, dataclasses.replace(UPDATED, cursor_type=LOCAL))},
            "full",
            ["time_zone_missing"],
        ),
        (
            {"columns": (ID, FoundColumn("email", "text"), UPDATED)},
            "incremental",
            ["personal_columns"],
        ),
        (
            {"columns": (ID, dataclasses.replace(NOTE, readable=False), UPDATED)},
            "incremental",
            ["columns_left_out"],
        ),
        ({"kind": "m"}, "full", []),
        ({"columns": (ID,), "bytes": 10**11}, "full", ["no_cursor", "large_and_full"]),
    ],
)
def test_what_does_not_fit_is_told_and_loses_no_row(
    changes: dict[str, Any], mode: str, misfits: list[str]
) -> None:
    proposed = one(table(**changes))
    assert codes(proposed) == misfits
    assert proposed.entry.get("mode", "incremental") == mode
    assert proposed.state == ("look" if misfits else "ready")
    assert all(m.message.endswith(".") and m.hint for m in proposed.misfits)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"refused": (Warning("row_security", "Hidden.", "Do."),)}, "row_security"),
        ({"kind": "v"}, "not_a_table"),
        ({"kind": "f"}, "not_a_table"),
        ({"columns": (dataclasses.replace(ID, readable=False),)}, "no_columns"),
    ],
)
def test_what_cannot_be_read_is_not_configured(
    changes: dict[str, Any], code: str
) -> None:
    proposed = one(table(**changes))
    assert (proposed.state, codes(proposed), proposed.entry) == ("blocked", [code], {})


def test_a_view_is_synced_if_somebody_names_it() -> None:
    proposed = one(table(kind="v"), exact={"erp.orders"})
    assert proposed.entry["mode"] == "full"


def test_a_trigger_is_believed_before_a_name_and_a_name_before_nothing() -> None:
    kept = FoundColumn("stamp", INSTANT, cursor_type=INSTANT, trigger="touch")
    proposed = one(table(ID, UPDATED, kept))
    assert proposed.entry["cursor"] == "stamp"
    assert proposed.cursor is not None and "trigger touch" in proposed.cursor.evidence
    created = FoundColumn("created_at", INSTANT, cursor_type=INSTANT, default="clock")
    only_created = one(table(ID, created))
    assert "cursor" not in only_created.entry
    assert "created_at is set in new rows" in only_created.misfits[0].message


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("updated_at", True),
        ("updatedAt", True),
        ("UpdatedOn", True),
        ("last_updated", True),
        ("last_update", True),
        ("lastmodified", True),
        ("LastModifiedDate", True),
        ("modified", True),
        ("mtime", True),
        ("change_date", True),
        ("row_upd_ts", True),
        ("created_at", False),
        ("update_count_target", True),
        ("model_at", False),
        ("exchanged_goods", False),
        ("birthday", False),
        ("valid_from", False),
    ],
)
def test_names_that_say_that_a_column_moves(name: str, is_one: bool) -> None:
    column = dataclasses.replace(UPDATED, name=name)
    assert ("cursor" in one(table(ID, column)).entry) == is_one


def test_a_cursor_without_a_zone_needs_that_of_the_source() -> None:
    column = dataclasses.replace(UPDATED, cursor_type=LOCAL)
    facts = dataclasses.replace(SHOP, time_zone="Europe/Berlin")
    assert one(table(ID, column), facts).entry["cursor"] == "updated_at"


def test_a_unique_index_is_named_as_the_key() -> None:
    assert one(table(primary=False)).entry["key"] == ["id"]


@pytest.mark.parametrize(("hashes", "protect"), [(True, "hash"), (False, "mask")])
def test_personal_columns_are_protected_as_the_source_can(
    hashes: bool, protect: str
) -> None:
    facts = dataclasses.replace(SHOP, hashes=hashes)
    names = ("email", "first_name", "order_note")
    columns = tuple(FoundColumn(name, "text") for name in names)
    assert one(table(ID, *columns), facts).entry["columns"] == {
        "email": {"protect": protect},
        "first_name": {"protect": "mask"},
    }


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("email", "hash"),
        ("contactEmail", "hash"),
        ("e_mail_2", "hash"),
        ("PHONE1", "hash"),
        ("Last Name", "mask"),
        ("date_of_birth", "mask"),
        ("zip_code", "mask"),
        ("emailed", ""),
        ("telephone_booth_count", ""),
        ("name", ""),
        ("product_name", ""),
        ("order_no", ""),
        ("address_id", "mask"),
    ],
)
def test_names_that_look_personal(name: str, found: str) -> None:
    assert personal.protection(name, hashes=True) == found


@pytest.mark.parametrize("demanded", ["hash", "mask", "exclude"])
def test_what_the_source_demands_is_in_the_entry(demanded: str) -> None:
    column = dataclasses.replace(NOTE, required_protection=demanded)
    entry = one(table(ID, column, UPDATED)).entry
    if demanded == "exclude":
        assert entry["exclude"] == ["note"]
    else:
        assert entry["columns"] == {"note": {"protect": demanded}}


def test_a_key_that_must_be_masked_is_none() -> None:
    column = dataclasses.replace(ID, required_protection="mask")
    proposed = one(table(column, UPDATED))
    assert proposed.entry["mode"] == "full" and "no_key" in codes(proposed)
    hashed = dataclasses.replace(ID, required_protection="hash")
    assert "cursor" in one(table(hashed, UPDATED)).entry
    nobody = dataclasses.replace(SHOP, hashes=False)
    assert codes(one(table(hashed, UPDATED), nobody)) == ["hash_key_missing"]


def test_columns_that_would_be_one_in_snowflake_get_other_names() -> None:
    names = ("a", "A", "A_2", "current_date", "_sync_run_id")
    columns = tuple(FoundColumn(name, "text") for name in names)
    entry = one(table(ID, *columns)).entry
    assert entry["columns"] == {
        "A": {"rename": "A_2"},
        "A_2": {"rename": "A_2_2"},
        "current_date": {"rename": "CURRENT_DATE_SOURCE"},
        "_sync_run_id": {"rename": "_SYNC_RUN_ID_SOURCE"},
    }


ODD = ["Orders", "orders", "ORDERS", "größe", "Order Items", "9lives", "x" * 63, "a.b"]


def test_odd_names_become_entries_that_are_accepted() -> None:
    """Whatever the names, the configuration is valid and no two targets are one."""
    schemas = ("public", "erp", "control", 'Ünder "quoted"')
    tables = [
        table(schema=schema, relation=relation)
        for schema in schemas
        for relation in ODD
    ]
    config = discovery.first_config("shop")
    proposals = proposal.propose(tables, SHOP, config)
    merged = discovery.merged(config, "shop", proposals)
    settings = parse.parse(json.dumps(merged))
    assert {(s.schema, s.relation) for s in settings} == {
        (t.schema, t.relation) for t in tables
    }
    assert len({s.target for s in settings}) == len(tables)
    again = proposal.propose(tables, SHOP, merged)
    assert {p.state for p in again} == {"configured"}


def test_what_the_defaults_say_is_not_repeated() -> None:
    config = {
        "version": 1,
        "defaults": {
            "source": "shop",
            "schema": "erp",
            "target_schema": "SALES",
            "cursor": "updated_at",
            "group": "hourly",
        },
        "sources": {"shop": {}},
        "groups": {"hourly": {}},
        "tables": {"old": {"table": "orders_2", "target_table": "orders"}},
    }
    proposed = one(table(), config=config)
    # The target of that name belongs to another table.
    assert proposed.entry == {
        "table": "orders",
        "target_schema": "shop_erp",
        "deletes": "key_compare",
    }
    merged = discovery.merged(config, "shop", [proposed])
    assert [t.name for t in parse.parse(json.dumps(merged))] == ["erp.orders", "old"]
    assert one(table(ID), config=config).entry["mode"] == "full"


@pytest.mark.parametrize(
    ("config", "group", "own"),
    [
        (
            {"defaults": {"group": "nightly"}, "groups": {"nightly": {}}},
            "nightly",
            False,
        ),
        ({"groups": {"nightly": {}}}, "nightly", True),
        ({"groups": {"a": {}, "b": {}}}, "shop", True),
        ({}, "shop", True),
    ],
)
def test_new_tables_run_with_a_group(
    config: dict[str, Any], group: str, own: bool
) -> None:
    base = {"version": 1, "sources": {}, "tables": {}, **config}
    merged = discovery.merged(base, "shop", [one(table(), config=base)])
    (settings,) = parse.parse(json.dumps(merged))
    assert settings.group == group
    assert ("group" in merged["tables"]["erp.orders"]) == own
