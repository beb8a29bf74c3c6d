"""The local Lambda has reserved concurrency and a queue whose events age (A7)."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.aws import gateway, pool

REPOSITORY = Path(__file__).parents[3]


class FakeWorker:
    """A worker whose events run until `free` is set; `ran` has their names."""

    ran: list[str] = []
    free = threading.Event()
    taken = threading.Semaphore(0)

    def wait_until_ready(self) -> None:
        pass

    def invoke(self, event: dict[str, Any], kill: object, timeout: float) -> bool:
        self.ran.append(event["name"])
        self.taken.release()
        return self.free.wait(30)

    def stop(self) -> None:
        pass


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[FakeWorker]]:
    FakeWorker.ran, FakeWorker.free = [], threading.Event()
    FakeWorker.taken = threading.Semaphore(0)
    monkeypatch.setattr(pool, "Worker", FakeWorker)
    yield FakeWorker
    FakeWorker.free.set()


def test_a7_an_event_that_waited_too_long_is_dropped(worker: type[FakeWorker]) -> None:
    now = [1000.0]
    lambdas = pool.WorkerPool(
        max_workers=1, warm=1, timeout=30, event_age=300, clock=lambda: now[0]
    )
    lambdas.submit({"name": "first"}, None)
    assert worker.taken.acquire(timeout=30)
    lambdas.submit({"name": "too old"}, None)
    now[0] += 200
    lambdas.submit({"name": "in time"}, None)
    now[0] += 101
    worker.free.set()
    assert worker.taken.acquire(timeout=30)
    assert worker.ran == ["first", "in time"]


def test_a7_a_request_beyond_the_slots_finds_none() -> None:
    slots = pool.Slots()
    assert [slots.take(2) for _ in range(3)] == [True, True, False]
    slots.give()
    assert slots.take(2)


def test_a7_the_limits_are_those_of_terraform() -> None:
    variables = (REPOSITORY / "terraform/variables.tf").read_text()
    front = variables.split('variable "front_concurrency"')[1]
    default = re.search(r"default\s*=\s*(\d+)", front)
    assert default and int(default[1]) == gateway.FRONT_SLOTS
    functions = (REPOSITORY / "terraform/modules/compute/lambda.tf").read_text()
    age = re.search(r"event_age_seconds\s*=\s*(\d+)", functions)
    assert age and float(age[1]) == pool.EVENT_AGE_SECONDS
