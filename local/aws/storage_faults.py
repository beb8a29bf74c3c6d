"""What goes wrong next in the local S3; for tests, by PUT and DELETE /local/faults.

    {"fail_puts": n, "status": 500}     the next n PUT requests of objects under data/
                                        or pipe/ are answered so; 403: "access denied"
    {"fail_after": n, ...}              only after n more such requests went well
    {"fail_gets": n}                    the next n GET requests of such objects
    {"lose_events": n}                  the next n notifications of objects under pipe/
    {"double_events": n}                are lost, or sent twice (see storage_events)

Requests for job objects (jobs/) are never touched: they have faults of their own in the
gateway.
"""

import json
import threading
from collections.abc import Callable, Iterable
from typing import Any

from local.aws.storage_events import EVENTS_PATH, StorageEvents, created_key, watched

FAULTS_PATH = "/local/faults"
_DATA_MARKS = ("/data/", "/pipe/")
_CODES = {403: "AccessDenied", 500: "InternalError", 503: "SlowDown"}

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class StorageFaults:
    """WSGI middleware around the S3 application."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._lock = threading.Lock()
        self._rules: dict[str, int] = {}
        self._events = StorageEvents()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answers the switchboard, a fault, or what S3 says."""
        if environ["PATH_INFO"] == FAULTS_PATH:
            return self._switch(environ, start_response)
        if environ["PATH_INFO"] == EVENTS_PATH:
            return self._events.answer(environ, start_response)
        status = self._fault(environ)
        if status is None:
            key = created_key(environ)
            if key is not None:
                start_response = watched(start_response, lambda: self._notify(key))
            return self._application(environ, start_response)
        # The body has to be read, or the client sees a broken connection instead.
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        code = _CODES.get(status, "InternalError")
        text = f"<Error><Code>{code}</Code><Message>injected</Message></Error>"
        headers = [("Content-Type", "application/xml")]
        start_response(f"{status} {code}", headers)
        return [text.encode()]

    def _switch(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        rules: dict[str, int] = {}
        if environ["REQUEST_METHOD"] == "PUT":
            size = int(environ.get("CONTENT_LENGTH") or 0)
            rules = json.loads(environ["wsgi.input"].read(size))
        with self._lock:
            self._rules = rules
        start_response("200 OK", [("Content-Type", "application/json")])
        return [b"{}"]

    def _notify(self, key: str) -> None:
        times = 1
        with self._lock:
            for rule, how_often in (("lose_events", 0), ("double_events", 2)):
                if times == 1 and self._rules.get(rule, 0) > 0:
                    self._rules[rule] -= 1
                    times = how_often
        self._events.tell(key, times)

    def _fault(self, environ: dict[str, Any]) -> int | None:
        """Returns the status to answer with, or None where nothing goes wrong."""
        path = environ["PATH_INFO"]
        if not self._rules or not any(mark in path for mark in _DATA_MARKS):
            return None
        counter = {"PUT": "fail_puts", "GET": "fail_gets"}.get(
            environ["REQUEST_METHOD"]
        )
        with self._lock:
            if counter is None or self._rules.get(counter, 0) <= 0:
                return None
            if self._rules.get("fail_after", 0) > 0:
                self._rules["fail_after"] -= 1
                return None
            self._rules[counter] -= 1
            return self._rules.get("status", 500)
