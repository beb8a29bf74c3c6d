"""The values that pass between the steps of a sync; frozen, but for `Run`."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal

from lambda_extract.contract import (
    AlteredValue,
    Bound,
    CursorValue,
    Overlap,
    PendingBound,
)
from snowpark.columns.shape import Change, Shape
from snowpark.settings.table import TableSettings

Kind = Literal["increment", "snapshot", "key_compare", "backfill", "repair"]


@dataclass(frozen=True)
class Ledger:
    """The latest committed watermark row of a table.

    Attributes:
        version: Grows by one with every commit of the table.
        watermark: None where nothing is proven yet.
        columns_sha256: Digest of the columns of that commit.
    """

    version: int
    origin: str
    watermark: CursorValue | None
    pending_bound: PendingBound | None
    overlap: Overlap | None
    columns_sha256: str | None


@dataclass(frozen=True)
class TableState:
    """What a run knows once it owns the lease.

    Attributes:
        ledger: None where the table was never loaded.
        previous_run_id: Run whose expired lease was taken over.
        minutes_since_key_check: None where the keys were never compared.
        paused: A person said that the table shall not be synced.
        shape: Columns of the latest commit; empty where nothing is known.
    """

    settings: TableSettings
    ledger: Ledger | None
    previous_run_id: str | None
    minutes_since_key_check: int | None = None
    paused: bool = False
    shape: Shape = Shape()

    @property
    def version(self) -> int:
        """Version of the latest commit; 0 where there is none."""
        return self.ledger.version if self.ledger else 0


@dataclass(frozen=True)
class Commit:
    """One watermark row, as it is about to be committed with its rows.

    Attributes:
        shape: The columns from then on; None where they are what they were.
        changes: What happened to the columns.
    """

    version: int
    kind: Literal["increment", "snapshot"]
    bound: Bound | None
    columns_sha256: str | None
    rows: int
    altered: tuple[AlteredValue, ...] = ()
    shape: Shape | None = None
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class SnapshotPart:
    """One row of SYNC_PARTS.

    Attributes:
        snapshot_id: Run that planned the snapshot.
        part: Name of a part, "#plan" or "#closed".
        identity: Digest of configuration and watermark version.
        message: JSON text of the plan, or of the part's manifest.
    """

    snapshot_id: str
    part: str
    identity: str
    message: str | None = None


@dataclass(frozen=True)
class GroupStep:
    """One row of SYNC_GROUP_STEPS.

    Attributes:
        group_run_id: Also the run id of each of the group's tables.
        origin: "graph" or "call"; the tasks look at their own runs alone.
        table: None for the group as a whole.
        identity: Digest of configuration and watermark version.
        message: JSON text of the extraction's reply, or of a report.
    """

    group_run_id: str
    group: str
    origin: Literal["graph", "call"]
    step: Literal["started", "extract", "load", "merge", "finished"]
    status: Literal["succeeded", "failed", "alone", "done", "paused"]
    table: str | None = None
    identity: str | None = None
    message: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    error_retryable: bool | None = None
    error_hint: str | None = None


@dataclass(frozen=True)
class Trouble:
    """One row of SYNC_TROUBLES: a table of which people are to be told.

    Attributes:
        kind: "failed" or "late".
        code: Error code, or "freshness_sla".
        since: Timestamp as Snowflake prints it.
    """

    table: str
    group: str | None
    kind: str
    code: str
    message: str
    hint: str
    since: str


@dataclass(frozen=True)
class Counts:
    """Rows that a MERGE or a reload changed."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0


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
        null_cursor_rows: -1 where not counted.
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
    """

    id: str
    table: str
    started_at: str
    tally: Tally = field(default_factory=Tally)
    recorded: bool = False
    earlier: tuple[Tally, ...] = ()

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
        self.tally = Tally(kind=kind, schema_changes=self.tally.schema_changes)

    def note(self, **changes: Any) -> None:
        """Replaces fields of the tally."""
        self.tally = dataclasses.replace(self.tally, **changes)

    def note_changes(self, changes: tuple[Change, ...]) -> None:
        """Adds changes of columns to the tally."""
        texts = tuple(str(change) for change in changes if change.change != "created")
        self.note(schema_changes=self.tally.schema_changes + texts)
