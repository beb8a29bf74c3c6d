"""What a slot and its server answer, and what of it is an error (a fake of both)."""

from typing import Any

import pytest
from psycopg2 import sql

from lambda_extract.changes import capture, slots
from lambda_extract.changes.pgoutput import LogFormatError
from lambda_extract.contract import CaptureRequest, LogSpec
from lambda_extract.errors import SourceError

LOG = LogSpec("aurora_sync_slot", "publication")
GOOD_SERVER = (False, "logical", True, "reader")
GOOD_SLOT: dict[str, Any] = {
    "plugin": slots.PLUGIN,
    "here": True,
    "two_phase": False,
    "active": False,
    "pid": 77,
    "status": "reserved",
    "confirmed": "0/100",
    "restart": "0/90",
    "safe": None,
    "age": 5,
    "flush": "0/200",
    "retained": 272,
    "oldest": None,
    "reason": None,
}


class Server:
    """Answers who the server is, the row of the slot, and its identifier."""

    def __init__(
        self,
        server: tuple[Any, ...] = GOOD_SERVER,
        identifier: Any = ("7000", "000000010000000000000001"),
        version: int = 180_000,
        **slot: Any,
    ) -> None:
        self.server, self.identifier = server, identifier
        self.server_version = version
        self.slot = tuple((GOOD_SLOT | slot).values())

    def row(self, statement: sql.Composable) -> tuple[Any, ...]:
        if "pg_control_system" not in repr(statement):
            return self.server
        if isinstance(self.identifier, Exception):
            raise self.identifier
        found: tuple[Any, ...] = self.identifier
        return found

    def rows(self, _: sql.Composable) -> list[tuple[Any, ...]]:
        return [self.slot]


def read(**answers: Any) -> slots.Slot:
    database: Any = Server(**answers)
    return slots.read_slot(database, LOG)


def refused(**answers: Any) -> SourceError:
    with pytest.raises(SourceError) as caught:
        read(**answers)
    return caught.value


def test_a_slot_is_read_with_the_server_that_it_is_of() -> None:
    found = read(safe=900)
    assert (found.confirmed, found.flush) == (0x100, 0x200)
    assert found.server == "7000:00000001"
    state = found.state
    assert (state.restart_lsn, state.flush_lsn) == ("0/90", "0/200")
    assert (state.retained_bytes, state.catalog_xmin_age) == (272, 5)
    assert (state.wal_status, state.safe_wal_bytes) == ("reserved", 900)
    assert read().state.safe_wal_bytes == -1


@pytest.mark.parametrize(
    ("server", "code", "words"),
    [
        ((True, "logical", True, "r"), "source_is_replica", "recovery"),
        ((False, "replica", True, "r"), "log_not_enabled", "'replica'"),
        ((False, "logical", False, "r"), "log_permission", "'r'"),
    ],
)
def test_a_server_whose_log_cannot_be_read_says_why(
    server: tuple[Any, ...], code: str, words: str
) -> None:
    error = refused(server=server)
    assert error.code == code and words in error.message


@pytest.mark.parametrize(("version", "is_old"), [(139_999, True), (140_000, False)])
def test_the_log_of_an_old_server_cannot_be_read(version: int, is_old: bool) -> None:
    if not is_old:
        assert read(version=version).server
        return
    error = refused(version=version)
    assert error.code == "log_not_enabled" and "PostgreSQL 13" in error.message


@pytest.mark.parametrize(
    ("slot", "told"),
    [
        ({"status": "lost"}, "(lost)"),
        ({"confirmed": None}, "(reserved)"),
        ({"restart": None}, "(reserved)"),
        ({"reason": "rows_removed"}, "(rows_removed)"),
        ({"status": "lost", "reason": "wal_removed"}, "(wal_removed)"),
    ],
)
def test_a_slot_that_is_lost_says_why(slot: dict[str, Any], told: str) -> None:
    error = refused(**slot)
    assert error.code == "slot_lost" and told in error.message
    assert "'aurora_sync_slot'" in error.message


@pytest.mark.parametrize(
    "slot", [{"plugin": "test_decoding"}, {"here": False}, {"two_phase": True}]
)
def test_a_slot_of_somebody_else_is_not_touched(slot: dict[str, Any]) -> None:
    # Also if it is lost, or read by somebody: that is none of our concern.
    assert refused(**slot, status="lost", active=True).code == "slot_foreign"


def test_a_slot_that_somebody_reads_names_the_session() -> None:
    error = refused(active=True)
    assert error.code == "slot_active" and "Session 77" in error.message


@pytest.mark.parametrize("code", ["source_unreachable", "window_too_large"])
def test_a_server_that_went_away_is_an_error(code: str) -> None:
    assert refused(identifier=SourceError(code, "Gone.")).code == code


def test_a_server_that_does_not_tell_its_identifier_has_none() -> None:
    denied = SourceError("permission_denied", "No.")
    assert read(identifier=denied).server == ""


# --- what is visible ------------------------------------------------------------------

EPOCH = 1 << 32


@pytest.mark.parametrize(
    ("transaction", "snapshot", "is_visible"),
    [
        (99, "100:100:", True),
        # The snapshot ends before the transaction that has its upper number.
        (100, "100:100:", False),
        (101, "100:100:", False),
        # One that is running has not committed yet, and those around it have.
        (98, "98:102:98,100", False),
        (99, "98:102:98,100", True),
        (100, "98:102:98,100", False),
        (101, "98:102:98,100", True),
        # The log has the lower half of a number of 64 bits.
        (99, f"{EPOCH + 100}:{EPOCH + 100}:", True),
        (100, f"{EPOCH + 99}:{EPOCH + 102}:{EPOCH + 100}", False),
        (EPOCH - 2, f"{EPOCH - 2}:{EPOCH - 1}:{EPOCH - 2}", False),
        # The numbers have begun again in between.
        (EPOCH - 1, f"{EPOCH + 5}:{EPOCH + 5}:", True),
        (5, f"{EPOCH - 1}:{EPOCH - 1}:", False),
        # As PostgreSQL has it, half of all numbers are older than a number.
        (3, f"{EPOCH // 2 + 2}:{EPOCH // 2 + 2}:", True),
        (3, f"{EPOCH // 2 + 3}:{EPOCH // 2 + 3}:", False),
    ],
)
def test_a_snapshot_sees_what_had_committed_before_it(
    transaction: int, snapshot: str, is_visible: bool
) -> None:
    assert slots.is_visible(transaction, snapshot) is is_visible


# --- what arrives ---------------------------------------------------------------------

REQUEST = CaptureRequest("r", "shop", LOG, "c1", ())


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (LogFormatError("byte 7"), "source_error", "of this version writes: byte 7"),
        (OSError("No space left"), "capture_too_large", "disk"),
    ],
)
def test_a_log_that_cannot_be_kept_or_understood_is_an_error(
    monkeypatch: pytest.MonkeyPatch, error: Exception, code: str, words: str
) -> None:
    def peek(*_: Any) -> None:
        raise error

    monkeypatch.setattr(capture.slots, "peek", peek)
    nothing: Any = type("Harvest", (), {"take": None})
    database: Any = Server()
    with pytest.raises(SourceError) as caught:
        capture._peek(database, REQUEST, 0x200, nothing)
    assert caught.value.code == code and words in caught.value.message
