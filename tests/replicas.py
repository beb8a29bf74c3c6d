"""A writer, a reader that follows it, and the worker's code on both."""

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extensions
import pytest

from lambda_extract import contract
from lambda_extract.landing.stores import FolderStore
from lambda_extract.operations.connect import open_source
from lambda_extract.operations.extract import extract
from lambda_extract.settings import Reader, Settings, Source
from lambda_extract.source.database import Database
from local.aurora import Aurora, create_reader

ROLE = "aurora_sync"
CURSOR = contract.CursorSpec(column="updated_at", margin_seconds=0.0)


@dataclasses.dataclass
class Pair:
    """One source with a reader.

    Attributes:
        chunk_rows: Rows of a window.
        state: What the ledger knows.
        delivered: Keys of all rows that arrived.
    """

    writer: Aurora
    reader: Aurora
    folder: Path
    table: str
    wait_seconds: float = 10.0
    chunk_rows: int = 100_000
    state: contract.Bound | None = None
    delivered: set[int] = dataclasses.field(default_factory=set)
    runs: int = 0

    @property
    def settings(self) -> Settings:
        """The Lambda's settings."""
        source = Source(
            name="shop",
            host=self.writer.host,
            dbname="shop",
            credentials={"kind": "environment"},
            port=self.writer.port,
            sslmode="disable",
            reader=Reader(self.reader.host, self.reader.port, self.wait_seconds),
        )
        return Settings({"shop": source}, "bucket", "", "function", "k" * 32)

    @property
    def spec(self) -> contract.TableSpec:
        """The table as the wire knows it."""
        return contract.TableSpec(
            name=self.table, source="shop", schema="public", relation=self.table
        )

    def request(self) -> contract.ExtractRequest:
        """Returns the request for the next window."""
        self.runs += 1
        state = self.state
        window = contract.Window(
            lower=state.watermark if state else None,
            pending_bound=state.pending_bound if state else None,
            overlap=state.overlap if state else None,
        )
        return contract.ExtractRequest(
            run_id="r1",
            table=self.spec,
            part=f"p{self.runs}",
            cursor=CURSOR,
            window=window,
            limits=contract.Limits(self.chunk_rows, file_bytes=1_000_000),
        )

    @contextlib.contextmanager
    def opened(self) -> Iterator[Database]:
        """Connects to both."""
        deadline = time.monotonic() + 60
        with open_source(self.request(), self.settings, deadline=deadline) as database:
            yield database

    def extract(self, *, use_reader: bool = True) -> contract.ExtractReply:
        """Reads the next window, and notes what has arrived.

        Args:
            use_reader: False reads from the writer, as sources without a reader do.
        """
        request = self.request()
        deadline = time.monotonic() + 60
        store = FolderStore(self.folder)
        with open_source(
            request, self.settings, deadline=deadline, use_reader=use_reader
        ) as database:
            reply = extract(database, request, store)
        self.state = reply.bound
        self.delivered |= set(self.keys(reply))
        return reply

    def keys(self, reply: contract.ExtractReply) -> list[int]:
        """Returns the keys in the files of a reply."""
        import zstandard

        found: list[int] = []
        for file in reply.files:
            packed = (self.folder / file.path).read_bytes()
            with zstandard.ZstdDecompressor().stream_reader(packed) as stream:
                rows = stream.read().decode().splitlines()
            found += [int(row.split(",", 1)[0].strip('"')) for row in rows]
        return found

    def pause(self) -> None:
        """Stops the replay of the log on the reader."""
        on_server(self.reader, "SELECT pg_wal_replay_pause()")
        end = time.monotonic() + 10
        state = ""
        while state != "paused" and time.monotonic() < end:
            state = on_server(self.reader, "SELECT pg_get_wal_replay_pause_state()")
        assert state == "paused"

    def resume(self) -> None:
        """Lets the replay go on."""
        on_server(self.reader, "SELECT pg_wal_replay_resume()")

    def catch_up(self) -> None:
        """Waits until the reader has all that the writer has done."""
        position = on_server(
            self.writer, "SELECT pg_logical_emit_message(TRUE, 'test', '')"
        )
        end = time.monotonic() + 20
        asked = f"SELECT pg_last_wal_replay_lsn() >= '{position}'::pg_lsn"
        while not on_server(self.reader, asked):
            assert time.monotonic() < end, "the reader does not catch up"


def on_server(server: Aurora, text: str) -> Any:
    """Runs a statement as the owner and returns its one value.

    The log may end any session of a reader: it is asked again then.
    """
    for left in (2, 1, 0):
        try:
            with contextlib.closing(server.connect("shop")) as connection:
                cursor = connection.cursor()
                cursor.execute(text)
                return cursor.fetchone()[0] if cursor.description else None
        except psycopg2.OperationalError:
            if not left:
                raise
    return None


def prepare(writer: Aurora, monkeypatch: pytest.MonkeyPatch | None = None) -> None:
    """Makes database and role on a writer."""
    writer.create_database("shop")
    create_reader(writer.dsn("shop"), role=ROLE)
    if monkeypatch is not None:
        monkeypatch.setenv("SOURCE_SHOP_USER", ROLE)


def make_table(owner: psycopg2.extensions.connection, name: str) -> None:
    """Creates a table with a key and an indexed cursor."""
    owner.cursor().execute(f"""
        CREATE TABLE {name} (
            id bigint PRIMARY KEY, updated_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX ON {name} (updated_at)
        """)
