"""A column whose protection changed is reloaded, never mixed."""

import dataclasses
from typing import Any

import pytest

from snowpark.columns import column as columns
from snowpark.columns import pairing
from snowpark.columns.alignment import Rules, Slot, Source
from snowpark.columns.column import load_columns
from snowpark.columns.drift import align
from snowpark.columns.shape import KnownColumn, Shape
from snowpark.errors import DriftError
from tests.unit.snowpark.samples import ID, NOTE

RULES = Rules(drift="evolve", type_change="fail")
EXISTING = {"ID": "NUMBER(19,0)", "NOTE": "VARCHAR(64)"}


def source(protection: str) -> Source:
    note = dataclasses.replace(
        NOTE, snowflake_type="VARCHAR(64)", protection=protection
    )
    return Source(load_columns((ID, note)), ("id",), relation_id=7)


@pytest.mark.parametrize(
    ("before", "now"), [("", "hash:aa"), ("hash:aa", "hash:bb"), ("mask", "")]
)
def test_values_protected_in_two_ways_never_meet(before: str, now: str) -> None:
    shape = align(source(before), None, Shape(), RULES).shape
    assert Shape.from_json(shape.to_json()) == shape
    align(source(before), EXISTING, shape, RULES)
    with pytest.raises(DriftError) as caught:
        align(source(now), EXISTING, shape, RULES)
    assert caught.value.code == "protection_changed"
    align(source(now), EXISTING, shape, dataclasses.replace(RULES, reload=True))


def test_each_column_is_looked_at_whatever_stands_before_it() -> None:
    """A new one, or one that was dropped, says nothing of those behind it."""
    new, changed = pairing_slots("", ""), pairing_slots("", "hash")
    dropped = [
        dataclasses.replace(slot, known=_with(slot, state="dropped"))
        for slot in pairing_slots("mask", "hash")
    ]
    for before in ([dataclasses.replace(new[0], known=None)], dropped[:1]):
        pairing.check_protection(before)
        with pytest.raises(DriftError) as caught:
            pairing.check_protection([*before, changed[1]])
        assert caught.value.code == "protection_changed"
    pairing.check_protection([*new, *dropped])


def pairing_slots(before: str, now: str) -> list[Slot]:
    """Returns ID and NOTE as they were loaded, and as they come."""
    found = []
    for one in (ID, NOTE):
        (column,) = columns.load_columns((dataclasses.replace(one, protection=now),))
        known = KnownColumn(
            one.attnum, one.name, column.name, column.name, "X", protection=before
        )
        found.append(Slot(column, known, column.name, column.name))
    return found


def _with(slot: Slot, **changes: Any) -> KnownColumn:
    assert slot.known is not None
    return dataclasses.replace(slot.known, **changes)


@pytest.mark.parametrize(("oid", "same"), [(0, True), (16384, False)])
def test_numbers_of_columns_identify_them_only_within_a_known_relation(
    oid: int, same: bool
) -> None:
    """Without its number a relation may be another one, that counts from 1 again."""
    known = KnownColumn(9, "id", "ID", "ID", "NUMBER(19,0)")
    shape = Shape(1, "r", oid, ("id",), (known,))
    source = Source(columns.load_columns((ID,)), ("id",), oid)
    if same:
        pairing.check_key(source, shape)
        return
    with pytest.raises(DriftError) as caught:
        pairing.check_key(source, shape)
    assert caught.value.code == "key_changed"
