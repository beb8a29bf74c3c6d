"""What was delivered is still there after the server has crashed."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from lambda_extract import contract
from local.aurora import Aurora, create_reader, start_aurora

from tests.unit.lambda_extract.conftest import READER, MakeTable, Reader

# Commits wait for nobody, and nobody flushes for them: neither the WAL writer, nor a
# checkpoint.
LAZY = {
    "synchronous_commit": "off",
    "wal_writer_delay": "10s",
    "wal_writer_flush_after": "1GB",
    "bgwriter_delay": "10s",
    "autovacuum": "off",
}
WHOLE = contract.Partition(part="whole")
TABLE = """
    CREATE TABLE lazy (id bigint PRIMARY KEY, updated_at timestamptz DEFAULT now());
    CREATE INDEX ON lazy (updated_at);
    INSERT INTO lazy VALUES (1, '2024-01-01');
    """


class Crashing:
    """A server of its own that is killed and started again over the same files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server: Aurora = start_aurora(folder, settings=LAZY)

    def crash(self) -> None:
        self.server.crash()
        self.server = start_aurora(
            self.server.data.parent, settings=LAZY, port=self.server.port
        )

    def run(self, statement: str) -> None:
        with contextlib.closing(self.server.connect("shop")) as owner:
            owner.cursor().execute(statement)

    def ids(self) -> list[str]:
        with contextlib.closing(self.server.connect("shop")) as owner:
            cursor = owner.cursor()
            cursor.execute("SELECT id::text FROM lazy ORDER BY id")
            return [row[0] for row in cursor]


@pytest.fixture
def crashing(tmp_path: Path) -> Iterator[Crashing]:
    server = Crashing(tmp_path)
    first = server.server
    try:
        first.create_database("shop")
        create_reader(first.dsn("shop"), role=READER)
        server.run(TABLE)
        server.run("CHECKPOINT")
        yield server
    finally:
        server.server.stop()
        first.stop()


def reader(crashing: Crashing, tmp_path: Path) -> Reader:
    spec = contract.TableSpec("lazy", "shop", "public", "lazy")
    return Reader(crashing.server, tmp_path / "landing", spec)


def test_without_an_extraction_the_row_is_lost(crashing: Crashing) -> None:
    """The test's own premise."""
    crashing.run("INSERT INTO lazy VALUES (2)")
    crashing.crash()
    assert crashing.ids() == ["1"]


def test_a_row_of_a_window_is_durable(crashing: Crashing, tmp_path: Path) -> None:
    crashing.run("INSERT INTO lazy VALUES (2)")
    reply = reader(crashing, tmp_path).sync("updated_at")
    assert reply.rows == 2 and reply.warnings == ()
    crashing.crash()
    assert crashing.ids() == ["1", "2"]


def test_a_row_of_a_part_is_durable(crashing: Crashing, tmp_path: Path) -> None:
    crashing.run("INSERT INTO lazy VALUES (2)")
    assert reader(crashing, tmp_path).run(partition=WHOLE).rows == 2
    crashing.crash()
    assert crashing.ids() == ["1", "2"]


def test_a_row_that_is_gone_stays_gone(crashing: Crashing, tmp_path: Path) -> None:
    crashing.run("DELETE FROM lazy")
    assert reader(crashing, tmp_path).run(partition=WHOLE).rows == 0
    crashing.crash()
    assert crashing.ids() == []


def test_a_role_that_may_not_wait_is_warned(
    make_table: MakeTable, aurora: Aurora
) -> None:
    table = make_table("id bigint PRIMARY KEY", "INSERT INTO {table} VALUES (1);")
    function = "FUNCTION pg_logical_emit_message(boolean, text, text, boolean)"
    with contextlib.closing(aurora.connect("shop")) as owner:
        cursor = owner.cursor()
        cursor.execute(f"REVOKE EXECUTE ON {function} FROM PUBLIC")
        try:
            reply = table.run(partition=WHOLE)
        finally:
            cursor.execute(f"GRANT EXECUTE ON {function} TO PUBLIC")
    assert [warning.code for warning in reply.warnings] == ["durability_not_proven"]
