"""PURE: which windows of changed keys a table has to read, from what captures tell."""

from collections.abc import Sequence
from dataclasses import dataclass

from lambda_extract.contract import LogIdentity
from snowpark.captures import records
from snowpark.captures.records import Changed, Link, Piece
from snowpark.ledger.records import TableState


@dataclass(frozen=True)
class Due:
    """What of the log a table has not yet.

    Attributes:
        pieces: Its windows, one at least.
        known: What the table was when its rows were read last.
        truncated: A capture says that the table was emptied.
    """

    pieces: tuple[Piece, ...]
    known: LogIdentity
    truncated: bool

    @property
    def more_keys(self) -> int:
        """Changed keys behind the first window."""
        return sum(file.rows for piece in self.pieces[1:] for file in piece.files)


def position(found: TableState, link: Link) -> int | None:
    """Returns the capture up to which a table has everything.

    None: the chain does not say what has changed since, so that the table has to be
    read as a whole.
    """
    ledger = found.ledger
    if ledger is None or ledger.capture_version is None or ledger.log_identity is None:
        return None
    if ledger.capture_version + 1 < link.oldest:
        # TIDY has deleted what comes next.
        return None
    return ledger.capture_version


def due(found: TableState, link: Link, pending: Sequence[Changed]) -> Due | None:
    """Returns what is due; None if the table has to be read as a whole.

    Args:
        pending: What captures say of the table behind its position, and gaps.
    """
    ledger, after = found.ledger, position(found, link)
    if ledger is None or ledger.log_identity is None or after is None:
        return None
    if records.why_whole(pending, link.version):
        return None
    lsn = ledger.watermark.value if ledger.watermark else ""
    pieces = records.pieces(
        pending,
        after=Piece((), after, lsn),
        latest=Piece((), link.version, link.to_lsn or ""),
        most_keys=found.settings.chunk_rows,
    )
    truncated = any(changed.truncated for changed in pending)
    return Due(tuple(pieces), ledger.log_identity, truncated)
