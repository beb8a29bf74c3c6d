"""TLS in front of a PostgreSQL that was built without it.

Answers libpq's SSLRequest as PostgreSQL does (protocol documentation, 54.2.12), makes
the handshake with a certificate of the test, and passes the bytes on in the clear. The
client, whose checks are what is tested, is the real libpq.
"""

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Iterator

from tests.certificates import Files

SSL_REQUEST = struct.pack("!II", 8, 80877103)


@contextlib.contextmanager
def tls_front(port: int, files: Files) -> Iterator[int]:
    """Yields the port on which PostgreSQL of `port` speaks TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(
                    target=_serve, args=(client, port, context), daemon=True
                ).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        # close() alone would leave accept() waiting.
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _serve(client: socket.socket, port: int, context: ssl.SSLContext) -> None:
    with contextlib.suppress(OSError), client:
        if client.recv(8, socket.MSG_WAITALL) != SSL_REQUEST:
            return
        client.sendall(b"S")
        with (
            context.wrap_socket(client, server_side=True) as secure,
            socket.create_connection(("127.0.0.1", port)) as server,
        ):
            back = threading.Thread(target=_pass, args=(server, secure), daemon=True)
            back.start()
            _pass(secure, server)
            back.join()


def _pass(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
