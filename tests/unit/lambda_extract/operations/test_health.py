"""What a health check tells, and what it does not take from an earlier one."""

import contextlib
import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambda_extract import contract
from lambda_extract.credentials import secrets
from lambda_extract.credentials.secrets import Credentials
from lambda_extract.errors import CredentialsError, LandingError
from lambda_extract.operations import health
from lambda_extract.settings import Settings, Source

SOURCE = Source("shop", "h", "shop", {"kind": "environment"})
SETTINGS = Settings(
    {"shop": SOURCE}, "landing", "p/", "f", "k" * 32, budget_seconds=100.0
)
REQUEST = contract.HealthRequest("r1", "shop")


class World:
    """Credentials, a server and S3; each takes its own time of a clock."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.sessions: list[tuple[Any, ...]] = []
        self.objects: dict[tuple[str, str], bytes] = {}
        self.refusal: ClientError | None = None

    def credentials(self, *_: Any) -> Credentials:
        self.now += 3
        return Credentials("reader", "password")

    @contextlib.contextmanager
    def connect(self, *given: Any, deadline: float) -> Iterator["World"]:
        self.sessions.append((*given, deadline))
        self.now += 5
        yield self

    def row(self, *_: Any) -> tuple[str]:
        return ("18.4",)

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:
        self.now += 7
        self.objects[Bucket, Key] = Body

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        if self.refusal is not None:
            raise self.refusal
        self.now += 4
        return {"Body": io.BytesIO(self.objects[Bucket, Key])}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = World()
    monkeypatch.setattr(health.time, "monotonic", lambda: made.now)
    monkeypatch.setitem(secrets._READERS, "environment", made.credentials)
    monkeypatch.setattr(health, "connect", made.connect)
    secrets.forget(SOURCE)
    yield made
    secrets.forget(SOURCE)


Run = Callable[[], contract.HealthReply]


@pytest.fixture
def run(world: World) -> Run:
    return lambda: health.health(REQUEST, settings=SETTINGS, s3=world)


def test_each_place_has_its_own_seconds(run: Run) -> None:
    assert run() == contract.HealthReply(
        run_id="r1",
        server_version="18.4",
        credentials_seconds=3.0,
        postgres_seconds=5.0,
        landing_seconds=11.0,
        release=contract.release(),
    )


def test_its_session_is_named_and_has_the_time_of_a_job(run: Run, world: World) -> None:
    run()
    assert world.sessions == [("shop", "aurora_sync:health:r1", SETTINGS, 1103.0)]


def test_a_secret_that_cannot_be_read_any_more_is_told_though_one_is_cached(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    assert secrets.is_cached(SOURCE)

    def refused(*_: Any) -> Credentials:
        raise CredentialsError("credentials_denied", "Secrets Manager answered no.")

    monkeypatch.setitem(secrets._READERS, "environment", refused)
    with pytest.raises(CredentialsError) as raised:
        run()
    assert raised.value.code == "credentials_denied"


def test_a_landing_place_that_can_be_written_and_not_read_is_told(
    run: Run, world: World
) -> None:
    detail = {"Error": {"Code": "AccessDenied", "Message": "m"}}
    world.refusal = ClientError(detail, "GetObject")
    with pytest.raises(LandingError) as raised:
        run()
    assert world.objects == {("landing", "p/health/probe"): b"ok"}
    assert (raised.value.code, raised.value.retryable) == ("landing_denied", False)
    assert "S3 refused writing and reading a probe (AccessDenied)." in str(raised.value)
