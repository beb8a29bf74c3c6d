"""Who looks after a group whose last worker has given no reply, and from when on."""

import dataclasses
from collections import Counter
from typing import Any

import pytest

from lambda_extract import contract, contract_codec
from lambda_extract.protocol.jobs import Jobs
from lambda_extract.protocol.queue import Beat
from tests.unit.lambda_extract.protocol.test_jobs import SETTINGS, Clock, clock, s3
from tests.unit.lambda_extract.protocol.test_queue import JOB, Group

__all__ = ["clock", "s3"]


@pytest.mark.parametrize(("silent", "quiet"), [(45.0, 5.0), (2.0, 2.0)])
def test_who_asks_leaves_the_reply_to_the_last_worker_at_first(
    s3: Any, clock: Clock, silent: float, quiet: float
) -> None:
    """For 5 s, or until a worker may be lost if that is sooner."""
    sent: Counter[str] = Counter()
    s3.meta.events.register(
        "before-call.s3", lambda model, **_: sent.update([model.name])
    )
    group = Group(s3, clock, 1)
    for number in group.take():
        group.give(number, rows=7)
    group.end()  # Killed before it gives the reply of the job.
    sent.clear()
    settings = dataclasses.replace(SETTINGS, silent_seconds=silent)
    jobs = Jobs(s3=s3, settings=settings, clock=clock)
    clock.now = 1000.0 + quiet
    assert jobs.reply(JOB) is None
    # Neither the parts nor the workers are asked for yet.
    assert set(sent) == {"GetObject"}
    clock.now += 0.125
    found = jobs.reply(JOB)
    assert found is not None and isinstance(found.reply, contract.GroupReply)
    assert [part.reply and part.reply.rows for part in found.reply.parts] == [7]


def test_a_beat_without_an_error_is_that_of_a_worker_that_works() -> None:
    beat = contract_codec.build(Beat, {"state": "running", "at": 1000.0}, "")
    assert beat == Beat("running", 1000.0, generation=0, error=None)
