"""Names, staging and drift of columns."""

import dataclasses

import pytest

from lambda_extract.contract import Column
from snowpark import columns
from snowpark.errors import DriftError
from tests.unit.snowpark.samples import COLUMNS, ID, NOTE, settings

LOADED = columns.load_columns(COLUMNS)
EXISTING = {c.name: c.source.snowflake_type for c in LOADED} | {
    "_SYNC_RUN_ID": "VARCHAR(64)",
    "_SYNC_EXTRACTED_AT": "TIMESTAMP_TZ(6)",
}


def test_names_become_upper_case_and_json_is_staged_as_text() -> None:
    by_name = {c.name: c for c in LOADED}
    assert by_name["DETAILS"].staging_type == "VARCHAR(134217728)"
    assert by_name["DETAILS"].expression == "PARSE_JSON(\"DETAILS\", 'd')"
    assert by_name["TAGS"].expression == "PARSE_JSON(\"TAGS\", 'd')::ARRAY"
    assert by_name["AMOUNT"].expression == '"AMOUNT"::DECFLOAT'
    assert by_name["ID"].expression == '"ID"'


def test_two_columns_that_differ_in_case_collide() -> None:
    twin = dataclasses.replace(NOTE, name="Note", attnum=9)
    with pytest.raises(DriftError) as caught:
        columns.load_columns((ID, NOTE, twin))
    assert caught.value.code == "column_collision"


@pytest.mark.parametrize("name", ["current_date", "LocalTime", "_sync_run_id"])
def test_names_snowflake_cannot_take_are_refused(name: str) -> None:
    with pytest.raises(DriftError) as caught:
        columns.load_columns((ID, dataclasses.replace(NOTE, name=name)))
    assert caught.value.code == "column_name_unusable"


def test_a_filler_is_staged_and_not_loaded() -> None:
    filler = Column("_SYNC_FILLER", "text", "VARCHAR(1)", role="filler")
    _, staged = columns.load_columns((NOTE, filler))
    assert staged.name == "_SYNC_FILLER"
    assert not staged.loaded


def test_equal_columns_need_nothing() -> None:
    alignment = columns.align(LOADED, EXISTING, "fail")
    assert (alignment.add, alignment.widen, alignment.changes) == ((), (), ())
    assert alignment.load == LOADED


def test_a_new_column_is_added_recorded_or_refused_by_policy() -> None:
    without = {name: kind for name, kind in EXISTING.items() if name != "NOTE"}
    evolved = columns.align(LOADED, without, "evolve")
    assert evolved.add == (("NOTE", "VARCHAR(134217728)"),)
    assert [c.change for c in evolved.changes] == ["added"]
    frozen = columns.align(LOADED, without, "freeze")
    assert frozen.add == ()
    assert "NOTE" not in {c.name for c in frozen.load}
    assert [c.change for c in frozen.changes] == ["ignored"]
    with pytest.raises(DriftError):
        columns.align(LOADED, without, "fail")


def test_a_dropped_column_stays_in_the_target_and_is_recorded() -> None:
    fewer = columns.load_columns((ID, NOTE))
    alignment = columns.align(fewer, EXISTING, "evolve")
    assert {c.column for c in alignment.changes} == {
        "DETAILS",
        "TAGS",
        "AMOUNT",
        "UPDATED_AT",
    }
    assert {c.change for c in alignment.changes} == {"dropped"}


@pytest.mark.parametrize(
    ("new", "old", "wider"),
    [
        ("NUMBER(19,0)", "NUMBER(10,0)", "NUMBER(19,0)"),
        ("NUMBER(12,2)", "NUMBER(10,2)", "NUMBER(12,2)"),
        ("NUMBER(10,0)", "NUMBER(10,2)", "NUMBER(12,2)"),
        ("VARCHAR(50)", "VARCHAR(20)", "VARCHAR(50)"),
    ],
)
def test_wider_source_types_widen_the_target(new: str, old: str, wider: str) -> None:
    assert not columns.fits(new, old)
    assert columns.widened(old, new, "C") == wider


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ("NUMBER(10,0)", "NUMBER(19,0)"),
        ("NUMBER(10,2)", "NUMBER(12,2)"),
        ("VARCHAR(20)", "VARCHAR(50)"),
        ("VARCHAR(20)", "TEXT"),
        ("FLOAT", "FLOAT"),
        ("TIMESTAMP_TZ(6)", "TIMESTAMP_TZ(9)"),
        ("NUMBER(38,0)", "NUMBER"),
        ("BINARY(8388608)", "BINARY"),
    ],
)
def test_types_that_fit_need_no_change(new: str, old: str) -> None:
    assert columns.fits(new, old)


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ("NUMBER(12,3)", "NUMBER(12,2)"),
        ("NUMBER(38,0)", "NUMBER(38,2)"),
        ("VARCHAR(10)", "NUMBER(10,0)"),
        ("NUMBER(10,0)", "VARCHAR(10)"),
        ("TIMESTAMP_TZ(6)", "TIMESTAMP_NTZ(6)"),
        ("VARIANT", "VARCHAR(10)"),
    ],
)
def test_types_snowflake_cannot_alter_are_refused(new: str, old: str) -> None:
    assert not columns.fits(new, old)
    with pytest.raises(DriftError) as caught:
        columns.widened(old, new, "C")
    assert caught.value.code == "type_changed"


def test_the_digest_follows_all_that_shapes_the_target() -> None:
    base = columns.digest(COLUMNS, ("id",), settings())
    assert columns.digest(COLUMNS, ("id",), settings(chunk_rows=5)) == base
    renumbered = (dataclasses.replace(ID, attnum=8), *COLUMNS[1:])
    others = [
        columns.digest(COLUMNS[:-1], ("id",), settings()),
        columns.digest(COLUMNS, ("note",), settings()),
        columns.digest(renumbered, ("id",), settings()),
        columns.digest(COLUMNS, ("id",), settings(target_table="other")),
        columns.digest(COLUMNS, ("id",), settings(deletes="key_compare")),
    ]
    assert len({base, *others}) == 6
