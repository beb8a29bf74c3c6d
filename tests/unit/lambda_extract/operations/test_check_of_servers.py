"""What a check says of a reader and of a slot, whatever they answer (fakes)."""

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from lambda_extract.changes.slots import Slot
from lambda_extract.contract import CheckRequest, LogSpec, SlotState
from lambda_extract.errors import SourceError
from lambda_extract.operations import check, check_log
from lambda_extract.settings import Reader, Source

LOGIN = {"kind": "environment"}
LOG = LogSpec("aurora_sync_slot", "publication")
ANY: Any = None


def of_reader(
    monkeypatch: pytest.MonkeyPatch, reader: Reader | None, error: Exception | None
) -> list[Any]:
    ticks = iter([50.0, 52.25])
    clock = SimpleNamespace(monotonic=lambda: next(ticks))
    connected = SimpleNamespace()

    @contextlib.contextmanager
    def connect_reader(*_: Any, **__: Any) -> Iterator[Any]:
        yield connected

    def follow(database: Any) -> None:
        assert database is connected and database.writer == "writer"
        if error:
            raise error

    monkeypatch.setattr(check, "time", clock)
    monkeypatch.setattr(check, "connect_reader", connect_reader)
    monkeypatch.setattr(check, "follow", follow)
    source = Source("shop", "h", "shop", LOGIN, reader=reader)
    writer: Any = "writer"
    request = CheckRequest("r1", "shop", ())
    return list(check._look_at_reader(request, source, writer, 99.0))


def test_a_reader_that_follows_says_after_how_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (found,) = of_reader(monkeypatch, Reader("replica"), None)
    assert (found.check, found.state) == ("reader", "ok")
    assert found.detail.startswith("replica had all") and "after 2.2 s" in found.detail


@pytest.mark.parametrize(
    ("behind", "state"), [("writer", "warning"), ("fail", "failed")]
)
def test_a_reader_that_is_behind_is_as_bad_as_its_source_says(
    monkeypatch: pytest.MonkeyPatch, behind: Any, state: str
) -> None:
    error = SourceError("reader_behind", "Far behind.")
    (found,) = of_reader(monkeypatch, Reader("replica", behind=behind), error)
    assert (found.check, found.state) == ("reader", state)
    assert ("from the writer meanwhile" in found.detail) == (behind == "writer")


def test_without_a_reader_nothing_is_said_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert of_reader(monkeypatch, None, None) == []


def of_slot(monkeypatch: pytest.MonkeyPatch, answer: Any) -> Any:
    def read_slot(*_: Any) -> Slot:
        if isinstance(answer, Exception):
            raise answer
        found: Slot = answer
        return found

    monkeypatch.setattr(check_log, "read_slot", read_slot)
    return check_log._slot(ANY, LOG)


def test_a_slot_that_is_being_read_is_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """A capture, most likely."""
    found = of_slot(monkeypatch, SourceError("slot_active", "Session 7."))
    assert (found.check, found.state, found.table) == ("log", "ok", "")
    assert found.detail == "slot aurora_sync_slot is being read at this moment"


@pytest.mark.parametrize("code", ["slot_missing", "slot_lost", "log_permission"])
def test_a_slot_that_cannot_be_read_is_an_error(
    monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    found = of_slot(monkeypatch, SourceError(code, "So it is."))
    assert (found.check, found.state) == ("log", "failed")
    assert ("CALL START_LOG" in found.hint) == (code == "slot_missing")


def test_a_slot_that_is_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    state = SlotState("0/100", "0/90", "0/200", 272, "reserved")
    found = of_slot(monkeypatch, Slot(state, 0x100, 0x200, "7:1"))
    assert found.check == "log" and "aurora_sync_slot" in found.detail
