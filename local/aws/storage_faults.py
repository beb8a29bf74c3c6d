"""What goes wrong next in the local S3; for tests, by PUT and DELETE /local/faults.

    {"fail_puts": n, "status": 500}     the next n PUT requests of objects under data/
                                        or pipe/ are answered so; 403: "access denied"
    {"fail_after": n, ...}              only after n more such requests went well
    {"fail_gets": n}                    the next n GET requests of such objects
    {"lose_answers": n}                 the next n PUT requests with If-None-Match are
                                        done, and answered by the status
    {"lose_events": n}                  the next n notifications of objects under pipe/
    {"double_events": n}                are lost, or sent twice (see storage_events)

Requests for job objects (jobs/) are refused by none of them: they have faults of their
own in the gateway. A lost answer may be theirs.
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
            if self._loses_answer(environ):
                return self._done_unheard(environ, start_response)
            return self._application(environ, start_response)
        # The body has to be read, or the client sees a broken connection instead.
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        return _refused(status, start_response)

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

    def _loses_answer(self, environ: dict[str, Any]) -> bool:
        conditional = "HTTP_IF_NONE_MATCH" in environ
        if environ["REQUEST_METHOD"] != "PUT" or not conditional:
            return False
        with self._lock:
            if self._rules.get("lose_answers", 0) <= 0:
                return False
            self._rules["lose_answers"] -= 1
            return True

    def _done_unheard(
        self, environ: dict[str, Any], start_response: Any
    ) -> Iterable[bytes]:
        """Writes the object, then answers as if S3 had failed."""
        told: list[Any] = []
        body = self._application(environ, lambda *answer: told.append(answer))
        content = list(body)
        if not told[0][0].startswith("200"):
            start_response(*told[0])
            return content
        return _refused(self._rules.get("status", 500), start_response)

    def _fault(self, environ: dict[str, Any]) -> int | None:
        """Returns the status to answer with, or None if nothing goes wrong."""
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


def _refused(status: int, start_response: Any) -> Iterable[bytes]:
    code = _CODES.get(status, "InternalError")
    text = f"<Error><Code>{code}</Code><Message>injected</Message></Error>"
    start_response(f"{status} {code}", [("Content-Type", "application/xml")])
    return [text.encode()]
