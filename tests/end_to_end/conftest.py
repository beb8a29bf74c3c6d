"""One deployed local stack for all end-to-end tests."""

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg2
import psycopg2.extensions
import pytest
import snowflake.connector

from local.stack import Stack, running_stack
from scripts.deploy_local import deploy_local
from tests.end_to_end.faults import Switchboard
from tests.end_to_end.lab import Lab


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The running stack, deployed; every test makes tables of its own names."""
    folder = tmp_path_factory.mktemp("stack")
    with running_stack(folder) as running:
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
