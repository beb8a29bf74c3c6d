"""Operation "check" for tables of mode log: slot, publication, the login of the log."""

import dataclasses
import time
from typing import Any

import pytest

from lambda_extract import contract
from lambda_extract.contract import CheckTable, Finding
from lambda_extract.operations import check as operation
from lambda_extract.operations import findings
from lambda_extract.settings import Settings, Source
from tests.unit.lambda_extract.changes.conftest import LOGGER, Log
from tests.unit.lambda_extract.conftest import Reader

COLUMNS = "(id bigint PRIMARY KEY, note text)"


def checked(
    monkeypatch: pytest.MonkeyPatch, log: Log, *readers: Reader, user: str = LOGGER
) -> list[Finding]:
    """Returns what a check of these tables finds of their log."""
    for prefix, name in (("SOURCE_SHOP", "aurora_sync"), ("LOG", user)):
        monkeypatch.setenv(f"{prefix}_USER", name)
        monkeypatch.setenv(f"{prefix}_PASSWORD", "")
    source = Source(
        "shop",
        "127.0.0.1",
        "shop",
        {"kind": "environment"},
        port=log.server.port,
        sslmode="disable",
        log_credentials={
            "kind": "environment",
            "user_variable": "LOG_USER",
            "password_variable": "LOG_PASSWORD",
        },
    )
    settings = Settings({"shop": source}, "bucket", "", "function", "k" * 32)
    tables = tuple(CheckTable(reader.spec, logged=True) for reader in readers)
    request = contract.CheckRequest("r1", "shop", tables, log.spec)
    assert contract.decode_request(contract.encode(request)) == request
    reply = operation.check(request, settings=settings, deadline=time.monotonic() + 30)
    return [f for f in reply.findings if f.check in ("log", "published")]


def test_a_log_as_it_should_be(monkeypatch: pytest.MonkeyPatch, log: Log) -> None:
    found = checked(monkeypatch, log, log.table(COLUMNS))
    assert [(f.check, f.state) for f in found] == [("log", "ok"), ("published", "ok")]
    assert "MB of WAL" in found[0].detail
    assert found[1].detail.endswith(" tells its changes, whole rows")


def test_a_log_of_keys_alone(monkeypatch: pytest.MonkeyPatch, log: Log) -> None:
    keyed = log.table(COLUMNS, publish=False)
    log.sql(
        f"ALTER PUBLICATION {log.spec.publication} ADD TABLE {keyed.spec.name} (id)"
    )
    *_, found = checked(monkeypatch, log, keyed)
    assert found.state == "ok"
    assert found.detail.endswith(" tells its changes, by the columns of its key alone")


def test_one_table_that_the_log_does_not_tell_hides_no_other(
    monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    good = log.table(COLUMNS)
    apart = log.table(COLUMNS, publish=False)
    keyless = log.table("(id bigint, note text)")
    found = checked(monkeypatch, log, good, apart, keyless)
    states = {f.table: f.state for f in found if f.check == "published"}
    assert states == {
        good.spec.name: "ok",
        apart.spec.name: "failed",
        keyless.spec.name: "failed",
    }
    (told,) = (f for f in found if f.table == apart.spec.name)
    assert "[not_published]" in told.detail and told.hint


def test_a_slot_that_is_not_there(monkeypatch: pytest.MonkeyPatch, log: Log) -> None:
    spec = contract.LogSpec("aurora_sync_no_slot", log.spec.slot)
    other = dataclasses.replace(log, spec=spec)
    (found,) = checked(monkeypatch, other)
    assert found.state == "failed" and "[slot_missing]" in found.detail
    assert found.hint.startswith("CALL START_LOG")


def test_a_login_that_may_not_read_the_log(
    monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    found = checked(monkeypatch, log, log.table(COLUMNS), user="aurora_sync")
    assert found[0].state == "failed" and "[log_permission]" in found[0].detail
    assert found[1].state == "ok"


def test_a_login_of_the_log_that_is_refused(
    monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    (found,) = checked(monkeypatch, log, log.table(COLUMNS), user="nobody_at_all")
    assert (found.check, found.state) == ("log", "failed") and found.hint


def test_a_slot_whose_log_is_about_to_go() -> None:
    values: dict[str, Any] = {
        "confirmed_lsn": "0/1",
        "restart_lsn": "0/1",
        "flush_lsn": "0/2",
        "retained_bytes": 5_000_000,
        "safe_wal_bytes": 0,
        "catalog_xmin_age": 1,
        "oldest_transaction": None,
    }
    for status, warned in (("reserved", False), ("unreserved", True)):
        state = contract.SlotState(wal_status=status, **values)
        seen = findings.of_slot("s", state)
        assert bool(seen.hint) is warned and "5 MB" in seen.detail
