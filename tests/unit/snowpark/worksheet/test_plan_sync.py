"""PLAN_SYNC says what a sync would do and writes nothing."""

import dataclasses
from typing import Any

import pytest

from lambda_extract.contract import Bound, PlanReply, Warning
from snowpark.columns import column as columns
from snowpark.columns import drift
from snowpark.columns.alignment import Rules
from snowpark.columns.shape import Shape
from snowpark.errors import LambdaError
from snowpark.ledger.records import TableState
from snowpark.load import target
from snowpark.session import Snowflake
from snowpark.worksheet.plan_sync import plan_sync
from tests.unit.snowpark.samples import COLUMNS, ID, NOTE, cursor_value, planned, state
from tests.unit.snowpark.scripted import (
    Scripted,
    caught,
    refusal,
    replies,
    settled,
    state_row,
)

PLAN = dataclasses.replace(
    planned(),
    warnings=(Warning("no_index", "Slow.", "Create one."),),
    bound=Bound(watermark=cursor_value(5), oldest_transaction="2026-01-04"),
)


def session(found: TableState, plan: PlanReply = PLAN) -> Scripted:
    return Scripted(read_state=[state_row(found)], extract=replies(plan))


def plan(found: TableState, reply: PlanReply = PLAN) -> dict[str, Any]:
    scripted = session(found, reply)
    report = plan_sync(Snowflake(scripted), "ORDERS")
    assert scripted.names == ["read_state", "extract"]
    return report


def test_an_increment_reads_from_the_watermark_to_the_safe_bound() -> None:
    assert plan(settled()) == {
        "table": "orders",
        "summary": "orders: a sync would read rows with updated_at after"
        f" {cursor_value(1).value}.",
        "refused": None,
        "kind": "increment",
        "watermark": cursor_value(1).value,
        "safe_bound": cursor_value(5).value,
        "oldest_transaction": "2026-01-04",
        "parts": None,
        "table_rows_estimated": 100,
        "table_bytes_estimated": 10_000,
        "key": ["id"],
        "columns": {c.name.upper(): c.snowflake_type for c in COLUMNS},
        "columns_changed": False,
        "schema_changes": [],
        "warnings": [{"code": "no_index", "message": "Slow.", "hint": "Create one."}],
    }


def test_a_first_sync_reads_the_whole_table() -> None:
    found = TableState(settled().settings, None, None)
    report = plan(found, dataclasses.replace(PLAN, bound=None))
    assert report["summary"] == (
        "orders: a sync would read the whole table in 3 parts."
    )
    assert (report["kind"], report["parts"]) == ("snapshot", 3)
    assert report["watermark"] is report["safe_bound"] is None
    assert report["oldest_transaction"] is None
    assert report["columns_changed"] is False and report["schema_changes"] == []


def test_an_empty_table_has_no_watermark_yet() -> None:
    found = settled()
    assert found.ledger is not None
    ledger = dataclasses.replace(found.ledger, watermark=None)
    report = plan(
        dataclasses.replace(found, ledger=ledger),
        dataclasses.replace(PLAN, bound=Bound()),
    )
    assert report["summary"].endswith("with updated_at after the start.")
    assert report["watermark"] is report["safe_bound"] is None


@pytest.mark.parametrize("mode", ["full", "incremental"])
def test_only_a_full_table_is_planned_for_one_moment(mode: str) -> None:
    cursor = "updated_at" if mode == "incremental" else None
    scripted = session(state(mode=mode, cursor=cursor))
    report = plan_sync(Snowflake(scripted), "orders")
    (request,) = scripted.requests
    assert request.one_moment is (mode == "full")  # type: ignore[union-attr]
    assert request.run_id.startswith("plan-")
    assert report["kind"] == ("snapshot" if mode == "full" else "increment")


def known() -> TableState:
    """A table whose columns the last commit has described."""
    found = settled()
    source, rules = target.source_of(PLAN), Rules.of(found.settings)
    shape = drift.align(source, None, Shape(), rules).shape
    shape = dataclasses.replace(shape, route=found.settings.route)
    return dataclasses.replace(found, shape=shape)


def test_equal_columns_are_no_change() -> None:
    assert plan(known())["schema_changes"] == []


def test_changed_columns_are_told() -> None:
    wider = dataclasses.replace(ID, snowflake_type="NUMBER(20,0)")
    now = (wider, *COLUMNS[1:], dataclasses.replace(NOTE, name="more", attnum=9))
    report = plan(known(), dataclasses.replace(PLAN, columns=now))
    assert report["columns_changed"]
    assert report["schema_changes"] == [
        "id widened (NUMBER(19,0) -> NUMBER(20,0))",
        "more added (VARCHAR(134217728))",
    ]


def test_a_change_that_would_stop_the_sync_is_told() -> None:
    other = dataclasses.replace(ID, snowflake_type="DATE")
    report = plan(known(), dataclasses.replace(PLAN, columns=(other, *COLUMNS[1:])))
    (said,) = report["schema_changes"]
    assert said.startswith("[type_changed]")


def test_what_a_sync_would_refuse_is_refused_with_the_table() -> None:
    busy = Scripted(
        read_state=[state_row(settled())], extract=replies(refusal("source_busy"))
    )
    error = caught(lambda s: plan_sync(s, "orders"), busy)
    assert isinstance(error, LambdaError)
    assert (error.table, error.run_id) == ("orders", None)
    moved = session(dataclasses.replace(settled(), ledger=_elsewhere()))
    report = plan_sync(Snowflake(moved), "orders")
    assert report["refused"] == "origin_changed"
    assert "a sync would be refused" in report["summary"]
    assert "CALL RESYNC_TABLE" in report["summary"].replace("Call", "CALL")


def _elsewhere() -> Any:
    ledger = settled().ledger
    assert ledger is not None
    return dataclasses.replace(ledger, origin="another")


def test_the_digest_is_that_of_a_sync() -> None:
    found = settled()
    assert found.ledger is not None
    same = columns.digest(PLAN.columns, PLAN.key, PLAN.relation_id, found.settings)
    assert found.ledger.columns_sha256 == same
