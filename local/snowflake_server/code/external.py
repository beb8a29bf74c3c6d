"""External functions, with the asynchronous protocol that Snowflake really uses."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pyarrow
import urllib3
from sqlglot import exp

from local.snowflake_server.code.arguments import (
    Argument,
    read_arguments,
    read_type_text,
)
from local.snowflake_server.core.catalog import Thing
from local.snowflake_server.core.errors import (
    SnowflakeError,
    compilation,
    exists,
    missing,
    unsupported,
)
from local.snowflake_server.core.names import Name, shown
from local.snowflake_server.core.results import Result, status
from local.snowflake_server.core.scan import Scanner, one_of
from local.snowflake_server.core.statement import Statement
from local.snowflake_server.core.types import read_type
from local.snowflake_server.engine import Account
from local.snowflake_server.sql.functions import CONTEXT

WHOLE_CALL_SECONDS = 600.0
LONGEST_DELAY_SECONDS = 2.0
LARGEST_REPLY_BYTES = 10 * 1024 * 1024
_THREADS = 64


@dataclass(frozen=True)
class ExternalFunction:
    """A function whose rows travel to an HTTP service."""

    name: Name
    arguments: tuple[Argument, ...]
    returns: exp.DataType
    integration: str
    url: str
    headers: dict[str, str]
    context_headers: tuple[str, ...]
    compression: str
    comment: str = ""
    owner: str = ""
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def described(self) -> dict[str, Any]:
        """What DESCRIBE FUNCTION prints."""
        return {"name": self.name, "returns": self.returns, "body": self.url}


_OPTIONS = {
    "COMMENT": Scanner.string,
    "API_INTEGRATION": Scanner.identifier,
    "MAX_BATCH_ROWS": Scanner.number,
    "COMPRESSION": one_of("AUTO", "GZIP", "NONE", "DEFLATE"),
    "HEADERS": lambda scanner: dict(scanner.listed(_header)),
    "CONTEXT_HEADERS": lambda scanner: tuple(scanner.listed(Scanner.word)),
}


def _header(scanner: Scanner) -> tuple[str, str]:
    key = scanner.string()
    scanner.expect("=")
    return key, scanner.string()


def create(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """CREATE EXTERNAL FUNCTION."""
    replaced = scanner.take("OR", "REPLACE")
    scanner.expect("EXTERNAL", "FUNCTION")
    session = statement.session
    name = account.name(session, scanner.path())
    arguments = read_arguments(scanner)
    scanner.expect("RETURNS")
    returns = read_type_text(scanner)
    _clauses(scanner)
    options = scanner.options(_OPTIONS)
    scanner.expect("AS")
    url = scanner.string()
    scanner.end()
    if "API_INTEGRATION" not in options:
        raise compilation("Missing option(s): [API_INTEGRATION]", code=2029)
    if read_type(returns).base != "VARIANT":
        raise unsupported("an external function that does not return VARIANT")
    if options.get("MAX_BATCH_ROWS") != 1:
        raise unsupported("MAX_BATCH_ROWS other than 1")
    check_url(account, options["API_INTEGRATION"], url)

    def work(_connection: object) -> Result:
        account.catalog.check_schema(name.database, name.schema)
        group = account.catalog.in_schema["FUNCTION"]
        if name in group and not replaced:
            raise exists(str(name))
        account.catalog.forget_grants("FUNCTION", name)  # it has no COPY GRANTS
        group[name] = ExternalFunction(
            name=name,
            arguments=arguments,
            returns=returns,
            integration=options["API_INTEGRATION"],
            url=url,
            headers=options.get("HEADERS", {}),
            context_headers=options.get("CONTEXT_HEADERS", ()),
            compression=options.get("COMPRESSION", "AUTO"),
            comment=options.get("COMMENT", ""),
            owner=session.role,
        )
        return status(f"Function {name.name} successfully created.")

    return account.ddl(session, work)


def _clauses(scanner: Scanner) -> None:
    """NULL handling and volatility, which have no '='."""
    while True:
        if scanner.take("NOT", "NULL") or scanner.take("NULL"):
            continue
        if scanner.take("CALLED", "ON", "NULL", "INPUT"):
            continue
        if scanner.take("VOLATILE"):
            continue
        if scanner.peek() in ("IMMUTABLE", "STRICT", "RETURNS"):
            raise unsupported(f"{scanner.peek()} of an external function")
        return


def check_url(account: Account, integration: str, url: str) -> Thing:
    """The integration, if it allows the URL.

    Raises:
        SnowflakeError: It does not exist, is disabled, or does not allow the URL.
    """
    found = account.catalog.in_account["INTEGRATION"].get(integration)
    if found is None or found.properties["SORT"] != "API":
        raise missing("Integration", shown(integration))
    if not found.properties["ENABLED"]:
        raise compilation(f"API integration '{integration}' is not enabled.", code=390)
    if not any(url.startswith(p) for p in found.properties["API_ALLOWED_PREFIXES"]):
        raise compilation(
            f"Location '{url}' is not allowed by integration '{integration}'.",
            code=3167,
        )
    return found


def drop(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """DROP FUNCTION [IF EXISTS] name(types)."""
    scanner.expect("FUNCTION")
    if_exists = scanner.take("IF", "EXISTS")
    name = account.name(statement.session, scanner.path())
    scanner.listed(Scanner.word)
    scanner.end()

    def work(_connection: object) -> Result:
        if if_exists and name not in account.catalog.in_schema["FUNCTION"]:
            return status("Drop statement executed successfully.")
        account.catalog.thing("FUNCTION", name)
        del account.catalog.in_schema["FUNCTION"][name]
        account.catalog.forget_grants("FUNCTION", name)
        return status(f"{name.name} successfully dropped.")

    return account.ddl(statement.session, work)


def install(account: Account) -> None:
    """Teach DuckDB to call external functions: all rows at once, each its own batch."""
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="external")
    http = urllib3.PoolManager(maxsize=_THREADS, retries=False)

    def column(
        names: pyarrow.ChunkedArray,
        queries: pyarrow.ChunkedArray,
        arguments: pyarrow.ChunkedArray,
    ) -> Any:
        rows = zip(
            names.to_pylist(), queries.to_pylist(), arguments.to_pylist(), strict=True
        )
        futures = [
            pool.submit(_one, account, http, name, query, given)
            for name, query, given in rows
        ]
        return pyarrow.array([f.result() for f in futures], pyarrow.string())

    options: dict[str, Any] = {"type": "arrow", "null_handling": "special"}
    account.duck.create_function(
        "_external",
        column,
        ["VARCHAR", "VARCHAR", "VARCHAR"],
        "VARCHAR",
        side_effects=True,
        **options,
    )


def _one(
    account: Account, http: urllib3.PoolManager, name: str, query: str, given: str
) -> str | None:
    try:
        function = account.catalog.thing("FUNCTION", Name(*Scanner(name).path()))
        check_url(account, function.integration, function.url)
        call = Call(
            http=http,
            function=function,
            query_id=query,
            first_delay=account.settings.start_poll_seconds,
        )
        return call.run(json.loads(given))
    except SnowflakeError as error:
        account.external_errors[query] = error
        raise


@dataclass
class Call:
    """One batch of one row: POST, then GET until there is an answer."""

    http: urllib3.PoolManager
    function: ExternalFunction
    query_id: str
    first_delay: float
    batch_id: str = field(default_factory=lambda: str(uuid4()))

    def run(self, arguments: list[Any]) -> str | None:
        """The JSON text of the returned value.

        Raises:
            SnowflakeError: Time is up, or the answer is not what it must be.
        """
        body = json.dumps({"data": [[0, *arguments]]}, ensure_ascii=False).encode()
        if self.function.compression in ("AUTO", "GZIP"):
            body = gzip.compress(body, compresslevel=1)
        deadline = time.monotonic() + WHOLE_CALL_SECONDS
        delay = self.first_delay
        payload: bytes | None = body
        while True:
            code, answer, last = self._send(payload, deadline)
            if code == 200:
                return self._value(answer)
            if code == 202:
                payload = None
            elif code not in (0, 429) and code < 500:
                raise self._error(f"{code} with body: {answer[:2000]!r}")
            if time.monotonic() + delay > deadline:
                raise self._error(
                    f"timed out after {WHOLE_CALL_SECONDS:g} s. Last answer: {last}"
                )
            time.sleep(delay)
            delay = min(delay * 1.5, LONGEST_DELAY_SECONDS)

    def _send(self, payload: bytes | None, deadline: float) -> tuple[int, bytes, str]:
        left = max(1.0, deadline - time.monotonic())
        try:
            response = self.http.request(
                "GET" if payload is None else "POST",
                self.function.url,
                body=payload,
                headers=self._headers(payload),
                timeout=urllib3.Timeout(connect=10, read=min(left, 30)),
                preload_content=False,
                decode_content=False,
                redirect=False,
            )
            raw = response.read()
            encoding = response.headers.get("Content-Encoding", "")
            response.release_conn()
        except urllib3.exceptions.HTTPError as error:
            return 0, b"", f"network error: {error}"
        answer = gzip.decompress(raw) if encoding.lower() == "gzip" else raw
        if response.status == 200:
            self._check_digest(response.headers.get("Content-MD5"), raw, answer)
        return response.status, answer, f"HTTP {response.status}: {answer[:500]!r}"

    def _headers(self, payload: bytes | None) -> dict[str, str]:
        function = self.function
        signature = ", ".join(f"{a.name} {a.type.base}" for a in function.arguments)
        texts = {
            "name": function.name.name,
            "signature": f"({signature})",
            "return-type": function.returns.sql(dialect="snowflake"),
        }
        headers = {
            "Content-Type": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": "snowflake/1.0",
            "sf-external-function-format": "json",
            "sf-external-function-format-version": "1.0",
            "sf-external-function-current-query-id": self.query_id,
            "sf-external-function-query-batch-id": self.batch_id,
        }
        for key, text in texts.items():
            headers[f"sf-external-function-{key}"] = text
            coded = base64.b64encode(text.encode()).decode()
            headers[f"sf-external-function-{key}-base64"] = coded
        for key, value in function.headers.items():
            headers[f"sf-custom-{key}"] = value
        for key in function.context_headers:
            if key not in CONTEXT and key != "CURRENT_TIMESTAMP":
                raise self._error(f"unknown context header {key}")
            headers[f"sf-context-{key.lower().replace('_', '-')}"] = "LOCAL"
        if payload is not None and payload[:2] == b"\x1f\x8b":
            headers["Content-Encoding"] = "gzip"
        return headers

    def _check_digest(self, given: str | None, raw: bytes, answer: bytes) -> None:
        if given is None:
            return
        digests = {
            base64.b64encode(hashlib.md5(b).digest()).decode() for b in (raw, answer)
        }
        if given not in digests:
            raise self._error("the response does not match its Content-MD5 header")

    def _value(self, answer: bytes) -> str | None:
        if len(answer) > LARGEST_REPLY_BYTES:
            raise self._error("the response is larger than 10 MB")
        try:
            data = json.loads(answer)["data"]
            ((number, value),) = data
        except (ValueError, KeyError, TypeError) as error:
            raise self._error(
                f"invalid response: {answer[:500]!r} ({error})"
            ) from error
        if number != 0:
            raise self._error(f"row number 0 was expected, got {number!r}")
        return None if value is None else json.dumps(value, ensure_ascii=False)

    def _error(self, what: str) -> SnowflakeError:
        return SnowflakeError(
            2147,
            "42601",
            f"Request failed for external function {self.function.name.name} with "
            f"remote service error: {what}; requests batch-id: {self.batch_id}; "
            f"request URL: {self.function.url}",
        )
