"""Random ALTER TABLE statements; whatever they were, both sides end up equal."""

import json
from typing import Any

import hypothesis
import psycopg2
import pytest
from hypothesis import strategies as st

from tests.end_to_end.drifting import CURSOR
from tests.end_to_end.lab import Lab

SETTINGS = {**CURSOR, "backfill_new_columns": True, "type_change": "new_column"}
CASTS = {
    "int": "length({0}::text)",
    "bigint": "length({0}::text)",
    "text": "{0}::text",
    "varchar(90)": "left({0}::text, 90)",
    "numeric(8,2)": "length({0}::text)",
    "numeric": "length({0}::text)",
    "jsonb": "to_jsonb({0}::text)",
}
columns = st.sampled_from("abcd")
types = st.sampled_from(sorted(CASTS))
steps = st.one_of(
    st.tuples(st.just("add"), columns, types),
    st.tuples(st.just("default"), columns, types),
    st.tuples(st.just("drop"), columns, st.none()),
    st.tuples(st.just("rename"), columns, columns),
    st.tuples(st.just("swap"), columns, columns),
    st.tuples(st.just("type"), columns, types),
    st.tuples(st.just("write"), columns, st.integers(1, 4)),
    st.tuples(st.just("sync"), st.none(), st.none()),
    st.tuples(st.just("anew"), st.none(), st.none()),
)


def statement(table: str, kind: str, column: str | None, more: Any) -> str:
    """Returns the SQL of a step; PostgreSQL refuses what has no meaning."""
    alter = f"ALTER TABLE {table}"
    texts = {
        "add": f"{alter} ADD {column} {more}",
        "default": f"{alter} ADD {column} {more} DEFAULT '7'",
        "drop": f"{alter} DROP {column}",
        "rename": f"{alter} RENAME {column} TO {more}",
        "swap": f"{alter} RENAME {column} TO x; {alter} RENAME {more} TO {column};"
        f"{alter} RENAME x TO {more}",
        "write": f"UPDATE {table} SET {column} = '5', updated_at = clock_timestamp()"
        f" WHERE id = {more}",
        "anew": f"CREATE TABLE {table}_x (LIKE {table} INCLUDING ALL);"
        f"INSERT INTO {table}_x SELECT * FROM {table};"
        f"DROP TABLE {table}; ALTER TABLE {table}_x RENAME TO {table}",
    }
    if kind == "type":
        cast = CASTS[more].format(column)
        return (
            f"{alter} ALTER {column} DROP DEFAULT,"
            f" ALTER {column} TYPE {more} USING {cast}"
        )
    return texts[kind]


def assert_equal(lab: Lab, table: str) -> None:
    """Compares both sides, each source column with the one that the ledger names."""
    (row,) = lab.query(
        "SELECT shape FROM control.sync_current_columns WHERE table_name = %s", table
    )
    known = json.loads(row["SHAPE"])["columns"]
    targets = {c["name"]: c["target"] for c in known if c["state"] == "loaded"}
    lab.assert_equal(table, renames=targets)
    assert not [c for c in known if c["moving_to"]]


@pytest.mark.large
@hypothesis.settings(
    max_examples=45,
    deadline=None,
    database=None,
    derandomize=False,
    phases=(hypothesis.Phase.generate,),
    suppress_health_check=list(hypothesis.HealthCheck),
)
@hypothesis.given(history=st.lists(steps, min_size=4, max_size=12))
def test_whatever_is_altered_both_sides_end_up_equal(
    lab: Lab, history: list[tuple[str, str | None, Any]]
) -> None:
    lab = Lab(lab.stack, lab.source, lab.target)
    table = lab.name("random")
    lab.psql(f"""
        CREATE TABLE {table} (id int PRIMARY KEY, a text, b int, c varchar(20),
            updated_at timestamptz NOT NULL DEFAULT clock_timestamp());
        CREATE INDEX ON {table} (updated_at);
        INSERT INTO {table} SELECT i, 'a' || i, i, 'c' || i
        FROM generate_series(1, 4) AS i
        """)
    lab.apply({table: SETTINGS})
    lab.sync(table)
    for step in history:
        if step[0] in ("sync", "anew"):
            # A table made anew is matched by name: it must be seen before and after.
            lab.sync(table)
            assert_equal(lab, table)
        if step[0] == "sync":
            continue
        try:
            lab.psql(statement(table, *step))
        except psycopg2.Error as error:
            hypothesis.event(f"refused: {type(error).__name__}")
        if step[0] == "anew":
            lab.sync(table)
        if step[0] == "type":
            # No increment sees what ALTER TYPE ... USING has made of old rows.
            lab.psql(f"UPDATE {table} SET updated_at = clock_timestamp()")
    lab.sync(table)
    assert_equal(lab, table)
    assert lab.sync(table)["status"] == "unchanged"
