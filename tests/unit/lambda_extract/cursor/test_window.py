"""Windows of an increment: upper ends, ties, rows without a cursor, the overlap."""

from types import SimpleNamespace
from typing import Any

import psycopg2.extensions
import pytest
from psycopg2 import sql

from lambda_extract.contract import (
    Bound,
    CursorSpec,
    CursorValue,
    Limits,
    Overlap,
    Window,
)
from lambda_extract.cursor.column import INSTANT, Cursor
from lambda_extract.cursor.window import ResolvedWindow, last_position, read_overlap
from lambda_extract.errors import ExtractError
from lambda_extract.rows.query import CursorRange

from tests.unit.lambda_extract.conftest import MakeTable, Reader

COLUMNS = "id bigint PRIMARY KEY, updated_at timestamptz"
INDEX = "CREATE INDEX ON {table} (updated_at);"
HUNDRED = """
    INSERT INTO {table} SELECT i, timestamptz '2026-01-01' + i / 10 * interval '1 day'
    FROM generate_series(0, 99) AS i;
"""


def read_all(reader: Reader, chunk_rows: int, column: str = "updated_at") -> list[int]:
    """Follows the windows to the end; returns the rows of each."""
    sizes = []
    window = Window()
    while True:
        reply = reader.run(
            cursor=CursorSpec(column),
            window=window,
            limits=Limits(chunk_rows=chunk_rows),
        )
        sizes.append(reply.rows)
        if reply.complete:
            return sizes
        window = Window(lower=reply.position, first=False)


@pytest.mark.parametrize(
    ("chunk_rows", "sizes"),
    [
        (1000, [100]),
        (100, [100]),
        (50, [50, 50]),
        # Ties are not torn apart: ten rows share each value.
        (15, [20, 20, 20, 20, 20]),
        (1, [10] * 10),
    ],
)
def test_windows_end_between_values(
    make_table: MakeTable, chunk_rows: int, sizes: list[int]
) -> None:
    assert read_all(make_table(COLUMNS, INDEX + HUNDRED), chunk_rows) == sizes


def test_windows_follow_the_order_of_numbers_not_of_their_text(
    make_table: MakeTable,
) -> None:
    reader = make_table(COLUMNS, HUNDRED)
    assert read_all(reader, 30, column="id") == [30, 30, 30, 10]


def test_without_an_index_there_is_one_window_and_a_warning(
    make_table: MakeTable,
) -> None:
    reader = make_table(COLUMNS, HUNDRED)
    reply = reader.run(
        cursor=CursorSpec("updated_at"), window=Window(), limits=Limits(chunk_rows=10)
    )
    assert (reply.rows, reply.complete) == (100, True)
    assert [warning.code for warning in reply.warnings] == ["cursor_not_indexed"]


@pytest.mark.parametrize(
    "index",
    [
        "CREATE INDEX ON {table} (updated_at) WHERE id > 5;",
        "CREATE INDEX ON {table} (id, updated_at);",
        "CREATE INDEX ON {table} USING hash (updated_at);",
    ],
)
def test_an_index_that_does_not_serve_is_not_counted_on(
    make_table: MakeTable, index: str
) -> None:
    reply = make_table(COLUMNS, index + HUNDRED).sync("updated_at")
    assert reply.warnings


def test_a_range_with_both_ends_is_read_again(make_table: MakeTable) -> None:
    reader = make_table(COLUMNS, INDEX + HUNDRED)
    instant = "timestamp with time zone"
    reply = reader.run(
        cursor=CursorSpec("updated_at"),
        window=Window(
            lower=CursorValue("2026-01-02 00:00:00+00", instant),
            upper=CursorValue("2026-01-04 00:00:00+00", instant),
        ),
        limits=Limits(chunk_rows=10),
    )
    assert (reply.rows, reply.complete) == (10, False)
    last = reader.run(
        cursor=CursorSpec("updated_at"),
        window=Window(
            lower=reply.position,
            upper=CursorValue("2026-01-04 00:00:00+00", instant),
            first=False,
        ),
        limits=Limits(chunk_rows=10),
    )
    assert (last.rows, last.complete) == (10, True)


NULLS = HUNDRED + "INSERT INTO {table} VALUES (1000, NULL), (1001, NULL)"


@pytest.mark.parametrize(("policy", "rows"), [("load", 102), ("ignore", 100)])
def test_rows_without_a_cursor_are_counted_and_follow_the_policy(
    make_table: MakeTable, policy: str, rows: int
) -> None:
    reader = make_table(COLUMNS, INDEX + NULLS)
    reply = reader.sync("updated_at", null_policy=policy)
    assert (reply.rows, reply.null_cursor_rows) == (rows, 2)
    again = reader.sync("updated_at", reply.bound, null_policy=policy)
    assert again.unchanged


def test_a_new_row_without_a_cursor_arrives(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table(COLUMNS, INDEX + NULLS)
    first = reader.sync("updated_at")
    with owner.cursor() as cursor:
        cursor.execute(f"INSERT INTO {reader.spec.relation} VALUES (1002, NULL)")
    second = reader.sync("updated_at", first.bound)
    assert reader.ids(second) == ["1000", "1001", "1002"]


def test_a_new_row_without_a_cursor_that_is_ignored_changes_nothing(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    """Or the increment is read and loaded again for rows that nobody wants."""
    reader = make_table(COLUMNS, INDEX + NULLS)
    first = reader.sync("updated_at", null_policy="ignore")
    with owner.cursor() as cursor:
        cursor.execute(f"INSERT INTO {reader.spec.relation} VALUES (1002, NULL)")
    second = reader.sync("updated_at", first.bound, null_policy="ignore")
    assert (second.unchanged, second.rows, second.null_cursor_rows) == (True, 0, 3)


def test_rows_without_a_cursor_travel_with_the_first_window_only(
    make_table: MakeTable,
) -> None:
    reader = make_table(COLUMNS, INDEX + NULLS)
    assert read_all(reader, 50) == [52, 50]


def test_an_increment_in_windows_reads_no_row_twice_beside_rows_without_a_cursor(
    make_table: MakeTable,
) -> None:
    """Fails if NULLs beside them make one of a window's two ends enough."""
    reader = make_table(COLUMNS, INDEX + NULLS)
    whole = reader.sync("updated_at")
    newest = [int(i) for i in reader.ids(whole) if int(i) < 1000]
    middle = CursorValue("2026-01-02 00:00:00+00", "timestamp with time zone")
    reply = reader.run(
        cursor=CursorSpec("updated_at"),
        window=Window(lower=middle),
        limits=Limits(chunk_rows=10),
    )
    assert (reply.rows, reply.complete) == (12, False)
    ids = [int(i) for i in reader.ids(reply)]
    assert ids[-2:] == [1000, 1001] and set(ids[:-2]) < set(newest)


def test_rows_without_a_cursor_can_be_refused(make_table: MakeTable) -> None:
    reader = make_table(COLUMNS, INDEX + NULLS)
    with pytest.raises(ExtractError) as refused:
        reader.sync("updated_at", null_policy="fail")
    assert refused.value.code == "null_cursor"
    assert "2 row(s)" in refused.value.message


def test_a_changed_table_is_delivered_again_though_its_rows_are_not(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table(COLUMNS, INDEX + NULLS)
    first = reader.sync("updated_at")
    with owner.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {reader.spec.relation} ADD COLUMN v int DEFAULT 1")
    assert not reader.sync("updated_at", first.bound).unchanged


def test_a_deleted_row_changes_the_overlap(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table(COLUMNS, INDEX + NULLS)
    first = reader.sync("updated_at")
    with owner.cursor() as cursor:
        cursor.execute(f"DELETE FROM {reader.spec.relation} WHERE id = 1000")
    assert not reader.sync("updated_at", first.bound).unchanged


def test_a_view_is_read_without_an_overlap(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    table = make_table(COLUMNS, INDEX + HUNDRED)
    view = f"{table.spec.relation}_v"
    with owner.cursor() as cursor:
        cursor.execute(f"CREATE VIEW {view} AS SELECT * FROM {table.spec.relation}")
        cursor.execute(f"GRANT SELECT ON {view} TO aurora_sync")
    reader = Reader(
        table.aurora,
        table.folder,
        table.spec.__class__("v", "shop", "public", view, key=("id",)),
    )
    first = reader.sync("updated_at")
    assert first.rows == 100 and first.bound is not None
    assert first.bound.overlap is None
    assert reader.sync("updated_at", first.bound).rows == 0


def test_infinity_does_not_stop_later_rows(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table(
        COLUMNS, INDEX + HUNDRED + "INSERT INTO {table} VALUES (1000, 'infinity')"
    )
    first = reader.sync("updated_at")
    with owner.cursor() as cursor:
        cursor.execute(f"INSERT INTO {reader.spec.relation} VALUES (1001, now())")
    second = reader.sync("updated_at", first.bound)
    assert "1001" in reader.ids(second)


def test_an_empty_table_proves_nothing_and_stays_unchanged(
    make_table: MakeTable,
) -> None:
    reader = make_table(COLUMNS, INDEX)
    first = reader.sync("updated_at")
    assert isinstance(first.bound, Bound)
    assert (first.bound.watermark, first.position, first.rows) == (None, None, 0)
    assert reader.sync("updated_at", first.bound).unchanged


def test_a_run_of_several_windows_ends_at_what_its_first_one_saw(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    """A writer that never stops adds rows between any two windows."""
    reader = make_table(COLUMNS, INDEX + HUNDRED)
    add = f"""
        INSERT INTO {reader.spec.relation}
        SELECT m.id + i, m.at + i * interval '1 second'
        FROM (SELECT max(id), max(updated_at) FROM {reader.spec.relation}) AS m (id, at)
        CROSS JOIN generate_series(1, 30) AS i
        """
    window = Window()
    end = None
    sizes: list[int] = []
    complete = False
    while not complete and len(sizes) < 20:
        reply = reader.run(
            cursor=CursorSpec("updated_at", margin_seconds=0.0),
            window=window,
            limits=Limits(chunk_rows=30),
        )
        sizes.append(reply.rows)
        end = end or reply.end
        complete = reply.complete
        with owner.cursor() as cursor:
            cursor.execute(add)
        window = Window(lower=reply.position, upper=end, first=False)
    assert sizes == [30, 30, 30, 10]
    assert reply.position == end and reply.bound is not None
    later = reader.sync("updated_at", reply.bound, margin_seconds=0.0)
    assert later.rows == 120 and not later.unchanged


def test_what_a_run_of_several_windows_left_behind_its_end_is_not_called_delivered(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table(COLUMNS + " NOT NULL", INDEX + HUNDRED)
    cursor = CursorSpec("updated_at")
    first = reader.run(cursor=cursor, window=Window(), limits=Limits(chunk_rows=60))
    with owner.cursor() as session:
        session.execute(f"INSERT INTO {reader.spec.relation} VALUES (500, now())")
    last = reader.run(
        cursor=cursor,
        window=Window(lower=first.position, upper=first.end, first=False),
        limits=Limits(chunk_rows=60),
    )
    assert last.complete and last.bound is not None
    assert last.bound.overlap is not None
    later = reader.sync("updated_at", last.bound)
    assert not later.unchanged and reader.ids(later) == ["500"]


def test_a_row_without_a_cursor_that_changed_between_two_windows_arrives(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table(COLUMNS, INDEX + HUNDRED + "INSERT INTO {table} VALUES (200);")
    cursor = CursorSpec("updated_at", null_policy="load")
    first = reader.sync("updated_at", null_policy="load")
    assert first.bound is not None and first.bound.overlap is not None
    with owner.cursor() as session:
        session.execute(f"INSERT INTO {reader.spec.relation} VALUES (201)")
    last = reader.run(cursor=cursor, window=Window(lower=first.position, first=False))
    assert last.complete and last.bound is not None
    later = reader.sync("updated_at", last.bound, null_policy="load")
    assert not later.unchanged and "201" in reader.ids(later)


def test_what_an_earlier_release_has_noted_as_delivered_is_still_known() -> None:
    """The ledger keeps the text: written otherwise, all tables would send rows anew."""
    database: Any = SimpleNamespace(row=lambda _: (3, "-12"))
    table: Any = SimpleNamespace(has_row_identity=True, rows=sql.SQL("t"))
    wire: Any = SimpleNamespace(columns=())
    found = read_overlap(
        database,
        table,
        Cursor(CursorSpec("at"), (), INSTANT),
        watermark=None,
        wire=wire,
    )
    # The first 16 digits of the SHA-256 of "()".
    assert found == Overlap(rows=3, digest="-12:2e38e77b22c314a4")


def test_where_a_window_ends_is_not_asked_of_the_source_again() -> None:
    """Its upper end is the cursor of a row, so no larger one is in the window."""

    def row(statement: object) -> None:
        raise AssertionError("The source was asked.")

    database: Any = SimpleNamespace(row=row)
    table: Any = SimpleNamespace(rows=sql.SQL("t"))
    upper = CursorValue("2026-01-04 00:00:00+00", INSTANT)
    resolved = ResolvedWindow(CursorRange(sql.SQL("at")), upper, null_rows=0)
    assert last_position(database, table, resolved) == "2026-01-04 00:00:00+00"
