"""Claims, marks and replies in S3; time is given, not waited for."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from lambda_extract import contract
from lambda_extract.errors import ExtractError, JobError, error_reply
from lambda_extract.protocol.jobs import Jobs, job_key, short_name
from lambda_extract.settings import Settings
from tests.unit.lambda_extract.simulated_s3 import client_of

SETTINGS = Settings(
    sources={},
    landing_bucket="landing",
    landing_prefix="p/",
    function_name="f",
    signing_key="s" * 32,
    worker_timeout_seconds=300,
    start_seconds=240,
    grace_seconds=10,
)
REQUEST = contract.HealthRequest("r1", "shop")
REPLY = contract.HealthReply("r1", "18.4", 0.1, 0.1, 0.1)
JOB = job_key("batch 1")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = client_of("us-east-1")
        client.create_bucket(Bucket="landing")
        yield client


@pytest.fixture
def jobs(s3: Any, clock: Clock) -> Jobs:
    return Jobs(s3=s3, settings=SETTINGS, clock=clock)


def code(found: Any) -> str:
    assert isinstance(found.reply, contract.ErrorReply)
    return found.reply.error.code


def test_only_the_first_claim_wins(jobs: Jobs) -> None:
    assert jobs.claim(JOB, 3, REQUEST)
    assert not jobs.claim(JOB, 3, REQUEST)
    claim = jobs.read_claim(JOB)
    assert claim is not None
    assert contract.decode_request(claim.request) == REQUEST
    assert jobs.reply(JOB) is None


def test_nobody_waits_for_a_job_that_was_never_claimed(jobs: Jobs) -> None:
    found = jobs.reply(JOB)
    assert found is not None and (found.row, code(found)) == (0, "worker_lost")
    assert isinstance(found.reply, contract.ErrorReply)
    assert "No job was started" in found.reply.error.message
    assert found.reply.run_id == ""


def test_files_are_named_by_the_beginning_of_their_job() -> None:
    assert short_name(JOB) == JOB.removeprefix("jobs/")[:16]
    assert len(short_name(JOB)) == 16


def test_only_the_first_worker_starts(jobs: Jobs) -> None:
    jobs.claim(JOB, 0, REQUEST)
    claim = jobs.read_claim(JOB)
    assert claim is not None
    assert jobs.start(JOB, claim)
    assert not jobs.start(JOB, claim)


def test_only_the_first_reply_counts(jobs: Jobs) -> None:
    jobs.claim(JOB, 5, REQUEST)
    assert jobs.finish(JOB, 5, REPLY)
    assert not jobs.finish(JOB, 5, error_reply("r1", "", JobError("worker_lost", "")))
    found = jobs.reply(JOB)
    assert found is not None and (found.row, found.reply) == (5, REPLY)


def test_a_worker_that_never_starts_is_lost_after_its_deadline(
    jobs: Jobs, clock: Clock
) -> None:
    jobs.claim(JOB, 2, REQUEST)
    clock.now += 250
    assert jobs.reply(JOB) is None
    clock.now += 1
    found = jobs.reply(JOB)
    assert found is not None and (found.row, code(found)) == (2, "worker_lost")


def test_a_worker_that_starts_too_late_stops(jobs: Jobs, clock: Clock) -> None:
    jobs.claim(JOB, 0, REQUEST)
    claim = jobs.read_claim(JOB)
    clock.now += 241
    assert claim is not None and not jobs.start(JOB, claim)


def test_a_started_worker_is_lost_after_its_time_out_and_stays_lost(
    jobs: Jobs, clock: Clock
) -> None:
    jobs.claim(JOB, 0, REQUEST)
    claim = jobs.read_claim(JOB)
    assert claim is not None
    clock.now += 200
    jobs.start(JOB, claim)
    clock.now += 310
    assert jobs.reply(JOB) is None
    clock.now += 1
    assert code(jobs.reply(JOB)) == "worker_lost"
    assert not jobs.finish(JOB, 0, REPLY)
    assert code(jobs.reply(JOB)) == "worker_lost"


def test_all_deadlines_end_before_snowflake_gives_up() -> None:
    settings = SETTINGS
    latest = settings.start_seconds + settings.worker_timeout_seconds
    assert latest + settings.grace_seconds < 600


def test_any_batch_id_makes_a_plain_key() -> None:
    keys = {job_key(name) for name in ("a", "a/../b", "ü ?&", "x" * 256)}
    assert len(keys) == 4
    assert all(len(key) == len("jobs/") + 64 for key in keys)


class Failing:
    """Answers with an error; a conflict only for the first `times` calls."""

    def __init__(self, s3: Any, error: str, times: int) -> None:
        self._s3, self._error, self._left = s3, error, times

    def put_object(self, **options: Any) -> Any:
        if self._left > 0:
            self._left -= 1
            raise ClientError({"Error": {"Code": self._error}}, "PutObject")
        return self._s3.put_object(**options)

    def get_object(self, **options: Any) -> Any:
        raise ClientError({"Error": {"Code": self._error}}, "GetObject")


def test_two_writers_that_meet_try_again(s3: Any) -> None:
    meeting = Failing(s3, "ConditionalRequestConflict", 2)
    assert Jobs(s3=meeting, settings=SETTINGS).claim(JOB, 0, REQUEST)


@pytest.mark.parametrize(
    ("error", "expected", "retryable"),
    [("AccessDenied", "landing_denied", False), ("SlowDown", "landing_failed", True)],
)
def test_refusals_of_s3_say_what_to_do(
    s3: Any, error: str, expected: str, retryable: bool
) -> None:
    jobs = Jobs(s3=Failing(s3, error, 99), settings=SETTINGS)
    for call in (lambda: jobs.claim(JOB, 0, REQUEST), lambda: jobs.reply(JOB)):
        with pytest.raises(ExtractError) as refused:
            call()
        assert (refused.value.code, refused.value.retryable) == (expected, retryable)
