"""The shop: the same rows every time, and never at the cost of a user's own tables."""

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest

from local.aurora import start_aurora
from local.shop import TABLES, ShopError, change_shop, seed_shop


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    aurora = start_aurora(tmp_path_factory.mktemp("aurora"))
    with contextlib.closing(psycopg2.connect(aurora.dsn())) as opened:
        yield opened
    aurora.stop()


def query(connection: Any, text: str) -> list[tuple[Any, ...]]:
    with connection, connection.cursor() as cursor:
        cursor.execute(text)
        return cursor.fetchall() if cursor.description else []


def digest(connection: Any) -> list[Any]:
    return [
        query(
            connection, f"SELECT md5(string_agg(t::text, E'\\n' ORDER BY t)) FROM {t} t"
        )
        for t in TABLES
    ]


@pytest.mark.large
def test_it_can_be_seeded_again_with_the_same_rows(connection: Any) -> None:
    rows = seed_shop(connection)
    first = digest(connection)
    change_shop(connection)
    assert digest(connection) != first
    assert seed_shop(connection) == rows
    assert digest(connection) == first
    assert 30_000 < sum(rows.values()) < 100_000


@pytest.mark.large
def test_changes_touch_every_table_and_an_old_day(connection: Any) -> None:
    seed_shop(connection)
    days = query(
        connection, "SELECT count(*) FROM orders WHERE ordered_on='2025-01-02'"
    )
    changes = change_shop(connection)
    for table in TABLES:
        assert changes[table].inserted and changes[table].updated
    assert query(
        connection, "SELECT count(*) FROM orders WHERE ordered_on='2025-01-02'"
    ) == [(days[0][0] + 1,)]
    newer = "SELECT count(*) FROM orders WHERE updated_at > now() - interval '1 minute'"
    changed = changes["orders"].inserted + changes["orders"].updated
    assert query(connection, newer) == [(changed,)]


@pytest.mark.large
def test_cursor_columns_are_indexed(connection: Any) -> None:
    seed_shop(connection)
    found = query(
        connection,
        "SELECT tablename FROM pg_indexes WHERE indexdef LIKE '%(updated_at)'"
        " ORDER BY tablename",
    )
    assert found == [("customers",), ("order_items",), ("orders",)]


@pytest.mark.large
def test_tables_of_a_user_are_never_replaced(connection: Any) -> None:
    query(connection, "CREATE SCHEMA theirs; CREATE TABLE theirs.orders (id int)")
    query(connection, "INSERT INTO theirs.orders VALUES (1)")
    with pytest.raises(ShopError, match="tables of its own named orders"):
        seed_shop(connection, "theirs")
    assert query(connection, "SELECT id FROM theirs.orders") == [(1,)]
    assert query(
        connection, "SELECT tablename FROM pg_tables WHERE schemaname = 'theirs'"
    ) == [("orders",)]
