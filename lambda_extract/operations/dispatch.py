"""Runs one request: health, a check, or the reading of a table."""

import time
from typing import Any

from lambda_extract import contract, log
from lambda_extract.changes.capture import capture, drop_slot
from lambda_extract.errors import RequestError
from lambda_extract.operations.check import check
from lambda_extract.operations.connect import connect
from lambda_extract.operations.discover import discover
from lambda_extract.operations.health import health
from lambda_extract.operations.read import landing_store, read_table
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
    if isinstance(request, contract.DiscoverRequest):
        return discover(request, settings=settings, deadline=deadline)
    if isinstance(request, contract.GroupRequest):
        raise RequestError("bad_request", "/op: a group is drained by its workers.")
    return read_table(request, settings=settings, s3=s3, job=job, deadline=deadline)


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
        store = landing_store(settings, s3)
        reply = capture(database, request, store, source=source, job=job)
    # What the alarms on the age of the last capture, and on retained WAL, look at.
    log.emit(
        "captured",
        run_id=request.run_id,
        source=request.source,
        retained_gigabytes=round(reply.slot.retained_bytes / 1e9, 3),
        changes=reply.changes,
        seconds=reply.seconds,
    )
    return reply
