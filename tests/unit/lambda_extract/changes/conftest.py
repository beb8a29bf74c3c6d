"""A server of its own: a slot holds WAL back and sees what other tests write."""

import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg2.extensions
import pytest

from lambda_extract import contract
from lambda_extract.changes import capture as changes_capture
from lambda_extract.credentials.secrets import Credentials
from lambda_extract.landing.stores import FolderStore
from lambda_extract.settings import Source
from lambda_extract.source.database import Database, connected
from local.aurora import Aurora, create_reader, running_aurora
from tests.unit.lambda_extract.conftest import Reader

LOGGER = "log_reader"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aurora]:
    # Small, so that transactions of some thousand rows are streamed.
    settings = {"logical_decoding_work_mem": "64kB"}
    folder = tmp_path_factory.mktemp("logged")
    with running_aurora(folder, settings=settings) as running:
        running.create_database("shop")
        create_reader(running.dsn("shop"))
        with contextlib.closing(running.connect("shop")) as connection:
            connection.cursor().execute(f"CREATE ROLE {LOGGER} LOGIN REPLICATION")
        yield running


@dataclass
class Log:
    """One slot and publication, as Snowflake's side uses them."""

    server: Aurora
    owner: psycopg2.extensions.connection
    folder: Path
    spec: contract.LogSpec
    tables: list[contract.CaptureTable] = field(default_factory=list)
    to_lsn: str | None = None
    server_id: str = ""
    parts: int = 0
    source: Source = Source("shop", "127.0.0.1", "shop", {})

    def sql(self, text: str) -> list[Any]:
        with self.owner.cursor() as cursor:
            cursor.execute(text)
            return cursor.fetchall() if cursor.description else []

    def table(
        self, declared: str, *, name: str = "", publish: bool = True, **spec: Any
    ) -> Reader:
        """Creates a table, publishes it, and returns its reader."""
        name = name or f"t_{uuid.uuid4().hex[:8]}"
        self.sql(f'CREATE TABLE "{name}" {declared}')
        if publish:
            self.sql(f'ALTER PUBLICATION "{self.spec.publication}" ADD TABLE "{name}"')
        return self.reader(name, **spec)

    def reader(self, name: str, **spec: Any) -> Reader:
        table = contract.TableSpec(name, "shop", "public", name)
        table = replace(table, **spec)
        self.tables.append(contract.CaptureTable(name, "public", name, table.key))
        return Reader(self.server, self.folder, table)

    @contextlib.contextmanager
    def database(self, user: str = LOGGER) -> Iterator[Database]:
        source = Source("shop", "127.0.0.1", "shop", {}, self.server.port, "disable")
        with connected(
            source,
            Credentials(user, ""),
            application_name="aurora_sync:log",
            budget_seconds=30,
        ) as database:
            yield database

    def request(self, **fields: Any) -> contract.CaptureRequest:
        self.parts += 1
        values: dict[str, Any] = {
            "tables": tuple(self.tables),
            "from_lsn": self.to_lsn,
            "server": self.server_id,
            **fields,
        }
        return contract.CaptureRequest(
            "r1", "shop", self.spec, f"c{self.parts}", **values
        )

    def ask(self, user: str = LOGGER, **fields: Any) -> contract.CaptureReply:
        """Captures, and forgets it: nothing is recorded."""
        with self.database(user) as database:
            return changes_capture.capture(
                database,
                self.request(**fields),
                FolderStore(self.folder),
                source=self.source,
                visible_seconds=0.5,
            )

    def capture(self, **fields: Any) -> contract.CaptureReply:
        """Captures and records it."""
        reply = self.ask(**fields)
        self.to_lsn, self.server_id = reply.to_lsn, reply.server
        return reply

    def identity(self, reader: Reader) -> contract.LogIdentity:
        planned = reader.plan(log=self.spec)
        assert planned.log is not None
        return planned.log.identity

    def rows(
        self,
        reader: Reader,
        known: contract.LogIdentity,
        reply: contract.CaptureReply,
        **fields: Any,
    ) -> contract.ExtractReply:
        """Reads the rows of the keys that a capture has for a table."""
        files = tuple(
            f for t in reply.tables if t.name == reader.spec.name for f in t.files
        )
        return reader.run(changes=contract.ChangeSet(self.spec, files, known, **fields))


@pytest.fixture
def log(server: Aurora, tmp_path: Path) -> Iterator[Log]:
    """A started log without tables."""
    name = f"aurora_sync_{uuid.uuid4().hex[:8]}"
    spec = contract.LogSpec(name, name)
    with contextlib.closing(server.connect("shop")) as owner:
        found = Log(server, owner, tmp_path / "landing", spec)
        found.sql(f"CREATE PUBLICATION {name} WITH (publish_via_partition_root = true)")
        found.capture(create=True)
        try:
            yield found
        finally:
            found.sql(
                "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
                f" WHERE slot_name = '{name}'"
            )
            found.sql(f"DROP PUBLICATION IF EXISTS {name}")
