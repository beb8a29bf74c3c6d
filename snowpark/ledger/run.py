"""One run: what it did so far, and how steps add to it."""

import dataclasses
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Literal

from snowpark.columns.shape import Change

Kind = Literal["increment", "snapshot", "key_compare", "backfill", "repair"]
# Part of the staging table's name, by kind of run; ROWS for all others.
_PURPOSES: dict[Kind, str] = {
    "key_compare": "KEYS",
    "backfill": "BACKFILL",
    "repair": "REPAIR",
}


@dataclass(frozen=True)
class Counts:
    """Rows that a MERGE or a reload changed.

    Attributes:
        before: All rows of the target before it; None: nobody has counted.
    """

    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    before: int | None = None


@dataclass(frozen=True)
class Seconds:
    """Wall seconds of the steps."""

    extract: float = 0.0
    load: float = 0.0
    merge: float = 0.0


@dataclass(frozen=True)
class Tally:
    """What a run did so far; every step returns a new one.

    Attributes:
        watermark: PostgreSQL text of the committed watermark.
        oldest_transaction: Start of the open transaction that holds it back.
        null_cursor_rows: -1 if not counted.
        warnings: (code, message, hint) each.
        schema_changes: What happened to the columns, as a person reads it.
    """

    kind: Kind = "increment"
    windows: int = 0
    rows: int = 0
    files: int = 0
    bytes: int = 0
    counts: Counts = Counts()
    seconds: Seconds = Seconds()
    watermark: str | None = None
    oldest_transaction: str | None = None
    null_cursor_rows: int = -1
    warnings: tuple[tuple[str, str, str], ...] = ()
    schema_changes: tuple[str, ...] = ()


@dataclass
class Run:
    """One run: the only value that changes while it goes on.

    It outlives the step that fails, so that the run ledger can say how far it came.

    Attributes:
        id: Run id; part of S3 prefixes, staging names and every ledger row.
        table: Configured table name.
        started_at: ISO 8601 with offset.
        tally: What was done so far.
        recorded: True once the run ledger has its row.
        earlier: Tallies of the steps that this run has finished and recorded.
        staged: Quoted names of its staging tables that are not dropped yet.
        staging: Quoted name of a staging table that its increment uses in place of one
            of its own; see `Job.common`.
    """

    id: str
    table: str
    started_at: str
    tally: Tally = field(default_factory=Tally)
    recorded: bool = False
    earlier: tuple[Tally, ...] = ()
    staged: list[str] = field(default_factory=list)
    staging: str = ""

    @property
    def purpose(self) -> str:
        """What its staging table is for now; part of the table's name."""
        return _PURPOSES.get(self.tally.kind, "ROWS")

    def begin(self, kind: Kind, started_at: str) -> None:
        """Begins another step that gets a row of its own in the run ledger."""
        self.earlier += (self.tally,)
        self.tally = Tally(kind=kind)
        self.started_at = started_at
        self.recorded = False

    def forget_or_begin(self, kind: Kind, started_at: str) -> None:
        """Gives a step up for another; what it has committed stays in the report."""
        if self.tally.counts != Counts():
            self.begin(kind, started_at)
        kept = tuple(w for w in self.tally.warnings if w[0] == "source_changed")
        self.tally = Tally(
            kind=kind, schema_changes=self.tally.schema_changes, warnings=kept
        )

    def note(self, **changes: Any) -> None:
        """Replaces fields of the tally."""
        self.tally = dataclasses.replace(self.tally, **changes)

    def warn(self, code: str, message: str, hint: str) -> None:
        """Adds a warning to the tally."""
        self.note(warnings=self.tally.warnings + ((code, message, hint),))

    def note_changes(self, changes: tuple[Change, ...]) -> None:
        """Adds changes of columns to the tally."""
        texts = tuple(str(change) for change in changes if change.change != "created")
        self.note(schema_changes=self.tally.schema_changes + texts)


def note_extract(run: Run, seconds: float) -> None:
    """Adds to the seconds that extracting took."""
    taken = run.tally.seconds
    run.note(seconds=dataclasses.replace(taken, extract=taken.extract + seconds))


def note_load(run: Run, seconds: float) -> None:
    """Adds to the seconds that loading took."""
    taken = run.tally.seconds
    run.note(seconds=dataclasses.replace(taken, load=taken.load + seconds))


def note_counts(run: Run, counts: Counts, merge_seconds: float) -> None:
    """Adds to the rows that were merged, and to the seconds that it took."""
    tally = run.tally
    run.note(
        counts=Counts(
            inserted=tally.counts.inserted + counts.inserted,
            updated=tally.counts.updated + counts.updated,
            deleted=tally.counts.deleted + counts.deleted,
        ),
        seconds=dataclasses.replace(
            tally.seconds, merge=tally.seconds.merge + merge_seconds
        ),
    )


def now() -> str:
    """Returns the time, ISO 8601 with offset."""
    return datetime.now(timezone.utc).isoformat()
