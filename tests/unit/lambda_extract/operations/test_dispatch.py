"""Which operation a request is, and what a capture is given and tells."""

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest

from lambda_extract import contract
from lambda_extract.errors import RequestError
from lambda_extract.landing.stores import S3Store
from lambda_extract.operations import dispatch
from lambda_extract.settings import Settings, Source

SOURCE = Source("shop", "h", "shop", {"kind": "environment"})
SETTINGS = Settings(
    {"shop": SOURCE}, "bucket", "p/", "f", "k" * 32, budget_seconds=100.0
)
LOG = contract.LogSpec("slot", "publication")
CAPTURE = contract.CaptureRequest("r1", "shop", LOG, "c1", ())
DROP = contract.DropSlotRequest("r1", "shop", LOG)
CAPTURED = contract.CaptureReply(
    run_id="r1",
    part="c1",
    from_lsn="0/1",
    to_lsn="0/2",
    complete=True,
    captured_at="now",
    server="",
    slot=contract.SlotState("0/1", "0/1", "0/2", 1_234_567_890, "reserved"),
    changes=17,
    seconds=0.25,
)


@dataclasses.dataclass
class Calls:
    """What was called, with what."""

    made: list[tuple[Any, ...]] = dataclasses.field(default_factory=list)

    @property
    def only(self) -> tuple[Any, ...]:
        (call,) = self.made
        return call


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    found = Calls()
    monkeypatch.setattr(dispatch.time, "monotonic", lambda: 1000.0)

    @contextlib.contextmanager
    def connect(*given: Any, **named: Any) -> Iterator[str]:
        assert given == ("shop", "aurora_sync:#log:r1", SETTINGS)
        assert named == {"deadline": 1100.0, "log": True}
        yield "database"

    def named_call(name: str, answer: Any = None) -> Any:
        def call(*given: Any, **named: Any) -> Any:
            found.made.append((name, given, named))
            return answer

        return call

    monkeypatch.setattr(dispatch, "connect", connect)
    monkeypatch.setattr(dispatch, "capture", named_call("capture", CAPTURED))
    for name in ("drop_slot", "health", "check", "discover", "read_table"):
        monkeypatch.setattr(dispatch, name, named_call(name, name))
    return found


def run(request: Any) -> Any:
    return dispatch.run_operation(request, settings=SETTINGS, s3="S3", job="ab12")


def test_a_capture_reads_with_the_login_of_the_log_and_writes_below_the_prefix(
    calls: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(CAPTURE) is CAPTURED
    name, (database, request, store), named = calls.only
    assert (name, database, request) == ("capture", "database", CAPTURE)
    assert named == {"source": SOURCE, "job": "ab12"}
    assert isinstance(store, S3Store)
    assert (store._s3, store._bucket, store._prefix) == ("S3", "bucket", "p/")
    # The alarms on retained WAL and on the age of the last capture look at this line.
    line = json.loads(capsys.readouterr().out)
    assert line.pop("time")
    assert line == {
        "event": "captured",
        "run_id": "r1",
        "source": "shop",
        "retained_gigabytes": 1.235,
        "changes": 17,
        "seconds": 0.25,
    }


def test_a_slot_is_dropped_and_no_capture_is_told(
    calls: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(DROP) == "drop_slot"
    assert calls.only == ("drop_slot", ("database", DROP), {})
    assert capsys.readouterr().out == ""


TABLE = contract.TableSpec("orders", "shop", "public", "orders")


@pytest.mark.parametrize(
    ("request_", "name", "named"),
    [
        (contract.HealthRequest("r1", "shop"), "health", {"s3": "S3"}),
        (contract.CheckRequest("r1", "shop", ()), "check", {"deadline": 1100.0}),
        (
            contract.DiscoverRequest("r1", "shop", ("*",)),
            "discover",
            {"deadline": 1100.0},
        ),
        (
            contract.PlanRequest("r1", TABLE),
            "read_table",
            {"s3": "S3", "job": "ab12", "deadline": 1100.0},
        ),
    ],
)
def test_each_request_is_its_operation(
    calls: Calls, request_: Any, name: str, named: dict[str, Any]
) -> None:
    assert run(request_) == name
    assert calls.only == (name, (request_,), {"settings": SETTINGS} | named)


def test_a_group_is_nothing_that_one_worker_runs(calls: Calls) -> None:
    with pytest.raises(RequestError) as refused:
        run(contract.GroupRequest("r1", (), 2))
    assert refused.value.code == "bad_request" and "workers" in refused.value.message
    assert calls.made == []


@pytest.mark.parametrize(
    ("retained", "gigabytes"),
    [
        (0, 0.0),
        (20_000_000_000, 20.0),
        (1_000_000_499_999, 1000.0),
        (1_000_000_500_001, 1000.001),
    ],
)
def test_retained_wal_is_told_in_gigabytes_to_the_nearest_megabyte(
    calls: Calls,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    retained: int,
    gigabytes: float,
) -> None:
    """Those of the alarm's threshold: 10^9 bytes."""
    slot = dataclasses.replace(CAPTURED.slot, retained_bytes=retained)
    reply = dataclasses.replace(CAPTURED, slot=slot)
    monkeypatch.setattr(dispatch, "capture", lambda *_, **__: reply)
    assert run(CAPTURE) is reply
    assert json.loads(capsys.readouterr().out)["retained_gigabytes"] == gigabytes
