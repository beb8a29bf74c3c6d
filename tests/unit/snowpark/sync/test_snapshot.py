"""A snapshot replaces the target only with every part of its plan."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest

from lambda_extract.contract import (
    Bound,
    ErrorDetail,
    ErrorReply,
    File,
    Partition,
    PlanReply,
    PlanRequest,
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
from tests.unit.snowpark.samples import RUN_ID, cursor_value, planned, reply, settings

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


@pytest.mark.parametrize("since", ["2026-01-01 00:00:00+00", None])
def test_the_run_tells_which_open_transaction_holds_its_watermark_back(
    monkeypatch: pytest.MonkeyPatch, since: str | None
) -> None:
    bound = Bound(watermark=cursor_value(1), oldest_transaction=since)
    found = dataclasses.replace(
        snapshot_of("p00001", planned_parts=1),
        plan=dataclasses.replace(planned(1), bound=bound),
    )
    monkeypatch.setattr(snapshot, "_extracted", lambda *_: found)
    monkeypatch.setattr(snapshot, "_load", lambda *_: None)
    run = Run(RUN_ID, "orders", "2026-01-02T03:04:05+00:00")
    snapshot.run_snapshot(Snowflake(Session(planned(1))), STATE, run)
    assert run.tally.oldest_transaction == since
    assert run.tally.watermark == cursor_value(1).value


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


# --- C9: one moment -------------------------------------------------------------------


class TooLarge(Session):
    """Answers plans one after another; every part of the first ones is too large."""

    def __init__(self, *plans: PlanReply) -> None:
        super().__init__(plans[0])
        self.plans = list(plans)
        self.asked: list[PlanRequest] = []

    def _answer(self, text: str) -> str:
        request = decode_request(text)
        if isinstance(request, PlanRequest):
            self.asked.append(request)
            self.plan = self.plans.pop(0)
        elif self.plans:
            error = ErrorDetail("window_too_large", "too large", True, "smaller")
            return encode(ErrorReply(RUN_ID, error))
        return super()._answer(text)


def alone(rows: int = 100) -> PlanReply:
    return dataclasses.replace(planned(1), estimated_rows=rows)


def asked(session: TooLarge, **changes: Any) -> list[tuple[bool, int]]:
    state = TableState(settings(**changes), None, None)
    snowflake = Snowflake(session)
    run = Run(RUN_ID, "orders", "2026-01-02T03:04:05+00:00")
    snapshot._extracted(snowflake, state, run)
    return [(r.one_moment, r.limits.chunk_rows) for r in session.asked]


FULL = {"mode": "full", "cursor": None, "chunk_rows": 8000}


def test_a_full_table_is_asked_for_in_one_moment() -> None:
    assert asked(TooLarge(alone()), **FULL) == [(True, 8000)]
    assert asked(TooLarge(planned(2)), chunk_rows=8000) == [(False, 8000)]


def test_what_does_not_fit_one_worker_is_read_in_parts_and_then_in_smaller_ones() -> (
    None
):
    session = TooLarge(alone(), planned(3), planned(6))
    assert asked(session, **FULL) == [(True, 8000), (False, 8000), (False, 4000)]
    assert session.recorded.count("#closed") == 2


@pytest.mark.parametrize("rows", [-1, 8001])
def test_a_relation_that_cannot_be_split_is_not_tried_again_and_again(
    rows: int,
) -> None:
    """Each attempt would take all the time that a worker has."""
    session = TooLarge(alone(), *[alone(rows)] * 9)
    with pytest.raises(LambdaError) as caught:
        asked(session, **FULL)
    assert caught.value.code == "window_too_large"
    assert len(session.asked) == 2


@pytest.mark.parametrize(("mode", "parts"), [("full", 1), ("full", 2), ("", 2)])
def test_the_report_says_of_how_many_moments_the_rows_are(
    monkeypatch: pytest.MonkeyPatch, mode: str, parts: int
) -> None:
    names = [f"p{i + 1:05d}" for i in range(parts)]
    known = snapshot_of(*names, planned_parts=parts)
    monkeypatch.setattr(snapshot, "_extracted", lambda *_: known)
    monkeypatch.setattr(snapshot, "_load", lambda *_: None)
    monkeypatch.setattr(snapshot.transfer, "drop_staging", lambda *_: None)
    chosen = FULL if mode else {}
    run = Run(RUN_ID, "orders", "2026-01-02T03:04:05+00:00")
    state = TableState(settings(**chosen), None, None)
    snapshot.run_snapshot(Snowflake(Session(planned(1))), state, run)
    told = [code for code, _, _ in run.tally.warnings]
    assert told == (["several_moments"] if mode and parts > 1 else [])


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


def test_a_few_of_many_missing_parts_are_named() -> None:
    with pytest.raises(LambdaError) as caught:
        whole(snapshot_of("p00001", planned_parts=13))
    assert caught.value.message.count("p000") == 10
    assert "13 parts were planned and 1 extracted" in caught.value.message


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
