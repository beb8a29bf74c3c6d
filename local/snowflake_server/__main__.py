"""python -m local.snowflake_server --port 0 --port-file FILE: runs until stopped."""

from __future__ import annotations

import argparse
import logging
import os
import socket
import sys
import tempfile
import threading
import warnings
from pathlib import Path

import snowflake.connector
import uvicorn

from local.snowflake_server.code.sessions import Carriers
from local.snowflake_server.engine import Settings
from local.snowflake_server.requests import add_runner, answer, open_account
from local.snowflake_server.server import ANSWER_WITHIN_SECONDS, Front, application

_READY_SESSIONS = 2


def main(arguments: list[str]) -> None:
    """Serve on the loopback address."""
    given = _parser().parse_args(arguments)
    # DuckDB remarks on every Arrow result of a cursor.
    warnings.filterwarnings("ignore", message="Arrow output on a DB-API result")
    # The connector would ask the name server for clouds' addresses: up to 5 s.
    os.environ["SNOWFLAKE_DISABLE_PLATFORM_DETECTION"] = "true"
    logging.getLogger("snowflake").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="snowflake-") as scratch:
        _serve(given, Path(given.home or scratch))


def _serve(given: argparse.Namespace, home: Path) -> None:
    settings = Settings(
        home=home,
        queries_file=Path(given.queries_file) if given.queries_file else None,
        lock_timeout_seconds=given.lock_timeout,
    )
    account = open_account(settings)
    front = Front(
        account=account,
        user=given.user,
        password=given.password,
        answer_within=given.answer_within,
    )
    # asyncio sends small packets at once only if the protocol is named: 40 ms each.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((given.host, given.port))
    listener.listen(256)
    host, port = listener.getsockname()[:2]

    def connect() -> snowflake.connector.SnowflakeConnection:
        return snowflake.connector.connect(
            host=host,
            port=port,
            protocol="http",
            account="local",
            user=given.user or "local",
            password=given.password or "local",
            paramstyle="qmark",
            session_parameters={"PYTHON_CONNECTOR_QUERY_RESULT_FORMAT": "arrow"},
        )

    carriers = Carriers(
        serve=lambda session, body: answer(account, session, body), connect=connect
    )
    add_runner(account, carriers)
    config = uvicorn.Config(
        application(front),
        log_level="warning",
        access_log=False,
        lifespan="off",
    )
    server = uvicorn.Server(config)
    warm = threading.Thread(
        target=carriers.warm_up, args=(_READY_SESSIONS,), daemon=True
    )
    warm.start()
    if given.port_file:
        part = Path(given.port_file).with_suffix(".part")
        part.write_text(str(port))
        part.rename(given.port_file)
    server.run(sockets=[listener])
    account.scheduler.stop()
    front.pool.shutdown(wait=False, cancel_futures=True)
    account.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.snowflake_server", description=__doc__
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--port-file", help="the port is written here when it is open")
    parser.add_argument(
        "--queries-file", help="query history, one JSON object per line"
    )
    parser.add_argument("--home", help="folder for stages and code; default: temporary")
    parser.add_argument("--user", help="the only user who may log in; default: anybody")
    parser.add_argument("--password", help="their password; default: any")
    parser.add_argument("--lock-timeout", type=float, default=60.0, help="seconds")
    parser.add_argument(
        "--answer-within",
        type=float,
        default=ANSWER_WITHIN_SECONDS,
        help="seconds after which a client is told to ask again",
    )
    return parser


if __name__ == "__main__":
    main(sys.argv[1:])
