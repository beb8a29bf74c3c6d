"""Stands in for API Gateway and Lambda on one machine.

    any path                     API Gateway: a proxy event for the handler
    POST /2015-03-31/functions/<name>/invocations
                                 Lambda's Invoke API, type Event
    GET, PUT, DELETE /local/faults
                                 what goes wrong next (tests only)
    GET /local/invocations       how often the function was invoked so far, and how
                                 many answers were refusals

Synchronous invocations run in this process, one thread each. Events run in worker
processes, one at a time per process, kept warm as Lambda keeps its containers, and
killed at WORKER_TIMEOUT_SECONDS. Both have slots of their own, as reserved concurrency
gives them: a request beyond is Lambda's 429, which API Gateway turns into 500; an event
beyond waits and is dropped when too old. What it does not imitate: IAM, limits of the
account, the retries of events (set to 0 in Terraform), memory limits.
"""

import argparse
import base64
import json
import os
import re
import signal
import threading
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType
from typing import Any

from lambda_extract.handler import handler
from local.aws.bodies import (
    INTEGRATION_SECONDS,
    MAX_ANSWER_BYTES,
    RENAMED,
    answer_bytes,
    unpacked,
)
from local.aws.pool import EVENT_AGE_SECONDS, Slots, WorkerPool

INVOKE_PATH = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")
FAULTS_PATH = "/local/faults"
INVOCATIONS_PATH = "/local/invocations"
MAX_BODY_BYTES = 10 << 20
MAX_EVENT_BYTES = 1 << 20
DEFAULT_TIMEOUT_SECONDS = 300.0
MAX_WORKERS = 8
WARM_WORKERS = 2
# front_concurrency of terraform/variables.tf; workers have slots of their own.
FRONT_SLOTS = 60


@dataclass
class Faults:
    """What goes wrong next; each counter falls by one per use.

    Attributes:
        kill_worker: Rules for the next workers, one each: {"at": "start"},
            {"at": "bytes", "bytes": n}, {"at": "before_part_reply"} (of a group),
            {"at": "before_reply"}, {"at": "after_reply"}.
        drop_events: So many events are accepted and never run.
        duplicate_events: So many events run twice.
        fail_invokes: So many Invoke calls are refused (HTTP 429).
        fail_requests: So many requests are answered `status` and not handled.
        lose_replies: So many requests are handled, then answered 502.
        status: HTTP status of `fail_requests`.
        front_slots: Requests that the function answers at once; 0: as in Terraform.
    """

    kill_worker: list[dict[str, Any]] = field(default_factory=list)
    drop_events: int = 0
    duplicate_events: int = 0
    fail_invokes: int = 0
    fail_requests: int = 0
    lose_replies: int = 0
    status: int = 500
    front_slots: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def take(self, name: str) -> bool:
        """Uses up one of a counter; returns False at zero."""
        with self._lock:
            left = int(getattr(self, name))
            if left > 0:
                setattr(self, name, left - 1)
            return left > 0

    def next_kill(self) -> dict[str, Any] | None:
        """Uses up the first rule of `kill_worker`."""
        with self._lock:
            return self.kill_worker.pop(0) if self.kill_worker else None

    def replace(self, rules: dict[str, Any]) -> None:
        """Takes all rules from `rules`; what is not named is off.

        Raises:
            ValueError: An unknown rule.
        """
        unknown = set(rules) - set(self.rules())
        if unknown:
            raise ValueError(f"unknown faults: {sorted(unknown)}")
        with self._lock:
            for name, value in (vars(Faults()) | rules).items():
                if not name.startswith("_"):
                    setattr(self, name, value)

    def rules(self) -> dict[str, Any]:
        """Returns what is left."""
        return {k: v for k, v in vars(self).items() if not k.startswith("_")}


class GatewayServer(ThreadingHTTPServer):
    """The HTTP server with what its requests share."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, pool: WorkerPool, function_name: str) -> None:
        super().__init__(("127.0.0.1", port), GatewayRequest)
        self.pool = pool
        self.faults = Faults()
        self.slots = Slots()
        # "refused": answers with 5xx or 429, after which Snowflake repeats its request.
        self.invocations = {"requests": 0, "events": 0, "refused": 0}
        self._lock = threading.Lock()
        self.function_name = function_name
        # As terraform/ declares it for the REST API.
        self.binary_media_types = True

    def count(self, kind: str) -> None:
        """Notes an invocation of the function."""
        with self._lock:
            self.invocations[kind] += 1


class GatewayRequest(BaseHTTPRequestHandler):
    """One HTTP request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: GatewayServer

    def do_GET(self) -> None:
        """Answers a GET."""
        if self.path == FAULTS_PATH:
            self._reply(200, _json(self.server.faults.rules()))
        elif self.path == INVOCATIONS_PATH:
            self._reply(200, _json(self.server.invocations))
        else:
            self._proxy(b"")

    def do_POST(self) -> None:
        """Answers a POST."""
        body = self._read_body()
        if body is None:
            return
        invoke = INVOKE_PATH.fullmatch(self.path)
        if invoke:
            self._invoke(invoke.group(1), body)
        else:
            self._proxy(body)

    def do_PUT(self) -> None:
        """Replaces the faults."""
        body = self._read_body()
        if body is None:
            return
        if self.path != FAULTS_PATH:
            self._proxy(body)
            return
        try:
            self.server.faults.replace(json.loads(body))
            self._reply(200, _json(self.server.faults.rules()))
        except (ValueError, TypeError) as error:
            self._reply(400, _json({"error": str(error)}))

    def do_DELETE(self) -> None:
        """Switches all faults off."""
        if self.path == FAULTS_PATH:
            self.server.faults.replace({})
            self._reply(200, b"{}")
        else:
            self._proxy(b"")

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: the handler prints its own lines."""

    def _read_body(self) -> bytes | None:
        size = int(self.headers.get("Content-Length") or 0)
        if size > MAX_BODY_BYTES:
            self.close_connection = True
            self._reply(413, _json({"message": "Request Too Long"}))
            return None
        return self.rfile.read(size)

    def _proxy(self, body: bytes) -> None:
        """Answers as API Gateway's REST proxy integration does."""
        faults = self.server.faults
        if faults.take("fail_requests"):
            self._reply(faults.status, _json({"message": "injected"}))
            return
        try:
            body = unpacked(body, self.headers.get("Content-Encoding"))
        except ValueError:
            self._reply(415, _json({"message": "Unsupported Media Type"}))
            return
        answer = self._invoked(self._event(body))
        if answer is None:
            return
        if faults.take("lose_replies"):
            self._reply(502, _json({"message": "injected"}))
            return
        headers = {
            RENAMED.get(name.lower(), name): value
            for name, value in (answer.get("headers") or {}).items()
        }
        data = answer_bytes(answer, binary=self.server.binary_media_types)
        self._reply(answer["statusCode"], data, headers)

    def _invoked(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """Calls the function within its limits; None if that ended the request."""
        if len(_json(event)) > MAX_ANSWER_BYTES:
            # What Lambda refuses to take at once.
            self._reply(413, _json({"message": "Request Too Long"}))
            return None
        if not self.server.slots.take(self.server.faults.front_slots or FRONT_SLOTS):
            # Lambda's 429 (TooManyRequestsException) is a fault of the integration.
            self._reply(500, _json({"message": "Internal server error"}))
            return None
        self.server.count("requests")
        started = time.monotonic()
        try:
            answer = handler(event, None)
        except Exception as error:
            # Whatever escapes the handler is a Lambda function error: 502.
            print(_json({"event": "handler_failed", "error": repr(error)}).decode())
            self._reply(502, _json({"message": "Internal server error"}))
            return None
        finally:
            self.server.slots.give()
        if time.monotonic() - started > INTEGRATION_SECONDS:
            self._reply(504, _json({"message": "Endpoint request timed out"}))
            return None
        if len(_json(answer)) > MAX_ANSWER_BYTES:
            # Lambda refuses the answer: a function error.
            self._reply(502, _json({"message": "Internal server error"}))
            return None
        return answer

    def _event(self, body: bytes) -> dict[str, Any]:
        many: dict[str, list[str]] = {}
        for name, value in self.headers.items():
            many.setdefault(name, []).append(value)
        # With binary_media_types = ["*/*"] every body arrives as base64.
        is_base64 = self.server.binary_media_types and bool(body)
        text = base64.b64encode(body).decode() if is_base64 else body.decode()
        path = self.path.partition("?")[0]
        return {
            "resource": path,
            "path": path,
            "httpMethod": self.command,
            "headers": {name: values[-1] for name, values in many.items()},
            "multiValueHeaders": many,
            "queryStringParameters": None,
            "multiValueQueryStringParameters": None,
            "pathParameters": None,
            "stageVariables": None,
            "requestContext": {
                "httpMethod": self.command,
                "path": path,
                "identity": {"sourceIp": self.client_address[0]},
            },
            "body": text or None,
            "isBase64Encoded": is_base64,
        }

    def _invoke(self, name: str, body: bytes) -> None:
        """Lambda's Invoke API, for events."""
        faults = self.server.faults
        if name != self.server.function_name:
            self._refuse_invoke(404, "ResourceNotFoundException")
        elif self.headers.get("X-Amz-Invocation-Type") != "Event":
            self._refuse_invoke(400, "InvalidParameterValueException")
        elif len(body) > MAX_EVENT_BYTES:
            self._refuse_invoke(413, "RequestTooLargeException")
        elif faults.take("fail_invokes"):
            self._refuse_invoke(429, "TooManyRequestsException")
        else:
            self._submit(json.loads(body))
            self._reply(202, b"")

    def _submit(self, event: dict[str, Any]) -> None:
        faults = self.server.faults
        if faults.take("drop_events"):
            return
        times = 2 if faults.take("duplicate_events") else 1
        for _ in range(times):
            self.server.count("events")
            self.server.pool.submit(event, faults.next_kill())

    def _refuse_invoke(self, status: int, kind: str) -> None:
        self._reply(status, _json({"Message": kind}), {"x-amzn-ErrorType": kind})

    def _reply(
        self, status: int, data: bytes, headers: dict[str, str] | None = None
    ) -> None:
        if status >= 500 or status == HTTPStatus.TOO_MANY_REQUESTS:
            self.server.count("refused")
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _json(data: object) -> bytes:
    return json.dumps(data).encode()


def main() -> None:
    """Serves until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description="Local API Gateway and Lambda")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--port-file", type=Path, help="receives the port when ready")
    parser.add_argument("--max-workers", type=int, default=MAX_WORKERS)
    parser.add_argument("--warm-workers", type=int, default=WARM_WORKERS)
    options = parser.parse_args()
    function_name = os.environ.setdefault(
        "AWS_LAMBDA_FUNCTION_NAME", "aurora-sync-extract"
    )
    timeout = os.environ.get("WORKER_TIMEOUT_SECONDS")
    pool = WorkerPool(
        max_workers=options.max_workers,
        warm=options.warm_workers,
        timeout=float(timeout or DEFAULT_TIMEOUT_SECONDS),
        event_age=EVENT_AGE_SECONDS,
    )
    server = GatewayServer(options.port, pool, function_name)
    port = server.server_address[1]
    # The handler in this process invokes its worker through this very server.
    os.environ["AWS_ENDPOINT_URL_LAMBDA"] = f"http://127.0.0.1:{port}"

    def stop(number: int, frame: FrameType | None) -> None:
        # shutdown() waits for serve_forever(), which this signal interrupted.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    if options.port_file:
        partial = options.port_file.with_suffix(".partial")
        partial.write_text(str(port))
        partial.replace(options.port_file)
    try:
        server.serve_forever(poll_interval=0.1)
    finally:
        pool.stop()
        server.server_close()


if __name__ == "__main__":
    main()
