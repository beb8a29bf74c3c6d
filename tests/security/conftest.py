"""What the attacks are made against: PostgreSQL with the worker's code, and a deployed
Snowflake side with one user for each role."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import snowflake.connector

from scripts.deploy_snowflake import deploy, plan_deployment
from scripts.package_snowpark import package_snowpark
from scripts.sql_files import read_files
from tests.unit.lambda_extract.conftest import aurora, make_table, owner

__all__ = ["aurora", "make_table", "owner"]

ROOT = Path(__file__).resolve().parents[2]
ROLE_ARN = "arn:aws:iam::000000000000:role/local"
VARIABLES = {
    "landing_url": "s3://landing/prod/",
    "storage_role_arn": ROLE_ARN,
    "api_role_arn": ROLE_ARN,
    "api_url": "http://127.0.0.1:1/extract",
    "targets": "AURORA_SYNC.*,ANALYTICS.RAW_*",
}
PEOPLE = ("sync_configurator", "sync_operator", "sync_reader")
Connect = Callable[[str], Any]


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connect]:
    """Returns what logs a user in: one for each role, a stranger, an administrator."""
    folder = tmp_path_factory.mktemp("deployed")
    port_file = folder / "port"
    command = [sys.executable, "-m", "local.snowflake_server"]
    command += ["--port-file", str(port_file), "--home", str(folder / "home")]
    process = subprocess.Popen(command, cwd=ROOT, env=dict(os.environ))
    deadline = time.monotonic() + 60
    while not port_file.exists():
        assert process.poll() is None and time.monotonic() < deadline, "did not start"
        time.sleep(0.02)

    def connect(user: str) -> Any:
        return snowflake.connector.connect(
            host="127.0.0.1",
            port=int(port_file.read_text()),
            protocol="http",
            account="local",
            user=user,
            password="secret",  # noqa: S106
            paramstyle="qmark",
            warehouse="AURORA_SYNC",
            database="AURORA_SYNC",
            schema="CONTROL",
        )

    try:
        with connect("administrator") as admin:
            _deploy(admin)
        yield connect
    finally:
        process.terminate()
        process.wait(timeout=10)


def _deploy(admin: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        code = package_snowpark(Path(folder))
        deploy(admin, plan_deployment(read_files(), VARIABLES, code))
    cursor = admin.cursor()
    cursor.execute("USE ROLE accountadmin")
    for role in (*PEOPLE, "public"):
        user = "stranger" if role == "public" else role
        cursor.execute(f"CREATE USER {user} PASSWORD = 'secret' DEFAULT_ROLE = {role}")
        if role != "public":
            cursor.execute(f"GRANT ROLE {role} TO USER {user}")
    cursor.execute("USE ROLE sync_admin")
    cursor.execute("CREATE SCHEMA aurora_sync.shop")
    cursor.execute("CREATE TABLE aurora_sync.shop.orders (id INT, card VARCHAR)")
    cursor.execute("INSERT INTO aurora_sync.shop.orders VALUES (1, '4111-hidden')")


class Attacker:
    """One user's session, and what became of each statement."""

    def __init__(self, connection: Any) -> None:
        self.cursor = connection.cursor()

    def run(self, text: str, *values: Any) -> list[Any]:
        self.cursor.execute(text, values or None)
        return list(self.cursor.fetchall())

    def refused(self, text: str, *values: Any) -> str:
        """The words of a refusal, which is one of access and nothing else."""
        with pytest.raises(snowflake.connector.errors.ProgrammingError) as raised:
            self.run(text, *values)
        assert raised.value.errno in (2003, 3001), raised.value.msg
        return str(raised.value.msg)


@pytest.fixture
def log_in(deployed: Connect) -> Iterator[Callable[[str], Attacker]]:
    """Logs a user in for one test."""
    open_ones: list[Any] = []

    def connect(user: str) -> Attacker:
        open_ones.append(deployed(user))
        return Attacker(open_ones[-1])

    yield connect
    for connection in open_ones:
        connection.close()
