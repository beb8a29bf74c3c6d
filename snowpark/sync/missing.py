"""Rows that the source has and the target has not: read again by their keys.

A row that was imported or restored with an old cursor value is behind the watermark, so
that no increment reads it. The comparison of keys finds it.
"""

import time
from collections.abc import Sequence

from lambda_extract.contract import ExtractReply
from snowpark.columns.column import digest
from snowpark.errors import SyncError
from snowpark.extraction import ask
from snowpark.extraction import requests as extraction_requests
from snowpark.ledger import lease
from snowpark.ledger.records import TableState, at_version
from snowpark.ledger.run import Run, note_extract, now
from snowpark.load import merge, staging, target
from snowpark.load.staging import Job
from snowpark.load.statements import Batch
from snowpark.session import Snowflake
from snowpark.sync import statements, transfer
from snowpark.sync.transfer import Transfer

# What one run reads again. Each request scans the source's table once and carries its
# keys in an event of at most 256 KB; a table that lacks more is better reloaded.
MOST_KEYS = 20_000
_KEYS_PER_REQUEST = 2_000


def find(snowflake: Snowflake, compared: Batch) -> tuple[str, ...]:
    """Returns hashes of keys that are staged and not alive in the target.

    Returns:
        At most one more than `MOST_KEYS`.
    """
    found = snowflake.run_list(
        statements.missing_keys(compared, MOST_KEYS + 1), tell_only=()
    )
    return tuple(str(row[0]) for row in found)


def read_again(
    snowflake: Snowflake, found: TableState, run: Run, key_hashes: Sequence[str]
) -> TableState:
    """Extracts the rows of these keys and merges them, as a step of its own.

    Args:
        found: As the increment of this run left it.

    Returns:
        The table as the last commit left it.

    Raises:
        SyncError: Nothing of it was kept; the next comparison finds the keys again.
    """
    wanted = key_hashes[:MOST_KEYS]
    run.begin("repair", now())
    job = Job(found.settings, run.id, run.purpose)
    started = time.monotonic()
    replies = _extract(snowflake, found, run, wanted)
    note_extract(run, time.monotonic() - started)
    first = replies[0]
    aligned = target.find_alignment(
        snowflake, job.target, target.source_of(first), found.shape
    )
    files = [file for reply in replies for file in reply.files]
    run.note(
        windows=len(replies),
        rows=sum(reply.rows for reply in replies),
        files=len(files),
        bytes=sum(reply.bytes for reply in replies),
    )
    _tell(run, len(key_hashes), len(wanted))
    if not files:
        return found
    transfer.stage(snowflake, run, job, aligned.columns, files)
    done = transfer.commit(
        snowflake,
        run,
        Transfer(
            job=job,
            aligned=aligned,
            key=first.key,
            extracted_at=first.extracted_at,
            write=merge.merge_rows,
            based_on=found.version,
            merged_rows=run.tally.rows,
        ),
    )
    transfer.drop_staging(snowflake, run, job)
    return at_version(found, done.version(found.version))


def _extract(
    snowflake: Snowflake, found: TableState, run: Run, wanted: Sequence[str]
) -> list[ExtractReply]:
    settings = found.settings
    requests = [
        extraction_requests.rows_request(
            settings,
            wanted[start : start + _KEYS_PER_REQUEST],
            run.id,
            f"missing{start}",
        )
        for start in range(0, len(wanted), _KEYS_PER_REQUEST)
    ]
    replies = []
    for start in range(0, len(requests), settings.max_parallel):
        wave = requests[start : start + settings.max_parallel]
        for answer in ask.ask_all(snowflake, wave):
            reply = ask.expect(answer, ExtractReply, run.id)
            _check_columns(found, reply)
            replies.append(reply)
        lease.renew_lease(snowflake, settings.name, run.id)
    return replies


def _check_columns(found: TableState, reply: ExtractReply) -> None:
    staging.check_key(reply.key, reply.columns)
    columns = digest(
        reply.columns, reply.key, reply.relation_id, found.settings, reply.described
    )
    if found.ledger is None or columns != found.ledger.columns_sha256:
        raise SyncError(
            "columns_changed", "The columns changed while keys were compared."
        )


def _tell(run: Run, missing: int, wanted: int) -> None:
    """Warns of what is not in the target even now."""
    if missing > wanted:
        run.warn(
            "missing_keys",
            f"The target lacks more than {wanted} rows of the source; the others were"
            " not read.",
            "CALL RESYNC_TABLE, or let further comparisons read the rest.",
        )
    elif run.tally.rows < wanted:
        run.warn(
            "missing_keys",
            f"Of {wanted} keys that the target lacks, {wanted - run.tally.rows} were"
            " not found in the source any more, or cannot be looked up there.",
            "CALL VALIDATE_TABLE; if it reports the same keys, CALL RESYNC_TABLE.",
        )
