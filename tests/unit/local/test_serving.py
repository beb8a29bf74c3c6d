"""The server in front of the local S3: connections stay open, and stay in step."""

import http.client
import socket
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from werkzeug.serving import make_server

from local.aws.serving import KeepingHandler

SEEN: list[bytes] = []


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Says what it was sent; one path reads nothing, one breaks, one has no body."""
    path = environ["PATH_INFO"]
    if path == "/broken":
        raise KeyError("a defect")
    if path == "/none":
        start_response("204 No Content", [])
        return []
    if path == "/unread":
        start_response("403 Forbidden", [])
        return [b"no"]
    body = environ["wsgi.input"].read()
    SEEN.append(body)
    start_response("200 OK", [("X-Method", environ["REQUEST_METHOD"])])
    return [b"got ", body]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = make_server(
        "127.0.0.1", 0, application, threaded=True, request_handler=KeepingHandler
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()


@pytest.fixture
def connection(port: int) -> Iterator[http.client.HTTPConnection]:
    made = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    yield made
    made.close()


def ask(
    connection: http.client.HTTPConnection, method: str, path: str, body: Any = None
) -> tuple[int, bytes]:
    connection.request(method, path, body=body)
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_one_connection_answers_every_kind_of_request(
    connection: http.client.HTTPConnection,
) -> None:
    assert ask(connection, "PUT", "/x", b"abc") == (200, b"got abc")
    kept = connection.sock
    # Nobody reads this body: it must not be taken for the next request.
    assert ask(connection, "PUT", "/unread", b"GET / HTTP/1.1\r\n") == (403, b"no")
    assert ask(connection, "HEAD", "/x") == (200, b"")
    assert ask(connection, "DELETE", "/none") == (204, b"")
    assert ask(connection, "PUT", "/x", iter([b"in ", b"chunks"])) == (
        200,
        b"got in chunks",
    )
    assert ask(connection, "GET", "/x") == (200, b"got ")
    assert connection.sock is kept


def test_a_defect_is_an_answer(
    connection: http.client.HTTPConnection, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(connection, "GET", "/broken") == (500, b"")
    assert "a defect" in capsys.readouterr().err
    assert ask(connection, "GET", "/x") == (200, b"got ")


def test_half_a_request_is_never_answered(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(b"PUT /x HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf of it")
        client.shutdown(socket.SHUT_WR)
        assert client.recv(100) == b""
    assert b"half of it" not in SEEN
