"""Names, staging and drift of columns."""

import dataclasses

import pytest

from lambda_extract.contract import Column
from lambda_extract.contract_group import columns_digest
from snowpark.columns import column as columns
from snowpark.columns import types
from snowpark.errors import DriftError
from tests.unit.snowpark.samples import COLUMNS, ID, NOTE, settings

LOADED = columns.load_columns(COLUMNS)


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


def test_a_filler_is_staged_under_the_very_name_that_it_has() -> None:
    """The contract: its name is the one that Snowflake stages it under."""
    filler = Column("_sync_Filler", "text", "VARCHAR(1)", role="filler")
    _, staged = columns.load_columns((NOTE, filler))
    assert (staged.name, staged.expression) == ("_sync_Filler", '"_sync_Filler"')


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
    assert not types.fits(new, old)
    assert types.widened(old, new) == wider


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
        ("NUMBER(38,10)", "DECFLOAT"),
    ],
)
def test_types_that_fit_need_no_change(new: str, old: str) -> None:
    assert types.fits(new, old)


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ("NUMBER(12,3)", "NUMBER(12,2)"),
        ("NUMBER(38,0)", "NUMBER(38,2)"),
        ("VARCHAR(10)", "NUMBER(10,0)"),
        ("NUMBER(10,0)", "VARCHAR(10)"),
        ("TIMESTAMP_TZ(6)", "TIMESTAMP_NTZ(6)"),
        ("VARIANT", "VARCHAR(10)"),
        ("DECFLOAT", "NUMBER(38,0)"),
    ],
)
def test_types_snowflake_cannot_alter_are_refused(new: str, old: str) -> None:
    assert not types.fits(new, old)
    assert types.widened(old, new) is None


def test_the_digest_follows_all_that_shapes_the_target() -> None:
    base = columns.digest(COLUMNS, ("id",), 7, settings())
    assert columns.digest(COLUMNS, ("id",), 7, settings(chunk_rows=5)) == base
    renumbered = (dataclasses.replace(ID, attnum=8), *COLUMNS[1:])
    others = [
        columns.digest(COLUMNS[:-1], ("id",), 7, settings()),
        columns.digest(COLUMNS, ("note",), 7, settings()),
        columns.digest(COLUMNS, ("id",), 8, settings()),
        columns.digest(renumbered, ("id",), 7, settings()),
        columns.digest(COLUMNS, ("id",), 7, settings(target_table="other")),
        columns.digest(COLUMNS, ("id",), 7, settings(deletes="key_compare")),
        columns.digest(COLUMNS, ("id",), 7, settings(schema_drift="freeze")),
        columns.digest(COLUMNS, ("id",), 7, settings(type_change="new_column")),
    ]
    assert len({base, *others}) == 9


def test_the_digest_is_the_one_that_the_function_is_told_of() -> None:
    """Both sides make it, so that columns that are known need not travel."""
    frozen = settings(schema_drift="freeze", deletes="key_compare")
    found = columns.digest(COLUMNS, ("id",), 7, frozen)
    told = columns_digest(
        COLUMNS,
        ("id",),
        7,
        target=frozen.shaped_target,
        rules=("freeze", "fail", True),
        described=None,
    )
    assert found == told
