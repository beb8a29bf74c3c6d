"""What follows if a reader is behind: the writer is read, or the request fails."""

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest

from lambda_extract import contract
from lambda_extract.operations import dispatch, read
from lambda_extract.settings import Reader, Settings, Source
from lambda_extract.source.replica import ReaderBehind

TABLE = contract.TableSpec(
    name="orders", source="shop", schema="public", relation="orders"
)
PLAN = contract.PlanRequest(
    run_id="r", table=TABLE, limits=contract.Limits(1000, 1_000_000)
)


def settings(reader: Reader | None) -> Settings:
    source = Source("shop", "h", "shop", {"kind": "environment"}, reader=reader)
    return Settings({"shop": source}, "b", "", "f", "k" * 32)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each connection was to use the reader, which always is behind."""
    used: list[bool] = []

    @contextlib.contextmanager
    def open_source(*_: Any, use_reader: bool, **__: Any) -> Iterator[str]:
        used.append(use_reader)
        if use_reader:
            raise ReaderBehind("Far behind.")
        yield "writer"

    def plan(database: str, request: Any, **_: Any) -> contract.PlanReply:
        assert database == "writer"
        return contract.PlanReply(
            run_id="r",
            planned_at="2026-01-01 00:00:00+00",
            columns=(),
            key=(),
            partitions=(),
            estimated_rows=0,
            estimated_bytes=0,
            bound=None,
            warnings=(contract.Warning("other", "m", "h"),),
        )

    monkeypatch.setattr(read, "open_source", open_source)
    monkeypatch.setattr(read, "plan", plan)
    return used


def test_the_writer_is_read_with_a_warning(opened: list[bool]) -> None:
    found = dispatch.run_operation(PLAN, settings=settings(Reader("r")), s3=None)
    assert opened == [True, False]
    assert isinstance(found, contract.PlanReply)
    assert [w.code for w in found.warnings] == ["other", "reader_behind"]
    assert "read from the writer" in found.warnings[1].message


def test_the_request_fails_if_the_source_says_so(opened: list[bool]) -> None:
    strict = settings(Reader("r", behind="fail"))
    with pytest.raises(ReaderBehind) as refused:
        dispatch.run_operation(PLAN, settings=strict, s3=None)
    assert opened == [True]
    assert refused.value.code == "reader_behind" and refused.value.retryable


def test_reading_the_writer_instead_is_logged(
    opened: list[bool], capsys: pytest.CaptureFixture[str]
) -> None:
    dispatch.run_operation(PLAN, settings=settings(Reader("r")), s3=None)
    line = json.loads(capsys.readouterr().out)
    assert line.pop("time")
    assert line == {"event": "reader_behind", "run_id": "r", "table": "orders"}


def test_a_plan_with_a_slot_is_made_at_the_writer_at_once(opened: list[bool]) -> None:
    """The slot is the writer's: a reader need not even be there."""
    request = dataclasses.replace(PLAN, log=contract.LogSpec("slot", "publication"))
    strict = settings(Reader("r", behind="fail"))
    found = dispatch.run_operation(request, settings=strict, s3=None)
    assert opened == [False]
    assert isinstance(found, contract.PlanReply)
    assert [w.code for w in found.warnings] == ["other"]


def test_digests_of_the_writer_are_those_of_the_table_without_a_warning(
    opened: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = contract.DigestReply("r", (), newest=contract.CursorValue("7", "bigint"))
    monkeypatch.setattr(read, "digest", lambda *_: digests)
    request = contract.DigestRequest(
        "r", TABLE, contract.Partition("00000"), ("id",), ("id",)
    )
    found = dispatch.run_operation(request, settings=settings(Reader("r")), s3=None)
    assert opened == [True, False] and found == digests
