"""Logins that Vault leases: they end between two syncs, and in the middle of one."""

import json
import threading
import time
import uuid
from collections.abc import Iterator

import pytest

from tests import vault_statements
from tests.end_to_end.lab import TARGET_SCHEMA, Lab
from tests.vault_server import Vault, status

pytestmark = pytest.mark.large

SEALED = status(503, {"errors": ["Vault is sealed"]})
HELD_LOCK = 4711


class Leases:
    """What Vault's database engine does in PostgreSQL."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.made: list[str] = []
        self.alive: list[str] = []

    def make(self, seconds: int) -> tuple[str, str]:
        """Creates a role, as the creation statements of a Vault role do."""
        role = f"v_reader_{uuid.uuid4().hex[:12]}"
        vault_statements.run(self._dsn, "creation", role, "aurora_sync")
        self.made.append(role)
        self.alive.append(role)
        return role, "leased-hidden"

    def revoke(self) -> None:
        """Ends every lease: its sessions, then its role, in one transaction."""
        # The reader asks for its next login as soon as its session ends, before this is
        # over: that one stays.
        ended, self.alive = self.alive, []
        for role in ended:
            vault_statements.run(self._dsn, "revocation", role, "aurora_sync")

    @property
    def _dsn(self) -> str:
        return str(self._lab.stack.endpoints.aurora_dsn)


@pytest.fixture
def leases(lab: Lab, vault: Vault) -> Iterator[Leases]:
    found = Leases(lab)
    vault.make_login = found.make
    vault.secrets = {"aurora/hash": {"hash_key": "hidden-" * 8}}
    yield found
    vault.fail()
    found.revoke()


def apply(lab: Lab, tables: dict[str, dict[str, object]]) -> None:
    config = {
        "version": 1,
        "defaults": {
            "source": "vaulted",
            "target_schema": TARGET_SCHEMA,
            "margin_seconds": 0,
        },
        "sources": {"vaulted": {}},
        "tables": tables,
    }
    lab.call("APPLY_CONFIG", json.dumps(config))


def test_a_lease_that_ended_between_two_syncs_is_replaced(
    lab: Lab, vault: Vault, leases: Leases
) -> None:
    table = lab.name("leased")
    lab.orders_table(table, 20)
    apply(lab, {table: {"cursor": "updated_at", "exclude": ["amount"]}})
    assert lab.sync(table)["rows_inserted"] == 20
    assert leases.made
    leases.revoke()
    lab.psql(f"UPDATE {table} SET note = 'changed', updated_at = now() WHERE id = 3")
    first = len(leases.made)
    assert lab.sync(table)["rows_updated"] == 1
    assert len(leases.made) > first

    # Without a lease and without Vault there is nothing to do but to say so.
    leases.revoke()
    lab.psql(f"UPDATE {table} SET note = 'again', updated_at = now() WHERE id = 4")
    before = lab.watermark(table)
    vault.fail(*[SEALED] * 20)
    error = lab.fail("SYNC_TABLE", table)
    assert "[vault_sealed]" in error and "A retry may help" in error
    assert "hidden" not in error
    assert lab.watermark(table) == before and lab.lease_owner(table) is None
    vault.fail()
    assert lab.sync(table)["rows_updated"] == 1
    lab.assert_equal(table, exclude=["amount"])


def test_a_lease_that_ends_in_the_middle_of_a_read_is_replaced(
    lab: Lab, leases: Leases
) -> None:
    """Whoever reads the view waits for a lock, so that the read can be caught."""
    table = lab.name("leased")
    lab.psql(
        f"CREATE TABLE {table}_rows AS SELECT i AS id FROM generate_series(1, 9) i"
    )
    lab.psql(
        f"CREATE VIEW {table} AS SELECT id,"
        f" pg_advisory_xact_lock_shared({HELD_LOCK}) IS NULL AS held FROM {table}_rows"
    )
    apply(lab, {table: {"mode": "full", "key": ["id"]}})
    lab.psql("SELECT pg_advisory_lock(%s)", HELD_LOCK)
    reports = []
    syncing = threading.Thread(target=lambda: reports.append(lab.sync(table)))
    syncing.start()
    try:
        wait_for_a_reader(lab)
        caught = list(leases.alive)
        leases.revoke()
    finally:
        lab.psql("SELECT pg_advisory_unlock(%s)", HELD_LOCK)
        syncing.join()
    # The part was read again by itself, under a login that was new.
    assert [report["rows_inserted"] for report in reports] == [9]
    assert caught and set(leases.alive).isdisjoint(caught) and leases.alive
    rows = lab.query(f"SELECT COUNT(*) AS n FROM {TARGET_SCHEMA}.{table}")
    assert rows == [{"N": 9}]


def wait_for_a_reader(lab: Lab) -> None:
    """Waits until a leased session waits for the lock."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        (row,) = lab.psql(
            "SELECT count(*) FROM pg_stat_activity WHERE usename LIKE 'v\\_reader\\_%%'"
            " AND wait_event = 'advisory'"
        )
        if row[0]:
            return
        time.sleep(0.01)
    raise TimeoutError("nobody reads the view")


def test_the_hash_key_of_leased_logins_has_a_place_of_its_own(
    lab: Lab, vault: Vault, leases: Leases
) -> None:
    table = lab.name("hashed")
    lab.psql(f"CREATE TABLE {table} (id int PRIMARY KEY, card text)")
    lab.psql(f"INSERT INTO {table} VALUES (1, '4111-hidden')")
    apply(lab, {table: {"mode": "full", "columns": {"card": {"protect": "hash"}}}})
    vault.secrets = {}
    leases.revoke()  # so that no container has the key any more
    error = lab.fail("SYNC_TABLE", table)
    assert "[secret_not_found]" in error and "the hash key" in error
    vault.secrets = {"aurora/hash": {"hash_key": "hidden-" * 8}}
    lab.sync(table)
    (row,) = lab.query(f"SELECT card FROM {TARGET_SCHEMA}.{table}")
    assert len(row["CARD"]) == 64 and "hidden" not in row["CARD"]
