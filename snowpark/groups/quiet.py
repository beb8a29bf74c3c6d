"""PURE: tables of a group in which nothing is new: told together, not one by one."""

from dataclasses import dataclass

from lambda_extract.contract import ExtractReply, KnownColumns
from snowpark.columns import column as columns
from snowpark.extraction import progress as extraction_progress
from snowpark.groups.asking import Extraction
from snowpark.ledger.records import Commit, TableState
from snowpark.ledger.run import Run
from snowpark.sync import changes, increment, keys


@dataclass(frozen=True)
class Quiet:
    """A table in which nothing is new.

    Attributes:
        commit: The watermark row; None if the watermark stays.
        run: With its tally.
    """

    found: TableState
    run: Run
    commit: Commit | None


def known_columns(found: TableState) -> KnownColumns | None:
    """Returns what the reply need not repeat; None if it has to carry its columns."""
    ledger, settings = found.ledger, found.settings
    if ledger is None or not ledger.columns_sha256:
        return None
    if found.shape.unsettled or keys.is_due(found):
        return None
    return KnownColumns(
        ledger.columns_sha256,
        settings.shaped_target,
        settings.schema_drift,
        settings.type_change,
        settings.deletes_softly,
    )


def quiet(
    found: TableState, run: Run, extraction: Extraction, upto: str = ""
) -> Quiet | None:
    """Returns that nothing is to be done but to note it; None if there is work.

    Args:
        upto: Of a table of mode log: the position that was asked for.
    """
    reply, ledger = extraction.reply, found.ledger
    if ledger is None or not _is_nothing(found, extraction):
        return None
    if reply.log is not None:
        changes.note_window(run, upto, reply, reply.seconds)
        return Quiet(found, run, None)
    start = extraction_progress.start(found)
    progress = increment.note_window(run, start, reply, reply.seconds)
    if not increment.is_moved(ledger, progress.bound, reply.identity):
        return Quiet(found, run, None)
    commit = Commit(
        version=ledger.version,
        kind="increment",
        bound=progress.bound,
        columns_sha256=ledger.columns_sha256,
        rows=0,
        source_identity=reply.identity,
        refined_at=reply.extracted_at,
    )
    return Quiet(found, run, commit)


def _is_nothing(found: TableState, extraction: Extraction) -> bool:
    reply = extraction.reply
    return (
        not reply.files
        and not reply.rows
        and reply.complete
        and not reply.source_changed
        and not reply.altered
        and _is_same_log(found, reply)
        and not keys.is_due(found)
        and not found.shape.unsettled
        and (extraction.columns_known or _has_same_columns(found, reply))
    )


def _is_same_log(found: TableState, reply: ExtractReply) -> bool:
    """Returns whether a table of mode log is what it was; all others are."""
    if reply.log is None:
        return found.settings.mode != "log"
    known = found.ledger.log_identity if found.ledger else None
    return not reply.log.moved and not reply.log.compare and reply.log.identity == known


def _has_same_columns(found: TableState, reply: ExtractReply) -> bool:
    digest = columns.digest(
        reply.columns, reply.key, reply.relation_id, found.settings, reply.described
    )
    return found.ledger is not None and digest == found.ledger.columns_sha256


def usable(extraction: Extraction) -> ExtractReply | None:
    """Returns the window that a load begins with; None if it has to ask again."""
    if extraction.columns_known and not extraction.reply.source_changed:
        return None
    return extraction.reply
