"""Snowpark sessions for handlers: real ones, whose connection stays inside the process.

Connecting costs some hundred milliseconds, so sessions are kept and given to one
handler after another. Each is a real Snowpark session on a real connector; only the
step that would send a request over HTTP hands it to the service directly.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from snowflake.connector import SnowflakeConnection
from snowflake.snowpark import Session as SnowparkSession
from snowflake.snowpark._internal import telemetry

from local.snowflake_server.core.errors import SnowflakeError
from local.snowflake_server.core.faults import ProcedureKilled
from local.snowflake_server.core.session import Session

# Snowpark measures memory and network around each statement, for a telemetry that
# nobody reads here: 7 % of this server's time.
telemetry.PS_UTIL_AVAILABLE = False

Serve = Callable[[Session, dict[str, Any]], dict[str, Any]]


@dataclass
class Carrier:
    """A Snowpark session and the server's session that it works in just now."""

    connection: SnowflakeConnection
    snowpark: SnowparkSession
    current: Session | None = None


class Carriers:
    """The sessions that are free."""

    def __init__(
        self, *, serve: Serve, connect: Callable[[], SnowflakeConnection]
    ) -> None:
        """Remember how to connect and where requests go afterwards."""
        self._serve = serve
        self._connect = connect
        self._free: list[Carrier] = []
        self._lock = threading.Lock()

    def warm_up(self, count: int) -> None:
        """Make sessions before they are needed."""
        made = [self._make() for _ in range(count)]
        with self._lock:
            self._free.extend(made)

    @contextmanager
    def borrow(self, session: Session) -> Iterator[Carrier]:
        """A Snowpark session for one handler."""
        with self._lock:
            carrier = self._free.pop() if self._free else None
        carrier = carrier or self._make()
        carrier.current = session
        connection: Any = carrier.connection
        connection._database, connection._schema = session.database, session.schema
        connection._role = session.role
        connection._warehouse = session.warehouse
        try:
            yield carrier
        finally:
            carrier.current = None
            with self._lock:
                self._free.append(carrier)

    def _make(self) -> Carrier:
        connection = self._connect()
        connection.telemetry_enabled = False  # nobody reads it, and it costs 0.7 ms
        snowpark = SnowparkSession.builder.configs({"connection": connection}).create()
        # As it is inside Snowflake's own procedures; 15 % of this server's time.
        snowpark._conn._telemetry_client.telemetry = None
        carrier = Carrier(connection=connection, snowpark=snowpark)
        rest: Any = connection.rest

        def request(url: str, body: Any = None, **_: Any) -> dict[str, Any]:
            return self._answer(carrier, url, body or {})

        rest.request = request
        return carrier

    def _answer(
        self, carrier: Carrier, url: str, body: dict[str, Any]
    ) -> dict[str, Any]:
        if not url.startswith("/queries/v1/query-request"):
            return {"success": True, "data": {}}
        session = carrier.current
        if session is None:
            raise SnowflakeError(
                390104, "08001", "The procedure has ended; its session is closed."
            )
        if session.killed:
            raise ProcedureKilled("the procedure was killed")
        return self._serve(session, body)
