"""A column whose protection changed is reloaded, never mixed."""

import dataclasses

import pytest

from snowpark.columns.alignment import Rules, Source
from snowpark.columns.column import load_columns
from snowpark.columns.drift import align
from snowpark.columns.shape import Shape
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
