"""One embedded PostgreSQL for all of these tests, and the worker's code against it."""

import contextlib
import csv
import io
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg2.extensions
import pytest
import zstandard

from lambda_extract import contract
from lambda_extract.credentials.secrets import Credentials
from lambda_extract.landing.files import WatchedTextSeen
from lambda_extract.landing.stores import FolderStore
from lambda_extract.operations.extract import extract
from lambda_extract.operations.plan import plan
from lambda_extract.settings import Source
from lambda_extract.source.database import Database, connected
from local.aurora import Aurora, create_reader, running_aurora, stop_process

READER = "aurora_sync"
HASH_KEY = "a key of the tests that is long enough"
# Values of megabytes are part of the promise.
csv.field_size_limit(1 << 27)


# Folder of a server as these tests find it. Who starts them again and again (the
# mutation run) names one: a copy takes a tenth of what a new server takes.
TEMPLATE = "AURORA_TEMPLATE"


@pytest.fixture(scope="session")
def aurora(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aurora]:
    folder = tmp_path_factory.mktemp("aurora")
    template = os.environ.get(TEMPLATE)
    if not template:
        with running_aurora(folder) as server:
            prepare(server)
            yield server
        return
    with tempfile.TemporaryDirectory(prefix="aurora-copy-") as name:
        # The server's user passes through (local/aurora.py).
        Path(name).chmod(0o711)
        copy_of_template(Path(template), folder, Path(name))
        with running_aurora(Path(name)) as server:
            yield server


def prepare(server: Aurora) -> None:
    server.create_database("shop")
    create_reader(server.dsn("shop"), role=READER)
    with contextlib.closing(server.connect("shop")) as connection:
        connection.cursor().execute("CREATE ROLE unprivileged LOGIN")


def copy_of_template(template: Path, first: Path, folder: Path) -> None:
    """Copies the data of a server that was stopped; makes it the first time."""
    if not template.exists():
        with running_aurora(first) as server:
            prepare(server)
            # What a server that stops writes down is part of the copy.
            stop_process(server.process)
            unfinished = template.with_suffix(".tmp")
            shutil.rmtree(unfinished, ignore_errors=True)
            copy_tree(server.data, unfinished)
        unfinished.rename(template)
    copy_tree(template, folder / "pgdata")


def copy_tree(source: Path, target: Path) -> None:
    # Owners and modes are kept, which shutil does not.
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)


@pytest.fixture
def owner(aurora: Aurora) -> Iterator[psycopg2.extensions.connection]:
    """The application's session (autocommit)."""
    with contextlib.closing(aurora.connect("shop")) as connection:
        yield connection


@dataclass
class Reader:
    """The worker's code on one table, with files in a folder."""

    aurora: Aurora
    folder: Path
    spec: contract.TableSpec
    user: str = READER
    hash_key: str = HASH_KEY
    parts: int = 0
    dbname: str = "shop"

    @contextlib.contextmanager
    def database(self) -> Iterator[Database]:
        source = Source(
            "shop", "127.0.0.1", self.dbname, {}, self.aurora.port, "disable"
        )
        with connected(
            source,
            Credentials(self.user, ""),
            application_name="aurora_sync:test",
            budget_seconds=30,
            hash_key=self.hash_key,
        ) as database:
            yield database

    def run(self, **fields: Any) -> contract.ExtractReply:
        """Extracts a window or a partition."""
        self.parts += 1
        request = contract.ExtractRequest(
            run_id="r1", table=self.spec, part=f"p{self.parts}", **fields
        )
        store = FolderStore(self.folder)
        try:
            with self.database() as database:
                return extract(database, request, store)
        except WatchedTextSeen:
            with self.database() as database:
                return extract(database, request, store, careful=True)

    def sync(
        self,
        column: str,
        state: contract.Bound | None = None,
        **cursor: Any,
    ) -> contract.ExtractReply:
        """Extracts what a first window after `state` has."""
        state = state or contract.Bound()
        return self.run(
            cursor=contract.CursorSpec(column, **cursor),
            window=contract.Window(
                lower=state.watermark,
                pending_bound=state.pending_bound,
                overlap=state.overlap,
            ),
        )

    def plan(self, **fields: Any) -> contract.PlanReply:
        with self.database() as database:
            return plan(database, contract.PlanRequest("r1", self.spec, **fields))

    def lines(self, reply: contract.ExtractReply) -> bytes:
        """The CSV of a reply, as PostgreSQL wrote it."""
        text = b""
        for file in reply.files:
            with (self.folder / file.path).open("rb") as packed:
                text += zstandard.ZstdDecompressor().stream_reader(packed).read()
        return text

    def rows(self, reply: contract.ExtractReply) -> list[list[str]]:
        return list(csv.reader(io.StringIO(self.lines(reply).decode(), newline="")))

    def ids(self, reply: contract.ExtractReply) -> list[str]:
        return sorted((row[0] for row in self.rows(reply)), key=lambda i: (len(i), i))


MakeTable = Callable[..., Reader]


@pytest.fixture
def make_table(
    aurora: Aurora, owner: psycopg2.extensions.connection, tmp_path: Path
) -> Iterator[MakeTable]:
    """Creates a table from its columns and an optional script with {table}."""
    made: list[str] = []

    def make(declared: str, script: str = "", /, **spec: Any) -> Reader:
        name = f"t_{uuid.uuid4().hex[:10]}"
        made.append(name)
        with owner.cursor() as cursor:
            cursor.execute(f"CREATE TABLE {name} ({declared})")
            if script:
                cursor.execute(script.replace("{table}", name))
        table = contract.TableSpec(
            "orders", "shop", "public", name, keys_in_messages=True
        )
        return Reader(aurora, tmp_path / "landing", replace(table, **spec))

    yield make
    with owner.cursor() as cursor:
        for name in made:
            cursor.execute(f"DROP TABLE IF EXISTS {name} CASCADE")
