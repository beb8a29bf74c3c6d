"""Runs one request: credentials, connection, and the operation it names."""

import time
from typing import Any

from lambda_extract import contract, log
from lambda_extract.changes.capture import capture, drop_slot
from lambda_extract.landing.files import WatchedTextSeen
from lambda_extract.landing.stores import S3Store
from lambda_extract.operations.check import check
from lambda_extract.operations.connect import connect, open_source
from lambda_extract.operations.digest import digest
from lambda_extract.operations.extract import extract
from lambda_extract.operations.health import health
from lambda_extract.operations.plan import plan
from lambda_extract.settings import Settings
from lambda_extract.source.database import application_name


def run_operation(
    request: contract.Request, *, settings: Settings, s3: Any, job: str = ""
) -> contract.Reply:
    """Runs a request and returns its reply.

    Args:
        job: Hex digits that the files of no other job have.

    Raises:
        ExtractError: See errors.CODES.
    """
    # Lambda kills the worker a while after the budget, so a second pass has what the
    # first one left.
    deadline = time.monotonic() + settings.budget_seconds
    if isinstance(request, contract.HealthRequest):
        return health(request, settings=settings, s3=s3)
    if isinstance(request, contract.CaptureRequest | contract.DropSlotRequest):
        return _read_log(request, settings=settings, s3=s3, job=job, deadline=deadline)
    if isinstance(request, contract.CheckRequest):
        return check(request, settings=settings, deadline=deadline)
    if isinstance(request, contract.PlanRequest):
        with open_source(request, settings, deadline=deadline) as database:
            return plan(
                database,
                request,
                proof_wait_seconds=settings.proof_wait_seconds,
                part_seconds=settings.budget_seconds,
            )
    if isinstance(request, contract.DigestRequest):
        with open_source(request, settings, deadline=deadline) as database:
            return digest(database, request)
    store = _store(settings, s3)
    try:
        with open_source(request, settings, deadline=deadline) as database:
            return extract(database, request, store, job=job)
    except WatchedTextSeen:
        # Again from the start, with a proof and a snapshot of its own.
        log.emit("extract_carefully", run_id=request.run_id, table=request.table.name)
        with open_source(request, settings, deadline=deadline) as database:
            return extract(database, request, store, careful=True, job=job)


def _store(settings: Settings, s3: Any) -> S3Store:
    return S3Store(s3, bucket=settings.landing_bucket, prefix=settings.landing_prefix)


def _read_log(
    request: contract.CaptureRequest | contract.DropSlotRequest,
    *,
    settings: Settings,
    s3: Any,
    job: str,
    deadline: float,
) -> contract.Reply:
    """Works on the slot of a source, with the login that may."""
    source = settings.source(request.source)
    name = application_name("#log", request.run_id)
    with connect(
        request.source, name, settings, deadline=deadline, log=True
    ) as database:
        if isinstance(request, contract.DropSlotRequest):
            return drop_slot(database, request)
        return capture(database, request, _store(settings, s3), source=source, job=job)
