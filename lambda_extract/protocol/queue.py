"""The queue of a group's job: who works, which part is whose, and what came of it.

    jobs/<job>/claim.json             by the first POST: the request with all parts
               workers/00-00.json     by worker 0 of generation 0: it has begun
               beats/00.json          by worker 0, again and again: it lives, has ended
               parts/00007-taken.json by the worker that extracts part 7
               parts/00007.json       by the same: its reply
               reply.json             by the last worker, or by a GET that gives up

All but the beats are created with `If-None-Match: *`: a part is extracted once, however
many workers want it. A worker that vanishes loses the part that it has in hand; what it
has not taken yet is left to the others.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, Literal

from lambda_extract import contract, contract_codec
from lambda_extract.contract_group import GROUP_REPLY_BYTES
from lambda_extract.errors import ExtractError, JobError
from lambda_extract.protocol.objects import SignedObjects
from lambda_extract.settings import Settings

_READERS = 10
# However many a request asks for: each is a slot of Lambda and a session of PostgreSQL.
MOST_WORKERS = 64
# Of the time of a call, for the last replies to be put together.
_LAST_SECONDS = 15.0

State = Literal["running", "handed over", "ended"]


@dataclass(frozen=True)
class Beat:
    """What a worker said of itself last.

    Attributes:
        at: Seconds since the epoch.
        generation: How often the worker's work was handed over before.
        error: Why it could not work; None: it worked.
    """

    state: State
    at: float
    generation: int = 0
    error: contract.ErrorDetail | None = None


@dataclass(frozen=True)
class Taken:
    """Whose a part is."""

    worker: int
    generation: int


@dataclass(frozen=True)
class Look:
    """What the queue has come to.

    Attributes:
        done: Numbers of the parts that have a reply.
        taken: Numbers of the parts that a worker has begun.
    """

    done: frozenset[int]
    taken: frozenset[int]


class Queue:
    """The parts of one job.

    Attributes:
        request: The request of the job.
        workers: How many workers there are at most.
    """

    def __init__(
        self,
        objects: SignedObjects,
        settings: Settings,
        *,
        job: str,
        request: contract.GroupRequest,
        claimed_at: float,
        clock: Callable[[], float],
    ) -> None:
        self.request = request
        self.workers = min(request.max_parallel, len(request.parts), MOST_WORKERS)
        self._objects = objects
        self._settings = settings
        self._job = job
        self._claimed_at = claimed_at
        self._clock = clock

    # --- a worker ---------------------------------------------------------------------

    def begin(self, worker: int, generation: int) -> bool:
        """Begins a worker's work; False if it was begun before, or nobody waits.

        Nor is there a worker of a number that the job has not.
        """
        if not self.is_open() or not 0 <= worker < self.workers:
            return False
        name = f"{self._job}/workers/{worker:02d}-{generation:02d}.json"
        if not self._objects.create(name, json.dumps({"at": self._clock()})):
            return False
        self.beat(worker, generation, "running")
        return True

    def beat(
        self,
        worker: int,
        generation: int,
        state: State,
        error: ExtractError | None = None,
    ) -> None:
        """Says that a worker lives, or how it ended."""
        detail = error.detail() if error else None
        beat = Beat(state, self._clock(), generation, detail)
        self._objects.replace(self._beat_name(worker), json.dumps(asdict(beat)))

    def is_open(self) -> bool:
        """Returns whether a part that is begun now can end before the call does."""
        settings = self._settings
        last = settings.call_seconds - settings.budget_seconds - _LAST_SECONDS
        return self._clock() < self._claimed_at + max(last, settings.start_seconds)

    def take(self, worker: int, generation: int) -> Iterator[int]:
        """Yields parts that belong to this worker from now on, one at a time.

        First those that are its own by their number, then whatever others have left.
        """
        size = len(self.request.parts)
        seen = self.look().taken if generation else frozenset[int]()
        for number in range(worker, size, self.workers):
            if number not in seen and self._take(number, worker, generation):
                yield number
        seen = self.look().taken
        # Others begin elsewhere: fewer attempts meet.
        start = worker * size // self.workers
        for number in [*range(start, size), *range(start)]:
            if number not in seen and self._take(number, worker, generation):
                yield number

    def give(self, part: contract.PartReply) -> None:
        """Leaves the reply of a part."""
        text = json.dumps(contract.to_object(part))
        self._objects.create(self._part_name(part.number), text)

    def _take(self, number: int, worker: int, generation: int) -> bool:
        text = json.dumps(asdict(Taken(worker, generation)))
        return self.is_open() and self._objects.create(self._taken_name(number), text)

    # --- the end ----------------------------------------------------------------------

    def settled(self) -> contract.GroupReply | None:
        """Returns the reply of the job; None while somebody works on it.

        Raises:
            LandingError: S3 refused or failed.
            JobError: job_damaged.
        """
        look = self.look()
        size = len(self.request.parts)
        if len(look.done) == size:
            return self._reply(look, {})
        beats = self._beats()
        over = self._clock() > self._claimed_at + self._settings.call_seconds
        if not over and any(self._lives(beats.get(w)) for w in range(self.workers)):
            return None
        # Once more: the last worker may have ended between the two looks.
        return self._reply(self.look(), beats)

    def look(self) -> Look:
        """Looks which parts are taken, and which are done."""
        done, taken = set[int](), set[int]()
        folder = f"{self._job}/parts/"
        for name in self._objects.names(folder):
            number, _, rest = name.removeprefix(folder).partition(".")[0].partition("-")
            (taken if rest else done).add(int(number))
        return Look(frozenset(done), frozenset(taken))

    def _lives(self, beat: Beat | None) -> bool:
        now = self._clock()
        if beat is None:
            return now < self._claimed_at + self._settings.start_seconds
        if beat.state == "running":
            return now < beat.at + self._settings.silent_seconds
        return (
            beat.state == "handed over" and now < beat.at + self._settings.start_seconds
        )

    def _reply(self, look: Look, beats: dict[int, Beat]) -> contract.GroupReply:
        found = self._read_parts(sorted(look.done))
        errors = [beat.error for beat in beats.values() if beat.error]
        parts: list[contract.PartReply] = []
        left: list[int] = []
        room = GROUP_REPLY_BYTES
        for number in range(len(self.request.parts)):
            part = found.get(number)
            if part is None and number in look.taken:
                part = self._abandoned(number, beats)
            elif part is None and errors:
                part = contract.PartReply(number, error=errors[0])
            if part is None or not (part.reply or part.error):
                left.append(number)
                continue
            part, size = _sized(part)
            if size > room:
                left.append(number)
                continue
            room -= size
            parts.append(part)
        return contract.GroupReply(self.request.run_id, tuple(parts), tuple(left))

    def _abandoned(
        self, number: int, beats: dict[int, Beat]
    ) -> contract.PartReply | None:
        """Returns the error of a part whose worker is lost; None if it still works."""
        text = self._objects.read(self._taken_name(number))
        taken = None if text is None else _built(Taken, text, self._job)
        beat = None if taken is None else beats.get(taken.worker)
        if (
            taken is not None
            and beat is not None
            and beat.generation == taken.generation
            and beat.state == "running"
            and self._lives(beat)
        ):
            return None
        table = self.request.parts[number].table.name
        error = JobError("worker_lost", f"The worker of table {table!r} vanished.")
        return contract.PartReply(number, error=error.detail())

    def _read_parts(self, numbers: Iterable[int]) -> dict[int, contract.PartReply]:
        def read(number: int) -> contract.PartReply | None:
            text = self._objects.read(self._part_name(number))
            if text is None:
                return None
            part: contract.PartReply = _built(contract.PartReply, text, self._job)
            return part

        with ThreadPoolExecutor(_READERS) as pool:
            found = pool.map(read, numbers)
            return {part.number: part for part in found if part is not None}

    def _beats(self) -> dict[int, Beat]:
        found = {}
        for worker in range(self.workers):
            text = self._objects.read(self._beat_name(worker))
            if text is not None:
                found[worker] = _built(Beat, text, self._job)
        return found

    def _beat_name(self, worker: int) -> str:
        return f"{self._job}/beats/{worker:02d}.json"

    def _part_name(self, number: int) -> str:
        return f"{self._job}/parts/{number:05d}.json"

    def _taken_name(self, number: int) -> str:
        return f"{self._job}/parts/{number:05d}-taken.json"


def _sized(part: contract.PartReply) -> tuple[contract.PartReply, int]:
    """Returns a part that fits into a reply, and its bytes of JSON text."""
    size = len(json.dumps(contract.to_object(part)))
    if size <= GROUP_REPLY_BYTES:
        return part, size
    # Asked for alone, it may fit into the reply of a single table.
    error = JobError("reply_too_large", "The reply is too large for that of a group.")
    return contract.PartReply(part.number, error=error.detail()), 1000


def _built(kind: type, text: str, job: str) -> Any:
    try:
        return contract_codec.build(kind, json.loads(text), "")
    except (ValueError, RecursionError) as error:
        raise JobError(
            "job_damaged", f"An object of {job} is not what a worker writes."
        ) from error
