"""The repair of a difference: the source's rows are merged, extra rows taken out."""

import time
from collections.abc import Sequence
from functools import partial

from lambda_extract.contract import ExtractReply
from snowpark.columns.column import digest
from snowpark.errors import UsageError
from snowpark.extraction import ask
from snowpark.extraction import requests as extraction_requests
from snowpark.ledger.run import Counts, Run, note_extract, now
from snowpark.load import merge, staging, target
from snowpark.load.staging import Job
from snowpark.load.statements import Batch
from snowpark.session import Snowflake
from snowpark.sync import duplicates, transfer
from snowpark.sync.transfer import Transfer
from snowpark.validate import compare, statements
from snowpark.validate.compare import Subject
from snowpark.validate.differences import Difference
from snowpark.validate.report import Settled


def repair_rows(
    snowflake: Snowflake, run: Run, subject: Subject, settled: Settled
) -> dict[str, Difference]:
    """Merges the source's rows of these keys and takes out rows that it has not.

    Returns:
        What still differs.
    """
    settings = subject.found.settings
    # Known before its rows are read: whoever commits in between is not written over.
    found, real = settled.found, settled.real
    run.begin("repair", now())
    wanted = [d.key_hash for d in real if d.kind != "extra_in_target"]
    extra = [d.key_hash for d in real if d.kind == "extra_in_target"]
    started = time.monotonic()
    request = extraction_requests.rows_request(settings, wanted, run.id, "repair")
    reply = ask.ask(snowflake, request, ExtractReply)
    run.note(files=len(reply.files))
    staging.check_key(reply.key, reply.columns)
    columns = digest(
        reply.columns, reply.key, reply.relation_id, settings, reply.described
    )
    if found.ledger is None or columns != found.ledger.columns_sha256:
        raise UsageError("columns_changed", "The columns changed while validating.")
    note_extract(run, time.monotonic() - started)
    run.note(windows=1, rows=reply.rows, bytes=reply.bytes)
    job = Job(settings, run.id, run.purpose)
    aligned = target.find_alignment(
        snowflake, job.target, target.source_of(reply), found.shape
    )
    transfer.stage(snowflake, run, job, aligned.columns, reply.files)
    transfer.commit(
        snowflake,
        run,
        Transfer(
            job=job,
            aligned=aligned,
            key=reply.key,
            extracted_at=reply.extracted_at,
            based_on=found.version,
            write=partial(_merge_and_remove, run, subject, extra),
        ),
    )
    transfer.drop_staging(snowflake, run, job)
    return compare.look_at(snowflake, subject, [d.key_hash for d in real])


def _merge_and_remove(
    run: Run,
    subject: Subject,
    extra: Sequence[str],
    snowflake: Snowflake,
    rows: Batch,
) -> Counts:
    """Merges the staged rows, if there are any, and takes out the extra ones."""
    merged = Counts()
    if run.tally.files:
        merged = merge.merge_rows(snowflake, rows)
        if not rows.removes:
            lost = run.tally.rows - merged.inserted - merged.updated
            duplicates.check(run, subject.found.settings, lost)
    deleted = merged.deleted
    if extra:
        gone = statements.remove_extra(
            subject.digested, extra, rows.run_id, rows.extracted_at
        )
        deleted += snowflake.changed_rows(gone, tell_only=())
    return Counts(merged.inserted, merged.updated, deleted)
