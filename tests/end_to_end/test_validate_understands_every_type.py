"""VALIDATE_TABLE on values of every type: equal ones are equal, others are found."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg2.extras import execute_values

from tests.end_to_end.lab import TARGET_SCHEMA, Lab
from tests.end_to_end.test_every_type_arrives_exactly import (
    CASES,
    COMPOSITES,
    GENERATED,
    TYPES,
)
from tests.end_to_end.test_validate_finds_every_difference import validate

ARRAYS: list[tuple[str, st.SearchStrategy[str]]] = [
    ("float8[]", st.lists(st.floats().map(repr), max_size=3)),
    ("real[]", st.lists(st.floats(width=32).map(repr), max_size=3)),
    ("numeric[]", st.lists(st.integers(-(10**30), 10**30).map(lambda n: f"{n}e-7"))),
]


def names_of(report: dict[str, Any]) -> set[tuple[int, str]]:
    assert {d["kind"] for d in report["differences"]} <= {"different"}
    return {
        (int(d["key"]["id"]), c) for d in report["differences"] for c in d["columns"]
    }


@pytest.mark.large
def test_one_changed_value_of_each_type_is_found(lab: Lab) -> None:
    """Row i has in column i another of the type's values, and in no other column."""
    schema = lab.name("validated_types")
    lab.psql(TYPES.replace("{s}", schema))
    cases = [(kind, values) for kind, _, values in CASES] + COMPOSITES
    kinds = [(kind.replace("{s}", schema), values) for kind, values in cases]
    table = lab.name("validated")
    declared = ", ".join(f"c{i} {kind}" for i, (kind, _) in enumerate(kinds))
    lab.psql(
        f"CREATE TABLE {table} (id int PRIMARY KEY, {declared},"
        " updated_at timestamptz NOT NULL DEFAULT now())"
    )
    names = ", ".join(f"c{i}" for i in range(len(kinds)))
    marks = ", ".join(f"%s::{kind}" for kind, _ in kinds)
    for row in range(len(kinds)):
        given_values = [values[row % len(values)] for _, values in kinds]
        lab.psql(
            f"INSERT INTO {table} (id, {names}) VALUES ({row}, {marks})", *given_values
        )
    lab.psql(f"INSERT INTO {table} (id) VALUES (-1)")
    lab.apply({table: {"cursor": "updated_at"}})
    lab.sync(table)
    equal = validate(lab, table)
    assert names_of(equal) == set()
    assert equal["status"] == "equal"
    assert equal["not_compared"] == {}
    target = f"{TARGET_SCHEMA}.{table}"
    for row, (_, values) in enumerate(kinds):
        # The next value; if there is one only, NULL.
        other = -1 if len(values) == 1 else (row + 1) % len(kinds)
        if other >= 0 and other % len(values) == row % len(values):
            other = -1
        lab.query(
            f"UPDATE {target} SET c{row} = (SELECT c{row} FROM {target}"
            f" WHERE id = {other}) WHERE id = {row}"
        )
    found = validate(lab, table, repair=True)
    assert names_of(found) == {(row, f"c{row}") for row in range(len(kinds))}
    assert (found["status"], found["repaired"]) == ("repaired", len(kinds))
    assert validate(lab, table)["status"] == "equal"


def rows() -> st.SearchStrategy[list[tuple[str | None, ...]]]:
    plain = [st.none() | values for _, _, values in GENERATED]
    arrays = [items.map(lambda one: f"{{{','.join(one)}}}") for _, items in ARRAYS]
    return st.lists(st.tuples(*plain, *arrays), min_size=30, max_size=60)


def meaning(kind: str, column: str) -> str:
    """What PostgreSQL compares: the value, or its text if that is what travels."""
    if kind == "json" or kind.endswith("[]"):
        return f"to_jsonb({column})"
    return f"{column}::text" if kind in ("interval", "int4range") else column


# Shrinking would sync hundreds of times; the failure names the values anyway.
@pytest.mark.large
@settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(rows=rows())
def test_generated_values_differ_where_postgresql_says_so(
    lab: Lab, rows: list[tuple[str | None, ...]]
) -> None:
    """Each row of the target gets the values of the row before it."""
    kinds = [kind for kind, _, _ in GENERATED] + [kind for kind, _ in ARRAYS]
    columns = [f"c{i}" for i in range(len(kinds))]
    table = lab.name("validated_too")
    declared = ", ".join(f"{c} {kind}" for c, kind in zip(columns, kinds, strict=True))
    lab.psql(f"DROP TABLE IF EXISTS {table}")
    lab.psql(f"CREATE TABLE {table} (id int PRIMARY KEY, {declared})")
    marks = ", ".join(f"%s::{kind}" for kind in kinds)
    with lab.source.cursor() as cursor:
        execute_values(
            cursor,
            f"INSERT INTO {table} VALUES %s",
            [(number, *row) for number, row in enumerate(rows)],
            template=f"(%s, {marks})",
        )
    lab.apply({table: {"mode": "full"}})
    lab.sync(table)
    equal = validate(lab, table)
    assert names_of(equal) == set()
    assert equal["status"] == "equal"
    target = f"{TARGET_SCHEMA}.{table}"
    listed = ", ".join(columns)
    lab.query(f"CREATE OR REPLACE TABLE {target}_before AS SELECT * FROM {target}")
    lab.query(f"DELETE FROM {target} WHERE id > 0")
    lab.query(
        f"INSERT INTO {target} (id, {listed}) SELECT id + 1, {listed}"
        f" FROM {target}_before WHERE id < {len(rows) - 1}"
    )
    lab.query(f"DROP TABLE {target}_before")
    expected = set()
    for column, kind in zip(columns, kinds, strict=True):
        value = meaning(kind, column)
        before = meaning(kind, f"b.{column}")
        found = lab.psql(
            f"SELECT a.id FROM {table} AS a JOIN {table} AS b ON b.id = a.id - 1"
            f" WHERE {value.replace(column, f'a.{column}')} IS DISTINCT FROM {before}"
        )
        expected |= {(number, column) for (number,) in found}
    assert names_of(validate(lab, table)) == expected
