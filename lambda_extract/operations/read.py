"""Runs one request that reads a table: from the replica, if one follows."""

import dataclasses
from contextlib import AbstractContextManager
from typing import Any

from lambda_extract import contract, log
from lambda_extract.landing.files import WatchedTextSeen
from lambda_extract.landing.stores import S3Store
from lambda_extract.operations.connect import TableRequest, open_source
from lambda_extract.operations.digest import digest
from lambda_extract.operations.extract import extract
from lambda_extract.operations.plan import plan
from lambda_extract.settings import Settings
from lambda_extract.source.database import Database
from lambda_extract.source.replica import ReaderBehind


def read_table(
    request: TableRequest, *, settings: Settings, s3: Any, job: str, deadline: float
) -> contract.Reply:
    """Runs a request that reads a table, over connections of its own.

    Args:
        job: Hex digits that the files of no other job have.
        deadline: Of the whole job (time.monotonic()).

    Raises:
        ExtractError: See errors.CODES.
    """
    try:
        return _read(request, settings=settings, s3=s3, job=job, deadline=deadline)
    except ReaderBehind as error:
        reader = settings.source(request.table.source).reader
        if reader is None or reader.behind == "fail":
            raise
        log.emit("reader_behind", run_id=request.run_id, table=request.table.name)
        reply = _read(
            request,
            settings=settings,
            s3=s3,
            job=job,
            deadline=deadline,
            use_reader=False,
        )
        return _warned(reply, error)


def _read(
    request: TableRequest,
    *,
    settings: Settings,
    s3: Any,
    job: str,
    deadline: float,
    use_reader: bool = True,
) -> contract.Reply:
    """Runs a request that reads a table."""
    use_reader = use_reader and not _needs_writer(request)

    def opened() -> AbstractContextManager[Database]:
        return open_source(request, settings, deadline=deadline, use_reader=use_reader)

    if isinstance(request, contract.PlanRequest):
        with opened() as database:
            return plan(
                database,
                request,
                proof_wait_seconds=settings.proof_wait_seconds,
                part_seconds=settings.budget_seconds,
            )
    if isinstance(request, contract.DigestRequest):
        with opened() as database:
            return digest(database, request)
    store = landing_store(settings, s3)
    try:
        with opened() as database:
            return extract(database, request, store, job=job)
    except WatchedTextSeen:
        # Again from the start, with a proof and a snapshot of its own.
        log.emit("extract_carefully", run_id=request.run_id, table=request.table.name)
        with opened() as database:
            return extract(database, request, store, careful=True, job=job)


def landing_store(settings: Settings, s3: Any) -> S3Store:
    """Returns where files are written."""
    return S3Store(s3, bucket=settings.landing_bucket, prefix=settings.landing_prefix)


def _needs_writer(request: TableRequest) -> bool:
    """Returns whether a request rests on what the writer alone can tell.

    A slot is the writer's, and a capture waits until its commits are visible there: a
    reader may not show them yet. The parts and keys of a table of mode log are read
    from a reader as all others, once it has replayed what the writer had done: it shows
    whatever was captured before.
    """
    if isinstance(request, contract.PlanRequest):
        return request.log is not None
    return isinstance(request, contract.ExtractRequest) and bool(request.changes)


def _warned(reply: contract.Reply, error: ReaderBehind) -> contract.Reply:
    """Adds to a reply that it is the writer's, if it can carry warnings."""
    if not isinstance(reply, contract.ExtractReply | contract.PlanReply):
        return reply
    warning = contract.Warning(
        "reader_behind", f"{error.message} Rows were read from the writer.", error.hint
    )
    return dataclasses.replace(reply, warnings=(*reply.warnings, warning))
