"""What AWS Lambda calls: Snowflake's POST and GET through API Gateway, and the worker.

A POST claims the job and invokes the worker (WORKER_FUNCTION; without it this same
function again) by an event that carries nothing but the job's key. Every failure of
ours travels in an HTTP 200, because Snowflake repeats each 5xx and 429 by itself.
"""

import dataclasses
import functools
import hashlib
import json
import os
import time
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lambda_extract import contract, log, watchdog
from lambda_extract.errors import (
    ExtractError,
    JobError,
    RequestError,
    error_reply,
    unforeseen,
)
from lambda_extract.landing.s3_errors import error_code, landing_error
from lambda_extract.operations import group
from lambda_extract.operations.dispatch import run_operation
from lambda_extract.protocol import envelope
from lambda_extract.protocol.jobs import (
    HOLD_SECONDS,
    Claim,
    Jobs,
    job_key,
    short_name,
)
from lambda_extract.protocol.queue import Hand
from lambda_extract.settings import Settings, parse_sources, read_settings

CLIENT_CONFIG = {
    "s3": Config(
        retries={"mode": "standard", "total_max_attempts": 5},
        connect_timeout=5,
        read_timeout=60,
    ),
    # A POST waits for it, and API Gateway gives that POST 29 s.
    "lambda": Config(
        retries={"mode": "standard", "total_max_attempts": 3},
        connect_timeout=3,
        read_timeout=5,
    ),
}


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answers one invocation.

    Args:
        event: An API Gateway proxy event, `{"job": key}` for the worker (of a group
            with "worker" and "generation"), or `{"watchdog": {"sources": [...]}}` from
            a schedule of EventBridge.
        context: Lambda's context; not used.

    """
    # Told by what API Gateway adds: a caller's JSON is in the body and cannot forge it.
    if not envelope.is_http(event):
        if "watchdog" in event:
            return watchdog.watch(
                event["watchdog"],
                settings=_with_sources(read_settings(os.environ)),
                s3=_client("s3"),
            )
        if "worker" in event:
            return _work_in_group(
                str(event["job"]), int(event["worker"]), int(event["generation"])
            )
        return _work(str(event.get("job", "")))
    try:
        call = envelope.parse(event)
    except envelope.EnvelopeError as error:
        log.emit("request_refused", reason=str(error))
        return envelope.refused(error)
    if call.method == "GET":
        return _poll(call)
    return _post(call)


def _post(call: envelope.Call) -> dict[str, Any]:
    """Claims the job and starts its worker; answers 202, or 200 if all is said."""
    row, argument = call.rows[0]
    run_id, op = "", ""
    try:
        if len(call.rows) > 1:
            raise RequestError(
                "bad_request",
                "One row per batch is answered.",
                hint="Create the external function with MAX_BATCH_ROWS = 1.",
            )
        request = _decode(argument)
        run_id, op = request.run_id, request.op
        settings = read_settings(os.environ)
        jobs = _jobs(settings)
        job = job_key(call.batch_id)
        if jobs.claim(job, row, request):
            log.emit("claimed", run_id=run_id, op=op, job=job)
            if isinstance(request, contract.GroupRequest):
                _start_group(settings, jobs, job)
            else:
                _start_worker(settings, jobs, job, row, request)
        return _answer_job(jobs, job, call)
    except ExtractError as error:
        log.emit("post_failed", run_id=run_id, op=op, code=error.code)
        reply = error_reply(run_id, op, error)
        return envelope.answer(
            tuple((number, reply) for number, _ in call.rows),
            accepts_gzip=call.accepts_gzip,
        )


def _poll(call: envelope.Call) -> dict[str, Any]:
    """Answers a GET: 202 until the job has its reply; that of a group waits a while."""
    try:
        jobs = _jobs(read_settings(os.environ))
        return _answer_job(jobs, job_key(call.batch_id), call, HOLD_SECONDS)
    except ExtractError as error:
        log.emit("poll_failed", code=error.code)
        if error.retryable:
            return envelope.accepted()
        # A row number is always 0: a batch has one row.
        return envelope.answer(((0, error_reply("", "", error)),))


def _answer_job(
    jobs: Jobs, job: str, call: envelope.Call, hold_seconds: float = 0.0
) -> dict[str, Any]:
    found = jobs.reply(job, hold_seconds=hold_seconds)
    if found is None:
        return envelope.accepted()
    return envelope.answer(((found.row, found.reply),), accepts_gzip=call.accepts_gzip)


def _decode(argument: Any) -> contract.Request:
    if not isinstance(argument, (str, dict)):
        raise RequestError(
            "bad_request", "The argument is not the JSON text of a request."
        )
    try:
        return contract.decode_request(argument)
    except contract.ContractError as error:
        code = "unsupported_version" if error.unsupported_version else "bad_request"
        raise RequestError(code, f"The request is refused at {error}.") from error


def _start_worker(
    settings: Settings, jobs: Jobs, job: str, row: int, request: contract.Request
) -> None:
    """Invokes a worker; a failure to do so is the job's reply."""
    try:
        _invoke(settings, job)
    except JobError as error:
        log.emit("worker_start_failed", run_id=request.run_id, job=job)
        jobs.finish(job, row, error_reply(request.run_id, request.op, error))


def _start_group(settings: Settings, jobs: Jobs, job: str) -> None:
    """Invokes the workers of a group; the parts are left to those that start."""
    claim = jobs.read_claim(job)
    assert claim is not None
    queue = jobs.queue(job, claim)
    for worker in range(queue.workers):
        try:
            _invoke(settings, job, worker=worker, generation=0)
        except JobError as error:
            log.emit("worker_start_failed", run_id=claim.run_id, job=job)
            queue.end(Hand(worker, 0), "ended", error)
            if worker == queue.workers - 1:
                jobs.settle(job, claim, queue)


def _work_in_group(job: str, worker: int, generation: int) -> dict[str, Any]:
    """Drains the queue of a group; who ends last leaves the reply in S3."""
    settings = read_settings(os.environ)
    jobs = _jobs(settings)
    try:
        claim = jobs.read_claim(job)
        queue = None if claim is None else jobs.queue(job, claim)
    except JobError as error:
        # A GET finds the same, and says so.
        log.emit("worker_stopped", job=job, reason=error.code)
        return {"job": job, "done": False}
    if claim is None or queue is None:
        log.emit("worker_stopped", job=job, reason="no claim")
        return {"job": job, "done": False}

    def hand_over() -> None:
        _invoke(settings, job, worker=worker, generation=generation + 1)

    fields: dict[str, Any] = {"run_id": claim.run_id, "op": "group", "worker": worker}
    log.emit("worker_started", **fields)
    started = time.monotonic()
    try:
        settings = _with_sources(settings)
        name, s3 = short_name(job), _client("s3")
        group.Worker(queue, worker, generation, settings, s3, name, hand_over).run()
    except ExtractError as error:
        log.emit("worker_failed", **fields, code=error.code)
        queue.end(Hand(worker, generation), "ended", error)
    given = jobs.settle(job, claim, queue)
    log.emit("worker_done", **fields, seconds=log.seconds_since(started), given=given)
    return {"job": job, "done": given}


def _invoke(settings: Settings, job: str, **more: int) -> None:
    try:
        _client("lambda").invoke(
            FunctionName=settings.function_name,
            InvocationType="Event",
            Payload=json.dumps({"job": job, **more}).encode(),
        )
    except ClientError as error:
        raise JobError(
            "worker_start_failed", f"Lambda refused the worker ({error_code(error)})."
        ) from error
    except BotoCoreError as error:
        raise JobError(
            "worker_start_failed", f"Lambda was not reached ({type(error).__name__})."
        ) from error


def _work(job: str) -> dict[str, Any]:
    """Runs a claimed job and leaves its reply in S3."""
    settings = read_settings(os.environ)
    jobs = _jobs(settings)
    try:
        claim = jobs.read_claim(job)
    except JobError as error:
        # Without the claim nobody knows whose job it is, but that it has failed.
        log.emit("worker_stopped", job=job, reason=error.code)
        return {"job": job, "done": jobs.finish(job, 0, error_reply("", "", error))}
    if claim is None:
        log.emit("worker_stopped", job=job, reason="no claim")
        return {"job": job, "done": False}
    if not jobs.start(job, claim):
        log.emit(
            "worker_stopped",
            job=job,
            run_id=claim.run_id,
            table=claim.table,
            reason="delivered twice or too late",
        )
        return {"job": job, "done": False}
    reply = _run(settings, claim, short_name(job))
    given = jobs.finish(job, claim.row, reply)
    log.emit("replied", job=job, run_id=claim.run_id, table=claim.table, given=given)
    return {"job": job, "done": given}


def _run(settings: Settings, claim: Claim, job: str) -> contract.Reply:
    started = time.monotonic()
    fields = {"run_id": claim.run_id, "table": claim.table, "op": claim.op}
    log.emit("worker_started", **fields)
    source = ""
    try:
        request = contract.decode_request(claim.request)
        source = str(getattr(getattr(request, "table", None), "source", ""))
        reply = run_operation(
            request, settings=_with_sources(settings), s3=_client("s3"), job=job
        )
        log.emit(
            "worker_done",
            **fields,
            seconds=round(time.monotonic() - started, 3),
            rows=getattr(reply, "rows", None),
            bytes=getattr(reply, "bytes", None),
        )
        if isinstance(reply, contract.ExtractReply):
            _measure(
                settings, source, claim.table, Rows=reply.rows, Bytes=reply.bytes,
                Seconds=log.seconds_since(started), Failures=0,
            )  # fmt: skip
        return reply
    except ExtractError as error:
        log.emit("worker_failed", **fields, code=error.code)
        _measure(settings, source, claim.table, Failures=1)
        return error_reply(claim.run_id, claim.op, error)
    except Exception as error:
        # The outermost frame of the worker: whatever was not foreseen must become a
        # reply, or the caller waits for its time-out.
        told = unforeseen(error)
        log.emit("worker_broke", **fields, error=told.message)
        _measure(settings, source, claim.table, Failures=1)
        return error_reply(claim.run_id, claim.op, told)


def _measure(settings: Settings, source: str, table: str, **values: float) -> None:
    log.measure(settings.metrics, source=source, table=table, **values)


def _with_sources(settings: Settings) -> Settings:
    """Adds the sources that lie in S3; the front, which needs none, never reads them.

    Raises:
        LandingError: S3 refused or failed.
        RequestError: bad_request, if they are malformed.
    """
    if not settings.sources_key:
        return settings
    text = _sources_text(settings.landing_bucket, settings.sources_key)
    return dataclasses.replace(settings, sources=parse_sources(text))


@functools.cache
def _sources_text(bucket: str, key: str) -> str:
    """Reads them once: the key has the digest of the content.

    The name comes from the function's own settings, so that somebody who can write to
    the bucket cannot say which hosts, owners and tables are trusted.
    """
    try:
        answer = _client("s3").get_object(Bucket=bucket, Key=key)
        body: bytes = answer["Body"].read()
    except (ClientError, BotoCoreError) as error:
        raise landing_error(error, "reading the sources") from error
    if not key.endswith(f"sources-{hashlib.sha256(body).hexdigest()}.json"):
        raise RequestError(
            "bad_request",
            "The object of SOURCES_KEY is not the one that was deployed.",
            hint="Apply Terraform again, and find out who wrote to the bucket.",
        )
    return body.decode()


def _jobs(settings: Settings) -> Jobs:
    return Jobs(s3=_client("s3"), settings=settings)


@functools.cache
def _client(service: str) -> Any:
    """One client per service for the life of the container: making one takes 0.1 s."""
    return _session().client(service, config=CLIENT_CONFIG[service])


@functools.cache
def _session() -> Any:
    """Returns the session of all clients: what S3 says of time stays a text.

    Nobody asks for it, and a list of names would spend two thirds of its time on it.
    The AWS CLI leaves it in the same way.
    """
    core = botocore.session.get_session()
    parsers = core.get_component("response_parser_factory")
    parsers.set_parser_defaults(timestamp_parser=str)
    return boto3.Session(botocore_session=core)
