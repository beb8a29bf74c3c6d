"""One window of an increment: what comes before its proof, and where its run ends."""

import psycopg2.extensions
import pytest

from lambda_extract.contract import CursorSpec, CursorValue, Limits, Window
from lambda_extract.errors import ExtractError
from tests.unit.lambda_extract.conftest import MakeTable

# Evaluated by whoever plans a query of the table, as that role.
CODE = """
    CREATE FUNCTION {table}_code(t text) RETURNS text IMMUTABLE LANGUAGE plpgsql
        AS $f$ BEGIN RETURN t; END $f$;
    CREATE INDEX ON {table} (n) WHERE {table}_code('x'::text) = 'x';
    CREATE OR REPLACE FUNCTION {table}_code(t text) RETURNS text IMMUTABLE
        LANGUAGE plpgsql AS $f$ BEGIN RAISE EXCEPTION 'ran as %', current_user; END $f$;
    ALTER FUNCTION {table}_code(text) OWNER TO unprivileged;
"""


def test_code_of_a_stranger_does_not_run_for_the_largest_number(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table("id int PRIMARY KEY, n bigint NOT NULL", CODE)
    name = f"{reader.spec.relation}_code"
    try:
        with pytest.raises(ExtractError) as refused:
            reader.sync("n")
        assert refused.value.code == "owner_not_trusted"
        assert name in refused.value.message
    finally:
        with owner.cursor() as cursor:
            cursor.execute(f"DROP FUNCTION {name}(text) CASCADE")


@pytest.mark.parametrize(
    ("rows", "window", "end"),
    [
        (0, Window(), None),
        # One window has them all: there is no run of windows to end.
        (3, Window(), None),
        (5, Window(), "5"),
        # The run's first window has said it.
        (5, Window(upper=CursorValue("4", "bigint")), None),
    ],
)
def test_the_first_of_several_windows_alone_says_where_they_end(
    make_table: MakeTable, rows: int, window: Window, end: str | None
) -> None:
    fill = f"INSERT INTO {{table}} SELECT i FROM generate_series(1, {rows}) AS i"
    reader = make_table("id bigint PRIMARY KEY", fill)
    reply = reader.run(
        cursor=CursorSpec("id"), window=window, limits=Limits(chunk_rows=3)
    )
    assert reply.end == (None if end is None else CursorValue(end, "bigint"))
    assert reply.rows == min(rows, 3)


@pytest.mark.parametrize(
    ("first", "changed"),
    [
        (True, "The largest cursor is below the watermark, among rows that are new."),
        (False, ""),
    ],
)
def test_the_first_window_of_a_run_alone_looks_for_rows_behind_the_watermark(
    make_table: MakeTable,
    owner: psycopg2.extensions.connection,
    first: bool,
    changed: str,
) -> None:
    """The lower end of a later one is where the window before it ended."""
    fill = "INSERT INTO {table} SELECT i FROM generate_series(1, 5) AS i"
    reader = make_table("id bigint PRIMARY KEY", fill)
    before = reader.sync("id")
    assert before.bound is not None and before.bound.watermark is not None
    name = reader.spec.relation
    with owner.cursor() as cursor:
        cursor.execute(f"DELETE FROM {name}; INSERT INTO {name} VALUES (1), (2)")
    reply = reader.run(
        cursor=CursorSpec("id"),
        window=Window(
            lower=before.bound.watermark, identity=before.identity, first=first
        ),
    )
    assert (reply.source_changed, reply.rows) == (changed, 0)
