"""The parts of a snapshot: recorded one by one, so that a later run goes on."""

from dataclasses import dataclass

from lambda_extract.contract import (
    ContractError,
    ExtractReply,
    File,
    PlanReply,
    decode_reply,
)
from snowpark.errors import LambdaError
from snowpark.ledger.records import TableState
from snowpark.ledger.run import Run
from snowpark.session import Snowflake
from snowpark.settings.table import TableSettings
from snowpark.sync import statements
from snowpark.sync.statements import SnapshotPart

# Files of a plan older than this may have been expired from the landing bucket.
_RESUME_HOURS = 24


@dataclass(frozen=True)
class Snapshot:
    """A planned snapshot and the parts that are finished.

    Attributes:
        id: Run that planned it.
        identity: Digest of configuration and watermark version.
        done: Finished manifests by part.
    """

    id: str
    identity: str
    plan: PlanReply
    done: dict[str, ExtractReply]

    @property
    def files(self) -> list[File]:
        """The files of all finished parts."""
        return [file for reply in self.done.values() for file in reply.files]

    def row(self, part: str, message: str | None) -> SnapshotPart:
        """Returns the ledger row of a part."""
        return SnapshotPart(self.id, part, self.identity, message)

    def planned_by(self, run: Run) -> bool:
        """Returns whether this very run planned the snapshot."""
        return self.plan.run_id == run.id


def open_snapshot(snowflake: Snowflake, found: TableState) -> Snapshot | None:
    """Returns the snapshot that an earlier run has begun, if it can be finished.

    Not in full mode: no increment follows there that would bring the parts of an
    earlier call up to date.
    """
    if found.settings.mode == "full":
        return None
    identity = found.identity
    rows = snowflake.run_list(
        statements.read_open_parts(found.settings.name, identity, _RESUME_HOURS)
    )
    plans = [row for row in rows if row["PART"] == "#plan"]
    if not plans:
        return None
    newest = plans[-1]
    done: dict[str, ExtractReply] = {}
    try:
        planned = decode_reply(str(newest["MESSAGE"]))
        for row in rows:
            if row["SNAPSHOT_ID"] == newest["SNAPSHOT_ID"] and row["PART"] != "#plan":
                reply = decode_reply(str(row["MESSAGE"]))
                if isinstance(reply, ExtractReply):
                    done[str(row["PART"])] = reply
    except ContractError:
        return None  # Written by another version of the product: plan again.
    if not isinstance(planned, PlanReply):
        return None
    return Snapshot(str(newest["SNAPSHOT_ID"]), identity, planned, done)


def whole(snapshot: Snapshot) -> Snapshot:
    """Returns the snapshot if each planned part is done, and nothing else.

    An empty table is one part without rows: a plan without parts is no plan.

    The target is overwritten with what the parts hold: a part that is missing would
    take its rows out of the target without an error anywhere.

    Raises:
        LambdaError: "parts_missing". Finished parts stay for the next call.
    """
    planned = [partition.part for partition in snapshot.plan.partitions]
    if not planned or sorted(planned) != sorted(snapshot.done):
        missing = sorted(set(planned) - set(snapshot.done))
        raise LambdaError(
            "parts_missing",
            f"{len(planned)} parts were planned and {len(snapshot.done)} extracted;"
            f" missing: {', '.join(missing[:10]) or 'none'}.",
        )
    return snapshot


def record_part(
    snowflake: Snowflake,
    settings: TableSettings,
    run: Run,
    snapshot: Snapshot,
    part: str,
    message: str | None = None,
) -> None:
    row = snapshot.row(part, message)
    snowflake.run(statements.insert_part(settings.name, run.id, row))
