"""PURE: what the ledgers say of a table, as values."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Literal

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
from snowpark.settings.table import TableSettings


@dataclass(frozen=True)
class Ledger:
    """The latest committed watermark row of a table.

    Attributes:
        version: Grows by one with every commit of the table.
        watermark: None if nothing is proven yet.
        columns_sha256: Digest of the columns of that commit.
        source_identity: What the source was; None if that was not recorded.
        capture_version: Mode "log": captures up to this one are in the target.
        log_identity: Mode "log": what the table was.
    """

    version: int
    origin: str
    watermark: CursorValue | None
    pending_bound: PendingBound | None
    overlap: Overlap | None
    columns_sha256: str | None
    source_identity: SourceIdentity | None = None
    capture_version: int | None = None
    log_identity: LogIdentity | None = None


@dataclass(frozen=True)
class TableState:
    """What a run knows once it owns the lease.

    Attributes:
        ledger: None if the table was never loaded.
        previous_run_id: Run whose expired lease was taken over.
        minutes_since_key_check: None if the keys were never compared.
        paused: A person said that the table shall not be synced.
        shape: Columns of the latest commit; empty if nothing is known.
    """

    settings: TableSettings
    ledger: Ledger | None
    previous_run_id: str | None
    minutes_since_key_check: int | None = None
    paused: bool = False
    shape: Shape = Shape()

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
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Commit:
    """One watermark row, as it is about to be committed with its rows.

    Attributes:
        shape: The columns from then on; None if they are what they were.
        changes: What happened to the columns.
        source_identity: What the source was when its rows were read.
        capture_version: Mode "log": captures up to this one are in the target then.
        log_identity: Mode "log": what the table was when its rows were read.
    """

    version: int
    kind: Literal["increment", "snapshot"]
    bound: Bound | None
    columns_sha256: str | None
    rows: int
    altered: tuple[AlteredValue, ...] = ()
    shape: Shape | None = None
    changes: tuple[Change, ...] = ()
    source_identity: SourceIdentity | None = None
    capture_version: int | None = None
    log_identity: LogIdentity | None = None


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
