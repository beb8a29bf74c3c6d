"""Runs one request: credentials, connection, and the operation it names."""

import time
from typing import Any

from lambda_extract import contract, log
from lambda_extract.errors import RequestError
from lambda_extract.landing.files import WatchedTextSeen
from lambda_extract.landing.stores import S3Store
from lambda_extract.operations.check import check
from lambda_extract.operations.connect import open_source
from lambda_extract.operations.digest import digest
from lambda_extract.operations.discover import discover
from lambda_extract.operations.extract import extract
from lambda_extract.operations.health import health
from lambda_extract.operations.plan import plan
from lambda_extract.settings import Settings


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
    if isinstance(request, contract.CheckRequest):
        return check(request, settings=settings, deadline=deadline)
    if isinstance(request, contract.DiscoverRequest):
        return discover(request, settings=settings, deadline=deadline)
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
    if isinstance(request, contract.GroupRequest):
        raise RequestError("bad_request", "/op: a group is drained by its workers.")
    store = S3Store(s3, bucket=settings.landing_bucket, prefix=settings.landing_prefix)
    try:
        with open_source(request, settings, deadline=deadline) as database:
            return extract(database, request, store, job=job)
    except WatchedTextSeen:
        # Again from the start, with a proof and a snapshot of its own.
        log.emit("extract_carefully", run_id=request.run_id, table=request.table.name)
        with open_source(request, settings, deadline=deadline) as database:
            return extract(database, request, store, careful=True, job=job)
