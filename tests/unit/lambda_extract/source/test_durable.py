"""What was delivered is still there after the server has crashed."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psycopg2.extensions
import pytest

from lambda_extract import contract
from lambda_extract.source.durable import write_message
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
WRITES_TEXT = "pg_logical_emit_message(boolean, text, text, boolean)"
NOT_PROVEN = contract.Warning(
    "durability_not_proven",
    "The reader role may not wait until the rows are on the source's disk: rows"
    " committed with synchronous_commit = off may be delivered and then lost by the"
    " source in a crash.",
    hint="GRANT EXECUTE on the function pg_logical_emit_message (with text content) to"
    " the reader role.",
)
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


@contextlib.contextmanager
def altered(aurora: Aurora, statement: str, back: str) -> Iterator[None]:
    """Alters something that every table of the server shares, for a while."""
    with contextlib.closing(aurora.connect("shop")) as owner:
        cursor = owner.cursor()
        cursor.execute(statement)
        try:
            yield
        finally:
            cursor.execute(back)


def test_a_role_that_may_not_wait_is_warned(
    make_table: MakeTable, aurora: Aurora
) -> None:
    table = make_table("id bigint PRIMARY KEY", "INSERT INTO {table} VALUES (1);")
    with altered(
        aurora,
        f"REVOKE EXECUTE ON FUNCTION {WRITES_TEXT} FROM PUBLIC",
        f"GRANT EXECUTE ON FUNCTION {WRITES_TEXT} TO PUBLIC",
    ):
        reply = table.run(partition=WHOLE)
    assert reply.rows == 1 and reply.warnings == (NOT_PROVEN,)


def test_a_server_without_the_function_is_read_with_a_warning(
    make_table: MakeTable, aurora: Aurora
) -> None:
    table = make_table("id bigint PRIMARY KEY", "INSERT INTO {table} VALUES (1);")
    function = f"ALTER FUNCTION pg_catalog.{WRITES_TEXT}"
    renamed = function.replace("emit_message", "emit_renamed")
    with altered(
        aurora,
        f"{function} RENAME TO pg_logical_emit_renamed",
        f"{renamed} RENAME TO pg_logical_emit_message",
    ):
        reply = table.run(partition=WHOLE)
    assert reply.rows == 1 and reply.warnings == (NOT_PROVEN,)


@pytest.mark.parametrize(
    ("made", "function"),
    [
        # Its namesake, which is never called.
        ("", WRITES_TEXT.replace("text, text", "text, bytea")),
        # Others whose third argument is a text: of PostgreSQL, and of a user.
        ("", "pg_catalog.replace(text, text, text)"),
        (
            "CREATE OR REPLACE FUNCTION public.pg_logical_emit_message"
            "(boolean, text, text) RETURNS text LANGUAGE sql AS 'SELECT $2'; ",
            "public.pg_logical_emit_message(boolean, text, text)",
        ),
    ],
)
def test_rights_on_other_functions_do_not_matter(
    make_table: MakeTable, aurora: Aurora, made: str, function: str
) -> None:
    table = make_table("id bigint PRIMARY KEY", "INSERT INTO {table} VALUES (1);")
    back = f"DROP FUNCTION {function}"
    if not made:
        back = f"GRANT EXECUTE ON FUNCTION {function} TO PUBLIC"
    with altered(
        aurora, f"{made}REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC", back
    ):
        reply = table.run(partition=WHOLE)
    assert reply.rows == 1 and reply.warnings == ()


def test_a_message_has_a_position_behind_what_was_written_before(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    table = make_table("id bigint PRIMARY KEY")
    cursor = owner.cursor()
    cursor.execute(f"INSERT INTO {table.spec.relation} VALUES (1)")
    cursor.execute("SELECT pg_current_wal_insert_lsn()")
    (before,) = cursor.fetchall()[0]
    with table.database() as database:
        position = write_message(database)
    cursor.execute(
        "SELECT %s::pg_lsn > %s::pg_lsn, %s::pg_lsn <= pg_current_wal_flush_lsn()",
        (position, before, position),
    )
    # Behind it, and on the disk.
    assert cursor.fetchone() == (True, True)
