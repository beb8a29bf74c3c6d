"""Deletes without a log: compare all keys, flag or remove what is gone."""

import dataclasses
import time

from lambda_extract.contract import ExtractReply, PlanReply
from snowpark.columns import pairing
from snowpark.columns.alignment import Alignment
from snowpark.errors import SyncError, UsageError
from snowpark.extraction import ask, progress
from snowpark.extraction import requests as extraction_requests
from snowpark.ledger import lease
from snowpark.ledger.records import TableState, at_version
from snowpark.ledger.run import Counts, Run, note_extract
from snowpark.load import history, merge, target
from snowpark.load.staging import Job
from snowpark.load.statements import Batch
from snowpark.session import Snowflake
from snowpark.sync import duplicates, missing, statements, transfer
from snowpark.sync.transfer import Transfer

# Keys are small: one extraction takes many more of them than whole rows.
_KEYS_PER_ROW = 10


def is_due(found: TableState) -> bool:
    """Returns whether the keys of the table are to be compared now."""
    if found.settings.deletes != "key_compare" or found.ledger is None:
        return False
    since = found.minutes_since_key_check
    return since is None or since >= found.settings.delete_check_minutes


def compare_keys(
    snowflake: Snowflake, found: TableState, run: Run, *, confirmed: bool
) -> TableState:
    """Finds target rows that are gone from the source, and flags or removes them.

    It runs under the table's lease and after its increment. The keys are read later
    than any row of the target was, so a target row without a key is gone for certain.
    The other way round, rows of keys that the target has not, or has flagged, are read
    again: they were written with an old cursor value, which no increment sees.

    Args:
        confirmed: True if a person said that so many deletes are right.

    Returns:
        The table as the last commit left it.

    Raises:
        SyncError: "too_many_deletes", or whatever failed; nothing was deleted.
    """
    job = Job(found.settings, run.id, run.purpose)
    started = time.monotonic()
    enforced, replies = _extract_keys(snowflake, found, run)
    note_extract(run, time.monotonic() - started)
    first = replies[0]
    # The target may have a key column under another name than the source.
    staged = pairing.located(target.source_of(first), found.shape)
    files = [file for reply in replies for file in reply.files]
    transfer.stage(snowflake, run, job, staged, files)
    work = Transfer(
        job=job,
        aligned=Alignment(columns=staged, shape=found.shape),
        key=first.key,
        extracted_at=first.extracted_at,
        write=_apply,
        based_on=found.version,
    )
    compared = merge.batch(job, work.aligned, first.key, first.extracted_at)
    if not enforced:
        (row,) = snowflake.run(statements.shared_keys(compared), tell_only=())
        duplicates.check(run, found.settings, int(row[0]))
    known = _known_keys(
        snowflake, compared, found.settings.max_delete_percent, confirmed
    )
    absent = missing.find(snowflake, compared) if run.tally.rows > known else ()
    done = transfer.commit(snowflake, run, work)
    transfer.drop_staging(snowflake, run, job)
    after = at_version(found, done.version(found.version))
    return missing.read_again(snowflake, after, run, absent) if absent else after


def _extract_keys(
    snowflake: Snowflake, found: TableState, run: Run
) -> tuple[bool, list[ExtractReply]]:
    """Returns whether PostgreSQL enforces the key, and the manifests of all keys."""
    settings = found.settings
    wide = dataclasses.replace(settings, chunk_rows=settings.chunk_rows * _KEYS_PER_ROW)
    planned = ask.ask(
        snowflake, extraction_requests.snapshot_request(wide, run.id), PlanReply
    )
    replies = []
    for wave in progress.waves(planned, frozenset(), settings.max_parallel):
        requests = [
            extraction_requests.keys_request(settings, partition, run.id, wide.limits)
            for partition in wave
        ]
        for reply in ask.ask_all(snowflake, requests):
            replies.append(ask.expect(reply, ExtractReply, run.id))
        lease.renew_lease(snowflake, settings.name, run.id)
    if not replies:
        raise SyncError("reply_invalid", "The plan has no parts.")
    run.note(
        windows=len(replies),
        rows=sum(reply.rows for reply in replies),
        files=sum(len(reply.files) for reply in replies),
        bytes=sum(reply.bytes for reply in replies),
    )
    return planned.key_enforced, replies


def _known_keys(
    snowflake: Snowflake, compared: Batch, max_percent: float, confirmed: bool
) -> int:
    """Returns how many target rows are in the source, unless too many are not.

    Raises:
        UsageError: "too_many_deletes".
    """
    (row,) = snowflake.run(statements.count_gone(compared), tell_only=())
    alive, gone = int(row[0]), int(row[1])
    if gone * 100 > alive * max_percent and not confirmed:
        raise UsageError(
            "too_many_deletes",
            f"{gone} of {alive} rows are gone from the source; more than"
            f" {max_percent:g} percent.",
        )
    return alive - gone


def _apply(snowflake: Snowflake, gone: Batch) -> Counts:
    if gone.history is not None:
        return history.close_gone(snowflake, gone)
    if not gone.soft_deletes:
        removal = statements.remove_gone(gone)
        return Counts(deleted=snowflake.changed_rows(removal, tell_only=()))
    flagging = statements.flag_gone(gone)
    flagged = snowflake.changed_rows(flagging, tell_only=())
    revived = snowflake.changed_rows(statements.revive(gone), tell_only=())
    return Counts(updated=revived, deleted=flagged)
