"""PURE: every request that a procedure sends, and the statement that sends it."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Literal

from lambda_extract.contract import (
    CHECKED_TABLES,
    CaptureLimits,
    CaptureRequest,
    CaptureTable,
    ChangeSet,
    CheckRequest,
    CheckTable,
    CursorValue,
    DigestRequest,
    DiscoverRequest,
    DropSlotRequest,
    ExtractRequest,
    File,
    KeysRequest,
    Limits,
    LogIdentity,
    LogSpec,
    Partition,
    PlanRequest,
    Window,
)
from snowpark.extraction.progress import Progress
from snowpark.settings.table import TableSettings
from snowpark.sql import Statement, value_rows


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
            upper=progress.end,
            pending_bound=progress.bound.pending_bound,
            overlap=progress.bound.overlap if first else None,
            first=first,
            identity=progress.source_identity,
        ),
        load_method=settings.load_method,
    )


def changes_request(
    settings: TableSettings,
    run_id: str,
    part: str,
    *,
    files: Sequence[File],
    known: LogIdentity,
    truncated: bool,
    more_keys: int | None = None,
) -> ExtractRequest:
    """Returns the request for the rows of changed keys.

    Args:
        more_keys: Changed keys that later windows read. None: windows before this one
            have been read by their keys, so that this one is, too.
    """
    if settings.log_spec is None:
        raise ValueError("only a table of mode log has changed keys")
    return ExtractRequest(
        run_id=run_id,
        table=settings.table_spec,
        part=part,
        limits=settings.limits,
        changes=ChangeSet(
            settings.log_spec,
            tuple(files),
            known,
            truncated,
            whole_percent=0 if more_keys is None else settings.whole_table_percent,
            more_keys=more_keys or 0,
        ),
    )


def capture_request(
    source: str,
    log: LogSpec,
    tables: Sequence[TableSettings],
    run_id: str,
    *,
    part: str,
    from_lsn: str | None,
    server: str,
    max_wal_bytes: int,
    create: bool = False,
) -> CaptureRequest:
    """Returns the request for the keys that have changed in a source."""
    return CaptureRequest(
        run_id=run_id,
        source=source,
        log=log,
        part=part,
        tables=tuple(
            CaptureTable(
                t.name,
                t.schema,
                t.relation,
                t.key,
                tuple(c.name for c in t.columns if c.protect),
            )
            for t in tables
        ),
        from_lsn=from_lsn,
        server=server,
        create=create,
        limits=CaptureLimits(max_wal_bytes=max_wal_bytes),
    )


def skipping(request: CaptureRequest) -> CaptureRequest:
    """Returns the request that gives the log up, up to its end."""
    return dataclasses.replace(request, part=f"{request.part}-skip", skip=True)


def drop_slot_request(source: str, log: LogSpec, run_id: str) -> DropSlotRequest:
    """Returns the request that drops the slot of a source."""
    return DropSlotRequest(run_id, source, log)


def snapshot_request(
    settings: TableSettings,
    run_id: str,
    *,
    one_moment: bool = False,
    settled: bool = False,
) -> PlanRequest:
    """Returns the request that plans a snapshot.

    Args:
        one_moment: In one part, if a worker can read it in its time.
        settled: In mode log, the log has all that the parts do not see.
    """
    return PlanRequest(
        run_id=run_id,
        table=settings.table_spec,
        limits=settings.limits,
        cursor=settings.cursor_spec,
        one_moment=one_moment,
        log=settings.log_spec if settled else None,
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


def range_request(
    settings: TableSettings, whole: Partition, run_id: str
) -> PlanRequest:
    """Returns the request that cuts a range of the cursor into parts."""
    return dataclasses.replace(
        snapshot_request(settings, run_id), cursor=None, partition=whole
    )


def keys_request(
    settings: TableSettings, partition: Partition, run_id: str, limits: Limits
) -> KeysRequest:
    """Returns the request for the keys of one part.

    Args:
        limits: Keys are small: one extraction takes many more of them than rows.
    """
    return KeysRequest(
        run_id=run_id,
        table=settings.table_spec,
        part=f"keys-{partition.part}",
        partition=partition,
        limits=limits,
    )


def rows_request(
    settings: TableSettings, key_hashes: Sequence[str], run_id: str, part: str
) -> ExtractRequest:
    """Returns the request for the rows of some keys; none: their description alone."""
    return ExtractRequest(
        run_id=run_id,
        table=settings.table_spec,
        part=part,
        limits=settings.limits,
        partition=Partition(part=part),
        # No row has the empty hash.
        key_hashes=tuple(key_hashes) or ("",),
    )


def newest_request(settings: TableSettings, cursor: str, run_id: str) -> DigestRequest:
    """Returns the request for the largest cursor value."""
    return DigestRequest(
        run_id=run_id,
        table=settings.table_spec,
        partition=Partition(part="whole"),
        columns=(cursor,),
        key=(cursor,),
        step="newest",
        cursor=settings.cursor_spec,
    )


def digest_request(
    settings: TableSettings,
    run_id: str,
    *,
    columns: Sequence[str],
    key: Sequence[str],
    step: Literal["buckets", "rows", "detail"],
    depth: int,
    within: Sequence[str],
    upto: CursorValue | None,
) -> DigestRequest:
    """Returns the request for digests of the whole table.

    Args:
        columns: What a row's digest covers, in this order.
        upto: Rows with a larger cursor are left out; None: none are.
    """
    deleted = settings.delete_column if settings.deletes == "soft_column" else None
    return DigestRequest(
        run_id=run_id,
        table=settings.table_spec,
        partition=Partition(part="whole"),
        columns=tuple(columns),
        key=tuple(key),
        deleted_column=deleted or "",
        step=step,
        depth=depth,
        within=tuple(within),
        cursor=settings.cursor_spec if upto is not None else None,
        upto=upto,
    )


def check_requests(
    source: str, tables: Sequence[TableSettings], run_id: str
) -> list[CheckRequest]:
    """Returns the requests that look at a source and its tables; at least one."""
    items = [
        CheckTable(
            t.table_spec,
            keyed=t.mode != "full",
            cursor=t.cursor_spec,
            logged=t.log_spec is not None,
        )
        for t in tables
    ]
    log = next((t.log_spec for t in tables if t.log_spec is not None), None)
    return [
        CheckRequest(run_id, source, tuple(items[i : i + CHECKED_TABLES]), log)
        for i in range(0, max(len(items), 1), CHECKED_TABLES)
    ]


def discover_request(
    source: str, patterns: Sequence[str], after: Sequence[str], run_id: str
) -> DiscoverRequest:
    """Returns the request for the tables of a source, from one of them on."""
    return DiscoverRequest(run_id, source, tuple(patterns), tuple(after))


def call_extract(requests: Sequence[str]) -> Iterator[Statement]:
    """Sends requests to the Lambda, one row and one parallel call each."""
    if len(requests) == 1:
        yield Statement(
            "SELECT 0 AS position, control.aurora_extract(?) AS reply", (requests[0],)
        )
        return
    rows = list(enumerate(requests))
    for values in value_rows(["NUMBER", "VARCHAR"], rows, most_rows=len(rows)):
        yield Statement(
            f"""\
SELECT
    column1 AS position,
    control.aurora_extract(column2) AS reply
FROM {values.text}""",
            values.params,
        )
