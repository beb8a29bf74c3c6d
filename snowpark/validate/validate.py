"""VALIDATE_TABLE: does the target hold what the source holds? And makes it so."""

from typing import Any

from snowpark import arguments
from snowpark.errors import SyncError
from snowpark.ledger import read
from snowpark.ledger.run import Run, now
from snowpark.load import history
from snowpark.session import Snowflake
from snowpark.sync import increment, lifecycle, sync
from snowpark.validate import compare
from snowpark.validate.compare import Subject, Suspects
from snowpark.validate.differences import Difference
from snowpark.validate.repair import repair_rows
from snowpark.validate.report import Settled, add_history, add_repair, report_of

# A row that changes again and again cannot be compared; the others can be after one.
_ROUNDS = 3


def validate_table(
    snowflake: Snowflake, table_name: object, repair: object = False
) -> dict[str, Any]:
    """Compares source and target by digests and names the keys that differ.

    The table is synced first, under its lease, so that no other sync moves the target
    meanwhile. The source moves on: what differs is synced and looked at again, and
    counts only if the source's row has not changed in between.

    Args:
        repair: Read the differing keys again, merge them, and take extra rows out.

    Raises:
        SyncError: With table, run, and what to do.
    """
    run = lifecycle.new_run(arguments.table_name(table_name))
    report: dict[str, Any] = {}
    try:
        repairs = arguments.flag(repair, "repair")
        found = read.take_lease(snowflake, run.table, run.id)
    except SyncError as error:
        raise error.about(run.table, run.id)

    def work() -> None:
        report.update(_validate(snowflake, run, repair=repairs))

    lifecycle.run_owned(snowflake, found, run, work)
    return report


def _validate(snowflake: Snowflake, run: Run, *, repair: bool) -> dict[str, Any]:
    found = read.read_state(snowflake, run.table)
    # Asked before the sync: it brings every row up to here. What comes later is not
    # promised yet, however busy the source is.
    upto = compare.newest(snowflake, found, run.id)
    if found.ledger is None or found.settings.mode != "full":
        sync.bring_up_to_date(snowflake, found, run)
        found = read.read_state(snowflake, run.table)
    subject = compare.subject(snowflake, found, run.id, upto)
    suspects = compare.suspects(snowflake, subject)
    settled = _settle(snowflake, run, subject, suspects)
    report = report_of(run, subject, suspects, settled)
    if repair and settled.real:
        left = repair_rows(snowflake, run, subject, settled)
        add_repair(report, len(settled.real), len(left))
    if found.settings.history:
        target, key = found.settings.target, found.shape.key_targets
        add_history(report, history.look_at(snowflake, target, key))
    return report


def _settle(
    snowflake: Snowflake, run: Run, subject: Subject, suspects: Suspects
) -> Settled:
    """Tells differences from rows that are only on their way.

    A difference is a row that was the same before a sync that would have brought it.
    """
    before = compare.look_at(snowflake, subject, suspects.keys)
    found = subject.found
    real: list[Difference] = []
    unknown: list[Difference] = []
    for number in range(1, _ROUNDS + 1):
        unknown += [d for d in before.values() if d.kind == "incomparable"]
        before = {k: d for k, d in before.items() if d.kind != "incomparable"}
        if not before:
            break
        if subject.found.settings.mode != "full":
            run.begin("increment", now())
            if found.settings.mode == "log":
                sync.bring_up_to_date(snowflake, found, run)
                found = read.read_state(snowflake, run.table)
            else:
                found = increment.run_increment(snowflake, found, run, number).state
        after = compare.look_at(snowflake, subject, tuple(before))
        same = [
            k
            for k, d in after.items()
            if d.source_hash == before[k].source_hash and d.kind != "incomparable"
        ]
        real += [after.pop(k) for k in same]
        before = after
    return Settled(tuple(real), tuple(before.values()), tuple(unknown), found)
