"""What a slot holds back is seen by the clock; one that holds too much is dropped."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambda_extract import watchdog
from lambda_extract.changes import slots
from lambda_extract.changes.guard import look_after
from lambda_extract.changes.slots import Slot
from lambda_extract.contract import SlotState
from lambda_extract.credentials import secrets
from lambda_extract.errors import ExtractError
from lambda_extract.settings import Settings, Source
from tests.unit.lambda_extract.changes.conftest import LOGGER, Log


def there(log: Log) -> bool:
    return bool(
        log.sql(
            "SELECT 1 FROM pg_replication_slots" f" WHERE slot_name = '{log.spec.slot}'"
        )
    )


def write(log: Log) -> None:
    log.sql("CREATE TABLE IF NOT EXISTS noise (filler text)")
    log.sql("INSERT INTO noise SELECT repeat('x', 100) FROM generate_series(1, 20000)")
    log.sql("CHECKPOINT")


def test_what_is_held_is_told_and_too_much_is_dropped(log: Log) -> None:
    write(log)
    with log.database() as database:
        held = look_after(database, log.spec.slot, None)
        assert held is not None and held.retained_bytes > 2_000_000
        assert held.wal_status == "reserved" and not held.dropped
        assert look_after(database, log.spec.slot, held.retained_bytes * 2) is not None
        assert there(log)
        held = look_after(database, log.spec.slot, 2_000_000)
        assert held is not None and held.dropped
        assert not there(log)
        assert look_after(database, log.spec.slot, 1) is None


@pytest.mark.parametrize(
    ("held", "most", "dropped"),
    [
        (100, 101, False),
        (100, 100, False),
        (100, 99, True),
        (1, 0, True),
        (0, 0, False),
    ],
)
def test_a_slot_that_holds_just_as_much_as_it_may_stays(
    monkeypatch: pytest.MonkeyPatch, held: int, most: int, dropped: bool
) -> None:
    gone: list[str] = []
    state = SlotState("0/1", "0/1", "0/1", held, "reserved")
    slot = Slot(confirmed=1, flush=1, state=state, server="")
    monkeypatch.setattr(slots, "read_slot", lambda database, log: slot)
    monkeypatch.setattr(slots, "drop", lambda database, log: gone.append(log.slot))
    database: Any = None
    found = look_after(database, "aurora_sync_x", most)
    assert found is not None and found.dropped is dropped
    assert gone == (["aurora_sync_x"] if dropped else [])


def test_a_slot_of_somebody_else_is_left_alone(log: Log) -> None:
    log.sql(
        "SELECT pg_create_logical_replication_slot"
        "('aurora_sync_theirs', 'pgoutput', false, true)"
    )
    try:
        write(log)
        with log.database() as database, pytest.raises(ExtractError) as caught:
            look_after(database, "aurora_sync_theirs", 1)
        assert caught.value.code == "slot_foreign"
    finally:
        log.sql("SELECT pg_drop_replication_slot('aurora_sync_theirs')")


@pytest.mark.parametrize("most", [None, 1_000_000])
def test_the_watchdog_looks_after_the_slot(
    log: Log,
    most: int | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SOURCE_SHOP_USER", "postgres")
    monkeypatch.setenv("LOG_USER", LOGGER)
    source = Source(
        "shop",
        "127.0.0.1",
        "shop",
        {"kind": "environment"},
        log.server.port,
        "disable",
        log_credentials={"kind": "environment", "user_variable": "LOG_USER"},
        log_slot=log.spec.slot,
        log_drop_bytes=most,
    )
    secrets.forget(source)
    secrets.forget(source.for_log)
    settings = Settings({"shop": source}, "landing", "p/", "f", "s" * 32)
    write(log)
    capsys.readouterr()
    # The landing is not there: the slot is seen all the same.
    found = watchdog.watch({}, settings=settings, s3=_NoLanding())
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (told,) = [line for line in lines if line["event"] == "watchdog_log"]
    assert told["source"] == "shop" and told["retained_gigabytes"] > 0.001
    assert told["dropped"] is (most is not None)
    if most is None:
        assert found["unhealthy"] == {"shop": "landing_denied"} and there(log)
    else:
        assert found["unhealthy"] == {"shop": "slot_lost"} and not there(log)
        (source_line,) = [x for x in lines if x["event"] == "watchdog_source"]
        assert "RESYNC_SOURCE" in source_line["hint"]


class _NoLanding:
    def put_object(self, **_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "PutObject")
