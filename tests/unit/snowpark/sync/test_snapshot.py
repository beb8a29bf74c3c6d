"""A snapshot replaces the target only with every part of its plan."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest

from lambda_extract.contract import (
    ErrorDetail,
    ErrorReply,
    File,
    Partition,
    PlanReply,
    Reply,
    decode_request,
    encode,
)
from snowpark.errors import LambdaError, LoadError, SnowflakeError, SyncError
from snowpark.ledger.records import TableState
from snowpark.ledger.run import Run
from snowpark.session import Snowflake
from snowpark.sync import snapshot
from snowpark.sync.parts import Snapshot, whole
from tests.unit.snowpark.samples import RUN_ID, planned, reply, settings

STATE = TableState(settings(), None, None)


class Session:
    """Answers extractions part by part, and remembers what else was sent."""

    def __init__(self, plan: PlanReply, refused: Sequence[str] = ()) -> None:
        self.plan = plan
        self.refused = refused
        self.recorded: list[str] = []
        self._rows: list[Any] = []

    def sql(self, text: str, params: list[Any] | None = None) -> "Session":
        values = [] if params is None else params
        self._rows = []
        if "aurora_extract(?)" in text:
            self._rows = [(0, self._answer(values[0]))]
        elif "aurora_extract(" in text:
            pairs = zip(values[::2], values[1::2])
            self._rows = [
                (position, self._answer(request)) for position, request in pairs
            ]
        elif text.startswith("UPDATE"):
            self._rows = [(1,)]
        elif text.lstrip().upper().startswith("INSERT"):
            self.recorded += [v for v in values if str(v)[:1] in ("p", "#")]
        return self

    def collect(self) -> list[Any]:
        return self._rows

    def _answer(self, request: str) -> str:
        if '"op":"plan"' in request.replace(" ", ""):
            return encode(self.plan)
        for name in self.refused:
            if f'"{name}-' in request:
                error = ErrorDetail("worker_lost", "gone", True, "wait")
                return encode(ErrorReply(RUN_ID, error))
        part = decode_request(request).part  # type: ignore[union-attr]
        path = f"data/orders/{RUN_ID}/{part}/00000.csv.zst"
        answer: Reply = reply(part=part, files=(File(path, 2, 120, "ab" * 32),))
        return encode(answer)


def extracted(session: Session) -> Snapshot:
    snowflake = Snowflake(session)
    run = Run(RUN_ID, "orders", "2026-01-02T03:04:05+00:00")
    return snapshot._extracted(snowflake, STATE, run)


def snapshot_of(*done: str, planned_parts: int = 3) -> Snapshot:
    return Snapshot(
        f"{RUN_ID}-1",
        "c0ffee",
        planned(planned_parts),
        {name: reply() for name in done},
    )


def test_every_part_of_the_plan_is_extracted_and_recorded() -> None:
    session = Session(planned(3))
    found = extracted(session)
    assert sorted(found.done) == ["p00001", "p00002", "p00003"]
    assert session.recorded == ["#plan", "p00001", "p00002", "p00003"]


@pytest.mark.parametrize("lost", ["p00001", "p00002", "p00003"])
def test_a_part_that_fails_twice_ends_the_snapshot(lost: str) -> None:
    session = Session(planned(3), [lost])
    with pytest.raises(LambdaError) as caught:
        extracted(session)
    assert caught.value.code == "worker_lost"
    assert lost not in session.recorded and len(session.recorded) == 3


def test_a_snapshot_that_lost_a_part_on_its_way_is_not_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever loses it: here the loop over the waves takes a failed part for done."""
    monkeypatch.setattr(snapshot, "_extract_wave", lambda *_: [])
    with pytest.raises(LambdaError) as caught:
        extracted(Session(planned(3)))
    assert caught.value.code == "parts_missing" and caught.value.retryable
    assert "p00001, p00002, p00003" in caught.value.message


@pytest.mark.parametrize(
    "done",
    [(), ("p00001", "p00002"), ("p00001", "p00002", "p00004")]
    + [("p00001", "p00002", "p00003", "p00004")],
)
def test_parts_are_exactly_those_of_the_plan(done: Sequence[str]) -> None:
    with pytest.raises(LambdaError) as caught:
        whole(snapshot_of(*done))
    assert caught.value.code == "parts_missing"


def test_a_whole_snapshot_passes() -> None:
    complete = snapshot_of("p00003", "p00001", "p00002")
    assert whole(complete) is complete


def test_a_plan_with_two_parts_of_one_name_is_not_loaded() -> None:
    """The second would have replaced the first among the finished ones."""
    twice = dataclasses.replace(
        planned(1), partitions=(Partition("p00001"), Partition("p00001"))
    )
    with pytest.raises(LambdaError):
        whole(dataclasses.replace(snapshot_of("p00001"), plan=twice))


@pytest.mark.parametrize(
    ("number_of_parts", "planned_by", "one_moment"),
    [
        (1, RUN_ID, True),
        (2, RUN_ID, False),
        (1, "earlier", False),
        (2, "earlier", False),
    ],
)
def test_rows_are_of_one_moment_only_as_one_part_of_this_very_call(
    monkeypatch: pytest.MonkeyPatch,
    number_of_parts: int,
    planned_by: str,
    one_moment: bool,
) -> None:
    """What decides whether deletes of an earlier moment may be told from the rows."""
    plan = dataclasses.replace(planned(number_of_parts), run_id=planned_by)
    done = {p.part: reply() for p in plan.partitions}
    found = Snapshot(f"{planned_by}-1", "c0ffee", plan, done)
    monkeypatch.setattr(snapshot, "_extracted", lambda *_: found)
    monkeypatch.setattr(snapshot, "_load", lambda *_: None)
    snowflake = Snowflake(Session(plan))
    run = Run(RUN_ID, "orders", "2026-01-02T03:04:05+00:00")
    assert snapshot.run_snapshot(snowflake, STATE, run) is one_moment


def load_error(code: str, number: int | None = None) -> LoadError:
    error = LoadError(code, "no")
    if number is not None:
        error.__cause__ = warehouse_error(number)
    return error


def warehouse_error(number: int) -> SnowflakeError:
    return SnowflakeError("warehouse_error", "no", number=number, query_id=None)


@pytest.mark.parametrize(
    ("error", "closed"),
    [
        (load_error("count_mismatch"), True),
        (load_error("load_failed", 100038), True),
        (load_error("load_failed", 604), False),
        (load_error("pipe_timeout"), False),
        (load_error("pipe_stopped"), False),
        (load_error("pipe_file_failed"), True),
        (warehouse_error(100038), True),
        (warehouse_error(604), False),
    ],
)
def test_only_files_that_would_fail_again_are_given_up(
    monkeypatch: pytest.MonkeyPatch, error: SyncError, closed: bool
) -> None:
    def refuse(*_: object) -> None:
        raise error

    recorded: list[str] = []
    monkeypatch.setattr(snapshot, "_extracted", lambda *_: snapshot_of("p00001"))
    monkeypatch.setattr(snapshot, "_load", refuse)
    monkeypatch.setattr(
        snapshot, "record_part", lambda *arguments: recorded.append(arguments[4])
    )
    snowflake = Snowflake(Session(planned()))
    run = Run(RUN_ID, "orders", "2026-01-02T03:04:05+00:00")
    with pytest.raises(type(error)):
        snapshot.run_snapshot(snowflake, STATE, run)
    assert recorded == (["#closed"] if closed else [])
