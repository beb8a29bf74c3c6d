"""One deployed local stack for all end-to-end tests."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extensions
import pytest
import snowflake.connector

from local.stack import Stack, running_stack
from scripts.deploy_local import deploy_local
from tests.certificates import Authority
from tests.end_to_end.faults import Switchboard
from tests.end_to_end.lab import Lab
from tests.end_to_end.log_lab import LogLab
from tests.vault_server import SECRET_ID, Vault, running_vault


@pytest.fixture(scope="session")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vault]:
    """The Vault that the source "vaulted" of the stack has its credentials from."""
    authority = Authority(tmp_path_factory.mktemp("vault"))
    with running_vault(authority.issue("127.0.0.1")) as server:
        server.ca = authority.ca
        yield server


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, vault: Vault) -> Iterator[Stack]:
    """The running stack, deployed; every test makes tables of its own names."""
    folder = tmp_path_factory.mktemp("stack")
    leased = vault.options(
        vault.ca, engine="database", role="reader", hash_key_path="aurora/hash"
    )
    with pytest.MonkeyPatch.context() as environment:
        # The stack's processes inherit it.
        environment.setenv("VAULT_SECRET_ID", SECRET_ID)
        yield from _deployed(folder, leased)


def _deployed(folder: Path, leased: dict[str, Any]) -> Iterator[Stack]:
    with running_stack(folder, more_sources={"vaulted": leased}) as running:
        deploy_local(running.endpoints)
        yield running


@pytest.fixture
def source(stack: Stack) -> Iterator[psycopg2.extensions.connection]:
    """An autocommit connection to PostgreSQL as the owner."""
    connection = psycopg2.connect(stack.endpoints.aurora_dsn)
    connection.autocommit = True
    with contextlib.closing(connection):
        yield connection


@pytest.fixture
def target(stack: Stack) -> Iterator[Any]:
    """A connection of the real Snowflake connector to the local Snowflake."""
    parameters = stack.endpoints.snowflake.parameters
    with contextlib.closing(snowflake.connector.connect(**parameters)) as connection:
        yield connection


@pytest.fixture
def lab(stack: Stack, source: psycopg2.extensions.connection, target: Any) -> Lab:
    """Short names for what a person does with source and target."""
    return Lab(stack, source, target)


@pytest.fixture
def faults(stack: Stack) -> Iterator[Switchboard]:
    """The switchboards of all sides; every fault is taken back after the test."""
    switchboard = Switchboard(stack.endpoints)
    yield switchboard
    switchboard.clear()


@pytest.fixture
def log(lab: Lab) -> Iterator[LogLab]:
    found = LogLab(lab)
    yield found
    found.lab.call("STOP_LOG", "shop")
    assert not lab.psql(
        "SELECT 1 FROM pg_replication_slots WHERE slot_name = %s", found.name
    )
