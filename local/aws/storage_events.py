"""Notifications of new objects below pipe/, as S3 sends them by way of SNS to a queue.

    GET /local/events              {"last": n}: the number of the latest notification
    GET /local/events?after=n      waits for more, then {"last": m, "keys": [...]}

What goes wrong is said by PUT /local/faults (see storage_faults): notifications are
lost (`lose_events`) or sent twice (`double_events`).
"""

import json
import threading
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

EVENTS_PATH = "/local/events"
_MARK = "/pipe/"
# Whoever waits keeps the server from stopping for so long.
_WAIT_SECONDS = 0.5


class StorageEvents:
    """Keeps what was told, and lets those who ask wait for more."""

    def __init__(self) -> None:
        self._keys: list[str] = []
        self._changed = threading.Condition()

    def tell(self, key: str, times: int) -> None:
        """Sends a notification of `bucket/key` so many times."""
        with self._changed:
            self._keys.extend([key] * times)
            self._changed.notify_all()

    def answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answers one request."""
        given = parse_qs(environ.get("QUERY_STRING", "")).get("after")
        with self._changed:
            found: dict[str, Any] = {"last": len(self._keys)}
            if given:
                after = int(given[0])
                self._changed.wait_for(lambda: len(self._keys) > after, _WAIT_SECONDS)
                found = {"last": len(self._keys), "keys": self._keys[after:]}
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(found).encode()]


def created_key(environ: dict[str, Any]) -> str | None:
    """Returns `bucket/key` of an object that this request creates below pipe/."""
    path, query = environ["PATH_INFO"], environ.get("QUERY_STRING", "")
    method = environ["REQUEST_METHOD"]
    whole = method == "PUT" and "partNumber=" not in query
    completed = method == "POST" and "uploadId=" in query
    if _MARK not in path or not (whole or completed):
        return None
    return str(path).lstrip("/")


def watched(start_response: Any, when_created: Callable[[], None]) -> Any:
    """Returns a start_response that calls `when_created` for a 200."""

    def start(status: str, headers: Any, *more: Any) -> Any:
        if status.startswith("200"):
            when_created()
        return start_response(status, headers, *more)

    return start
