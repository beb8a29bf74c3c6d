"""Asynchronous jobs as Snowflake drives them through the gateway, and accidents."""

import base64
import contextlib
import gzip
import hashlib
import json
import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import psycopg2.extensions
import pytest
import requests
import zstandard

from lambda_extract import contract
from local.aurora import Aurora, create_reader, running_aurora
from local.aws import server as aws
from local.processes import start_module, wait_for_port

BUCKET = "jobs-landing"
PREFIX = "landing/"
# Short, so that a lost worker is found soon; ample for an extraction of a few rows,
# also where six test processes share two cores and a worker starts in seconds.
WORKER_TIMEOUT_SECONDS = 9.0  # Less than a reader's lock_timeout.
GRACE_SECONDS = 0.5
START_SECONDS = 9.0
SILENT_SECONDS = 6.0
BATCH_HEADER = "sf-external-function-query-batch-id"


@dataclass(frozen=True)
class Cloud:
    """The gateway, S3 and PostgreSQL of these tests."""

    url: str
    s3: Any
    aurora: Aurora
    log: Path

    def faults(self, **rules: Any) -> None:
        answer = requests.put(self._faults_url, json=rules, timeout=10)
        assert answer.status_code == 200, answer.text

    @property
    def _faults_url(self) -> str:
        return self.url.rsplit("/", 1)[0] + "/local/faults"

    def post(self, argument: Any, batch_id: str, **options: Any) -> requests.Response:
        body = options.pop("data", json.dumps({"data": [[0, argument]]}))
        headers = {BATCH_HEADER: batch_id} | options.pop("headers", {})
        return requests.post(
            self.url, data=body, headers=headers, timeout=30, **options
        )

    def poll(self, batch_id: str) -> requests.Response:
        """Asks until the answer is not 202, within Snowflake's patience."""
        deadline = time.monotonic() + 60
        while True:
            answer = requests.get(
                self.url, headers={BATCH_HEADER: batch_id}, timeout=30
            )
            if answer.status_code != 202:
                return answer
            assert time.monotonic() < deadline, "no reply"
            time.sleep(0.02)

    def call(self, request: contract.Request, batch_id: str = "") -> contract.Reply:
        """POST, then GETs, as Snowflake does."""
        batch_id = batch_id or uuid.uuid4().hex
        answer = self.post(contract.encode(request), batch_id)
        if answer.status_code == 202:
            answer = self.poll(batch_id)
        return reply_of(answer)

    def keys(self, prefix: str) -> list[str]:
        answer = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=PREFIX + prefix)
        return [item["Key"] for item in answer.get("Contents", [])]

    def events(self) -> list[dict[str, Any]]:
        lines = self.log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]


def reply_of(answer: requests.Response) -> contract.Reply:
    assert answer.status_code == 200, answer.text
    digest = hashlib.md5(answer.content, usedforsecurity=False).digest()
    if "Content-Encoding" not in answer.headers:
        assert (
            answer.headers["x-amzn-Remapped-Content-MD5"]
            == base64.b64encode(digest).decode()
        )
    ((row, value),) = answer.json()["data"]
    assert row == 0
    return contract.decode_reply(value)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("jobs")
    with contextlib.ExitStack() as stack:
        aurora = stack.enter_context(
            running_aurora(folder / "aurora", password="owner-secret")
        )
        aurora.create_database("shop")
        create_reader(aurora.dsn("shop"), password="reader-secret")
        s3_port = start(stack, folder, "aws", "local.aws.server", {})
        cloud_variables = aws.environment(f"http://127.0.0.1:{s3_port}")
        landing = aws.Landing(cloud_variables["AWS_ENDPOINT_URL"], BUCKET, PREFIX)
        aws.make_bucket(landing)
        gateway_port = start(
            stack,
            folder,
            "gateway",
            "local.aws.gateway",
            cloud_variables | settings(aurora),
        )
        s3 = boto3.client("s3", endpoint_url=landing.endpoint_url)
        yield Cloud(
            f"http://127.0.0.1:{gateway_port}/extract",
            s3,
            aurora,
            folder / "gateway.log",
        )


def start(
    stack: contextlib.ExitStack,
    folder: Path,
    name: str,
    module: str,
    environment: dict[str, str],
) -> int:
    port_file = folder / f"{name}.port"
    process = start_module(
        module,
        ["--port", "0", "--port-file", str(port_file)],
        name=name,
        log=folder / f"{name}.log",
        environment=environment,
    )
    stack.callback(process.stop)
    return wait_for_port(port_file, process)


def settings(aurora: Aurora) -> dict[str, str]:
    source = {
        "host": aurora.host,
        "port": aurora.port,
        "dbname": "shop",
        "sslmode": "disable",
        "credentials": {"kind": "environment"},
    }
    sources = {
        "shop": source,
        "wrong-password": source,
        "down": source | {"port": 1},
        "nowhere": source | {"dbname": "nowhere"},
    }
    return {
        "SOURCES": json.dumps(sources),
        "SOURCE_SHOP_USER": "aurora_sync",
        "SOURCE_SHOP_PASSWORD": "reader-secret",
        "SOURCE_WRONG_PASSWORD_USER": "aurora_sync",
        "SOURCE_WRONG_PASSWORD_PASSWORD": "not-the-secret",
        "SOURCE_DOWN_USER": "aurora_sync",
        "SOURCE_NOWHERE_USER": "aurora_sync",
        "SOURCE_NOWHERE_PASSWORD": "reader-secret",
        "LANDING_BUCKET": BUCKET,
        "SIGNING_KEY": "a signing key that is long enough for it",
        "LANDING_PREFIX": PREFIX,
        "WORKER_TIMEOUT_SECONDS": str(WORKER_TIMEOUT_SECONDS),
        "WORKER_GRACE_SECONDS": str(GRACE_SECONDS),
        "WORKER_START_SECONDS": str(START_SECONDS),
        "WORKER_SILENT_SECONDS": str(SILENT_SECONDS),
        "AWS_LAMBDA_FUNCTION_NAME": "extract",
    }


@pytest.fixture
def source(cloud: Cloud) -> Iterator[psycopg2.extensions.connection]:
    with contextlib.closing(cloud.aurora.connect("shop")) as connection:
        yield connection


@pytest.fixture
def orders(source: psycopg2.extensions.connection) -> Iterator[contract.ExtractRequest]:
    """A table of 100 rows and the request for all of them."""
    relation = f"orders_{uuid.uuid4().hex[:8]}"
    with source.cursor() as cursor:
        cursor.execute(f"""
            CREATE TABLE {relation} (
                id bigint PRIMARY KEY,
                note text,
                updated_at timestamptz NOT NULL
            );
            INSERT INTO {relation}
            SELECT i, 'note ' || i, now() - interval '1 hour'
            FROM generate_series(1, 100) AS i;
            CREATE INDEX ON {relation} (updated_at)
            """)
    yield contract.ExtractRequest(
        run_id=uuid.uuid4().hex,
        table=contract.TableSpec("orders", "shop", "public", relation),
        part="w0",
        cursor=contract.CursorSpec("updated_at"),
        window=contract.Window(),
    )
    with source.cursor() as cursor:
        cursor.execute(f"DROP TABLE {relation}")


def extracted(reply: contract.Reply) -> contract.ExtractReply:
    assert isinstance(reply, contract.ExtractReply), reply
    return reply


def failed(reply: contract.Reply) -> contract.ErrorDetail:
    assert isinstance(reply, contract.ErrorReply), reply
    assert reply.error.hint
    return reply.error


def test_an_extraction_lands_exactly_what_its_manifest_says(
    cloud: Cloud, orders: contract.ExtractRequest
) -> None:
    reply = extracted(cloud.call(orders))
    (file,) = reply.files
    body = cloud.s3.get_object(Bucket=BUCKET, Key=PREFIX + file.path)["Body"].read()
    lines = zstandard.ZstdDecompressor().decompressobj().decompress(body).splitlines()
    assert (file.bytes, file.sha256) == (len(body), hashlib.sha256(body).hexdigest())
    assert reply.rows == file.rows == len(lines) == 100
    assert lines[0].startswith(b"1,note 1,")
    folder = re.escape(f"data/orders/{orders.run_id}/w0/")
    assert re.fullmatch(rf"{folder}[0-9a-f]{{16}}-00000\.csv\.zst", file.path)


def test_an_extraction_is_measured_by_its_source(
    cloud: Cloud, orders: contract.ExtractRequest
) -> None:
    """CloudWatch makes metrics of such a line; it has counts, and no value of a row."""
    reply = extracted(cloud.call(orders))
    measured = [line for line in cloud.events() if line["event"] == "measured"][-1]
    assert (measured["source"], measured["table"]) == (orders.table.source, "orders")
    assert (measured["Rows"], measured["Bytes"]) == (reply.rows, reply.bytes)
    assert measured["Failures"] == 0 < measured["Seconds"]
    assert "note" not in json.dumps(measured)


def test_a_post_answers_within_a_second(
    cloud: Cloud, orders: contract.ExtractRequest
) -> None:
    started = time.monotonic()
    answer = cloud.post(contract.encode(orders), uuid.uuid4().hex)
    assert answer.status_code == 202
    assert time.monotonic() - started < 1


def test_a_repeated_post_starts_nothing(
    cloud: Cloud, orders: contract.ExtractRequest
) -> None:
    batch_id = uuid.uuid4().hex
    first = cloud.call(orders, batch_id)
    again = cloud.post(contract.encode(orders), batch_id)
    assert reply_of(again) == first
    started = [
        event
        for event in cloud.events()
        if event["event"] == "worker_started" and event["run_id"] == orders.run_id
    ]
    assert len(started) == 1


def test_an_event_delivered_twice_runs_once(
    cloud: Cloud, orders: contract.ExtractRequest
) -> None:
    cloud.faults(duplicate_events=1)
    extracted(cloud.call(orders))

    def outcomes() -> list[str]:
        return sorted(
            event["event"]
            for event in cloud.events()
            if event.get("run_id") == orders.run_id and "worker" in event["event"]
        )

    deadline = time.monotonic() + 10
    while len(outcomes()) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert outcomes() == ["worker_done", "worker_started", "worker_stopped"]


@pytest.mark.large
def test_lost_workers_are_reported_and_the_next_call_succeeds(
    cloud: Cloud, orders: contract.ExtractRequest
) -> None:
    """All accidents at once, because each one is reported only after its deadline."""
    accidents: dict[str, dict[str, Any]] = {
        "event lost": {"drop_events": 1},
        "killed before its first line": {"kill_worker": [{"at": "start"}]},
        "killed in the middle": {"kill_worker": [{"at": "bytes", "bytes": 500}]},
        "killed before its reply": {"kill_worker": [{"at": "before_reply"}]},
    }
    batches = {}
    for place, (name, rules) in enumerate(accidents.items()):
        cloud.faults(**rules)
        batches[name] = uuid.uuid4().hex
        request = contract.encode(replace(orders, part=f"w{place}"))
        assert cloud.post(request, batches[name]).status_code == 202
    for name, batch_id in batches.items():
        error = failed(reply_of(cloud.poll(batch_id)))
        assert (error.code, error.retryable) == ("worker_lost", True), name
    assert extracted(cloud.call(replace(orders, part="again"))).rows == 100


def test_a_worker_killed_after_its_reply_is_no_failure(
    cloud: Cloud, orders: contract.ExtractRequest
) -> None:
    cloud.faults(kill_worker=[{"at": "after_reply"}])
    assert extracted(cloud.call(orders)).rows == 100


def test_a_worker_that_cannot_be_started_is_told_at_once_and_again(
    cloud: Cloud, orders: contract.ExtractRequest
) -> None:
    # boto3 itself tries three times.
    cloud.faults(fail_invokes=3)
    batch_id = uuid.uuid4().hex
    answer = cloud.post(contract.encode(orders), batch_id)
    error = failed(reply_of(answer))
    assert (error.code, error.retryable) == ("worker_start_failed", True)
    assert failed(reply_of(cloud.poll(batch_id))) == error


def test_a_lost_http_answer_is_made_good_by_repeating(
    cloud: Cloud, orders: contract.ExtractRequest
) -> None:
    cloud.faults(lose_replies=1)
    batch_id = uuid.uuid4().hex
    assert cloud.post(contract.encode(orders), batch_id).status_code == 502
    assert cloud.post(contract.encode(orders), batch_id).status_code in (200, 202)
    assert extracted(reply_of(cloud.poll(batch_id))).rows == 100


@pytest.mark.large
def test_a_slow_worker_is_killed_at_the_time_out(
    cloud: Cloud,
    orders: contract.ExtractRequest,
    source: psycopg2.extensions.connection,
) -> None:
    with source.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(f"LOCK TABLE {orders.table.relation}")
        error = failed(cloud.call(orders))
        cursor.execute("ROLLBACK")
    assert error.code == "worker_lost"
    assert f"{WORKER_TIMEOUT_SECONDS:g} s" in error.message


def test_packed_and_oddly_written_requests_are_understood(
    cloud: Cloud, orders: contract.ExtractRequest
) -> None:
    body = gzip.compress(json.dumps({"data": [[0, contract.encode(orders)]]}).encode())
    batch_id = "a batch/with: odd=characters?&%"
    answer = cloud.post(
        None,
        batch_id,
        data=body,
        headers={"Content-Encoding": "gzip", "SF-External-Function-Format": "json"},
    )
    assert answer.status_code == 202
    assert extracted(reply_of(cloud.poll(batch_id))).rows == 100


@pytest.mark.parametrize(
    ("source_name", "code", "retryable"),
    [
        ("wrong-password", "source_authentication", False),
        ("down", "source_unreachable", True),
        ("nowhere", "database_not_found", False),
        ("unheard-of", "unknown_source", False),
    ],
)
def test_sources_that_do_not_work_say_why(
    cloud: Cloud,
    orders: contract.ExtractRequest,
    source_name: str,
    code: str,
    retryable: bool,
) -> None:
    table = replace(orders.table, source=source_name)
    error = failed(cloud.call(replace(orders, table=table)))
    assert (error.code, error.retryable) == (code, retryable)
    assert "secret" not in error.message


@pytest.mark.parametrize(
    ("argument", "code"),
    [
        (None, "bad_request"),
        ("not json", "bad_request"),
        ('{"version": 99, "op": "extract"}', "unsupported_version"),
        ('{"version": 1, "op": "drop"}', "bad_request"),
        ('{"version": 1, "op": "health", "run_id": "r", "sql": "x"}', "bad_request"),
        ({"version": 1, "op": "health", "run_id": "r"}, "bad_request"),
    ],
)
def test_malformed_requests_are_refused_at_once(
    cloud: Cloud, argument: Any, code: str
) -> None:
    error = failed(reply_of(cloud.post(argument, uuid.uuid4().hex)))
    assert (error.code, error.retryable) == (code, False)


def test_health_tells_the_server_version(cloud: Cloud) -> None:
    reply = cloud.call(contract.HealthRequest("r1", "shop"))
    assert isinstance(reply, contract.HealthReply)
    assert reply.server_version.startswith("18")


def test_the_log_has_no_secret_and_no_row_value(
    cloud: Cloud, orders: contract.ExtractRequest
) -> None:
    extracted(cloud.call(orders))
    text = cloud.log.read_text()
    assert orders.run_id in text
    for hidden in ("reader-secret", "not-the-secret", "note 1", "SELECT", "COPY"):
        assert hidden not in text


def test_an_unknown_batch_is_answered(cloud: Cloud) -> None:
    assert failed(reply_of(cloud.poll(uuid.uuid4().hex))).code == "worker_lost"
