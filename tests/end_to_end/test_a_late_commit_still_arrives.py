"""Long transactions: rows appear behind a watermark that was already taken."""

import contextlib
import threading
from collections.abc import Iterator

import psycopg2
import psycopg2.extensions
import pytest

from tests.end_to_end.lab import Lab


@pytest.fixture
def writer(lab: Lab) -> Iterator[psycopg2.extensions.connection]:
    """A second session of the application."""
    connection = psycopg2.connect(lab.stack.endpoints.aurora_dsn)
    with contextlib.closing(connection):
        yield connection


def run(connection: psycopg2.extensions.connection, text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text)


@pytest.mark.parametrize("cursor", ["updated_at", "id"])
def test_rows_of_a_transaction_that_commits_late(
    lab: Lab, writer: psycopg2.extensions.connection, cursor: str
) -> None:
    table = lab.name("late")
    lab.orders_table(table, 10)
    lab.apply({table: {"cursor": cursor}})
    lab.sync(table)
    run(writer, f"INSERT INTO {table} (note) VALUES ('late'), ('late too')")
    lab.psql(f"INSERT INTO {table} (note) VALUES ('early')")
    report = lab.sync(table)
    assert report["rows_inserted"] == 1
    assert report["oldest_transaction"]
    writer.commit()
    assert lab.sync(table)["rows_inserted"] == 2
    lab.assert_equal(table)
    assert "oldest_transaction" not in lab.sync(table)
    assert lab.sync(table)["status"] == "unchanged"


@pytest.mark.parametrize("cursor", ["updated_at", "id"])
def test_a_transaction_that_was_open_during_the_first_load(
    lab: Lab, writer: psycopg2.extensions.connection, cursor: str
) -> None:
    table = lab.name("first")
    lab.orders_table(table, 10)
    lab.apply({table: {"cursor": cursor}})
    run(writer, f"INSERT INTO {table} (note) VALUES ('late')")
    lab.psql(f"INSERT INTO {table} (note) VALUES ('early')")
    lab.sync(table)
    writer.commit()
    lab.sync(table)
    lab.assert_equal(table)


@pytest.mark.large
@pytest.mark.parametrize("cursor", ["updated_at", "id"])
def test_a_transaction_that_stays_open_over_several_windows(
    lab: Lab, writer: psycopg2.extensions.connection, cursor: str
) -> None:
    """The proof has a gap behind the first window; later windows must not hide it."""
    table = lab.name("gap")
    lab.orders_table(table, 10)
    lab.apply({table: {"cursor": cursor, "chunk_rows": 5}})
    lab.sync(table)
    run(writer, f"INSERT INTO {table} (note) VALUES ('late')")
    for _ in range(4):
        lab.psql(f"INSERT INTO {table} (note) SELECT 'x' FROM generate_series(1, 6)")
    before = lab.watermark(table)
    lab.sync(table)
    lab.sync(table)
    if cursor == "id":
        assert lab.watermark(table) == before
    writer.commit()
    lab.sync(table)
    lab.assert_equal(table)


@pytest.mark.large
def test_a_prepared_transaction_holds_the_watermark(
    lab: Lab, writer: psycopg2.extensions.connection
) -> None:
    table = lab.name("prepared")
    lab.orders_table(table, 10)
    lab.apply({table: {"cursor": "updated_at"}})
    lab.sync(table)
    before = lab.watermark(table)
    run(writer, f"INSERT INTO {table} (note) VALUES ('prepared')")
    run(writer, f"PREPARE TRANSACTION '{table}'")
    writer.rollback()
    try:
        lab.psql(f"INSERT INTO {table} (note) VALUES ('early')")
        lab.sync(table)
        assert lab.watermark(table) == before
    finally:
        lab.psql(f"COMMIT PREPARED '{table}'")
    lab.sync(table)
    lab.assert_equal(table)


@pytest.mark.large
def test_a_rolled_back_transaction_leaves_nothing(
    lab: Lab, writer: psycopg2.extensions.connection
) -> None:
    table = lab.name("rollback")
    lab.orders_table(table, 10)
    lab.apply({table: {"cursor": "updated_at"}})
    run(writer, f"INSERT INTO {table} (note) VALUES ('never')")
    lab.sync(table)
    writer.rollback()
    lab.sync(table)
    lab.assert_equal(table)


@pytest.mark.large
@pytest.mark.parametrize(("policy", "arrive"), [("load", True), ("ignore", False)])
def test_rows_without_a_cursor_value_follow_the_policy(
    lab: Lab, policy: str, arrive: bool
) -> None:
    table = lab.name("nulls")
    lab.orders_table(table, 3)
    lab.psql(f"ALTER TABLE {table} ALTER updated_at DROP NOT NULL")
    lab.apply({table: {"cursor": "updated_at", "null_cursor": policy}})
    lab.sync(table)
    lab.psql(f"INSERT INTO {table} (note, updated_at) VALUES ('none', NULL)")
    report = lab.sync(table)
    assert report["null_cursor_rows"] == 1
    assert report["rows_inserted"] == (1 if arrive else 0)
    assert lab.sync(table)["status"] == "unchanged"


@pytest.mark.large
def test_rows_without_a_cursor_value_can_be_refused(lab: Lab) -> None:
    table = lab.name("refused")
    lab.orders_table(table, 3)
    lab.psql(f"ALTER TABLE {table} ALTER updated_at DROP NOT NULL")
    lab.apply({table: {"cursor": "updated_at", "null_cursor": "fail"}})
    lab.sync(table)
    lab.psql(f"INSERT INTO {table} (note, updated_at) VALUES ('none', NULL)")
    assert "[null_cursor]" in lab.fail("SYNC_TABLE", table)


@pytest.mark.large
def test_a_first_load_waits_for_short_transactions_to_prove_an_integer(
    lab: Lab, writer: psycopg2.extensions.connection
) -> None:
    """Otherwise the next sync would read the whole table again."""
    table = lab.name("proven")
    lab.orders_table(table, 30)
    lab.apply({table: {"cursor": "id"}})
    run(writer, f"INSERT INTO {table} (note) VALUES ('short')")
    threading.Timer(0.5, writer.commit).start()
    lab.sync(table)
    lab.psql(f"INSERT INTO {table} (note) VALUES ('next')")
    assert lab.sync(table)["rows_extracted"] <= 2
    lab.assert_equal(table)
