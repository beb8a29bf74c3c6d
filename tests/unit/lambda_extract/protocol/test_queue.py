"""The queue of a group: parts are taken once, and whoever vanishes loses one."""

import dataclasses
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from lambda_extract import contract
from lambda_extract.errors import JobError, SourceError
from lambda_extract.protocol.jobs import Jobs, job_key
from lambda_extract.protocol.queue import Hand, Queue
from lambda_extract.settings import Settings
from tests.unit.lambda_extract.protocol.test_jobs import SETTINGS, Clock, clock, s3

__all__ = ["clock", "s3"]

JOB = job_key("batch 1")
NOTHING = contract.ExtractReply("r1", "w1", "now", (), (), (), 0, 0)


def request(parts: int, max_parallel: int = 2) -> contract.GroupRequest:
    found = tuple(
        contract.GroupPart(
            contract.TableSpec(f"t{i}", "shop", "public", f"t{i}"),
            "w1",
            cursor=contract.CursorSpec("updated_at"),
            window=contract.Window(),
        )
        for i in range(parts)
    )
    return contract.GroupRequest("r1", found, max_parallel)


class Group:
    """A claimed job of some parts."""

    def __init__(self, s3: Any, clock: Clock, parts: int, max_parallel: int = 2):
        self.settings: Settings = SETTINGS
        self.jobs = Jobs(s3=s3, settings=self.settings, clock=clock)
        assert self.jobs.claim(JOB, 3, request(parts, max_parallel))
        claim = self.jobs.read_claim(JOB)
        assert claim is not None
        self.claim = claim
        self.hands: dict[tuple[int, int], Hand] = {}

    @property
    def queue(self) -> Queue:
        return self.jobs.queue(JOB, self.claim)

    def hand(self, worker: int = 0, generation: int = 0) -> Hand:
        place = worker, generation
        return self.hands.setdefault(place, Hand(worker, generation))

    def take(self, worker: int = 0, generation: int = 0) -> Iterator[int]:
        return self.queue.take(self.hand(worker, generation))

    def give(self, number: int, worker: int = 0, **changes: Any) -> None:
        reply = dataclasses.replace(NOTHING, **changes)
        self.hand(worker).give(contract.PartReply(number, reply))

    def end(self, worker: int = 0, generation: int = 0) -> None:
        self.queue.end(self.hand(worker, generation), "ended")

    def settled(self) -> contract.GroupReply:
        found = self.queue.settled()
        assert found is not None
        return found


def test_two_workers_share_all_parts_and_none_is_taken_twice(
    s3: Any, clock: Clock
) -> None:
    group = Group(s3, clock, 7)
    first, second = group.take(0), group.take(1)
    assert [next(first), next(second), next(first)] == [0, 1, 2]
    # The second one is slow: the first one takes what is left of its share, too.
    assert sorted(first) == [3, 4, 5, 6]
    assert list(second) == []


def test_a_worker_that_takes_over_goes_on_behind_what_is_taken(
    s3: Any, clock: Clock
) -> None:
    group = Group(s3, clock, 5)
    before = group.take()
    assert [next(before), next(before)] == [0, 2]
    assert list(group.take(0, 1)) == [4, 3, 1]


def test_no_worker_begins_twice_or_when_nobody_waits_any_more(
    s3: Any, clock: Clock
) -> None:
    group = Group(s3, clock, 3)
    assert group.queue.begin(0, 0) and not group.queue.begin(0, 0)
    assert group.queue.begin(0, 1) and group.queue.begin(1, 0)
    clock.now += 286
    assert not group.queue.begin(1, 1)


def test_no_part_is_begun_that_could_not_end_within_the_call(
    s3: Any, clock: Clock
) -> None:
    group = Group(s3, clock, 3, 1)
    parts = group.take()
    assert next(parts) == 0
    clock.now += 286
    assert list(parts) == []
    latest = 285 + SETTINGS.budget_seconds
    assert latest < SETTINGS.call_seconds < 600


def test_the_reply_comes_when_all_parts_are_done(s3: Any, clock: Clock) -> None:
    group = Group(s3, clock, 3)
    assert group.queue.begin(0, 0)
    for number in (2, 0):
        group.give(number, rows=number)
        assert group.queue.settled() is None
    group.give(1, 1, rows=1)
    for worker in (1, 0):
        assert group.queue.settled() is None
        group.end(worker)
    reply = group.settled()
    assert [part.number for part in reply.parts] == [0, 1, 2]
    assert [part.reply and part.reply.rows for part in reply.parts] == [0, 1, 2]
    assert reply.left == () and reply.run_id == "r1"
    assert group.jobs.settle(JOB, group.claim)
    assert not group.jobs.settle(JOB, group.claim)
    found = group.jobs.reply(JOB)
    assert found is not None and (found.row, found.reply) == (3, reply)


def test_who_asks_for_a_group_waits_for_its_reply(
    s3: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks again later learns of it later."""
    group = Group(s3, clock, 1)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            for number in group.take():
                group.give(number)
            group.end()
            assert group.jobs.settle(JOB, group.claim)

    monkeypatch.setattr(time, "sleep", sleep)
    assert group.jobs.reply(JOB) is None and not slept
    found = group.jobs.reply(JOB, hold_seconds=5.0)
    assert found is not None and isinstance(found.reply, contract.GroupReply)
    assert len(slept) == 3


def test_nobody_waits_for_a_group_for_longer_than_told_nor_for_a_single_table(
    s3: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    group, slept = Group(s3, clock, 1), list[float]()
    monkeypatch.setattr(time, "sleep", slept.append)
    assert group.jobs.reply(JOB, hold_seconds=5.0) is None
    assert sum(slept) == pytest.approx(5.0)
    alone = job_key("batch 2")
    assert group.jobs.claim(alone, 0, contract.HealthRequest("r1", "shop"))
    slept.clear()
    assert group.jobs.reply(alone, hold_seconds=5.0) is None and not slept


def test_a_killed_worker_loses_its_part_only(s3: Any, clock: Clock) -> None:
    group = Group(s3, clock, 4)
    for worker in (0, 1):
        assert group.queue.begin(worker, 0)
    assert next(group.take()) == 0  # Killed here.
    for number in group.take(1):
        group.give(number, 1)
    group.end(1)
    assert group.queue.settled() is None
    clock.now += 44
    assert group.jobs.reply(JOB) is None
    clock.now += 2
    found = group.jobs.reply(JOB)
    assert found is not None and isinstance(found.reply, contract.GroupReply)
    lost, *rest = found.reply.parts
    assert lost.error is not None and lost.error.code == "worker_lost"
    assert lost.error.retryable and "'t0'" in lost.error.message
    assert [part.number for part in rest] == [1, 2, 3]
    assert all(part.reply for part in rest) and found.reply.left == ()


def test_a_worker_that_works_for_long_is_not_lost(s3: Any, clock: Clock) -> None:
    group = Group(s3, clock, 1)
    assert group.queue.begin(0, 0)
    assert list(group.take()) == [0]
    for _ in range(10):
        clock.now += 40
        group.queue.beat(0, 0, "running")
        assert group.jobs.reply(JOB) is None


def test_what_is_not_done_when_the_call_ends_is_named(s3: Any, clock: Clock) -> None:
    group = Group(s3, clock, 4, 1)
    assert group.queue.begin(0, 0)
    parts = group.take()
    group.give(next(parts))
    assert next(parts) == 1
    clock.now += 541
    group.queue.beat(0, 0, "running")
    reply = group.settled()
    assert [part.number for part in reply.parts] == [0]
    assert reply.left == (1, 2, 3)


def test_a_part_that_ran_out_of_the_time_others_used_is_asked_for_again(
    s3: Any, clock: Clock
) -> None:
    group = Group(s3, clock, 2)
    group.hand().give(contract.PartReply(0))
    group.give(1)
    group.end()
    assert group.settled().left == (0,)


def test_who_cannot_connect_leaves_its_parts_to_the_others(
    s3: Any, clock: Clock
) -> None:
    group = Group(s3, clock, 2)
    refused = SourceError("too_many_connections", "none left")
    group.queue.end(group.hand(), "ended", refused)
    assert group.queue.begin(1, 0)
    for number in group.take(1):
        group.give(number, 1)
    group.end(1)
    assert all(part.reply for part in group.settled().parts)


def test_if_nobody_can_connect_every_part_has_the_reason(s3: Any, clock: Clock) -> None:
    group = Group(s3, clock, 3)
    for worker in (0, 1):
        refused = SourceError("source_authentication", "refused")
        group.queue.end(group.hand(worker), "ended", refused)
    reply = group.settled()
    codes = [part.error.code if part.error else "" for part in reply.parts]
    assert codes == ["source_authentication"] * 3


def test_workers_that_never_start_are_lost_after_their_time(
    s3: Any, clock: Clock
) -> None:
    group = Group(s3, clock, 2)
    clock.now += 239
    assert group.jobs.reply(JOB) is None
    clock.now += 2
    found = group.jobs.reply(JOB)
    assert found is not None and isinstance(found.reply, contract.GroupReply)
    assert found.reply.left == (0, 1) and found.reply.parts == ()


def test_a_next_generation_that_never_starts_is_not_waited_for_for_ever(
    s3: Any, clock: Clock
) -> None:
    group = Group(s3, clock, 2, 1)
    assert group.queue.begin(0, 0)
    group.queue.beat(0, 0, "handed over")
    clock.now += 239.9
    assert group.queue.settled() is None
    # Its 240 s are over: who starts later gives up itself.
    clock.now = 1240.0
    assert group.settled().left == (0, 1)


def test_what_does_not_fit_into_a_reply_is_named(s3: Any, clock: Clock) -> None:
    group = Group(s3, clock, 4, 1)
    half = "x" * 1_900_000
    for number, text in enumerate((half, half, half, "small")):
        group.give(number, source_changed=text)
    group.end()
    reply = group.settled()
    assert [part.number for part in reply.parts] == [0, 1, 3]
    assert reply.left == (2,)


def test_a_reply_that_never_fits_is_an_error_of_its_table(
    s3: Any, clock: Clock
) -> None:
    group = Group(s3, clock, 1)
    group.give(0, source_changed="x" * 4_100_000)
    group.end()
    (part,) = group.settled().parts
    assert part.error is not None and part.error.code == "reply_too_large"


@pytest.mark.parametrize("name", ["claims/00001", "done/00-00-00001", "beats/00"])
def test_s3_what_somebody_else_wrote_into_the_queue_is_refused(
    s3: Any, clock: Clock, name: str
) -> None:
    group = Group(s3, clock, 2, 1)
    forged = b"0" * 64 + b"\n{}"
    s3.put_object(Bucket="landing", Key=f"p/{JOB}/{name}.json", Body=forged)
    clock.now += 541
    with pytest.raises(JobError) as caught:
        group.queue.settled()
    assert caught.value.code == "job_damaged"


def test_a_worker_that_is_lost_has_left_all_but_the_part_in_its_hand(
    s3: Any, clock: Clock
) -> None:
    group = Group(s3, clock, 4, 1)
    assert group.queue.begin(0, 0)
    parts = group.take()
    for _ in range(3):
        group.give(next(parts))
    assert next(parts) == 3  # Killed here.
    clock.now += 46
    reply = group.settled()
    told = {part.number: part.error and part.error.code for part in reply.parts}
    assert told == {0: None, 1: None, 2: None, 3: "worker_lost"}
    assert reply.left == ()


def test_a_claim_that_is_lost_to_another_leaves_the_reply_in_the_hand(
    s3: Any, clock: Clock
) -> None:
    group = Group(s3, clock, 5)
    first, second = group.take(), group.take(1)
    group.give(next(first))
    assert [next(second), next(second)] == [1, 3]
    # Parts 2 and 4 are its own; then it meets what the other one has taken meanwhile.
    group.give(next(first))
    group.give(next(first))
    assert list(first) == [] and [p.number for p in group.hand().unsaved] == [4]
    group.end()
    group.give(1, 1)
    group.give(3, 1)
    group.end(1)
    assert [part.number for part in group.settled().parts] == [0, 1, 2, 3, 4]


def test_what_was_done_before_it_was_handed_over_is_kept(s3: Any, clock: Clock) -> None:
    group = Group(s3, clock, 3, 1)
    parts = group.take()
    group.give(next(parts))
    group.queue.store(group.hand())
    clock.now += 541
    reply = group.settled()
    assert [part.number for part in reply.parts] == [0] and reply.left == (1, 2)
    # Told once more at its end, it is stored once.
    group.end()
    assert [part.number for part in group.settled().parts] == [0]


def test_a_part_in_which_nothing_is_new_costs_one_request(
    s3: Any, clock: Clock
) -> None:
    """Beyond the ten or so of each worker; the last one reads no claim."""
    sent: Counter[str] = Counter()
    s3.meta.events.register(
        "before-call.s3", lambda model, **_: sent.update([model.name])
    )
    group = Group(s3, clock, 40)
    sent.clear()
    for worker in (0, 1):
        assert group.queue.begin(worker, 0)
    taken = {worker: group.take(worker) for worker in (0, 1)}
    for worker in (0, 1):
        for number in taken[worker]:
            group.give(number, worker)
            if worker == 0 and number == 38:
                break
    for worker in (0, 1):
        group.end(worker)
        assert group.jobs.settle(JOB, group.claim, group.queue) is (worker == 1)
    # Begun, two beats and a store each; the claims; the reply of the job.
    assert sent["PutObject"] == 2 * 4 + 40 + 1
    assert sent["GetObject"] == 2
    assert sent["ListObjectsV2"] == 3


def test_a_part_is_still_at_work_while_its_worker_says_so(
    s3: Any, clock: Clock
) -> None:
    """The call ends meanwhile: it is asked for again, and no error of its table."""
    group = Group(s3, clock, 3)
    for worker in (0, 1):
        assert group.queue.begin(worker, 0)
    first, second = group.take(0), group.take(1)
    assert (next(first), next(second)) == (0, 1)
    clock.now += 541
    group.queue.beat(1, 0, "running")  # The first one has said nothing for long.
    reply = group.settled()
    told = {part.number: part.error and part.error.code for part in reply.parts}
    assert told == {0: "worker_lost"} and reply.left == (1, 2)


@pytest.mark.parametrize("silent", [0, 44])
def test_a_next_generation_has_none_of_the_parts_that_the_last_one_had_in_its_hand(
    s3: Any, clock: Clock, silent: int
) -> None:
    group = Group(s3, clock, 2, 1)
    assert group.queue.begin(0, 0)
    assert next(group.take()) == 0  # Killed here, and another one began in its place.
    assert group.queue.begin(0, 1)
    clock.now += 541
    group.queue.beat(0, 1, "running")
    clock.now += silent
    reply = group.settled()
    told = {part.number: part.error and part.error.code for part in reply.parts}
    assert told == {0: "worker_lost"} and reply.left == (1,)


@pytest.mark.parametrize("text", ["{", "[]", "[" * 2000, '{"at": "now"}'])
def test_s8_what_is_signed_and_damaged_in_the_queue_is_an_error_of_ours(
    s3: Any, clock: Clock, text: str
) -> None:
    group = Group(s3, clock, 2, 1)
    group.jobs.objects.replace(f"{JOB}/beats/00.json", text)
    clock.now += 541
    with pytest.raises(JobError) as caught:
        group.queue.settled()
    assert (caught.value.code, caught.value.retryable) == ("job_damaged", False)
    assert JOB in caught.value.message


@pytest.mark.parametrize(
    "text", ["{", "{}", '{"op": "nothing"}', '{"op": "health", "run_id": 7}']
)
def test_s8_a_claim_without_a_group_has_no_queue(
    s3: Any, clock: Clock, text: str
) -> None:
    group = Group(s3, clock, 2, 1)
    claim = dataclasses.replace(group.claim, request=text)
    with pytest.raises(JobError) as caught:
        group.jobs.queue(JOB, claim)
    assert caught.value.code == "job_damaged"
    assert f"The claim of {JOB}" in caught.value.message


def test_s8_a_claim_of_a_single_table_has_no_queue(s3: Any, clock: Clock) -> None:
    group = Group(s3, clock, 2, 1)
    alone = contract.encode(contract.HealthRequest("r1", "shop"))
    with pytest.raises(JobError) as caught:
        group.jobs.queue(JOB, dataclasses.replace(group.claim, request=alone))
    assert caught.value.code == "job_damaged"


def test_who_comes_too_late_for_a_part_looks_what_is_left_before_it_tries_another(
    s3: Any, clock: Clock
) -> None:
    """Or the last parts of a group cost each worker a request, and one more each."""
    sent: Counter[str] = Counter()
    looks: list[str] = []
    group = Group(s3, clock, 8)
    first, second = group.take(0), group.take(1)
    assert [next(first) for _ in range(5)] == [0, 2, 4, 6, 7]
    assert [next(second) for _ in range(3)] == [1, 3, 5]
    s3.meta.events.register(
        "before-call.s3", lambda model, **_: sent.update([model.name])
    )
    s3.meta.events.register(
        "provide-client-params.s3.ListObjectsV2",
        lambda params, **_: looks.append(params.get("StartAfter", "")),
    )
    assert list(first) == [] and list(second) == []
    # Each is one too late, asks whose it is, and looks, from where it knows nothing on;
    # the second one looks once more, for what others have left.
    assert sent == {"PutObject": 2, "HeadObject": 2, "ListObjectsV2": 3}
    assert [place.rpartition("/")[2] for place in looks] == [
        "00000.json", "00006.json", "",
    ]  # fmt: skip


def test_who_takes_from_others_begins_with_what_they_come_to_last(
    s3: Any, clock: Clock
) -> None:
    group = Group(s3, clock, 16, max_parallel=4)
    workers = [group.take(number) for number in range(4)]
    assert [next(workers[0]) for _ in range(4)] == [0, 4, 8, 12]
    # Of twelve that are left: the last, then those before it.
    assert [next(workers[0]) for _ in range(2)] == [15, 14]
    assert [next(workers[3]) for _ in range(3)] == [3, 7, 11]
    # Of 1, 2, 5, 6, 9, 10 and 13, and of its own the last one is gone: another place.
    assert next(workers[3]) == 6
    assert sorted(n for worker in workers for n in worker) == [1, 2, 5, 9, 10, 13]


def test_who_comes_too_late_for_one_part_goes_on_with_those_that_are_left(
    s3: Any, clock: Clock
) -> None:
    """Or nobody would do those of a worker that never began."""
    group = Group(s3, clock, 12, max_parallel=3)
    first, second = group.take(0), group.take(1)
    assert [next(first) for _ in range(5)] == [0, 3, 6, 9, 11]
    # Then the other one takes 10, which would be the first one's next.
    assert [next(second) for _ in range(4)] == [1, 4, 7, 10]
    assert list(first) == [8, 5, 2]
