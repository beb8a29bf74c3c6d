"""C9: rows of a full table are of one moment, however many parts they might have been.

Nothing heals a torn load there: no increment follows that would bring a row whose key
moved from one part to another while both were read.
"""

import contextlib
import threading
from collections.abc import Iterator

import pytest

from tests.end_to_end.lab import TARGET_SCHEMA, Lab

pytestmark = pytest.mark.large

ROWS = 6000


@contextlib.contextmanager
def keys_that_move(lab: Lab, statement: str) -> Iterator[None]:
    """A writer that never stops, from before the sync until after it."""
    stop, begun = threading.Event(), threading.Event()

    def write() -> None:
        number = 0
        with contextlib.closing(lab.stack.aurora.connect("shop")) as connection:
            with connection.cursor() as cursor:
                while not stop.is_set():
                    cursor.execute(statement.replace("{n}", str(number % 20)))
                    number += 1
                    begun.set()

    writer = threading.Thread(target=write)
    writer.start()
    assert begun.wait(30)
    try:
        yield
    finally:
        stop.set()
        writer.join()


SEATS = (
    "CREATE TABLE {table} (region int, id int, a int, PRIMARY KEY (region, id));"
    "INSERT INTO {table} SELECT i % 4, i, i FROM generate_series(1, {rows}) AS i",
    "UPDATE {table} SET region = (region + 1) % 4 WHERE id % 20 = {n}",
)
TEXTS = (
    "CREATE TABLE {table} (name text PRIMARY KEY, id int, a int);"
    "INSERT INTO {table} SELECT 'a' || i, i, i FROM generate_series(1, {rows}) AS i",
    "UPDATE {table} SET name = CASE left(name, 1) WHEN 'a' THEN 'z' ELSE 'a' END"
    " || substr(name, 2) WHERE id % 20 = {n}",
)
PARTITIONS = (
    "CREATE TABLE {table} (region int, id int, a int, PRIMARY KEY (region, id))"
    " PARTITION BY LIST (region);"
    "CREATE TABLE {table}_0 PARTITION OF {table} FOR VALUES IN (0, 1);"
    "CREATE TABLE {table}_1 PARTITION OF {table} FOR VALUES IN (2, 3);"
    "INSERT INTO {table} SELECT i % 4, i, i FROM generate_series(1, {rows}) AS i",
    SEATS[1],
)


@pytest.mark.parametrize(
    ("script", "update"),
    [SEATS, TEXTS, PARTITIONS],
    ids=["ints", "texts", "partitions"],
)
def test_no_row_is_doubled_or_lost_by_a_key_that_moves(
    lab: Lab, script: str, update: str
) -> None:
    table = lab.name("seat")
    lab.psql(script.replace("{table}", table).replace("{rows}", str(ROWS)))
    lab.psql(f"ANALYZE {table}")
    lab.apply({table: {"mode": "full", "chunk_rows": 1000}})
    with keys_that_move(lab, update.replace("{table}", table)):
        for _ in range(2):
            report = lab.sync(table)
            assert (report["rows_extracted"], report["windows"]) == (ROWS, 1)
            (found,) = lab.query(
                "SELECT COUNT(*) AS n, COUNT(DISTINCT id) AS ids"
                f" FROM {TARGET_SCHEMA}.{table}"
            )
            assert (found["N"], found["IDS"]) == (ROWS, ROWS)
            assert "warnings" not in report
    lab.sync(table)
    lab.assert_equal(table)
