"""What ends a request before, or in spite of, a connection (fakes, no server)."""

import contextlib
import dataclasses
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from lambda_extract import contract
from lambda_extract.errors import RequestError, SourceError
from lambda_extract.landing.stores import FolderStore
from lambda_extract.operations import connect, group
from lambda_extract.operations.connect import SHORTEST_SECONDS
from lambda_extract.operations.extract import extract
from lambda_extract.settings import Reader, Settings, Source
from lambda_extract.source.database import Database
from lambda_extract.source.replica import ReaderBehind

TABLE = contract.TableSpec("orders", "shop", "public", "orders")
WINDOW = contract.ExtractRequest(
    "r1", TABLE, "w1", cursor=contract.CursorSpec("n"), window=contract.Window()
)
NOTHING = contract.ExtractReply("r1", "w1", "now", (), (), (), 0, 0)
SOURCE = Source("shop", "h", "shop", {"kind": "environment"}, reader=Reader("r"))
SETTINGS = Settings({"shop": SOURCE}, "b", "p/", "f", "k" * 32)
ANY: Any = None


# --- the reader -----------------------------------------------------------------------


@pytest.fixture
def login(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the logins answer, the writer's first: a database or an error."""
    answers: list[Any] = []

    @contextlib.contextmanager
    def log_in(*_: Any, **__: Any) -> Iterator[Any]:
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        yield found

    monkeypatch.setattr(connect, "_login", log_in)
    monkeypatch.setattr(connect.time, "monotonic", lambda: 100.0)
    return answers


def opened(*, use_reader: bool = True) -> Any:
    with connect.open_source(
        WINDOW, SETTINGS, deadline=200.0, use_reader=use_reader
    ) as database:
        return database


def test_rows_are_read_from_a_reader_that_knows_its_writer(
    login: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, reader = SimpleNamespace(), SimpleNamespace()
    login += [writer, reader]
    steps: list[Any] = []
    monkeypatch.setattr(connect, "follow", lambda d: steps.append(("follow", d)))
    monkeypatch.setattr(
        connect, "check_still_follows", lambda d: steps.append(("check", d))
    )
    assert opened() is reader and reader.writer is writer
    assert steps == [("follow", reader), ("check", reader)]


def test_who_asks_for_the_writer_gets_it(login: list[Any]) -> None:
    login += ["writer"]
    assert opened(use_reader=False) == "writer"


def test_a_reader_that_cannot_be_reached_is_behind(login: list[Any]) -> None:
    login += ["writer", SourceError("source_unreachable", "No answer.")]
    with pytest.raises(ReaderBehind, match="source_unreachable"):
        opened()


def test_a_job_without_time_is_not_for_the_writer_either(login: list[Any]) -> None:
    late = SourceError("window_too_large", "Over.")
    login += ["writer", late]
    with pytest.raises(SourceError) as caught:
        opened()
    assert caught.value is late


@pytest.mark.parametrize(
    ("left", "enough"),
    [
        (SHORTEST_SECONDS, True),
        (SHORTEST_SECONDS - 0.01, False),
        # However short the shortest is, a job whose time is over has none left.
        (0.0, False),
        (-0.5, False),
        (-5.0, False),
    ],
)
def test_with_hardly_any_time_left_nobody_connects(
    monkeypatch: pytest.MonkeyPatch, left: float, enough: bool
) -> None:
    monkeypatch.setattr(connect.time, "monotonic", lambda: 0.0)
    if enough:
        assert connect._left(left) == left
        return
    with pytest.raises(SourceError) as over:
        connect._left(left)
    assert over.value.code == "window_too_large"
    assert over.value.message == connect.OVER_BUDGET


def test_what_is_left_of_the_budget_is_counted_from_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lambda_extract.source.database.time.monotonic", lambda: 30.0)
    database = Database(ANY, SOURCE, deadline=42.5, budget_seconds=50.0)
    assert database.seconds_left == 12.5


# --- requests that are none -----------------------------------------------------------


@pytest.mark.parametrize("missing", ["cursor", "window"])
def test_a_request_without_a_window_or_a_part_is_refused(
    tmp_path: Any, missing: str
) -> None:
    request = dataclasses.replace(WINDOW, **{missing: None})
    with pytest.raises(RequestError) as refused:
        extract(ANY, request, FolderStore(tmp_path))
    assert refused.value.code == "bad_request"
    assert "neither a window nor a partition" in refused.value.message


class Session:
    """The connection of a worker."""

    closed = 0

    def close(self) -> None:
        self.closed += 1


def from_reader(monkeypatch: pytest.MonkeyPatch, reply: Any) -> tuple[Any, Session]:
    asked: list[Any] = []

    def read_table(*given: Any, **named: Any) -> Any:
        asked.append((given, named))
        return reply

    monkeypatch.setattr(group, "read_table", read_table)
    worker: Any = SimpleNamespace(settings=SETTINGS, s3="S3", job="ab")
    session: Any = Session()
    found = group.Worker._from_reader(worker, WINDOW, session, 77.0)
    named = {"settings": SETTINGS, "s3": "S3", "job": "ab", "deadline": 77.0}
    assert asked == [((WINDOW,), named)]
    return found, session


def test_a_part_from_a_reader_has_two_connections_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found, session = from_reader(monkeypatch, NOTHING)
    assert found is NOTHING and session.closed == 1


def test_a_part_of_a_group_is_a_window(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = contract.HealthReply("r1", "18.4", 0.1, 0.1, 0.1)
    with pytest.raises(RequestError) as refused:
        from_reader(monkeypatch, plan)
    assert refused.value.code == "bad_request" and "no window" in refused.value.message
