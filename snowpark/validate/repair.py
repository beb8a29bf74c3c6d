"""The repair of a difference: the source's rows are merged, extra rows taken out."""

import time
from collections.abc import Sequence

from lambda_extract.contract import ExtractReply, ExtractRequest, Partition
from snowpark.columns.column import digest
from snowpark.errors import UsageError
from snowpark.extraction import ask
from snowpark.ledger import read, write
from snowpark.ledger.run import Counts, Run, Seconds, now
from snowpark.load import commit, merge, staging, target
from snowpark.validate import compare, statements
from snowpark.validate.compare import Subject
from snowpark.validate.differences import Difference
from snowpark.warehouse import Warehouse


def repair_rows(
    warehouse: Warehouse, run: Run, subject: Subject, real: Sequence[Difference]
) -> dict[str, Difference]:
    """Merges the source's rows of these keys and takes out rows that it has not.

    Returns:
        What still differs.
    """
    settings = subject.found.settings
    run.begin("repair", now())
    wanted = [d.key_hash for d in real if d.kind != "extra_in_target"]
    extra = [d.key_hash for d in real if d.kind == "extra_in_target"]
    started = time.monotonic()
    request = ExtractRequest(
        run_id=run.id,
        table=settings.table_spec,
        part="repair",
        limits=settings.limits,
        partition=Partition(part="repair"),
        # No row has the empty hash: a table without missing rows is described only.
        key_hashes=tuple(wanted) or ("",),
    )
    reply = ask.ask(warehouse, request, ExtractReply)
    run.note(files=len(reply.files))
    staging.check_key(reply.key, reply.columns)
    found = read.read_state(warehouse, run.table)
    columns = digest(reply.columns, reply.key, reply.relation_id, settings)
    if found.ledger is None or columns != found.ledger.columns_sha256:
        raise UsageError("columns_changed", "The columns changed while validating.")
    extracted = time.monotonic()
    job = staging.Job(settings, run.id, purpose="REPAIR")
    aligned = target.plan(warehouse, job.target, target.source_of(reply), found.shape)
    staging.stage(warehouse, job, aligned.columns, reply.files)
    rows = merge.batch(job, aligned, reply.key, reply.extracted_at)
    loaded = time.monotonic()

    def change() -> Counts:
        merged = merge.merge_rows(warehouse, rows) if reply.files else Counts()
        deleted = merged.deleted
        if extra:
            gone = statements.remove_extra(subject.digested, extra, run.id)
            deleted += warehouse.changed_rows(gone, tell_only=())
        return Counts(merged.inserted, merged.updated, deleted)

    def record(counts: Counts) -> None:
        run.note(
            windows=1,
            rows=reply.rows,
            files=len(reply.files),
            bytes=reply.bytes,
            counts=counts,
            seconds=Seconds(
                extracted - started, loaded - extracted, time.monotonic() - loaded
            ),
        )
        write.record_run(warehouse, run, "succeeded")

    commit.commit_rows(warehouse, job, None, change, record)
    staging.drop_staging(warehouse, job)
    return compare.look_at(warehouse, subject, [d.key_hash for d in real])
