"""The handler's own decisions: who works, who answers, and what is said of it."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from lambda_extract import contract, handler
from lambda_extract.errors import JobError, LandingError, SourceError
from lambda_extract.protocol.envelope import Call
from lambda_extract.protocol.jobs import Jobs
from lambda_extract.protocol.queue import Hand
from tests.unit.lambda_extract.protocol.test_jobs import (
    JOB,
    REPLY,
    REQUEST,
    SETTINGS,
    Clock,
    clock,
    s3,
)
from tests.unit.lambda_extract.protocol.test_queue import NOTHING
from tests.unit.lambda_extract.protocol.test_queue import request as group_of

__all__ = ["clock", "s3"]

GET = Call("GET", "batch 1", accepts_gzip=False)
TABLE = contract.TableSpec("orders", "shop", "public", "orders")
PART = contract.ExtractRequest("r1", TABLE, "p1", partition=contract.Partition("p1"))
EXTRACTED = contract.ExtractReply("r1", "p1", "now", (), (), (), 12, 340)
REFUSED = ClientError({"Error": {"Code": "TooManyRequests"}}, "Invoke")
UNREACHED = EndpointConnectionError(endpoint_url="https://lambda")


class Lambda:
    """Invocations: those whose number is in `fails` fail."""

    def __init__(self) -> None:
        self.payloads: list[Any] = []
        self.fails: dict[int, Exception] = {}

    def invoke(self, *, FunctionName: str, InvocationType: str, Payload: bytes) -> None:
        assert (FunctionName, InvocationType) == ("f", "Event")
        self.payloads.append(json.loads(Payload))
        error = self.fails.get(len(self.payloads) - 1)
        if error:
            raise error


class World:
    """The handler with its S3, its Lambda, and whatever a request answers."""

    def __init__(self, s3: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        self.jobs = Jobs(s3=s3, settings=SETTINGS, clock=clock)
        self.functions = Lambda()
        self.answer: Any = REPLY
        self.ran: list[Any] = []
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.measured: list[Any] = []
        clients = {"s3": s3, "lambda": self.functions}
        monkeypatch.setattr(handler, "_client", clients.__getitem__)
        monkeypatch.setattr(handler, "_jobs", lambda settings: self.jobs)
        monkeypatch.setattr(handler, "read_settings", lambda environ: SETTINGS)
        monkeypatch.setattr(handler, "run_operation", self.run)
        monkeypatch.setattr(
            handler.log, "emit", lambda event, **f: self.events.append((event, f))
        )
        monkeypatch.setattr(
            handler.log, "measure", lambda *a, **f: self.measured.append((a, f))
        )

    def run(self, request: Any, **named: Any) -> Any:
        self.ran.append((request, named))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def told(self, event: str) -> dict[str, Any]:
        (fields,) = [fields for name, fields in self.events if name == event]
        return fields


@pytest.fixture
def world(s3: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(s3, clock, monkeypatch)


def answered(answer: dict[str, Any]) -> list[Any]:
    """Returns row and reply of an answer."""
    assert answer["statusCode"] == 200
    (row,) = json.loads(answer["body"])["data"]
    return list(row)


def test_what_s3_says_of_time_stays_a_text(s3: Any) -> None:
    """Or a list of a group's parts costs more to read than the parts."""
    s3.put_object(Bucket="landing", Key="a", Body=b"text")
    client = handler._session().client("s3", region_name="us-east-1")
    (found,) = client.list_objects_v2(Bucket="landing")["Contents"]
    assert found["Key"] == "a"
    assert isinstance(found["LastModified"], str)


@pytest.mark.parametrize(("service", "seconds"), [("s3", (5, 60)), ("lambda", (3, 5))])
def test_a_service_that_does_not_answer_is_not_waited_for_long(
    service: str, seconds: tuple[int, int]
) -> None:
    """A POST has 29 s of API Gateway, in which it asks both."""
    config = handler.CLIENT_CONFIG[service]
    assert (config.connect_timeout, config.read_timeout) == seconds


def test_jobs_are_kept_in_the_bucket_of_the_settings(
    s3: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "_client", {"s3": s3}.__getitem__)
    jobs = handler._jobs(SETTINGS)
    assert jobs.claim(JOB, 3, REQUEST)
    assert Jobs(s3=s3, settings=SETTINGS, clock=clock).read_claim(JOB) is not None


@pytest.mark.parametrize("argument", [5, None, True, ["{}"]])
def test_an_argument_that_is_no_text_is_refused_in_its_row(
    world: World, argument: Any
) -> None:
    call = Call("POST", "batch 1", accepts_gzip=False, rows=((3, argument),))
    row, reply = answered(handler._post(call))
    assert (row, reply["error"]["code"]) == (3, "bad_request")
    assert reply["error"]["message"] == (
        "The argument is not the JSON text of a request."
    )
    assert world.functions.payloads == []


def test_a_post_that_fails_is_logged_with_its_request_and_code(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def claim(job: str, row: int, request: contract.Request) -> bool:
        raise LandingError("landing_denied", "No.")

    monkeypatch.setattr(world.jobs, "claim", claim)
    rows = ((3, contract.encode(REQUEST)),)
    handler._post(Call("POST", "batch 1", accepts_gzip=False, rows=rows))
    assert world.events == [
        ("post_failed", {"run_id": "r1", "op": "health", "code": "landing_denied"})
    ]


# --- one table ------------------------------------------------------------------------


def test_an_event_that_names_a_job_is_work(world: World) -> None:
    assert world.jobs.claim(JOB, 3, REQUEST)
    assert handler.handler({"job": JOB}, None) == {"job": JOB, "done": True}
    assert [request for request, _ in world.ran] == [REQUEST]


def test_a_get_waits_until_the_reply_is_there(world: World) -> None:
    assert world.jobs.claim(JOB, 3, REQUEST)
    assert handler._poll(GET)["statusCode"] == 202
    assert handler._work(JOB) == {"job": JOB, "done": True}
    assert answered(handler._poll(GET)) == [3, contract.to_object(REPLY)]


def test_a_job_is_worked_on_once(world: World) -> None:
    assert world.jobs.claim(JOB, 3, REQUEST)
    handler._work(JOB)
    assert handler._work(JOB) == {"job": JOB, "done": False}
    assert [request for request, _ in world.ran] == [REQUEST]
    assert world.told("worker_stopped")["reason"] == "delivered twice or too late"
    assert world.told("replied")["given"] is True


def test_a_job_that_nobody_has_claimed_is_not_worked_on(world: World) -> None:
    assert handler._work(JOB) == {"job": JOB, "done": False}
    assert world.told("worker_stopped") == {"job": JOB, "reason": "no claim"}
    assert world.ran == []


def test_a_worker_is_given_the_first_letters_of_its_job(world: World) -> None:
    assert world.jobs.claim(JOB, 0, PART)
    world.answer = EXTRACTED
    handler._work(JOB)
    ((_, named),) = world.ran
    assert named["job"] and JOB.rpartition("/")[2].startswith(named["job"])
    assert named["settings"] is SETTINGS
    done = world.told("worker_done")
    assert (done["rows"], done["bytes"], done["table"]) == (12, 340, "orders")
    (((level,), values),) = world.measured
    assert level == SETTINGS.metrics
    assert (values["source"], values["table"]) == ("shop", "orders")
    assert (values["Rows"], values["Bytes"], values["Failures"]) == (12, 340, 0)


def test_how_long_a_worker_took_is_logged_to_the_millisecond(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert world.jobs.claim(JOB, 0, REQUEST)
    moments = iter([5000.0, 5002.3456])
    monkeypatch.setattr(
        handler, "time", SimpleNamespace(monotonic=lambda: next(moments))
    )
    handler._work(JOB)
    assert world.told("worker_done")["seconds"] == 2.346


@pytest.mark.parametrize(
    ("error", "event", "code"),
    [
        (SourceError("source_unreachable", "No."), "worker_failed", None),
        (KeyError("surprise"), "worker_broke", "internal_error"),
    ],
)
def test_whatever_fails_is_a_reply_and_is_counted(
    world: World, error: Exception, event: str, code: str | None
) -> None:
    assert world.jobs.claim(JOB, 5, PART)
    world.answer = error
    assert handler._work(JOB)["done"]
    fields = world.told(event)
    assert fields["table"] == "orders" and fields["op"] == PART.op
    row, reply = answered(handler._poll(GET))
    assert row == 5 and reply["ok"] is False
    assert reply["error"]["code"] == (code or "source_unreachable")
    ((_, values),) = world.measured
    assert values == {"source": "shop", "table": "orders", "Failures": 1}


@pytest.mark.parametrize("error", [REFUSED, UNREACHED])
def test_a_worker_that_cannot_be_started_is_the_reply(
    world: World, error: Exception
) -> None:
    assert world.jobs.claim(JOB, 4, REQUEST)
    world.functions.fails = {0: error}
    handler._start_worker(SETTINGS, world.jobs, JOB, 4, REQUEST)
    assert world.functions.payloads == [{"job": JOB}]
    row, reply = answered(handler._poll(GET))
    assert (row, reply["error"]["code"]) == (4, "worker_start_failed")
    assert (reply["run_id"], reply["op"]) == ("r1", "health")


# --- a group --------------------------------------------------------------------------


def started(world: World, **fails: Exception) -> Any:
    assert world.jobs.claim(JOB, 6, group_of(3))
    world.functions.fails = {int(n[1:]): error for n, error in fails.items()}
    handler._start_group(SETTINGS, world.jobs, JOB)
    assert world.functions.payloads == [
        {"job": JOB, "worker": worker, "generation": 0} for worker in (0, 1)
    ]
    return world.jobs.reply(JOB)


def test_each_worker_of_a_group_is_started(world: World) -> None:
    assert started(world) is None and world.events == []


def test_the_others_do_what_a_worker_that_did_not_start_has_left(world: World) -> None:
    assert started(world, w0=REFUSED) is None
    assert world.told("worker_start_failed")["job"] == JOB


def test_a_group_of_which_nobody_started_has_its_reply_at_once(world: World) -> None:
    found = started(world, w0=UNREACHED, w1=REFUSED)
    assert found is not None and found.row == 6
    codes = {part.error and part.error.code for part in found.reply.parts}
    assert codes == {"worker_start_failed"} and len(found.reply.parts) == 3


class Drains:
    """A worker of a group that does every part, or fails."""

    error: Exception | None = None
    made: list[Any] = []

    def __init__(self, queue: Any, worker: int, generation: int, *more: Any) -> None:
        self.queue, self.hand = queue, Hand(worker, generation)
        type(self).made.append(more)

    def run(self) -> None:
        if self.error:
            raise self.error
        for number in self.queue.take(self.hand):
            self.hand.give(contract.PartReply(number, NOTHING))
        self.queue.end(self.hand, "ended")


@pytest.fixture
def drains(monkeypatch: pytest.MonkeyPatch) -> type[Drains]:
    found = type("One", (Drains,), {"made": []})
    monkeypatch.setattr(handler.group, "Worker", found)
    return found


def test_who_drains_a_group_last_leaves_the_reply(
    world: World, drains: type[Drains]
) -> None:
    assert world.jobs.claim(JOB, 6, group_of(3, 1))
    event = {"job": JOB, "worker": 0, "generation": 0}
    assert handler.handler(event, None) == {"job": JOB, "done": True}
    ((settings, _, name, hand_over),) = drains.made
    assert settings is SETTINGS and JOB.rpartition("/")[2].startswith(name)
    assert world.told("worker_done")["given"] is True
    found = world.jobs.reply(JOB)
    assert found is not None and found.row == 6
    hand_over()
    assert world.functions.payloads == [{"job": JOB, "worker": 0, "generation": 1}]


def test_a_worker_of_a_group_that_fails_says_so_to_the_queue(
    world: World, drains: type[Drains]
) -> None:
    assert world.jobs.claim(JOB, 6, group_of(2, 1))
    drains.error = SourceError("source_authentication", "No.")
    assert handler._work_in_group(JOB, 0, 0)["done"]
    assert world.told("worker_failed")["code"] == "source_authentication"
    found: Any = world.jobs.reply(JOB)
    codes = [part.error.code for part in found.reply.parts]
    assert codes == ["source_authentication"] * 2


def test_a_worker_of_a_group_that_nobody_has_claimed_stops(
    world: World, drains: type[Drains]
) -> None:
    assert handler._work_in_group(JOB, 0, 0) == {"job": JOB, "done": False}
    assert world.told("worker_stopped")["reason"] == "no claim"
    assert drains.made == []


@pytest.mark.parametrize("damaged", ["claim", "group"])
def test_a_damaged_claim_stops_every_worker(
    world: World, drains: type[Drains], monkeypatch: pytest.MonkeyPatch, damaged: str
) -> None:
    if damaged == "group":
        assert world.jobs.claim(JOB, 0, REQUEST)  # Of one table, which has no queue.
    else:

        def read_claim(job: str) -> None:
            raise JobError("job_damaged", f"The claim of {job}.")

        monkeypatch.setattr(world.jobs, "read_claim", read_claim)
    assert handler._work_in_group(JOB, 0, 0) == {"job": JOB, "done": False}
    assert world.told("worker_stopped")["reason"] == "job_damaged"
    assert drains.made == []
    if damaged == "claim":
        # Of one table: the reply says it, whoever asked.
        assert handler._work(JOB)["done"] and world.ran == []
