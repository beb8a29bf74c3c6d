"""Snowflake's HTTP protocol in front of an account."""

from __future__ import annotations

import asyncio
import gzip
import json
import secrets
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local.snowflake_server import requests
from local.snowflake_server.core.catalog import Thing
from local.snowflake_server.core.errors import SnowflakeError
from local.snowflake_server.core.session import Session
from local.snowflake_server.engine import Account

_THREADS = 128
# The connector gives up reading after a minute; a longer statement is asked for again.
ANSWER_WITHIN_SECONDS = 30.0
_MASTER_SECONDS = 14400
_ANSWERS_KEPT = 32

Body = dict[str, Any]


@dataclass
class Front:
    """What the routes share.

    Attributes:
        user: The one user who may log in; None: anybody.
        password: Their password.
        answer_within: Seconds after which a client is told to ask again.
    """

    account: Account
    user: str | None = None
    password: str | None = None
    answer_within: float = ANSWER_WITHIN_SECONDS
    sessions: dict[str, Session] = field(default_factory=dict)
    running: dict[str, Future[Body]] = field(default_factory=dict)
    pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_THREADS, "statement")
    )

    def session(self, request: Request) -> Session:
        """The session of a request's token.

        Raises:
            SnowflakeError: It is unknown or closed.
        """
        header = request.headers.get("Authorization", "")
        found = self.sessions.get(_token(header))
        if found is None:
            raise SnowflakeError(
                390111, "08001", "Session no longer exists. New login required."
            )
        return found

    def log_in(self, data: Body, query: Body) -> Body:
        """Open a session in the wanted database, schema, role and warehouse."""
        name = str(data.get("LOGIN_NAME") or self.user or "LOCAL")
        known = self.account.catalog.in_account["USER"].get(name.upper())
        self._check_password(name, known, data.get("PASSWORD"))
        role = _plain(query.get("roleName")) or _default_role(known)
        allowed = self.account.may_take(name.upper(), role)
        if not allowed or role not in self.account.catalog.in_account["ROLE"]:
            raise SnowflakeError(
                390189, "08001", f"Role '{role}' specified in the connect string is "
                "not granted to this user."
            )  # fmt: skip
        session = self.account.new_session(user=name.upper(), role=role)
        session.warehouse = _plain(query.get("warehouse")) or "COMPUTE_WH"
        self._place(session, query)
        parameters = data.get("SESSION_PARAMETERS") or {}
        session.autocommit = str(parameters.get("AUTOCOMMIT", True)).lower() == "true"
        session.rows_per_resultset = int(parameters.get("ROWS_PER_RESULTSET", 0))
        token, master = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self.sessions[token] = session
        return {
            "token": token,
            "masterToken": master,
            "validityInSeconds": 3600,
            "masterValidityInSeconds": _MASTER_SECONDS,
            "sessionId": session.id,
            "serverVersion": "10.0.0",
            "displayUserName": session.user,
            "parameters": [
                {"name": "AUTOCOMMIT", "value": session.autocommit},
                {"name": "TIMEZONE", "value": "Etc/UTC"},
                {
                    "name": "CLIENT_SESSION_KEEP_ALIVE_HEARTBEAT_FREQUENCY",
                    "value": 3600,
                },
                {"name": "CLIENT_STAGE_ARRAY_BINDING_THRESHOLD", "value": 0},
                {"name": "CLIENT_TELEMETRY_ENABLED", "value": False},
            ],
            "sessionInfo": {
                "databaseName": session.database,
                "schemaName": session.schema,
                "warehouseName": session.warehouse,
                "roleName": session.role,
            },
        }

    def _check_password(self, name: str, known: Thing | None, given: Any) -> None:
        if known is not None:
            wrong = known.properties.get("PASSWORD") != given
        else:
            wrong = self.user is not None and name.upper() != self.user.upper()
            wrong = wrong or self.password not in (None, given)
        if wrong:
            raise SnowflakeError(
                390100, "08001", "Incorrect username or password was specified."
            )

    def _place(self, session: Session, query: Body) -> None:
        """Unknown names are ignored, as by Snowflake: the session then has none."""
        database, schema = _plain(query.get("databaseName")), _plain(
            query.get("schemaName")
        )
        catalog = self.account.catalog
        sees = self.account.catalog.access.sees
        if database in catalog.databases and sees(
            session.role, "DATABASE", (database or "",)
        ):
            session.database = database
            wanted = schema or "PUBLIC"
            there = (database, wanted) in catalog.schemas
            if there and sees(session.role, "SCHEMA", (database or "", wanted)):
                session.schema = wanted

    def log_out(self, request: Request) -> None:
        """Close the session of a request, if it is still there."""
        found = self.sessions.pop(
            _token(request.headers.get("Authorization", "")), None
        )
        if found is not None:
            self.account.close_session(found)

    def start(self, session: Session, body: Body, request_id: str) -> Future[Body]:
        """Run a statement once, however often its request is repeated."""
        if request_id and request_id in self.running:
            return self.running[request_id]
        future = self.pool.submit(requests.answer, self.account, session, body)
        if request_id:
            self.running[request_id] = future
            self._forget_answers()
        return future

    def _forget_answers(self) -> None:
        """Keep the latest answers only: a client may have lost one and ask again."""
        done = [key for key, future in self.running.items() if future.done()]
        for key in done[:-_ANSWERS_KEPT]:
            del self.running[key]


def _default_role(user: Thing | None) -> str:
    return user.properties.get("DEFAULT_ROLE", "PUBLIC") if user else "ACCOUNTADMIN"


def _token(header: str) -> str:
    return header.partition('Token="')[2].rstrip('"')


def _plain(name: Any) -> str | None:
    if not name:
        return None
    text = str(name)
    return text[1:-1] if text.startswith('"') else text.upper()


async def _body(request: Request) -> Body:
    raw = await request.body()
    if request.headers.get("Content-Encoding") == "gzip":
        raw = gzip.decompress(raw)
    return dict(json.loads(raw)) if raw else {}


def _json(content: Any) -> Response:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return Response(
        text.encode("utf-8", "surrogatepass"), media_type="application/json"
    )


def _done(data: Any = None) -> Response:
    return _json({"data": data, "code": None, "message": None, "success": True})


class Routes:
    """Everything a client may ask for."""

    def __init__(self, front: Front) -> None:
        """Serve one front."""
        self.front = front

    async def log_in(self, request: Request) -> Response:
        """Open a session."""
        body = await _body(request)
        query = dict(request.query_params)
        try:
            return _done(self.front.log_in(body.get("data", {}), query))
        except SnowflakeError as error:
            return _json(requests.failure(error))

    async def session(self, request: Request) -> Response:
        """Close a session (delete=true) or say that it is there."""
        if request.query_params.get("delete"):
            await asyncio.get_running_loop().run_in_executor(
                self.front.pool, self.front.log_out, request
            )
        return _done()

    async def renew(self, request: Request) -> Response:
        """A new token: the old one, which does not run out here."""
        token = _token(request.headers.get("Authorization", ""))
        return _done(
            {
                "sessionToken": token,
                "validityInSecondsST": 3600,
                "masterToken": token,
                "validityInSecondsMT": _MASTER_SECONDS,
            }
        )

    async def query(self, request: Request) -> Response:
        """Run a statement."""
        body = await _body(request)
        try:
            session = self.front.session(request)
        except SnowflakeError as error:
            return _json(requests.failure(error))
        request_id = request.query_params.get("requestId", "")
        future = self.front.start(session, body, request_id)
        return await _wait(self.front, future, request_id)

    async def result(self, request: Request) -> Response:
        """Wait on for a statement that takes long."""
        request_id = request.path_params["request_id"]
        future = self.front.running.get(request_id)
        if future is None:
            error = SnowflakeError(612, "02000", "Result not found")
            return _json(requests.failure(error))
        return await _wait(self.front, future, request_id)

    async def abort(self, request: Request) -> Response:
        """Interrupt what the session runs."""
        try:
            self.front.session(request).scope.connection.interrupt()
        except SnowflakeError as error:
            return _json(requests.failure(error))
        return _done()

    async def faults(self, request: Request) -> Response:
        """The switchboard of the tests: GET, PUT a list of rules, DELETE."""
        rules = self.front.account.faults
        if request.method == "GET":
            return _json(rules.listed())
        try:
            wanted = json.loads(await request.body()) if request.method == "PUT" else []
            rules.replace(wanted)
        except (ValueError, SnowflakeError) as error:
            return Response(str(error), status_code=400)
        return _json(rules.listed())

    async def tasks(self, request: Request) -> Response:
        """What ran, for tests; PUT sets the clock of the schedules forward."""
        account = self.front.account
        if request.method == "PUT":
            try:
                wanted = json.loads(await request.body())
                account.scheduler.advance(float(wanted["advance_seconds"]))
            except (ValueError, TypeError, KeyError) as error:
                return Response(str(error), status_code=400)
        listed = account.scheduler.listed()
        return _json(listed | {"notifications": account.notifications})

    async def nothing(self, _request: Request) -> Response:
        """Success, whatever was asked."""
        return _done()

    def listed(self) -> list[Route]:
        """Paths and methods."""
        return [
            Route("/session/v1/login-request", self.log_in, methods=["POST"]),
            Route("/session/token-request", self.renew, methods=["POST"]),
            Route("/session/heartbeat", self.nothing, methods=["POST"]),
            Route("/session", self.session, methods=["POST"]),
            Route("/queries/v1/query-request", self.query, methods=["POST"]),
            Route("/queries/v1/abort-request", self.abort, methods=["POST"]),
            Route("/queries/{request_id}/result", self.result, methods=["GET"]),
            Route("/telemetry/send", self.nothing, methods=["POST"]),
            Route("/telemetry/send/sessionless", self.nothing, methods=["POST"]),
            Route("/local/faults", self.faults, methods=["GET", "PUT", "DELETE"]),
            Route("/local/tasks", self.tasks, methods=["GET", "PUT"]),
            Route("/local/health", self.nothing, methods=["GET"]),
        ]


async def _wait(front: Front, future: Future[Body], request_id: str) -> Response:
    waiting = asyncio.wrap_future(future)
    try:
        answer = await asyncio.wait_for(asyncio.shield(waiting), front.answer_within)
    except (TimeoutError, FutureTimeout):
        data = {"getResultUrl": f"/queries/{request_id}/result", "queryId": request_id}
        return _json(
            {"data": data, "code": "333334", "message": "Query execution in progress.",
             "success": True}
        )  # fmt: skip
    return _json(answer)


def application(front: Front) -> Starlette:
    """The web application."""
    return Starlette(routes=Routes(front).listed())
