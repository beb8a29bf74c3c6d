"""Stands in for Lambda's concurrency: warm workers, their queue, and slots."""

import json
import os
import select
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

START_SECONDS = 60.0
# maximum_event_age_in_seconds of terraform/modules/compute/lambda.tf.
EVENT_AGE_SECONDS = 300.0


@dataclass(frozen=True)
class Queued:
    """An event that waits for a worker.

    Attributes:
        kill: Where its worker is to be killed; None: nowhere.
        since: When it was taken, by the pool's clock.
    """

    event: dict[str, Any]
    kill: dict[str, Any] | None
    since: float


class Slots:
    """Invocations of one function at the same time: its reserved concurrency."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = 0

    def take(self, limit: int) -> bool:
        """Takes a slot; returns False if `limit` are taken."""
        with self._lock:
            if self._taken >= limit:
                return False
            self._taken += 1
            return True

    def give(self) -> None:
        """Gives a slot back."""
        with self._lock:
            self._taken -= 1


class Worker:
    """A warm worker process (see local/aws/worker.py)."""

    def __init__(self) -> None:
        done_read, done_write = os.pipe()
        self._done = done_read
        self._process = subprocess.Popen(
            [sys.executable, "-m", "local.aws.worker", str(done_write)],
            stdin=subprocess.PIPE,
            pass_fds=(done_write,),
            # Ctrl-C in a terminal is for the gateway, which then ends its workers.
            process_group=0,
        )
        os.close(done_write)
        self._ready = False

    def invoke(
        self, event: dict[str, Any], kill: dict[str, Any] | None, timeout: float
    ) -> bool:
        """Runs one event; returns False if the process is gone afterwards."""
        self.wait_until_ready()
        assert self._process.stdin is not None
        try:
            line = json.dumps({"event": event, "kill": kill})
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            self.stop()
            return False
        if self._wait(timeout):
            return True
        self.stop()
        return False

    def wait_until_ready(self) -> None:
        """Waits until the process takes events, or is gone."""
        if not self._ready:
            self._ready = self._wait(START_SECONDS)

    def stop(self) -> None:
        """Kills the process, as Lambda does at its time-out."""
        if self._done < 0:
            return
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        os.close(self._done)
        self._done = -1

    def _wait(self, timeout: float) -> bool:
        readable, _, _ = select.select([self._done], [], [], timeout)
        # An empty read means that the process has ended.
        return bool(readable) and bool(os.read(self._done, 64))


class WorkerPool:
    """Runs events in warm workers; queues them if all are busy."""

    def __init__(
        self,
        *,
        max_workers: int,
        warm: int,
        timeout: float,
        event_age: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_workers = max_workers
        self._timeout = timeout
        self._event_age = event_age
        self._clock = clock
        self._lock = threading.Lock()
        self._backlog: deque[Queued] = deque()
        self._idle = [Worker() for _ in range(warm)]
        self._all = list(self._idle)

    def submit(self, event: dict[str, Any], kill: dict[str, Any] | None) -> None:
        """Runs an event soon."""
        with self._lock:
            self._backlog.append(Queued(event, kill, self._clock()))
            worker = self._free_worker()
        if worker is not None:
            threading.Thread(target=self._run, args=(worker,), daemon=True).start()

    def stop(self) -> None:
        """Kills every worker."""
        with self._lock:
            self._backlog.clear()
            for worker in self._all:
                worker.stop()

    def _free_worker(self) -> Worker | None:
        if self._idle:
            return self._idle.pop()
        if len(self._all) >= self._max_workers:
            return None
        worker = Worker()
        self._all.append(worker)
        return worker

    def _run(self, worker: Worker) -> None:
        """Works off the backlog with one worker.

        A new one takes its first event when it is up: a warm one may be free before.
        """
        while True:
            worker.wait_until_ready()
            with self._lock:
                if not self._backlog:
                    self._idle.append(worker)
                    return
                queued = self._backlog.popleft()
            if self._clock() - queued.since > self._event_age:
                print(json.dumps({"event": "event_dropped"}), flush=True)
            elif not worker.invoke(queued.event, queued.kill, self._timeout):
                with self._lock:
                    self._all.remove(worker)
                    worker = Worker()
                    self._all.append(worker)
