"""One warm Lambda container: runs one event at a time in a process of its own.

Started by gateway.py. An event is a line of JSON on standard input; when it is
done, a line is written to the file descriptor given as the argument. The process ends
itself as soon as its standard input closes, so also when the gateway dies.

A line may ask for the process to be killed at a point, so that tests can show what a
lost worker does. The product's code knows nothing of that.
"""

import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from lambda_extract.handler import handler
from lambda_extract.landing import files
from lambda_extract.protocol import jobs
from lambda_extract.protocol.queue import Hand
from lambda_extract.rows import copy


def main() -> None:
    """Runs events until the gateway goes away."""
    done = os.fdopen(int(sys.argv[1]), "w", buffering=1)
    events: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_read_events, args=(events,), daemon=True).start()
    done.write("ready\n")
    while True:
        message = events.get()
        _arm(message.get("kill"))
        handler(message["event"], None)
        done.write("done\n")


def _read_events(events: "queue.Queue[dict[str, Any]]") -> None:
    for line in sys.stdin:
        events.put(json.loads(line))
    # Nobody is left to report to, and an extraction may be running: leave it.
    os._exit(1)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _arm(kill: dict[str, Any] | None) -> None:
    """Prepares the death of this process at a point."""
    if kill is None:
        return
    point = kill["at"]
    if point == "start":
        _die()
    elif point == "bytes":
        _die_after_bytes(int(kill["bytes"]))
    elif point == "before_reply":
        jobs.Jobs.finish = _die_instead  # type: ignore[method-assign, assignment]
    elif point == "before_part_reply":
        Hand.give = _die_instead  # type: ignore[method-assign, assignment]
    elif point == "after_reply":
        jobs.Jobs.finish = _die_after(jobs.Jobs.finish)  # type: ignore[method-assign]


def _die_instead(*arguments: object) -> bool:
    _die()
    return False


def _die_after(call: Callable[..., bool]) -> Callable[..., bool]:
    def wrapped(*arguments: Any) -> bool:
        call(*arguments)
        _die()
        return False

    return wrapped


def _die_after_bytes(limit: int) -> None:
    class Deadly(files.Landing):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            take = self.write
            seen = 0

            def counting(row: bytes) -> int:
                nonlocal seen
                seen += len(row)
                if seen >= limit:
                    _die()
                return take(row)

            self.write = counting

    copy.Landing = Deadly  # type: ignore[misc]


if __name__ == "__main__":
    main()
