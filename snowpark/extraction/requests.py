"""PURE: what a run does next. No statement is sent from here."""

import dataclasses
from collections.abc import Sequence

from lambda_extract.contract import (
    ExtractRequest,
    Partition,
    PlanRequest,
    Window,
)
from snowpark.extraction.progress import Progress
from snowpark.settings.table import TableSettings
from snowpark.sql import Statement


def next_window(
    settings: TableSettings, progress: Progress, run_id: str
) -> ExtractRequest:
    """Returns the request for the next window."""
    first = progress.windows == 0
    series = f"w{progress.attempt}-" if progress.attempt else "w"
    return ExtractRequest(
        run_id=run_id,
        table=settings.table_spec,
        part=f"{series}{progress.windows + 1:05d}",
        limits=dataclasses.replace(settings.limits, chunk_rows=progress.chunk_rows),
        cursor=settings.cursor_spec,
        window=Window(
            lower=progress.position,
            pending_bound=progress.bound.pending_bound,
            overlap=progress.bound.overlap if first else None,
            first=first,
        ),
        load_method=settings.load_method,
    )


def snapshot_request(settings: TableSettings, run_id: str) -> PlanRequest:
    """Returns the request that plans a snapshot."""
    return PlanRequest(
        run_id=run_id,
        table=settings.table_spec,
        limits=settings.limits,
        cursor=settings.cursor_spec,
    )


def part_request(
    settings: TableSettings, partition: Partition, run_id: str, attempt: str
) -> ExtractRequest:
    """Returns the request for one part; each attempt has an S3 prefix of its own."""
    return ExtractRequest(
        run_id=run_id,
        table=settings.table_spec,
        part=f"{partition.part}-{attempt}",
        limits=settings.limits,
        partition=partition,
        load_method=settings.load_method,
    )


def call_extract(requests: Sequence[str]) -> Statement:
    """Sends requests to the Lambda, one row and one parallel call each."""
    if len(requests) == 1:
        return Statement(
            "SELECT 0 AS position, control.aurora_extract(?) AS reply", (requests[0],)
        )
    rows = ",\n    ".join(["(?, ?)"] * len(requests))
    params = tuple(v for pair in enumerate(requests) for v in pair)
    return Statement(
        f"""\
SELECT
    column1 AS position,
    control.aurora_extract(column2) AS reply
FROM VALUES
    {rows}""",
        params,
    )
