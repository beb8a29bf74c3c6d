"""What an alignment says of columns that make way, stay behind, or get wider."""

import dataclasses

from lambda_extract.contract import Column
from snowpark.columns import column as columns
from snowpark.columns import drift
from snowpark.columns.alignment import Rules, Source
from snowpark.columns.shape import Change, KnownColumn, Shape
from tests.unit.snowpark.samples import ID, NOTE, settings

EVOLVE = Rules("evolve", "fail")
NEW_COLUMN = Rules("evolve", "new_column")
REBUILD = Rules("evolve", "fail", reload=True, rebuild=True)
OID = 16384
CODE = Column("code", "varchar(9)", "VARCHAR(9)", attnum=7)
AMOUNT = Column("amount", "integer", "NUMBER(10,0)", attnum=7)
AS_TEXT = dataclasses.replace(AMOUNT, type="text", snowflake_type="VARCHAR(9)")


def source(*found: Column) -> Source:
    return Source(columns.load_columns(found), ("id",), OID)


def loaded(*found: Column) -> tuple[dict[str, str], Shape]:
    """Returns target and shape after the first load."""
    alignment = drift.align(source(*found), None, Shape(), EVOLVE)
    target = {c.name: c.source.snowflake_type for c in alignment.columns}
    return target, alignment.shape


def test_a_load_replaces_no_rows_unless_it_says_so() -> None:
    rules = Rules.of(settings())
    assert rules == Rules(drift="evolve", type_change="fail")
    assert not (rules.replaces or rules.reload or rules.rebuild)


def test_a_column_that_makes_way_is_recorded_before_it_gets_its_new_name() -> None:
    target, shape = loaded(ID, NOTE)
    again = source(ID, dataclasses.replace(NOTE, attnum=9))
    aside = drift.align(again, target, shape, EVOLVE)
    assert aside.renames == (("NOTE", "NOTE__OLD_2"),)
    assert aside.told == (
        Change("moved", "note", 2, target="NOTE__OLD_2", old_type=NOTE.snowflake_type),
    )


def test_a_column_that_somebody_dropped_makes_way_for_nothing() -> None:
    """Dropped in the source and in the target, and made anew in the source."""
    target, shape = loaded(ID, NOTE)
    del target["NOTE"]
    again = source(ID, dataclasses.replace(NOTE, attnum=9))
    for rules in (EVOLVE, REBUILD):
        found = drift.align(again, target, shape, rules)
        assert not (found.renames or found.told or found.again)
        assert found.add == (("NOTE", NOTE.snowflake_type),)


def test_a_longer_text_gets_the_length_of_the_source() -> None:
    target, shape = loaded(ID, CODE)
    longer = dataclasses.replace(CODE, snowflake_type="VARCHAR(50)")
    found = drift.align(source(ID, longer), target, shape, EVOLVE)
    assert found.widen == (("CODE", "VARCHAR(50)"),)
    (change,) = found.changes
    assert (change.change, change.old_type, change.new_type) == (
        "widened",
        "VARCHAR(9)",
        "VARCHAR(50)",
    )


def left_behind(shape: Shape) -> KnownColumn:
    (left,) = [column for column in shape.columns if column.state == "dropped"]
    return left


def test_a_column_that_stays_behind_is_known_as_what_it_was() -> None:
    """Its values are those of before, whatever the source's column is now."""
    target, shape = loaded(ID, AMOUNT)
    before = dataclasses.replace(shape.columns[1], protection="hash:1", since="r1")
    shape = dataclasses.replace(shape, columns=(shape.columns[0], before))
    now = dataclasses.replace(AS_TEXT, protection="hash:1")
    found = drift.align(source(ID, now), target, shape, NEW_COLUMN)
    assert left_behind(found.shape) == dataclasses.replace(before, state="dropped")
    replaced = drift.align(source(ID, now), target, shape, REBUILD)
    assert left_behind(replaced.shape) == dataclasses.replace(
        before, target="AMOUNT__OLD", state="dropped"
    )


def test_a_column_of_another_type_in_a_target_that_nobody_knows_is_kept() -> None:
    """A target that was there before the first load, or whose shape was forgotten."""
    target = loaded(ID, AMOUNT)[0]
    found = drift.align(source(ID, AS_TEXT), target, Shape(), REBUILD)
    assert found.renames == (("AMOUNT", "AMOUNT__OLD"),)
    assert found.add == (("AMOUNT", "VARCHAR(9)"),)
    assert found.blanks == ("AMOUNT__OLD",)
    left = left_behind(found.shape)
    assert (left.attnum, left.name, left.target, left.type) == (
        7,
        "amount",
        "AMOUNT__OLD",
        "NUMBER(10,0)",
    )
