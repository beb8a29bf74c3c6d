"""Leased logins as Vault makes and ends them: in ONE transaction, no superuser (A8)."""

import contextlib
import uuid
from collections.abc import Iterator

import psycopg2
import psycopg2.extensions
import pytest
from psycopg2 import sql

from lambda_extract.errors import AuthenticationError, SourceError
from local.aurora import Aurora

from tests import vault_statements
from tests.unit.lambda_extract.conftest import READER, MakeTable, Reader

TABLE = (
    "id int PRIMARY KEY, updated_at timestamptz NOT NULL DEFAULT now()",
    "CREATE INDEX ON {table} (updated_at);"
    "INSERT INTO {table} VALUES (1, now() - interval '1 hour')",
)


class Vault:
    """The login of Vault's own connection: CREATEROLE, and it may grant the reader."""

    def __init__(self, aurora: Aurora, *more: str) -> None:
        self.aurora = aurora
        self.name = f"vault_{uuid.uuid4().hex[:8]}"
        with contextlib.closing(aurora.connect("shop")) as owner:
            cursor = owner.cursor()
            cursor.execute(f"CREATE ROLE {self.name} LOGIN CREATEROLE")
            cursor.execute(f"GRANT {READER} TO {self.name} WITH ADMIN OPTION")
            for role in more:
                cursor.execute(f"GRANT {role} TO {self.name}")

    def run(self, kind: str, lease: str) -> None:
        dsn = psycopg2.extensions.make_dsn(self.aurora.dsn("shop"), user=self.name)
        vault_statements.run(dsn, kind, lease, READER)

    def lease(self) -> str:
        lease = f"v_{uuid.uuid4().hex[:8]}"
        self.run("creation", lease)
        return lease


@pytest.fixture
def reader(make_table: MakeTable) -> Iterator[Reader]:
    yield make_table(*TABLE)


def test_a_lease_ends_though_vault_may_end_no_session(
    aurora: Aurora, reader: Reader
) -> None:
    """A refused pg_terminate_backend rolled all of it back, and the role stayed."""
    vault = Vault(aurora)
    reader.user = vault.lease()
    with reader.database() as database:
        assert database.row(sql.SQL("SELECT session_user::text")) == (reader.user,)
        vault.run("revocation", reader.user)
        with pytest.raises(SourceError) as revoked:
            database.row(sql.SQL("SELECT current_user::text"))
    assert revoked.value.retryable
    assert "revoked while it was in use" in revoked.value.message
    with pytest.raises(AuthenticationError):
        with reader.database():
            pass


def test_a_lease_ends_with_its_sessions_if_vault_may_end_them(
    aurora: Aurora, reader: Reader
) -> None:
    vault = Vault(aurora, "pg_signal_backend")
    reader.user = vault.lease()
    with pytest.raises(SourceError) as ended:
        with reader.database() as database:
            vault.run("revocation", reader.user)
            database.row(sql.SQL("SELECT 1"))
    assert (ended.value.code, ended.value.retryable) == ("source_unreachable", True)


@pytest.mark.parametrize(
    ("rights", "held_back"),
    [
        # Another lease of the same reader: it only reads.
        (f"IN ROLE {READER}", False),
        # Anybody may choose an application_name.
        ("IN ROLE pg_read_all_stats", True),
        (f"IN ROLE {READER}, pg_monitor", True),
        ("", True),
    ],
)
def test_leases_of_one_reader_hold_nothing_back(
    aurora: Aurora, reader: Reader, rights: str, held_back: bool
) -> None:
    """B5: of another role with our application_name nothing is known."""
    names = [f"v_{uuid.uuid4().hex[:8]}" for _ in range(2)]
    with contextlib.closing(aurora.connect("shop")) as owner:
        cursor = owner.cursor()
        cursor.execute(f"CREATE ROLE {names[0]} LOGIN IN ROLE {READER}")
        cursor.execute(f"CREATE ROLE {names[1]} LOGIN {rights}")
        reader.user = names[1]
        with reader.database() as other:
            other.begin_snapshot()
            other.row(sql.SQL("SELECT 1"))
            cursor.execute("SELECT pg_sleep(0.05)")
            cursor.execute(f"INSERT INTO {reader.spec.relation} VALUES (2)")
            cursor.execute("SELECT pg_sleep(0.05)")
            reader.user = names[0]
            reply = reader.sync("updated_at", margin_seconds=0.0)
    assert reply.bound is not None and reply.bound.held_back is held_back


def test_without_memberships_the_role_itself_counts(
    aurora: Aurora, reader: Reader
) -> None:
    """Two roles without any membership have nothing in common."""
    names = [f"v_{uuid.uuid4().hex[:8]}" for _ in range(2)]
    with contextlib.closing(aurora.connect("shop")) as owner:
        cursor = owner.cursor()
        for name in names:
            cursor.execute(f"CREATE ROLE {name} LOGIN")
            cursor.execute(f"GRANT USAGE ON SCHEMA public TO {name}")
            cursor.execute(f"GRANT SELECT ON {reader.spec.relation} TO {name}")
            cursor.execute(f"GRANT pg_read_all_stats TO {name}")
        reader.user = names[1]
        with reader.database() as other:
            other.begin_snapshot()
            other.row(sql.SQL("SELECT 1"))
            cursor.execute("SELECT pg_sleep(0.05)")
            cursor.execute(f"INSERT INTO {reader.spec.relation} VALUES (2)")
            cursor.execute("SELECT pg_sleep(0.05)")
            reader.user = names[0]
            reply = reader.sync("updated_at", margin_seconds=0.0)
        assert reply.bound is not None and reply.bound.held_back
        cursor.execute(f"DROP OWNED BY {names[0]}, {names[1]}")
