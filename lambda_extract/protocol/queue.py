"""The queue of a group's job: who works, which part is whose, and what came of it.

    jobs/<job>/claim.json             by the first POST: the request with all parts
               workers/00-00.json     by worker 0 of generation 0: it has begun
               beats/00.json          by worker 0, again and again: it lives, has ended
               claims/00007.json      by the worker that extracts part 7, and with it
                                      the reply of the part that it had before
               done/00-00-00019.json  by worker 0 of generation 0 at its end: what came
                                      of all its parts, of which there are 19
               reply.json             by the last worker, or by a GET that gives up

All but the beats are created with `If-None-Match: *`: a part is extracted once, however
many workers want it. A part costs one request: its reply travels with the next claim of
its worker, before that begins the next part. So a worker that vanishes loses the part
that it has in hand; what it has not taken yet is left to the others.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
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
    """Whose a part is.

    Attributes:
        replies: Of the parts that this worker had before, and nobody knew of yet.
    """

    worker: int
    generation: int
    replies: tuple[contract.PartReply, ...] = ()


@dataclass(frozen=True)
class Done:
    """What one generation of a worker has done."""

    replies: tuple[contract.PartReply, ...]


@dataclass(frozen=True)
class End:
    """The name of a `Done`.

    Attributes:
        parts: How many replies are in it.
    """

    name: str
    worker: int
    parts: int


@dataclass
class Hand:
    """The replies of one generation of a worker, in its memory.

    Attributes:
        unsaved: Those that are in no object yet: they travel with the next claim.
        stored: All of them are in the object of its end.
    """

    worker: int
    generation: int
    replies: list[contract.PartReply] = field(default_factory=list)
    unsaved: list[contract.PartReply] = field(default_factory=list)
    stored: bool = False

    def give(self, part: contract.PartReply) -> None:
        """Takes the reply of a part."""
        self.replies.append(part)
        self.unsaved.append(part)


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

    def take(self, hand: Hand) -> Iterator[int]:
        """Yields parts that belong to this worker from now on, one at a time.

        First those that are its own by their number, then whatever others have left.
        The caller gives each one's reply to the hand before it asks for the next.
        """
        parts = range(len(self.request.parts))
        seen = self.taken() if hand.generation else frozenset[int]()
        own = parts[hand.worker :: self.workers]
        yield from self._take_of(own, hand, seen, _first)
        yield from self._take_of(parts, hand, self.taken(), self._from_the_back)

    def _take_of(
        self,
        numbers: range,
        hand: Hand,
        seen: frozenset[int],
        choose: Callable[[list[int], int], int],
    ) -> Iterator[int]:
        """Yields those of some parts that nobody has begun.

        Towards the end all workers want the same few parts. Who comes too late for one
        looks what is left, instead of coming too late for each of them.

        Args:
            seen: Parts that somebody has begun.
            choose: Returns one of those that are left, for a worker.
        """
        while self.is_open():
            left = [number for number in numbers if number not in seen]
            if not left:
                return
            number = choose(left, hand.worker)
            seen |= {number}
            if not self._take(number, hand):
                # Those before the first that was left are known to be taken.
                seen |= self.taken(left[0])
                continue
            yield number

    def _from_the_back(self, left: list[int], worker: int) -> int:
        """Returns a part of another worker, of the half that it comes to last.

        They are in the order of their numbers, which is that in which each worker takes
        its own. Who takes from others begins at a place of its own.
        """
        half = (len(left) + 1) // 2
        return left[-1 - worker * half // self.workers]

    def store(self, hand: Hand) -> None:
        """Leaves all replies of a hand in one object; at its end, or when handing over.

        Raises:
            LandingError: S3 refused or failed.
        """
        if hand.stored:
            return
        place = f"{hand.worker:02d}-{hand.generation:02d}-{len(hand.replies):05d}"
        text = json.dumps({"replies": _objects_of(hand.replies)})
        self._objects.create(f"{self._job}/done/{place}.json", text)
        hand.stored = True

    def end(self, hand: Hand, state: State, error: ExtractError | None = None) -> None:
        """Says how a generation of a worker ended, after its replies are stored.

        Raises:
            LandingError: S3 refused or failed.
        """
        self.store(hand)
        self.beat(hand.worker, hand.generation, state, error)

    def _take(self, number: int, hand: Hand) -> bool:
        taken = {"worker": hand.worker, "generation": hand.generation}
        text = json.dumps({**taken, "replies": _objects_of(hand.unsaved)})
        if not self.is_open() or not self._objects.create(self._part(number), text):
            return False
        hand.unsaved.clear()
        return True

    # --- the end ----------------------------------------------------------------------

    def settled(self) -> contract.GroupReply | None:
        """Returns the reply of the job; None while somebody works on it.

        Raises:
            LandingError: S3 refused or failed.
            JobError: job_damaged.
        """
        ends = self._ends()
        if sum(end.parts for end in ends) == len(self.request.parts):
            return self._reply(self._given(ends), {}, {})
        if self._is_early(ends):
            return None
        beats = self._beats()
        over = self._clock() > self._claimed_at + self._settings.call_seconds
        if not over and any(self._lives(beats.get(w)) for w in range(self.workers)):
            return None
        # Once more: the last worker may have ended between the two looks.
        found = self._given(self._ends())
        taken = self._claims(self.taken() - set(found))
        for claim in taken.values():
            found |= {part.number: part for part in claim.replies}
        return self._reply(found, taken, beats)

    def taken(self, first: int = 0) -> frozenset[int]:
        """Returns the parts that a worker has begun, those from this number on."""
        after = self._part(first - 1) if first else ""
        names = self._objects.names(f"{self._job}/claims/", after)
        return frozenset(int(_stem(name)) for name in names)

    def _ends(self) -> list[End]:
        """Returns which generations have ended; their replies are not read."""
        found = []
        for name in self._objects.names(f"{self._job}/done/"):
            worker, _, parts = _stem(name).split("-")
            found.append(End(name, int(worker), int(parts)))
        return found

    def _is_early(self, ends: Iterable[End]) -> bool:
        """Returns whether a worker still works, for nobody can be lost yet."""
        ended = {end.worker for end in ends}
        settings = self._settings
        soonest = min(settings.start_seconds, settings.silent_seconds)
        over = self._clock() > self._claimed_at + min(soonest, settings.call_seconds)
        return not over and len(ended) < self.workers

    def _lives(self, beat: Beat | None) -> bool:
        now = self._clock()
        if beat is None:
            return now < self._claimed_at + self._settings.start_seconds
        if beat.state == "running":
            return now < beat.at + self._settings.silent_seconds
        return (
            beat.state == "handed over" and now < beat.at + self._settings.start_seconds
        )

    def _reply(
        self,
        found: dict[int, contract.PartReply],
        taken: dict[int, Taken],
        beats: dict[int, Beat],
    ) -> contract.GroupReply:
        errors = [beat.error for beat in beats.values() if beat.error]
        parts: list[contract.PartReply] = []
        left: list[int] = []
        room = GROUP_REPLY_BYTES
        for number in range(len(self.request.parts)):
            part = found.get(number)
            if part is None and number in taken:
                part = self._abandoned(number, taken[number], beats)
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
        self, number: int, taken: Taken, beats: dict[int, Beat]
    ) -> contract.PartReply | None:
        """Returns the error of a part whose worker is lost; None if it still works."""
        beat = beats.get(taken.worker)
        if (
            beat is not None
            and beat.generation == taken.generation
            and beat.state == "running"
            and self._lives(beat)
        ):
            return None
        table = self.request.parts[number].table.name
        error = JobError("worker_lost", f"The worker of table {table!r} vanished.")
        return contract.PartReply(number, error=error.detail())

    def _given(self, ends: Iterable[End]) -> dict[int, contract.PartReply]:
        found = self._read(Done, {end.name: end.name for end in ends})
        return {part.number: part for done in found.values() for part in done.replies}

    def _claims(self, numbers: Iterable[int]) -> dict[int, Taken]:
        return self._read(Taken, {number: self._part(number) for number in numbers})

    def _beats(self) -> dict[int, Beat]:
        return self._read(Beat, {w: self._beat_name(w) for w in range(self.workers)})

    def _read(self, kind: type, names: dict[Any, str]) -> dict[Any, Any]:
        """Reads objects, some at a time; those that are not there are left out."""

        def read(name: str) -> Any:
            text = self._objects.read(name)
            return None if text is None else _built(kind, text, self._job)

        with ThreadPoolExecutor(_READERS) as pool:
            found = zip(names, pool.map(read, names.values()), strict=True)
            return {key: built for key, built in found if built is not None}

    def _beat_name(self, worker: int) -> str:
        return f"{self._job}/beats/{worker:02d}.json"

    def _part(self, number: int) -> str:
        return f"{self._job}/claims/{number:05d}.json"


def _first(left: list[int], worker: int) -> int:
    return left[0]


def _stem(name: str) -> str:
    """Returns a name without its folder and its ending."""
    return name.rpartition("/")[2].removesuffix(".json")


def _objects_of(parts: Iterable[contract.PartReply]) -> list[Any]:
    return [contract.to_object(part) for part in parts]


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
