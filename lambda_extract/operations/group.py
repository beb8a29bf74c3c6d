"""One worker of a group: takes parts of the queue, one after the other.

All of them are read over one connection, which is reset between tables and replaced if
it breaks, or if the next table needs the key that hashes columns and this one has not,
or the other way round: only a session that needs the key is given it.
"""

import contextlib
import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from lambda_extract import contract, log
from lambda_extract.contract_group import are_known
from lambda_extract.contract_parts import part_request
from lambda_extract.errors import ExtractError, RequestError, SourceError, unforeseen
from lambda_extract.landing.files import WatchedTextSeen
from lambda_extract.landing.stores import S3Store
from lambda_extract.log import seconds_since
from lambda_extract.operations.connect import connect
from lambda_extract.operations.extract import extract
from lambda_extract.operations.read import read_table
from lambda_extract.protocol.queue import Hand, Queue, State
from lambda_extract.settings import Settings
from lambda_extract.source.database import Database, application_name

# A worker begins no part after this share of its time: the next one has all of it.
_SHARE_TO_BEGIN = 0.5
_BEATS_PER_SILENCE = 3


class OneSession:
    """The connection of a worker."""

    def __init__(self, settings: Settings, run_id: str) -> None:
        self._settings = settings
        self._run_id = run_id
        self._stack = contextlib.ExitStack()
        self._database: Database | None = None
        self._hashes = False

    def of(self, part: contract.GroupPart, deadline: float) -> Database:
        """Returns the connection as if it were new, for one table.

        Raises:
            ExtractError: unknown_source, credentials_..., source_...
        """
        hashes = any(column.protect == "hash" for column in part.table.columns)
        name = application_name(part.table.name, self._run_id)
        if self._database is not None and hashes == self._hashes:
            try:
                self._database.reset(name, deadline=deadline)
                return self._database
            except SourceError:
                log.emit("connection_replaced", run_id=self._run_id)
        self.close()
        self._database = self._stack.enter_context(
            connect(
                part.table.source,
                name,
                self._settings,
                deadline=deadline,
                hashes=hashes,
            )
        )
        self._hashes = hashes
        return self._database

    def close(self) -> None:
        """Closes the connection; the next table gets a new one."""
        self._database = None
        self._stack.close()


@dataclasses.dataclass(frozen=True)
class Worker:
    """What one worker of a group needs.

    Attributes:
        number: Its place among the workers.
        generation: How often its work was handed over before.
        job: What its files are named by.
        hand_over: Starts the next generation.
    """

    queue: Queue
    number: int
    generation: int
    settings: Settings
    s3: Any
    job: str
    hand_over: Callable[[], None]

    def run(self) -> None:
        """Takes parts until none is left, or its time is over."""
        if not self.queue.begin(self.number, self.generation):
            log.emit("worker_stopped", job=self.job, reason="delivered twice or late")
            return
        hand = Hand(self.number, self.generation)
        with self._beating():
            try:
                state, error = self._drain(hand)
            except ExtractError as failure:
                # What it has done before is not lost with it.
                state, error = "ended", failure
        self.queue.end(hand, state, error)

    def _drain(self, hand: Hand) -> tuple[State, ExtractError | None]:
        started = time.monotonic()
        deadline = started + self.settings.budget_seconds
        session = OneSession(self.settings, self.queue.request.run_id)
        parts = self.queue.request.parts
        with contextlib.closing(session):
            try:
                # Before a part is taken: who cannot connect leaves them to others.
                # A table that may not be read costs no login.
                readable = [part for part in parts if self._is_allowed(part)]
                if readable:
                    session.of(readable[self.number % len(readable)], deadline)
            except ExtractError as error:
                log.emit("worker_failed", job=self.job, code=error.code)
                return "ended", error
            for number in self.queue.take(hand):
                hand.give(self._part(number, session, deadline))
                used = time.monotonic() - started
                if used > self.settings.budget_seconds * _SHARE_TO_BEGIN:
                    return self._handed_over(hand), None
        return "ended", None

    def _is_allowed(self, part: contract.GroupPart) -> bool:
        source = self.settings.source(part.table.source)
        try:
            source.check_allowed(part.table.schema, part.table.relation)
        except RequestError:
            return False
        return True

    def _handed_over(self, hand: Hand) -> State:
        # Whatever becomes of its successor, what it has done is kept.
        self.queue.store(hand)
        if len(self.queue.taken()) == len(self.queue.request.parts):
            return "ended"
        try:
            self.hand_over()
        except ExtractError as error:
            log.emit("hand_over_failed", job=self.job, code=error.code)
            return "ended"
        return "handed over"

    def _part(
        self, number: int, session: OneSession, deadline: float
    ) -> contract.PartReply:
        """Extracts one part; its errors are its own."""
        part = self.queue.request.parts[number]
        run_id = self.queue.request.run_id
        fields = {"run_id": run_id, "table": part.table.name, "op": "group"}
        began = time.monotonic()
        try:
            reply = self._extracted(part, session, deadline)
        except ExtractError as error:
            log.emit("part_failed", **fields, code=error.code)
            self._measure(part, Failures=1)
            if not _survived(error):
                session.close()
            less = deadline - began < 0.9 * self.settings.budget_seconds
            if error.code == "window_too_large" and less:
                # Others have used its time: it is asked for again.
                return contract.PartReply(number)
            return contract.PartReply(number, error=error.detail())
        except Exception as error:
            # One bad table stops no other.
            session.close()
            told = unforeseen(error)
            log.emit("part_broke", **fields, error=told.message)
            self._measure(part, Failures=1)
            return contract.PartReply(number, error=told.detail())
        log.emit(
            "part_done",
            **fields,
            seconds=seconds_since(began),
            rows=reply.rows,
            bytes=reply.bytes,
        )
        self._measure(
            part, Rows=reply.rows, Bytes=reply.bytes, Seconds=seconds_since(began),
            Failures=0,
        )  # fmt: skip
        return _short(number, part, reply)

    def _measure(self, part: contract.GroupPart, **values: float) -> None:
        table = part.table
        log.measure(
            self.settings.metrics, source=table.source, table=table.name, **values
        )

    def _extracted(
        self, part: contract.GroupPart, session: OneSession, deadline: float
    ) -> contract.ExtractReply:
        request = part_request(self.queue.request.run_id, part)
        table, settings = part.table, self.settings
        settings.source(table.source).check_allowed(table.schema, table.relation)
        store = S3Store(
            self.s3, bucket=settings.landing_bucket, prefix=settings.landing_prefix
        )
        if settings.source(table.source).reader is not None:
            return self._from_reader(request, session, deadline)
        database = session.of(part, deadline)
        try:
            return extract(database, request, store, job=self.job)
        except WatchedTextSeen:
            # Again from the start, with a proof and a snapshot of its own. The COPY may
            # have been left in the middle: on a new connection.
            session.close()
            log.emit("extract_carefully", run_id=request.run_id, table=table.name)
            database = session.of(part, deadline)
            return extract(database, request, store, careful=True, job=self.job)

    def _from_reader(
        self, request: contract.ExtractRequest, session: OneSession, deadline: float
    ) -> contract.ExtractReply:
        """Reads from the replica: two connections, and a position of its own."""
        session.close()
        reply = read_table(
            request,
            settings=self.settings,
            s3=self.s3,
            job=self.job,
            deadline=deadline,
        )
        if not isinstance(reply, contract.ExtractReply):
            raise RequestError("bad_request", "/op: a part of a group is no window.")
        return reply

    @contextlib.contextmanager
    def _beating(self) -> Iterator[None]:
        """Says again and again that this worker lives."""
        ended = threading.Event()
        seconds = self.settings.silent_seconds / _BEATS_PER_SILENCE

        def beat() -> None:
            while not ended.wait(seconds):
                try:
                    self.queue.beat(self.number, self.generation, "running")
                except ExtractError as error:
                    log.emit("beat_failed", job=self.job, code=error.code)

        thread = threading.Thread(target=beat, name="beat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def _survived(error: ExtractError) -> bool:
    """Returns whether the connection can be reset: nothing was left in the middle."""
    refused = isinstance(error, SourceError | RequestError)
    return refused and error.code != "source_unreachable"


def _short(
    number: int, part: contract.GroupPart, reply: contract.ExtractReply
) -> contract.PartReply:
    """Leaves out what the other side knows and does not need: nothing is loaded."""
    if reply.files or not are_known(reply, part.known):
        return contract.PartReply(number, reply)
    short = dataclasses.replace(reply, columns=(), key=(), described=None)
    return contract.PartReply(number, short, columns_known=True)
