"""What is known of a table's columns, and how a change is told."""

import pytest

from snowpark.columns.shape import Change, KnownColumn, Shape

A = KnownColumn(1, "a", "A", "A", "NUMBER(10,0)")
MOVING = KnownColumn(2, "b", "B", "OLD_B", "DATE", moving_to="B")
DROPPED = KnownColumn(3, "c", "C", "C", "DATE", state="dropped")
SHAPE = Shape(4, "route", 16384, ("a",), (A, MOVING, DROPPED))


def test_one_column_on_its_way_makes_a_shape_pending() -> None:
    assert SHAPE.pending
    assert not Shape(columns=(A, DROPPED)).pending
    assert not Shape().pending


def test_a_shape_of_another_route_is_empty_and_keeps_the_count() -> None:
    assert SHAPE.of("route") is SHAPE
    assert SHAPE.of("other") == Shape(4, "other", 0, (), ())
    assert SHAPE.emptied() == Shape(4, "route", 0, (), ())


def test_a_column_is_where_the_target_has_it() -> None:
    moved = SHAPE.found_in({"A": "", "B": "", "C": ""}).columns
    assert moved == (A, KnownColumn(2, "b", "", "B", "DATE"), DROPPED)
    not_moved = SHAPE.found_in({"A": "", "OLD_B": ""}).columns
    assert not_moved == (A, KnownColumn(2, "b", "B", "OLD_B", "DATE"))


def test_only_another_shape_is_another_generation() -> None:
    assert SHAPE.followed_by(16384, ("a",), SHAPE.columns) is SHAPE
    assert SHAPE.followed_by(1, ("b",), (A,)) == Shape(5, "route", 1, ("b",), (A,))
    assert Shape.from_json(SHAPE.to_json()) == SHAPE


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (Change("added", "a", 1), "a added"),
        (Change("type_changed", "a", 1, new_type="DATE"), "a type changed (DATE)"),
        (
            Change("widened", "a", 1, old_type="NUMBER(5,0)", new_type="NUMBER(9,0)"),
            "a widened (NUMBER(5,0) -> NUMBER(9,0))",
        ),
        (Change("renamed", "a", 1, old_column="b"), "a renamed from b"),
        (
            Change("renamed", "a", 1, old_column="b", new_type="DATE"),
            "a renamed from b (DATE)",
        ),
    ],
)
def test_a_change_is_told_to_a_person(change: Change, text: str) -> None:
    assert str(change) == text


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (Change("added", "a", 1, new_type="DATE"), "a added (DATE)"),
        (Change("dropped", "a", 1), "a dropped"),
        (
            Change("widened", "a", 1, old_type="NUMBER(5,0)", new_type="NUMBER(9,0)"),
            "a widened (NUMBER(5,0) -> NUMBER(9,0))",
        ),
        (
            Change("renamed", "b", 1, "B", "a", old_type="DATE", new_type="DATE"),
            "b renamed from a",
        ),
        (Change("renamed", "a", 1, "B", "a"), "a renamed to B"),
        (Change("type_changed", "a", 1, old_type="DATE"), "a type changed (DATE)"),
    ],
)
def test_a_change_is_told_as_a_person_reads_it(change: Change, text: str) -> None:
    assert str(change) == text
