"""A server of HTTP/1.1 for the local S3 whose connections stay open.

Werkzeug's own closes each connection after one answer, so that each of some thousand
small requests of a test would cost a connection and a thread.
"""

import functools
import traceback
import uuid
from io import BytesIO
from typing import Any

from moto.s3.models import FakeKey
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler

_NO_BODY = (204, 304)


def name_objects_as_kms_does() -> None:
    """Makes every write's ETag one of its own, as with SSE-KMS: no digest of the rows.

    Whoever writes the same octets again does not get the same ETag.
    """

    def etag(self: Any) -> str:
        if self._etag is None:
            self._etag = uuid.uuid4().hex
        return f'"{self._etag}"'

    FakeKey.etag = property(etag)


class Dispatcher(DomainDispatcherApplication):
    """Finds the service of a request; moto's own lists its folders for each request."""

    def __init__(self) -> None:
        super().__init__(create_backend_app)
        self.get_backend_for_host = functools.lru_cache(maxsize=256)(
            super().get_backend_for_host
        )


class KeepingHandler(WSGIRequestHandler):
    """Answers one request after another on a connection."""

    protocol_version = "HTTP/1.1"
    # Head and body are two packets; the second must not wait for the first one's ack.
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        """Answers one request: reads all of it, and says how long the answer is."""
        self.environ = environ = self.make_environ()
        body = environ["wsgi.input"]
        if environ.get("wsgi.input_terminated"):
            content = body.read()
        else:
            size = int(environ.get("CONTENT_LENGTH") or 0)
            content = body.read(size)
            if len(content) < size:
                # The client has died in the middle: nothing of it is stored.
                self.close_connection = True
                return
        environ["wsgi.input"] = BytesIO(content)
        try:
            status, headers, written = self._answer(environ)
        except Exception as error:
            # A defect of the local S3: shown in its log, and told as S3 tells one.
            traceback.print_exception(error)
            status, headers, written = "500 Internal Server Error", [], b""
        self._send(status, headers, written)

    def _answer(
        self, environ: dict[str, Any]
    ) -> tuple[str, list[tuple[str, str]], bytes]:
        told: list[Any] = []
        written: list[bytes] = []

        def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
            told[:] = [status, headers]
            return written.append

        answer = self.server.app(environ, start_response)
        try:
            written.extend(answer)
        finally:
            if hasattr(answer, "close"):
                answer.close()
        return told[0], told[1], b"".join(written)

    def _send(self, status: str, headers: list[tuple[str, str]], body: bytes) -> None:
        number, _, reason = status.partition(" ")
        self.send_response(int(number), reason)
        names = {name.lower() for name, _ in headers}
        for name, value in headers:
            self.send_header(name, value)
        empty = self.command == "HEAD" or int(number) in _NO_BODY
        if "content-length" not in names and int(number) not in _NO_BODY:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if body and not empty:
            self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Says nothing: a line for each request would be most of what is done here."""
