"""What strangers can reach, and what each may do with any input: refuse, in one way.

None may raise anything but its own refusal, answer a 5xx, hang, or take memory.
"""

import base64
import contextlib
import dataclasses
import gzip
import io
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
from hypothesis import strategies as st

from lambda_extract import contract, contract_paths, settings
from lambda_extract import handler as handling
from lambda_extract.credentials import secrets
from lambda_extract.errors import (
    CredentialsError,
    JobError,
    RequestError,
    error_reply,
)
from lambda_extract.protocol import envelope, jobs
from scripts.fuzz_inputs import HOSTILE, VALUES, changed, spoiled, texts_of
from snowpark.errors import SyncError
from snowpark.extraction import ask
from snowpark.settings import parse

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = {
    "LANDING_BUCKET": "landing",
    "SIGNING_KEY": "a signing key that is long enough for it",
    "AWS_LAMBDA_FUNCTION_NAME": "extract",
    "SOURCES": "{}",
}
TABLE = contract.TableSpec("orders", "shop", "public", "orders")
EXTRACT = contract.ExtractRequest(
    "r1",
    TABLE,
    "p1",
    cursor=contract.CursorSpec("updated_at"),
    window=contract.Window(contract.CursorValue("1", "bigint")),
)
REQUESTS: list[dict[str, Any]] = [
    contract.to_object(request)
    for request in (
        contract.HealthRequest("r1", "shop"),
        contract.PlanRequest("r1", TABLE, cursor=contract.CursorSpec("updated_at")),
        contract.KeysRequest("r1", TABLE, "p1", contract.Partition("p1", ("id",))),
        EXTRACT,
        contract.GroupRequest(
            "r1",
            (contract.GroupPart(TABLE, "p1", partition=contract.Partition("p1")),),
        ),
        contract.DiscoverRequest("r1", "shop", ("public.*",)),
        contract.CaptureRequest(
            "r1",
            "shop",
            contract.LogSpec("aurora_sync_shop", "aurora_sync_shop"),
            "c1",
            (contract.CaptureTable("orders", "public", "orders", ("id",)),),
            "0/1",
        ),
    )
]
CONFIG = json.loads((ROOT / "config" / "sync_config.json").read_text(encoding="utf-8"))
_COLUMN = contract.Column("id", "bigint", "NUMBER(19,0)")
_FILE = contract.place_of(EXTRACT).prefix(1) + "00000.csv.zst"
REPLIES: list[dict[str, Any]] = [
    contract.to_object(reply)
    for reply in (
        contract.ExtractReply(
            run_id="r1",
            part="p1",
            extracted_at="2026-01-01 00:00:00+00",
            columns=(_COLUMN,),
            key=("id",),
            files=(contract.File(_FILE, 1, 1, "0" * 64, "0" * 32),),
            rows=1,
            bytes=1,
        ),
        error_reply("r1", "extract", JobError("worker_lost", "It is gone.")),
    )
]
CLAIM = dataclasses.asdict(
    jobs.Claim(0, "r1", "health", "", json.dumps(REQUESTS[0]), 1.0)
)
SOURCES = {
    "shop": {
        "host": "h",
        "port": 5432,
        "dbname": "shop",
        "sslmode": "verify-full",
        "tables": ["public.*"],
        "owners": ["shop"],
        "required_protection": [
            {"table": "public.*", "column": "email", "protect": "hash"}
        ],
        "credentials": {"kind": "vault", "url": "https://v", "engine": "kv"},
    }
}
SECRET = {"username": "reader", "password": "Pa55word-7", "hash_key": "k" * 32}


class _MemoryJobs:
    """Job objects in memory: what S3 does is not what is tried here."""

    def __init__(self) -> None:
        self._claims: set[str] = set()

    def claim(self, job: str, row: int, request: contract.Request) -> bool:
        new = job not in self._claims
        self._claims.add(job)
        return new

    def reply(self, job: str, *, hold_seconds: float = 0.0) -> jobs.JobReply | None:
        return None


class _OneObject:
    """An S3 that has one text under every name; a write meets what is there."""

    def __init__(self) -> None:
        self.body = b""

    def get_object(self, **_: Any) -> dict[str, Any]:
        return {"Body": io.BytesIO(self.body)}


class _OneSecret:
    """A Secrets Manager that has one text under every name."""

    text = ""

    def get_secret_value(self, **_: Any) -> dict[str, Any]:
        return {"SecretString": self.text}


_SECRETS = _OneSecret()
_SOURCE = settings.Source(
    "shop", "h", "shop", {"kind": "secrets_manager", "secret_id": "s"}
)
_S3 = _OneObject()
_JOBS = jobs.Jobs(s3=_S3, settings=settings.read_settings(ENVIRONMENT))
_JOB = jobs.job_key("batch")


@st.composite
def _events(draw: st.DrawFn) -> dict[str, Any]:
    """An event of API Gateway, with a forged, packed, cut or malformed part."""
    argument = draw(texts_of(REQUESTS) | st.sampled_from(REQUESTS).flatmap(changed))
    rows = draw(st.just([[0, argument]]) | VALUES)
    body: Any = json.dumps(draw(st.just({"data": rows}) | VALUES))
    form = draw(st.sampled_from(["text", "gzip", "cut", "base64", "raw"]))
    packed = form in ("gzip", "cut", "base64")
    if packed:
        data = gzip.compress(body.encode(), 1) if form != "base64" else body.encode()
        if form == "cut":
            data = data[: draw(st.integers(0, len(data)))]
        body = base64.b64encode(data).decode()
    elif form == "raw":
        body = draw(st.none() | st.text(max_size=20) | HOSTILE)
    names = st.sampled_from(
        [
            "sf-external-function-query-batch-id",
            "SF-External-Function-Query-Batch-Id",
            "content-encoding",
            "accept-encoding",
            "x-forwarded-for",
        ]
    )
    headers = draw(
        st.just({envelope.BATCH_ID_HEADER: "b"})
        | st.dictionaries(names, st.text(max_size=9) | st.just("gzip") | HOSTILE)
    )
    method = draw(st.sampled_from(["POST", "POST", "GET", "PUT", "", None]))
    event: dict[str, Any] = {
        "httpMethod": method,
        "headers": headers,
        "body": body,
        "isBase64Encoded": packed,
    }
    forged: dict[str, Any] = draw(st.sampled_from([{}, {"job": "x"}, {"watchdog": {}}]))
    return event | forged


def try_event(event: dict[str, Any]) -> None:
    """Sends an event to the handler; it answers, never with a 5xx or a 429."""
    status = handling.handler(event, None)["statusCode"]
    assert status in (200, 202, 400), status


def try_body(text: str) -> None:
    """Sends a text as the body of a request."""
    headers = {envelope.BATCH_ID_HEADER: "b"}
    try_event({"httpMethod": "POST", "headers": headers, "body": text})


def try_request(text: str) -> None:
    """Decodes a request; what is decoded can be encoded and is the same."""
    try:
        request = contract.decode_request(text)
    except contract.ContractError:
        return
    assert contract.decode_request(contract.encode(request)) == request


def try_config(text: str) -> None:
    """Parses a configuration, or is refused by the one error that lists problems."""
    with contextlib.suppress(SyncError):
        parse.parse(text)


def try_manifest(text: str) -> None:
    """Decodes a reply as the procedures do; no file of another request is passed."""
    try:
        reply = ask._decoded(text)
        ask.check_files(EXTRACT, reply)
    except SyncError:
        return
    assert contract.decode_reply(contract.encode(reply)) == reply
    if isinstance(reply, contract.ExtractReply):
        folder = _FILE.rpartition("/")[0] + "/"
        assert all(file.path.startswith(folder) for file in reply.files), "others' file"


def try_job_object(text: str) -> None:
    """Reads job objects that hold any text: signed by the functions, and not."""
    # S3 gives octets, which are read as UTF-8: half of a pair never comes out.
    text = text.encode("utf-8", "replace").decode()
    for name in ("claim.json", "reply.json", "started.json"):
        signature = _JOBS.objects._signature(f"{_JOB}/{name}", text)
        for first in (signature + "\n", ""):
            _S3.body = (first + text).encode()
            with contextlib.suppress(JobError):
                _READ[name](first + text)


_READ: dict[str, Callable[[str], Any]] = {
    "claim.json": lambda _: _JOBS.read_claim(_JOB),
    "reply.json": lambda _: _JOBS._read_reply(_JOB),
    "started.json": lambda text: jobs._started_at(_JOB, text.partition("\n")[2]),
}


def try_sources(text: str) -> None:
    """Parses the sources of a deployment."""
    with contextlib.suppress(RequestError):
        settings.parse_sources(text)


def try_secret(text: str) -> None:
    """Takes login and hash key out of a secret, and puts nothing of it into errors."""
    _SECRETS.text = text
    try:
        secrets._READERS["secrets_manager"](_SOURCE, _SOURCE.credentials)
    except CredentialsError as error:
        shown = str(error)
        assert SECRET["password"] not in shown and SECRET["hash_key"] not in shown
        assert len(shown) < 500, "a secret's text is in the error"


def try_path(text: str) -> None:
    """Judges a path of the bucket; what is a table's lies in its own folder."""
    found = contract_paths.piped_file(text, "orders")
    assert found is None or text.startswith("pipe/orders/"), "another folder's file"


@dataclass(frozen=True)
class Target:
    """One door.

    Attributes:
        name: As printed, and the folder of its corpus.
        inputs: What hypothesis draws.
        attempt: Tries one input.
        share: Of all inputs.
        variants: How many spoiled forms of each drawn text are tried, too.
    """

    name: str
    inputs: st.SearchStrategy[Any]
    attempt: Callable[[Any], None]
    share: float
    variants: int = 0


_PATHS = st.sampled_from([_FILE, _FILE.replace("data/", "pipe/", 1)]).flatmap(spoiled)
_BODIES = st.sampled_from([{"data": [[0, json.dumps(r)]]} for r in REQUESTS])
_JOB_TEXTS = [CLAIM, {"started_at": 1.0}, *({"row": 0, "reply": r} for r in REPLIES)]
TARGETS = (
    Target("events", _events(), try_event, 0.04),
    Target("bodies", _BODIES.map(json.dumps), try_body, 0.2, 99),
    Target("requests", texts_of(REQUESTS), try_request, 0.2, 49),
    Target("configurations", texts_of([CONFIG]), try_config, 0.03, 9),
    Target("manifests", texts_of(REPLIES), try_manifest, 0.2, 49),
    Target("jobs", texts_of(_JOB_TEXTS), try_job_object, 0.13, 49),
    Target("sources", texts_of([SOURCES]), try_sources, 0.08, 49),
    Target("secrets", texts_of([SECRET]), try_secret, 0.08, 49),
    Target("paths", _PATHS, try_path, 0.04, 49),
)


@contextlib.contextmanager
def surroundings() -> Iterator[None]:
    """The function's environment; its log is read: no line is forged."""
    memory = _MemoryJobs()
    with (
        mock.patch.object(handling, "_jobs", lambda settings: memory),
        mock.patch.object(handling, "_start_worker", lambda *arguments: None),
        mock.patch.object(handling, "_start_group", lambda *arguments: None),
        mock.patch.object(boto3, "client", lambda *names, **options: _SECRETS),
        mock.patch.dict(os.environ, ENVIRONMENT),
        contextlib.redirect_stdout(io.StringIO()) as told,
    ):
        yield
        for line in told.getvalue().splitlines():
            # One JSON object a line, whatever the input holds: no forged log lines.
            assert "event" in json.loads(line)
