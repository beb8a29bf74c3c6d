"""PURE: what the ledgers say of a table, as values."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass

from lambda_extract.contract import (
    AlteredValue,
    Bound,
    CursorValue,
    LogIdentity,
    Overlap,
    PendingBound,
    SourceIdentity,
)
from lambda_extract.contract_codec import ContractError, build
from snowpark.columns.shape import Change, Shape
from snowpark.ledger.run import Kind
from snowpark.settings.table import TableSettings


@dataclass(frozen=True)
class Ledger:
    """The latest committed watermark row of a table.

    Attributes:
        version: Grows by one with every commit that changes the target.
        watermark: None if nothing is proven yet.
        columns_sha256: Digest of the columns of that commit.
        source_identity: What the source was; None if that was not recorded.
        refined_at: The source's clock when the watermark was moved last without a
            change of the target; None if the version itself came with it.
        capture_version: Mode "log": captures up to this one are in the target.
        log_identity: Mode "log": what the table was.
        target_rows: Of the target, of a history its versions, as far as the sync has
            counted them; None: unknown, as of what an older release has loaded.
    """

    version: int
    origin: str
    watermark: CursorValue | None
    pending_bound: PendingBound | None
    overlap: Overlap | None
    columns_sha256: str | None
    source_identity: SourceIdentity | None = None
    refined_at: str | None = None
    capture_version: int | None = None
    log_identity: LogIdentity | None = None
    target_rows: int | None = None


@dataclass(frozen=True)
class TableState:
    """What a run knows once it owns the lease.

    Attributes:
        ledger: None if the table was never loaded.
        previous_run_id: Run whose expired lease was taken over.
        minutes_since_key_check: None if the keys were never compared.
        paused: A person said that the table shall not be synced.
        shape: Columns of the latest commit; empty if nothing is known.
        refusal: Why the deployment does not let the target be written; empty: it does.
    """

    settings: TableSettings
    ledger: Ledger | None
    previous_run_id: str | None
    minutes_since_key_check: int | None = None
    paused: bool = False
    shape: Shape = Shape()
    refusal: str = ""

    @property
    def version(self) -> int:
        """Version of the latest commit; 0 if there is none."""
        return self.ledger.version if self.ledger else 0

    @property
    def identity(self) -> str:
        """Digest of configuration and version; a change of either voids a step.

        The version makes sure that a snapshot is not finished after an increment has
        moved the target on: its older rows would overwrite newer ones.
        """
        text = f"{self.settings.to_json()} {self.version}"
        if self.ledger and self.ledger.refined_at:
            text += f" {self.ledger.refined_at}"
        return hashlib.sha256(text.encode()).hexdigest()


# Kinds that move the watermark; the others change rows and leave it.
MOVING: tuple[Kind, ...] = ("increment", "snapshot")


@dataclass(frozen=True)
class Commit:
    """One watermark row, as it is about to be committed with its rows.

    Attributes:
        version: One more than that of the state the run started from, if the target
            changes; else the same.
        shape: The columns from then on; None if they are what they were.
        changes: What happened to the columns.
        source_identity: What the source was when its rows were read.
        refined_at: The source's clock at the extraction, if the target does not change:
            of several rows of one version the latest counts.
        capture_version: Mode "log": captures up to this one are in the target then.
        log_identity: Mode "log": what the table was when its rows were read.
        target_rows: Of the target, see `Ledger`; until its rows are written, of the
            target before.
        added_rows: How many the target has more than before.
    """

    version: int
    kind: Kind
    bound: Bound | None
    columns_sha256: str | None
    rows: int
    altered: tuple[AlteredValue, ...] = ()
    shape: Shape | None = None
    changes: tuple[Change, ...] = ()
    source_identity: SourceIdentity | None = None
    refined_at: str | None = None
    capture_version: int | None = None
    log_identity: LogIdentity | None = None
    target_rows: int | None = None
    added_rows: int = 0

    @property
    def is_plain(self) -> bool:
        """Whether its watermark row is all that it appends to the ledgers."""
        more = self.shape or self.changes or self.altered
        return self.kind in MOVING and not more


def refined(commit: Commit, refined_at: str) -> Commit:
    """Returns the commit as one that changes no row of the target.

    It says what is true whoever says it, so that it needs no fence and no version of
    its own: beside a commit that changes rows it does not count
    (docs/FENCING.md).
    """
    version = commit.version - 1
    return dataclasses.replace(commit, version=version, refined_at=refined_at)


def at_version(found: TableState, version: int) -> TableState:
    """Returns the state of a table after a commit of this very run."""
    if found.ledger is None:
        raise ValueError("a table that was never loaded has no version")
    ledger = dataclasses.replace(found.ledger, version=version)
    return dataclasses.replace(found, ledger=ledger)


def identity_text(identity: SourceIdentity | LogIdentity | None) -> str | None:
    """Returns an identity as stored in SYNC_WATERMARKS."""
    if identity is None:
        return None
    return json.dumps(dataclasses.asdict(identity), separators=(",", ":"))


def identity_of(text: str | None) -> SourceIdentity | None:
    """Reads what `identity_text` wrote; None if another release wrote it."""
    if text is None:
        return None
    try:
        identity: SourceIdentity = build(SourceIdentity, json.loads(text), "")
    except ContractError:
        return None
    return identity


def log_identity_of(text: str | None) -> LogIdentity | None:
    """Reads what `identity_text` wrote of a log's table; None if it cannot be read."""
    if text is None:
        return None
    try:
        identity: LogIdentity = build(LogIdentity, json.loads(text), "")
    except ContractError:
        return None
    return identity
