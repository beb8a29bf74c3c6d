"""PURE: links of a chain of captures, and what of them a table has not yet."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambda_extract.contract import File, LogSpec
from snowpark.settings.table import TableSettings


@dataclass(frozen=True)
class LogSource:
    """A source whose log is read.

    Attributes:
        tables: Its tables of mode log.
        on_gap: "resync": a slot that is gone is made anew without a person.
        publish: "keys": the publication is to hold key columns alone.
    """

    name: str
    log: LogSpec
    max_wal_bytes: int
    on_huge: str
    tables: tuple[TableSettings, ...]
    on_gap: str = "fail"
    publish: str = "rows"


@dataclass(frozen=True)
class Link:
    """The latest row of a source's chain.

    Attributes:
        is_gap: Nothing is recorded since the chain broke.
        reason: Of a gap.
        run_id: Of the run that recorded it.
        oldest: Version of the oldest link that is kept.
        open_transaction: Of the session that has read it; None: none is open.
    """

    version: int
    is_gap: bool
    to_lsn: str | None
    server: str
    reason: str = ""
    run_id: str = ""
    oldest: int = 1
    open_transaction: object = None


@dataclass(frozen=True)
class Changed:
    """What one capture says of one table; or that the chain is broken there.

    Attributes:
        error: (code, message, retryable, hint), if the log does not tell the table.
    """

    version: int
    lsn: str
    is_gap: bool = False
    keys: int = 0
    truncated: bool = False
    whole: str = ""
    files: tuple[File, ...] = ()
    error: tuple[str, str, bool, str] | None = None


@dataclass(frozen=True)
class Piece:
    """What one window reads of the changed keys.

    Attributes:
        version: Captures up to it are in the target once the window is committed.
        lsn: Their end.
    """

    files: tuple[File, ...]
    version: int
    lsn: str


def source_of(name: str, tables: Sequence[TableSettings]) -> LogSource | None:
    """Returns a source by its name in any case; None if no table is of mode log."""
    own = tuple(t for t in tables if t.mode == "log" and t.source.lower() == name)
    if not own or (log := own[0].log_spec) is None:
        return None
    first = own[0]
    return LogSource(
        name=first.source,
        log=log,
        max_wal_bytes=first.log_max_wal_bytes,
        on_huge=first.log_on_huge,
        tables=own,
        on_gap=first.log_on_gap,
        publish=first.log_publish,
    )


def changed_of(row: Mapping[str, Any]) -> Changed:
    """Returns a row of `statements.read_pending`."""
    error = None
    if row["ERROR_CODE"]:
        error = (
            str(row["ERROR_CODE"]),
            str(row["ERROR_MESSAGE"] or ""),
            bool(row["ERROR_RETRYABLE"]),
            str(row["ERROR_HINT"] or ""),
        )
    files = json.loads(row["FILES"]) if row["FILES"] else []
    return Changed(
        version=int(row["VERSION"]),
        lsn=str(row["TO_LSN"] or ""),
        is_gap=row["KIND"] == "gap",
        keys=int(row["KEY_COUNT"] or 0),
        truncated=bool(row["TRUNCATED"]),
        whole=str(row["WHOLE"] or ("not_captured" if row["MISSED"] else "")),
        files=tuple(File(**file) for file in files),
        error=error,
    )


def why_whole(pending: Sequence[Changed], latest: int) -> str:
    """Says why the keys do not tell all that changed; empty: they do.

    A table that the log did not tell of for a while may have changed meanwhile.
    """
    for changed in pending:
        if changed.is_gap:
            return "gap"
        if changed.whole:
            return changed.whole
        if changed.error is not None and changed.version < latest:
            return "was_refused"
    return ""


def refusal(pending: Sequence[Changed], latest: int) -> Changed | None:
    """Returns the capture that says that the log does not tell the table's changes."""
    last = pending[-1] if pending else None
    if last is None or last.error is None or last.version != latest:
        return None
    return last


def pieces(
    pending: Sequence[Changed], *, after: Piece, latest: Piece, most_keys: int
) -> list[Piece]:
    """Returns the windows: whole captures together as long as they fit.

    A capture with more keys is several windows; the watermark stays before it until the
    last of them. There is one window at least, because what the log does not tell is
    found by each window.

    Args:
        after: Where the watermark is.
        latest: The end of the chain, where it will be.
    """
    found: list[Piece] = []
    files: tuple[File, ...] = ()
    keys, done = 0, after
    for changed in pending:
        if files and keys + changed.keys > most_keys:
            found.append(Piece(files, done.version, done.lsn))
            files, keys = (), 0
        for file in changed.files:
            if files and keys + file.rows > most_keys:
                found.append(Piece(files, done.version, done.lsn))
                files, keys = (), 0
            files, keys = (*files, file), keys + file.rows
        done = Piece((), changed.version, changed.lsn)
    return [*found, Piece(files, latest.version, latest.lsn)]
