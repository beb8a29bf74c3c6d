"""Attacker: who has the keys of the role that may call the API.

Each attack is a proxy event of API Gateway, answered by the function as it is deployed;
its workers run as Lambda would run them. What the attacker gets are manifests: rows go
into the bucket, which that role cannot read.
"""

import contextlib
import gzip
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg2.extensions
import pytest

from lambda_extract import contract
from lambda_extract import handler as handling
from lambda_extract.credentials import secrets
from lambda_extract.errors import ExtractError
from lambda_extract.protocol.envelope import BATCH_ID_HEADER, MAX_BODY_BYTES
from lambda_extract.settings import read_settings
from local.aurora import Aurora
from tests.unit.lambda_extract.conftest import HASH_KEY, READER
from tests.unit.lambda_extract.protocol.test_jobs import s3

__all__ = ["s3"]

SECRET = "Planted-salary-91827"


@dataclass
class Caller:
    """Signs as Snowflake's role: any body and any header that it likes."""

    s3: Any
    schema: str
    invoked: list[dict[str, Any]] = field(default_factory=list)

    def event(self, body: str, batch: str, **fields: Any) -> dict[str, Any]:
        return {
            "httpMethod": "POST",
            "headers": {BATCH_ID_HEADER: batch},
            "body": body,
            **fields,
        }

    def send(self, event: dict[str, Any]) -> dict[str, Any]:
        """Sends an event, and lets every worker run that it starts."""
        answer = handling.handler(event, None)
        while self.invoked:
            handling.handler(self.invoked.pop(0), None)
        return answer

    def post(self, request: Any, batch: str = "") -> contract.Reply:
        """Posts a request, and asks for its reply."""
        batch = batch or uuid.uuid4().hex
        text = request if isinstance(request, str) else contract.encode(request)
        answer = self.send(self.event(json.dumps({"data": [[0, text]]}), batch))
        if answer["statusCode"] == 202:
            answer = self.poll(batch)
        ((_, reply),) = json.loads(answer["body"])["data"]
        return contract.decode_reply(reply)

    def poll(self, batch: str) -> dict[str, Any]:
        event = {"httpMethod": "GET", "headers": {BATCH_ID_HEADER: batch}}
        return handling.handler(event, None)

    def refused(self, request: Any) -> str:
        reply = self.post(request)
        assert isinstance(reply, contract.ErrorReply), reply
        assert SECRET not in contract.encode(reply)
        return reply.error.code

    def spec(self, relation: str = "orders", **fields: Any) -> contract.TableSpec:
        return contract.TableSpec("t", "shop", self.schema, relation, **fields)

    def files(self) -> set[str]:
        found = self.s3.list_objects_v2(Bucket="landing").get("Contents", [])
        return {item["Key"] for item in found if "/jobs/" not in item["Key"]}


@pytest.fixture
def caller(
    aurora: Aurora,
    owner: psycopg2.extensions.connection,
    s3: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Caller]:
    schema = f"s_{uuid.uuid4().hex[:8]}"
    with owner.cursor() as cursor:
        cursor.execute(f"""
            CREATE SCHEMA {schema};
            GRANT USAGE ON SCHEMA {schema} TO {READER};
            CREATE TABLE {schema}.orders (id int PRIMARY KEY, note text,
                salary text, fired bool, seen timestamptz DEFAULT now());
            INSERT INTO {schema}.orders VALUES (1, 'a', '{SECRET}', TRUE);
            CREATE TABLE {schema}.payroll (id int PRIMARY KEY, note text);
            INSERT INTO {schema}.payroll VALUES (1, '{SECRET}');
            GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {READER}
            """)
    source = {
        "host": "127.0.0.1",
        "port": aurora.port,
        "dbname": "shop",
        "sslmode": "disable",
        "credentials": {"kind": "environment"},
        "tables": [f"{schema}.orders"],
        "required_protection": [
            {"table": "*.orders", "column": column, "protect": "exclude"}
            for column in ("salary", "fired", "seen")
        ],
    }
    for name, value in {
        "LANDING_BUCKET": "landing",
        "LANDING_PREFIX": "prod",
        "SIGNING_KEY": "s" * 32,
        "AWS_LAMBDA_FUNCTION_NAME": "worker",
        "SOURCES": json.dumps({"shop": source, "other": source}),
        "SOURCE_SHOP_USER": READER,
        "SOURCE_SHOP_PASSWORD": "none is asked for",
        "SOURCE_SHOP_HASH_KEY": HASH_KEY,
    }.items():
        monkeypatch.setenv(name, value)
    found = Caller(s3, schema)

    def invoke(settings: Any, job: str, **more: int) -> None:
        found.invoked.append({"job": job, **more})

    monkeypatch.setattr(handling, "_invoke", invoke)
    monkeypatch.setattr(handling, "_client", lambda service: s3)
    yield found
    for shop in read_settings({**source_environment(source)}).sources.values():
        secrets.forget(shop)
    with owner.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA {schema} CASCADE")


def source_environment(source: dict[str, Any]) -> dict[str, str]:
    return {
        "LANDING_BUCKET": "b",
        "SIGNING_KEY": "s" * 32,
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "SOURCES": json.dumps({"shop": source}),
    }


HIDDEN = ("salary", "fired", "seen")
WHOLE = contract.Partition("p1")


def rows(spec: contract.TableSpec, **fields: Any) -> contract.ExtractRequest:
    return contract.ExtractRequest("r1", spec, "p1", partition=WHOLE, **fields)


def grouped(*specs: contract.TableSpec, **fields: Any) -> contract.GroupRequest:
    parts = tuple(
        contract.GroupPart(spec, f"p{number}", partition=WHOLE)
        for number, spec in enumerate(specs)
    )
    return contract.GroupRequest("r1", parts, **fields)


def test_what_is_allowed_is_answered(caller: Caller) -> None:
    reply = caller.post(rows(caller.spec(exclude=HIDDEN)))
    assert isinstance(reply, contract.ExtractReply) and reply.rows == 1
    assert SECRET not in contract.encode(reply) and len(caller.files()) == 1
    group = caller.post(grouped(caller.spec(exclude=HIDDEN)))
    assert isinstance(group, contract.GroupReply)
    assert [part.error for part in group.parts] == [None]


# --- other tables, other sources ------------------------------------------------------


def test_a_table_off_the_allow_list_is_read_by_no_operation(caller: Caller) -> None:
    spec = caller.spec("payroll")
    digest = contract.DigestRequest("r1", spec, WHOLE, ("note",), ("id",))
    for request in (
        rows(spec),
        contract.KeysRequest("r1", spec, "p1", WHOLE),
        contract.PlanRequest("r1", spec),
        digest,
        replace(digest, step="detail"),
    ):
        assert caller.refused(request) == "table_not_allowed"
    check = contract.CheckRequest("r1", "shop", (contract.CheckTable(spec),))
    told = contract.encode(caller.post(check))
    assert "table_not_allowed" in told or "allow-list" in told
    assert SECRET not in told and caller.files() == set()


def test_a_group_reads_no_table_off_the_allow_list_and_asks_for_no_login(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = caller.spec(exclude=HIDDEN)
    mixed = caller.post(grouped(caller.spec("payroll"), allowed))
    assert isinstance(mixed, contract.GroupReply)
    assert [part.error and part.error.code for part in mixed.parts] == [
        "table_not_allowed",
        None,
    ]

    def read(*_: Any, **__: Any) -> Any:
        raise AssertionError("a login was read")

    monkeypatch.setattr(secrets, "read", read)
    alone = caller.post(grouped(caller.spec("payroll"), caller.spec("pg_authid")))
    assert isinstance(alone, contract.GroupReply)
    assert {part.error and part.error.code for part in alone.parts} == {
        "table_not_allowed"
    }


def test_the_catalog_and_names_that_play_with_dots_are_not_read(caller: Caller) -> None:
    for schema, relation in (
        ("pg_catalog", "pg_authid"),
        (f"{caller.schema}.orders", ""),
        ("", f"{caller.schema}.orders"),
        (caller.schema, "orders.payroll"),
        (caller.schema, 'orders"; SELECT 1; --'),
    ):
        spec = contract.TableSpec("t", "shop", schema, relation)
        assert caller.refused(rows(spec)) == "table_not_allowed", (schema, relation)


def test_other_sources_are_not_reached_by_a_request_of_one(caller: Caller) -> None:
    mine = caller.spec(exclude=HIDDEN)
    theirs = replace(mine, source="other", name="u")
    assert caller.refused(grouped(mine, theirs)) == "bad_request"
    assert caller.refused(rows(replace(mine, source="nowhere"))) == "unknown_source"
    assert caller.refused(contract.HealthRequest("r1", "nowhere")) == "unknown_source"
    log = contract.LogSpec("aurora_sync_shop", "aurora_sync_shop")
    known = contract.LogIdentity(1, "", "d", ("id",), ())
    for path in (
        "changes/other/r/p/0a-t00000.keys.gz",
        "changes/shop/../other/r/p/0a-t00000.keys.gz",
        "data/t/r1/p1/0000000000000000-00000.csv.zst",
        "jobs/x/claim.json",
        "../settings/sources.json",
    ):
        files = (contract.File(path, 1, 1, "0" * 64),)
        changes = contract.ChangeSet(log, files, known)
        request = contract.ExtractRequest("r1", mine, "p1", changes=changes)
        assert caller.refused(request) == "bad_request", path


# --- protected columns ----------------------------------------------------------------


def test_no_operation_lifts_a_protection(caller: Caller) -> None:
    open_spec = caller.spec()
    for request in (
        rows(open_spec),
        rows(caller.spec(columns=(contract.ColumnSpec("salary", protect="hash"),))),
        contract.KeysRequest("r1", caller.spec(key=("salary",)), "p1", WHOLE),
        contract.PlanRequest("r1", open_spec),
        contract.DigestRequest("r1", open_spec, WHOLE, ("salary",), ("id",)),
    ):
        assert caller.refused(request) == "protection_required"
    group = caller.post(grouped(open_spec))
    assert isinstance(group, contract.GroupReply) and group.parts[0].error
    assert group.parts[0].error.code == "protection_required"
    assert caller.files() == set()


def test_which_rows_come_tells_nothing_of_a_protected_column(caller: Caller) -> None:
    """A filter, a cursor, a bound or a mark of deletion would be a question to it."""
    spec = caller.spec(exclude=HIDDEN)
    digest = contract.DigestRequest("r1", spec, WHOLE, ("note",), ("id",))
    where = (contract.FilterTerm("=", "salary", (SECRET,)),)
    bounds = contract.Partition("p1", ("salary",), ("A",), ("Z",))
    cursor = contract.CursorSpec("seen")
    for request in (
        rows(replace(spec, where=where)),
        contract.ExtractRequest("r1", spec, "p1", partition=bounds),
        contract.ExtractRequest(
            "r1", spec, "p1", cursor=cursor, window=contract.Window()
        ),
        contract.PlanRequest("r1", spec, partition=bounds),
        contract.PlanRequest("r1", spec, cursor=cursor),
        replace(digest, deleted_column="fired"),
        replace(digest, deleted_column="salary"),
        replace(digest, partition=bounds),
        replace(digest, step="newest", cursor=cursor),
        replace(digest, columns=("salary",)),
        replace(digest, key=("salary",)),
    ):
        code = caller.refused(request)
        assert code in (
            "bad_request",
            "protection_required",
            "column_not_found",
            "cursor_not_found",
            "key_not_found",
        ), (request, code)


def test_s4_a_detail_names_no_row_by_what_is_no_key(caller: Caller) -> None:
    spec = caller.spec(exclude=HIDDEN, keys_in_messages=True)
    for key in (("note",), ("id", "note")):
        reply = caller.post(
            contract.DigestRequest("r1", spec, WHOLE, ("note",), key, step="detail")
        )
        assert isinstance(reply, contract.DigestReply)
        assert {text for row in reply.digests for text in row.key} == {"?"}


# --- jobs that are forged, replayed, swapped, late ------------------------------------


@pytest.mark.parametrize(
    "forged",
    [
        {"job": "jobs/x"},
        {"job": "jobs/x", "worker": 0, "generation": 0},
        {"watchdog": {"sources": ["shop"]}},
    ],
)
def test_a_worker_is_not_started_through_the_api(
    caller: Caller, forged: dict[str, Any]
) -> None:
    """Neither by the body nor by fields beside it, which API Gateway would not pass."""
    for event in (
        caller.event(json.dumps(forged), "b1"),
        caller.event("{}", "b1", **forged),
        {"requestContext": {}, "httpMethod": "DELETE", **forged},
    ):
        assert caller.send(event)["statusCode"] == 400
    assert caller.invoked == []


def test_a_batch_id_that_comes_again_gives_the_first_ones_reply(caller: Caller) -> None:
    """A replayed or swapped request starts nothing and writes nothing."""
    first = caller.post(rows(caller.spec(exclude=HIDDEN)), "b1")
    files = caller.files()
    for request in (
        rows(caller.spec(exclude=HIDDEN)),
        rows(caller.spec(exclude=(*HIDDEN, "note"))),
        grouped(caller.spec(exclude=HIDDEN)),
    ):
        assert caller.post(request, "b1") == first
    assert caller.files() == files and caller.invoked == []


def test_the_same_request_again_overwrites_no_file(caller: Caller) -> None:
    first = caller.post(rows(caller.spec(exclude=HIDDEN)))
    before = caller.files()
    # Another relation, into the folder of the first one's files.
    caller.post(rows(caller.spec(exclude=(*HIDDEN, "note"))))
    assert before < caller.files() and len(caller.files()) == 2
    assert isinstance(first, contract.ExtractReply)
    (file,) = first.files
    found = caller.s3.head_object(Bucket="landing", Key=f"prod/{file.path}")
    assert found["ETag"].strip('"') == file.etag


def test_a_job_delivered_again_or_late_does_nothing(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = json.dumps(
        {"data": [[0, contract.encode(rows(caller.spec(exclude=HIDDEN)))]]}
    )
    assert handling.handler(caller.event(body, "b1"), None)["statusCode"] == 202
    (work,) = caller.invoked
    caller.invoked.clear()
    monkeypatch.setenv("WORKER_START_SECONDS", "0.001")
    assert handling.handler(work, None)["done"] is False
    monkeypatch.delenv("WORKER_START_SECONDS")
    assert handling.handler(work, None)["done"] is True
    files = caller.files()
    assert handling.handler(work, None)["done"] is False
    assert caller.files() == files


def test_a_worker_of_a_group_delivered_again_does_nothing(caller: Caller) -> None:
    request = grouped(caller.spec(exclude=HIDDEN), max_parallel=1)
    body = json.dumps({"data": [[0, contract.encode(request)]]})
    handling.handler(caller.event(body, "b1"), None)
    (work,) = caller.invoked
    caller.invoked.clear()
    assert handling.handler(work, None)["done"] is True
    files = caller.files()
    for again in (work, {**work, "generation": 1}, {**work, "worker": 7}):
        assert handling.handler(again, None)["done"] is False
    assert caller.files() == files and len(files) == 1


@pytest.mark.parametrize("event", [{}, {"worker": 0, "generation": 0}])
def test_an_event_about_no_job_or_a_forged_one_ends_quietly(
    caller: Caller, event: dict[str, int]
) -> None:
    """Whoever may invoke the worker can name any job; it has to be signed."""
    forged = {"job": "jobs/forged", **event}
    assert handling.handler(forged, None)["done"] is False
    caller.s3.put_object(
        Bucket="landing", Key="prod/jobs/forged/claim.json", Body=b"0\n{}"
    )
    with contextlib.suppress(ExtractError):
        handling.handler(forged, None)
    assert caller.files() == set()


# --- sizes ----------------------------------------------------------------------------


def test_what_is_too_large_or_no_request_is_refused_before_anything(
    caller: Caller,
) -> None:
    bomb = gzip.compress(b"[" * (MAX_BODY_BYTES + 1)).decode("latin-1")
    for body in (
        json.dumps({"data": [[n, "x"] for n in range(1001)]}),
        "x" * (MAX_BODY_BYTES + 1),
        "[" * 100_000,
        bomb,
    ):
        assert caller.send(caller.event(body, "b1"))["statusCode"] == 400
    spec = caller.spec(exclude=HIDDEN)
    many = [replace(spec, name=f"t{n}") for n in range(501)]
    assert caller.refused(grouped(*many)) == "bad_request"
    assert caller.refused(grouped(spec, max_parallel=0)) == "bad_request"
    assert caller.refused("{}") == "unsupported_version"
    assert caller.refused('{"version": 1, "op": "exec"}') == "bad_request"


def test_a_group_starts_no_more_workers_than_a_source_may_have(caller: Caller) -> None:
    """Each is a session of PostgreSQL and a slot of Lambda."""
    spec = caller.spec(exclude=HIDDEN)
    request = grouped(*(replace(spec, name=f"t{n}") for n in range(100)))
    text = contract.encode(replace(request, max_parallel=1_000_000))
    body = json.dumps({"data": [[0, text]]})
    handling.handler(caller.event(body, "b1"), None)
    assert len(caller.invoked) == 64
