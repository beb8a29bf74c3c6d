"""THE PATH of a capture: confirm, peek, wait until visible, write keys, reply.

Nothing is confirmed that Snowflake has not recorded; whatever dies in between, the next
capture reads the same again.
"""

import time
from collections.abc import Sequence

from psycopg2 import sql

from lambda_extract import contract
from lambda_extract.changes import slots
from lambda_extract.changes.keyfiles import Keys, Spool, write_files
from lambda_extract.changes.pgoutput import (
    PLAIN_BYTES,
    Abort,
    Change,
    Commit,
    Decoder,
    Event,
    LogFormatError,
    Truncate,
    plain_key,
)
from lambda_extract.changes.published import Published, read_tables
from lambda_extract.changes.slots import Slot
from lambda_extract.contract import CaptureReply, CaptureRequest, TableChanges
from lambda_extract.contract_paths import COMPONENT, capture_folder, path_safe
from lambda_extract.errors import ExtractError, RequestError, SourceError
from lambda_extract.landing.stores import Store
from lambda_extract.log import seconds_since
from lambda_extract.settings import Source
from lambda_extract.source.database import Database
from lambda_extract.source.durable import make_durable


def capture(
    database: Database,
    request: CaptureRequest,
    store: Store,
    *,
    source: Source,
    job: str = "",
    visible_seconds: float = 20.0,
) -> CaptureReply:
    """Captures the keys that have changed behind a position of the log.

    Args:
        database: A session that may read the log.
        source: With the allow-list of its tables.
        job: Hex digits that the files of no other job have.
        visible_seconds: How long a commit may stay invisible.

    Raises:
        ExtractError: See errors.CODES.
    """
    started = time.monotonic()
    _check_path(request)
    # What was visible by now is in the log that is looked at: commits that did not wait
    # for the disk are flushed.
    durable = make_durable(database)
    slot = slots.read_slot(database, request.log, create=request.create)
    (captured_at,) = database.row(sql.SQL("SELECT statement_timestamp()::text"))
    begin = _begin(request, slot)
    looked_at = read_tables(database, source, request.log, request.tables)
    slots.confirm(database, request.log, slot, begin)
    end = min(slot.flush, begin + request.limits.max_wal_bytes)
    if request.skip:
        end = slot.flush
    spool = Spool()
    try:
        harvest = _Harvest(request, looked_at, spool)
        if end > begin and not request.skip:
            _peek(database, request, end, harvest)
        slots.wait_until_visible(
            database, harvest.transactions, seconds=visible_seconds
        )
        tables = _tables(request, looked_at, harvest, store, job)
    finally:
        spool.close()
    return CaptureReply(
        run_id=request.run_id,
        part=request.part,
        from_lsn=slots.lsn_text(begin),
        to_lsn=slots.lsn_text(end),
        complete=end >= slot.flush,
        captured_at=captured_at,
        server=slot.server,
        slot=slot.state,
        tables=tables,
        commits=harvest.commits,
        changes=harvest.changes,
        seconds=seconds_since(started),
        warnings=durable,
    )


def _check_path(request: CaptureRequest) -> None:
    for name, value in (("run_id", request.run_id), ("part", request.part)):
        if not COMPONENT.fullmatch(value):
            raise RequestError(
                "bad_request", f"/{name}: may hold letters, digits, '_', '-' and '.'."
            )


def _begin(request: CaptureRequest, slot: Slot) -> int:
    """Returns where the capture begins: where the ledger ends. PURE.

    Raises:
        RequestError: bad_request.
        SourceError: slot_moved, source_replaced.
    """
    if request.from_lsn is None:
        return slot.confirmed
    try:
        begin = slots.lsn_number(request.from_lsn)
    except ValueError:
        raise RequestError("bad_request", "/from_lsn: is no position.") from None
    if request.server and slot.server and request.server != slot.server:
        raise SourceError(
            "source_replaced",
            "System identifier or timeline of the server are others than the ledger's.",
        )
    if slot.flush < begin:
        raise SourceError(
            "source_replaced",
            f"The log of the server ends at {slot.state.flush_lsn}, before"
            f" {request.from_lsn} of the ledger.",
        )
    if slot.confirmed > begin:
        raise SourceError(
            "slot_moved",
            f"The slot was confirmed up to {slot.state.confirmed_lsn}, the ledger ends"
            f" at {request.from_lsn}.",
        )
    return begin


def _peek(
    database: Database, request: CaptureRequest, end: int, harvest: "_Harvest"
) -> None:
    try:
        slots.peek(database, request.log, end, harvest.take)
    except LogFormatError as error:
        raise SourceError(
            "source_error",
            f"The log is not what pgoutput of this version writes: {error}.",
        ) from error
    except OSError as error:
        raise SourceError(
            "capture_too_large", "The worker's disk holds no more keys."
        ) from error


class _Harvest:
    """What a capture has found so far."""

    def __init__(
        self,
        request: CaptureRequest,
        looked_at: Sequence[Published | ExtractError],
        spool: Spool,
    ) -> None:
        wanted: dict[int, tuple[int, tuple[str, ...]]] = {}
        for number, found in enumerate(looked_at):
            if isinstance(found, Published):
                wanted.setdefault(found.oid, (number, found.key))
        self._wanted = wanted
        self._decoder = Decoder(wanted)
        self._plain = self._decoder.plain
        self._spool = spool
        self._most = request.limits.max_keys
        self.tables: dict[int, Keys] = {}
        # Of transactions that come in blocks before they commit.
        self._held: dict[int, dict[int, Keys]] = {}
        self.transactions: set[int] = set()
        self.commits = 0
        self.changes = 0

    def keys_of(self, table: Published) -> Keys | None:
        """Returns what has changed of a table; None: nothing.

        Two tables of a configuration may be one of PostgreSQL: both get its keys.

        Raises:
            SourceError: log_unsupported: it is followed by another key already.
        """
        number, key = self._wanted[table.oid]
        if key != table.key:
            raise SourceError(
                "log_unsupported",
                "Another table of the configuration is the same one of PostgreSQL and"
                f" has another key ({', '.join(key)}).",
                hint="Give both the same key.",
            )
        return self.tables.get(number)

    def take(self, message: bytes) -> None:
        """Takes one message of the slot."""
        # Most messages are like one before.
        table = self._plain.get(message[:PLAIN_BYTES])
        if table is not None:
            self.changes += 1
            self.tables[table].add(plain_key(message))
        elif (event := self._decoder.decode(message)) is not None:
            self._take(event)

    def _take(self, event: Event) -> None:
        if isinstance(event, Change):
            self.changes += 1
            keys = self._keys(event.transaction, event.table)
            if not event.keys:
                keys.give_up("key_not_in_log")
            for key in event.keys:
                keys.add(key)
        elif isinstance(event, Truncate):
            for table in event.tables:
                self._keys(event.transaction, table).truncated = True
        elif isinstance(event, Commit):
            self._commit(event)
        elif isinstance(event, Abort):
            for keys in self._held.pop(event.transaction, {}).values():
                keys.give_up("rolled_back")

    def _keys(self, transaction: int, table: int) -> Keys:
        tables = self.tables
        if self._decoder.streaming:
            tables = self._held.setdefault(transaction, {})
        if table not in tables:
            tables[table] = Keys(self._spool, self._most)
        return tables[table]

    def _commit(self, commit: Commit) -> None:
        self.transactions.add(commit.transaction)
        self.commits += 1
        held = self._held.pop(commit.transaction, {}) if commit.streamed else {}
        for table, keys in held.items():
            self.tables.setdefault(table, Keys(self._spool, self._most)).take(keys)


def _tables(
    request: CaptureRequest,
    looked_at: Sequence[Published | ExtractError],
    harvest: _Harvest,
    store: Store,
    job: str,
) -> tuple[TableChanges, ...]:
    """Writes the keys and returns what is told of each table that is concerned."""
    folder = capture_folder(request.source, request.run_id, request.part)
    told = []
    for table, found in zip(request.tables, looked_at, strict=True):
        if not isinstance(found, Published):
            told.append(TableChanges(table.name, refused=found.detail()))
            continue
        if request.skip:
            told.append(TableChanges(table.name, whole="skipped"))
            continue
        try:
            keys = harvest.keys_of(found)
        except SourceError as error:
            told.append(TableChanges(table.name, refused=error.detail()))
            continue
        if keys is None:
            continue
        prefix = f"{folder}{f'{job}-' if job else ''}{path_safe(table.name)}-"
        files = write_files(keys, store, prefix)
        count = sum(file.rows for file in files)
        told.append(TableChanges(table.name, count, files, keys.truncated, keys.whole))
    return tuple(told)


def drop_slot(
    database: Database, request: contract.DropSlotRequest
) -> contract.DropSlotReply:
    """Drops the slot of a source.

    Raises:
        SourceError: slot_foreign, slot_active, log_permission.
    """
    return contract.DropSlotReply(request.run_id, slots.drop(database, request.log))
