"""PURE: what VALIDATE_TABLE reports."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from snowpark.ledger.records import TableState
from snowpark.ledger.run import Run
from snowpark.load.history import Soundness
from snowpark.validate.compare import MOST_DIFFERENCES, Subject, Suspects
from snowpark.validate.differences import Difference

# Characters of a key value in the report; it may name MOST_DIFFERENCES keys.
_LONGEST_KEY = 1000
_BROKEN_HISTORY = (
    "Somebody has changed versions by hand: restore the target from before that (Time"
    " Travel)."
)


@dataclass(frozen=True)
class Settled:
    """What became of the suspects.

    Attributes:
        real: Differences.
        moving: Rows that changed in the source each time they were looked at.
        unknown: Rows that differ in nothing but values that cannot be compared.
        found: The table as the last sync left it, before both sides were looked at.
    """

    real: tuple[Difference, ...]
    moving: tuple[Difference, ...]
    unknown: tuple[Difference, ...]
    found: TableState


_REPAIRS = "CALL VALIDATE_TABLE with TRUE repairs these rows."


def report_of(
    run: Run, subject: Subject, suspects: Suspects, settled: Settled
) -> dict[str, Any]:
    """Returns the report of a comparison."""
    counts = dict(sorted(Counter(d.kind for d in settled.real).items()))
    unfinished = bool(settled.moving) or not suspects.complete
    status = "different" if settled.real else "incomplete" if unfinished else "equal"
    told = ", ".join(f"{n} {kind.replace('_', ' ')}" for kind, n in counts.items())
    report: dict[str, Any] = {
        "table": run.table,
        "status": status,
        "summary": f"{run.table}: {told or 'no difference'} in"
        f" {suspects.source_rows} rows.",
        "run_id": run.id,
        "source_rows": suspects.source_rows,
        "target_rows": suspects.target_rows,
        "counts": counts,
        "differences": [_named(subject, d) for d in settled.real],
        "not_compared": subject.not_compared | _unknown(settled.unknown),
        "complete": suspects.complete,
    }
    if subject.upto is not None:
        report["compared_up_to"] = subject.upto.value
        report["rows_beyond"] = suspects.beyond
    if settled.moving:
        report["in_flight"] = [_named(subject, d) for d in settled.moving]
    if settled.real or unfinished:
        report["hint"] = _hint(subject, suspects, settled)
    return report


def add_history(report: dict[str, Any], sound: Soundness) -> None:
    """Adds whether the intervals of all versions are right, closed ones included."""
    report["history"] = {"versions": sound.versions, "broken": sound.broken}
    report["summary"] += f" History: {sound}."
    if sound.broken:
        report["status"] = "different"
        report["hint"] = f"{report.get('hint', '')} {_BROKEN_HISTORY}".strip()


def add_repair(report: dict[str, Any], repaired: int, left: int) -> None:
    """Adds what a repair did: `left` of the rows that were to be repaired differ."""
    report["repaired"] = repaired - left
    report["summary"] += f" Repaired: {repaired - left}."
    # It was called with TRUE: what it says to do has been done.
    hint = str(report.pop("hint", "")).replace(_REPAIRS, "").strip()
    if left:
        hint = f"{left} of the named keys still differ: call again. {hint}".strip()
    else:
        report["status"] = "repaired" if report["complete"] else "incomplete"
    if hint:
        report["hint"] = hint


def _unknown(unknown: Sequence[Difference]) -> dict[str, str]:
    rows = Counter(column for difference in unknown for column in difference.columns)
    return {
        column: f"{number} row(s): a document that is too large, too deeply nested, or"
        " not ASCII in a database that is not UTF8"
        for column, number in rows.items()
    }


def _hint(subject: Subject, suspects: Suspects, settled: Settled) -> str:
    settings = subject.found.settings
    hints = []
    if settings.cursor is None:
        hints.append(
            "The source may have changed since the last reload: CALL SYNC_TABLE."
        )
    if not suspects.complete:
        hints.append(
            f"More rows differ than the {MOST_DIFFERENCES} that one call looks at: CALL"
            " VALIDATE_TABLE with TRUE again until it is complete, or RESYNC_TABLE."
        )
    if settled.real:
        hints.append(_REPAIRS)
        if not subject.digested.names_keys:
            hints.append(
                'Their keys are shown if "keys_in_messages" is true and PostgreSQL'
                " enforces the key."
            )
    extra = any(d.kind == "extra_in_target" for d in settled.real)
    if settings.deletes == "none" and extra:
        hints.append('Extra rows were deleted in the source: "deletes" is "none".')
    if settings.deletes == "key_compare" and extra:
        hints.append("Extra rows go with the next comparison of keys: CONFIRM_DELETES.")
    return " ".join(hints) or "Rows in flight changed in every round: call again."


def _shortened(text: str | None) -> str | None:
    """Values of 16 MB are unreliable in procedures, and a key may be of any length."""
    long = text is not None and len(text) > _LONGEST_KEY
    return f"{text[:_LONGEST_KEY]}..." if text and long else text


def _named(subject: Subject, difference: Difference) -> dict[str, Any]:
    names = [c.source.name for c in subject.digested.key]
    named: dict[str, Any] = {"kind": difference.kind}
    if subject.digested.names_keys:
        key = map(_shortened, difference.key)
        named["key"] = dict(zip(names, key, strict=True))
    if difference.columns:
        named["columns"] = list(difference.columns)
    return named
