"""Asynchronous jobs kept as three S3 objects, because Lambda itself keeps no state.

    jobs/<sha256 of the batch id>/claim.json    by the first POST: the request
                                  started.json  by the first worker
                                  reply.json    by the worker, or by a GET that gives up

Each is created with `If-None-Match: *`, so exactly one writer wins: a repeated POST
starts nothing, a worker delivered twice stops, and a reply once given never changes.

The first line of each signs its name and the rest, by a key that the functions alone
have: what somebody else writes there is no claim, and no reply.
"""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from lambda_extract import contract, contract_codec
from lambda_extract.errors import JobError, error_reply
from lambda_extract.protocol.objects import SignedObjects
from lambda_extract.protocol.queue import Queue
from lambda_extract.settings import Settings

FOLDER = "jobs/"
# The last worker of a group gives the reply: a GET looks after it only later.
_QUIET_SECONDS = 5.0
# How long a GET of a group waits for the reply: Snowflake asks again only after "a
# significant delay" (docs: external-functions-implementation), and API Gateway gives a
# GET 29 s.
HOLD_SECONDS = 5.0
LOOK_SECONDS = 0.2
_LOOKS_TO_SETTLE = 10


@dataclass(frozen=True)
class Claim:
    """What the worker needs to know, and what a GET needs to judge it.

    Attributes:
        row: Row number in Snowflake's batch.
        request: The request as JSON text.
        claimed_at: Seconds since the epoch.
    """

    row: int
    run_id: str
    op: str
    table: str
    request: str
    claimed_at: float


@dataclass(frozen=True)
class StartMark:
    """When the worker started, in seconds since the epoch."""

    started_at: float


@dataclass(frozen=True)
class JobReply:
    """The answer of a job."""

    row: int
    reply: contract.Reply


def job_key(batch_id: str) -> str:
    """Returns the name of a batch's job; a batch id may hold any character."""
    return FOLDER + hashlib.sha256(batch_id.encode()).hexdigest()


def short_name(job: str) -> str:
    """Returns what the job's files are named by."""
    return job.removeprefix(FOLDER)[:16]


class Jobs:
    """The job objects of one landing prefix."""

    def __init__(
        self,
        *,
        s3: Any,
        settings: Settings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.objects = SignedObjects(s3, settings)
        self._settings = settings
        self._clock = clock

    def claim(self, job: str, row: int, request: contract.Request) -> bool:
        """Claims a job; returns False if somebody did before.

        Raises:
            LandingError: S3 refused or failed.
        """
        table = getattr(request, "table", None)
        claim = Claim(
            row=row,
            run_id=request.run_id,
            op=request.op,
            table=table.name if table else "",
            request=contract.encode_request(request),
            claimed_at=self._clock(),
        )
        return self.objects.create(f"{job}/claim.json", json.dumps(asdict(claim)))

    def read_claim(self, job: str) -> Claim | None:
        """Returns the claim, None if there is none."""
        text = self.objects.read(f"{job}/claim.json")
        if text is None:
            return None
        try:
            claim: Claim = contract_codec.build(Claim, json.loads(text), "")
        except (ValueError, RecursionError) as error:
            raise _damaged(job, "claim") from error
        return claim

    def start(self, job: str, claim: Claim) -> bool:
        """Marks the job as started; returns False if this worker must stop.

        That is if the event was delivered twice, or so late that nobody waits.
        """
        now = self._clock()
        if now > claim.claimed_at + self._settings.start_seconds:
            return False
        return self.objects.create(
            f"{job}/started.json", json.dumps({"started_at": now})
        )

    def finish(self, job: str, row: int, reply: contract.Reply) -> bool:
        """Gives the job its reply; returns False if it has another one already."""
        text = json.dumps({"row": row, "reply": contract.to_object(reply)})
        return self.objects.create(f"{job}/reply.json", text)

    def reply(self, job: str, *, hold_seconds: float = 0.0) -> JobReply | None:
        """Returns the reply, None while the job may still give one.

        A job whose worker did not start or end in time is given the reply `worker_lost`
        here; should the worker live after all, its own reply comes too late.

        Args:
            hold_seconds: How long to wait for the reply of a group. There is one call
                for all of its tables; single tables may come by hundreds, and each that
                waited would hold a slot of Lambda.
        """
        found = self._read_reply(job)
        if found is not None:
            return found
        claim = self.read_claim(job)
        if claim is None:
            reason = "No job was started for this batch."
            lost = error_reply("", "", JobError("worker_lost", reason))
            return JobReply(0, lost)
        if claim.op == "group":
            return self._settle_group(job, claim, hold_seconds)
        reason = self._lost_because(job, claim)
        if not reason:
            return None
        lost = error_reply(claim.run_id, claim.op, JobError("worker_lost", reason))
        self.finish(job, claim.row, lost)
        return self._read_reply(job)

    def queue(self, job: str, claim: Claim) -> Queue:
        """Returns the queue of a group's job.

        Raises:
            JobError: job_damaged, if the job is another one.
        """
        try:
            request = contract.decode_request(claim.request)
        except contract.ContractError as error:
            raise _damaged(job, "claim") from error
        if not isinstance(request, contract.GroupRequest):
            raise _damaged(job, "claim")
        return Queue(
            self.objects,
            self._settings,
            job=job,
            request=request,
            claimed_at=claim.claimed_at,
            clock=self._clock,
        )

    def settle(self, job: str, claim: Claim, queue: Queue | None = None) -> bool:
        """Gives a group's job its reply, if nobody works on it any more.

        Args:
            queue: Of the job, for those who have it: to read it takes its time.
        """
        settled = (queue or self.queue(job, claim)).settled()
        return settled is not None and self.finish(job, claim.row, settled)

    def _settle_group(
        self, job: str, claim: Claim, hold_seconds: float
    ) -> JobReply | None:
        quiet = min(_QUIET_SECONDS, self._settings.silent_seconds)
        for look in range(1 + round(hold_seconds / LOOK_SECONDS)):
            if look:
                time.sleep(LOOK_SECONDS)
            # Whether somebody is lost is not worth its requests each time.
            if look % _LOOKS_TO_SETTLE == 0:
                if self._clock() > claim.claimed_at + quiet:
                    self.settle(job, claim)
            found = self._read_reply(job)
            if found is not None:
                return found
        return None

    def _lost_because(self, job: str, claim: Claim) -> str:
        now, settings = self._clock(), self._settings
        soonest = min(settings.start_seconds, settings.worker_timeout_seconds)
        if now <= claim.claimed_at + soonest:
            # Whether it has started makes no difference yet: one request less per GET.
            return ""
        text = self.objects.read(f"{job}/started.json")
        if text is None:
            deadline = (
                claim.claimed_at + settings.start_seconds + settings.grace_seconds
            )
            what = f"was not started within {settings.start_seconds:g} s"
        else:
            started_at = _started_at(job, text)
            timeout = settings.worker_timeout_seconds
            deadline = started_at + timeout + settings.grace_seconds
            what = f"started, but left no reply within {timeout:g} s"
        if now <= deadline:
            return ""
        return f"The worker of table {claim.table!r} {what}."

    def _read_reply(self, job: str) -> JobReply | None:
        text = self.objects.read(f"{job}/reply.json")
        if text is None:
            return None
        try:
            data = json.loads(text)
            row, reply = data["row"], contract.decode_reply(data["reply"])
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise _damaged(job, "reply") from error
        if not isinstance(row, int) or isinstance(row, bool):
            raise _damaged(job, "reply")
        return JobReply(row, reply)


def _started_at(job: str, text: str) -> float:
    try:
        mark: StartMark = contract_codec.build(StartMark, json.loads(text), "")
    except (ValueError, RecursionError) as error:
        raise _damaged(job, "start mark") from error
    return mark.started_at


def _damaged(job: str, what: str) -> JobError:
    return JobError("job_damaged", f"The {what} of {job} is not what a worker writes.")
