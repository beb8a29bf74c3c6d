"""VALIDATE_TABLE: does the target hold what the source holds? And makes it so."""

import time
from collections.abc import Sequence
from typing import Any

from lambda_extract.contract import ExtractReply, ExtractRequest, Partition
from snowpark import compare, validate_statements
from snowpark.columns.column import digest
from snowpark.compare import Subject, Suspects
from snowpark.differences import Difference
from snowpark.errors import SyncError, UsageError
from snowpark.extraction import ask
from snowpark.ledger import read, write
from snowpark.ledger.run import Counts, Run, Seconds, now
from snowpark.load import commit, merge, staging, target
from snowpark.sync import increment, lifecycle, sync
from snowpark.validate_report import Settled, add_repair, report_of
from snowpark.warehouse import Warehouse

# A row that changes again and again cannot be compared; the others can be after one.
_ROUNDS = 3


def validate_table(
    warehouse: Warehouse, table_name: object, repair: object = False
) -> dict[str, Any]:
    """Compares source and target by digests and names the keys that differ.

    The table is synced first, under its lease, so that no other sync moves the target
    meanwhile. The source moves on: what differs is synced and looked at again, and
    counts only where the source's row has not changed in between.

    Args:
        repair: Read the differing keys again, merge them, and take extra rows out.

    Raises:
        SyncError: With table, run, and what to do.
    """
    run = lifecycle.new_run(lifecycle.canonical_table(table_name))
    if not isinstance(repair, bool):
        raise UsageError(
            "invalid_argument",
            "Repair is not TRUE or FALSE.",
            hint="Pass TRUE or FALSE.",
        ).about(run.table, None)
    report: dict[str, Any] = {}
    try:
        found = read.take_lease(warehouse, run.table, run.id)
    except SyncError as error:
        raise error.about(run.table, run.id)

    def work() -> None:
        report.update(_validate(warehouse, run, repair=repair))

    lifecycle.run_owned(warehouse, found, run, work)
    return report


def _validate(warehouse: Warehouse, run: Run, *, repair: bool) -> dict[str, Any]:
    found = read.read_state(warehouse, run.table)
    # Asked before the sync: it brings every row up to here. What comes later is not
    # promised yet, however busy the source is.
    upto = compare.newest(warehouse, found, run.id)
    if found.ledger is None or found.settings.cursor is not None:
        sync.bring_up_to_date(warehouse, found, run)
        found = read.read_state(warehouse, run.table)
    subject = compare.subject(warehouse, found, run.id, upto)
    suspects = compare.suspects(warehouse, subject)
    settled = _settle(warehouse, run, subject, suspects)
    report = report_of(run, subject, suspects, settled)
    if repair and settled.real:
        left = _repair(warehouse, run, subject, settled.real)
        add_repair(report, len(settled.real), len(left))
    return report


def _settle(
    warehouse: Warehouse, run: Run, subject: Subject, suspects: Suspects
) -> Settled:
    """Tells differences from rows that are only on their way.

    A difference is a row that was the same before a sync that would have brought it.
    """
    before = compare.look_at(warehouse, subject, suspects.keys)
    real: list[Difference] = []
    unknown: list[Difference] = []
    for number in range(1, _ROUNDS + 1):
        unknown += [d for d in before.values() if d.kind == "incomparable"]
        before = {k: d for k, d in before.items() if d.kind != "incomparable"}
        if not before:
            break
        if subject.found.settings.cursor is not None:
            run.begin("increment", now())
            current = read.read_state(warehouse, run.table)
            increment.run_increment(warehouse, current, run, number)
        after = compare.look_at(warehouse, subject, tuple(before))
        same = [
            k
            for k, d in after.items()
            if d.source_hash == before[k].source_hash and d.kind != "incomparable"
        ]
        real += [after.pop(k) for k in same]
        before = after
    return Settled(tuple(real), tuple(before.values()), tuple(unknown))


def _repair(
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
            gone = validate_statements.remove_extra(subject.digested, extra, run.id)
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
