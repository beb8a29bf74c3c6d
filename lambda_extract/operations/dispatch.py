"""Runs one request: health, a check, or the reading of a table."""

import time
from typing import Any

from lambda_extract import contract
from lambda_extract.errors import RequestError
from lambda_extract.operations.check import check
from lambda_extract.operations.discover import discover
from lambda_extract.operations.health import health
from lambda_extract.operations.read import read_table
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
    if isinstance(request, contract.GroupRequest):
        raise RequestError("bad_request", "/op: a group is drained by its workers.")
    return read_table(request, settings=settings, s3=s3, job=job, deadline=deadline)
