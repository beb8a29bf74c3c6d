"""A local Snowflake and a local S3 for the tests of this folder, in own processes."""

import itertools
import json
import os
import subprocess
import sys
import textwrap
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import snowflake.connector
from moto.server import ThreadedMotoServer

# The connector would ask the name server for clouds' addresses: up to 5 s a time.
os.environ["SNOWFLAKE_DISABLE_PLATFORM_DETECTION"] = "true"
ROOT = Path(__file__).resolve().parents[4]
START_SECONDS = 30
_NAMES = itertools.count(1)


@dataclass(frozen=True)
class Account:
    """A running server."""

    port: int
    queries: Path
    folder: Path

    def connect(self, **settings: Any) -> Any:
        """A connection of the real connector."""
        return snowflake.connector.connect(
            host="127.0.0.1",
            port=self.port,
            protocol="http",
            account="local",
            user="tester",
            password="any",
            paramstyle="qmark",
            **settings,
        )

    def faults(self, *rules: dict[str, Any]) -> None:
        """Put fault rules in force; none removes them."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/local/faults",
            data=json.dumps(rules).encode(),
            method="PUT",
        )
        urllib.request.urlopen(request, timeout=5).close()


class Client:
    """A cursor with short names."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.cursor = connection.cursor()

    def run(self, text: str, *values: Any) -> list[Any]:
        """All rows of a statement."""
        self.cursor.execute(text, values or None)
        return list(self.cursor.fetchall())

    def one(self, text: str, *values: Any) -> Any:
        """The only value of a statement."""
        ((value,),) = self.run(text, *values)
        return value

    def fails(self, text: str, *values: Any) -> Any:
        """The error of a statement."""
        with pytest.raises(snowflake.connector.errors.Error) as raised:
            self.run(text, *values)
        return raised.value


@pytest.fixture(scope="session")
def s3_server() -> Iterator[Any]:
    """A client of a local S3."""
    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.client(
        "s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1"
    )
    yield client
    server.stop()


@pytest.fixture
def s3(s3_server: Any) -> Any:
    """A local S3 with the bucket 'landing'.

    Made for each test: whoever mocks AWS in this process empties the server, too.
    """
    if not s3_server.list_buckets()["Buckets"]:
        s3_server.create_bucket(Bucket="landing")
    return s3_server


@pytest.fixture(scope="session")
def account(
    s3_server: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Account]:
    """One account for all tests; each test takes a database of its own."""
    folder = tmp_path_factory.mktemp("snowflake")
    port_file, queries = folder / "port", folder / "queries.jsonl"
    command = [
        sys.executable,
        "-m",
        "local.snowflake_server",
        "--port-file",
        str(port_file),
    ]
    command += ["--queries-file", str(queries), "--lock-timeout", "1.5"]
    command += ["--answer-within", "0.5"]
    environment = {**os.environ, "AWS_ENDPOINT_URL": s3_server.meta.endpoint_url}
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    deadline = time.monotonic() + START_SECONDS
    while not port_file.exists():
        assert process.poll() is None and time.monotonic() < deadline, "did not start"
        time.sleep(0.02)
    yield Account(port=int(port_file.read_text()), queries=queries, folder=folder)
    process.terminate()
    process.wait(timeout=10)


@pytest.fixture
def database(account: Account) -> Iterator[str]:
    """An empty database."""
    name = f"D{next(_NAMES)}"
    with account.connect() as connection:
        connection.cursor().execute(f"CREATE DATABASE {name}")
        yield name
        account.faults()
        connection.cursor().execute(f"DROP DATABASE {name}")


@pytest.fixture
def client(account: Account, database: str) -> Iterator[Client]:
    """A client in an empty database."""
    with account.connect(database=database, schema="PUBLIC") as connection:
        yield Client(connection)


@pytest.fixture
def second(account: Account, database: str) -> Iterator[Client]:
    """Another client in the same database."""
    with account.connect(database=database, schema="PUBLIC") as connection:
        yield Client(connection)


Deploy = Callable[..., None]


@pytest.fixture
def deploy(client: Client, tmp_path: Path) -> Deploy:
    """Puts a zip with handlers on a stage and creates a procedure for each."""

    def put(code: str, **procedures: str) -> None:
        path = tmp_path / "handlers.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("handlers/__init__.py", "")
            archive.writestr("handlers/main.py", textwrap.dedent(code))
        client.run("CREATE STAGE IF NOT EXISTS code")
        client.run(f"PUT file://{path} @code AUTO_COMPRESS = FALSE OVERWRITE = TRUE")
        for name, arguments in procedures.items():
            client.run(
                f"CREATE OR REPLACE PROCEDURE {name}({arguments}) RETURNS VARIANT "
                "LANGUAGE PYTHON RUNTIME_VERSION = '3.11' "
                "PACKAGES = ('snowflake-snowpark-python') "
                "IMPORTS = ('@code/handlers.zip') "
                f"HANDLER = 'handlers.main.{name}' EXECUTE AS OWNER"
            )

    return put
