"""What the merge step of a table does with what the extract and load steps left."""

import dataclasses
import json
from typing import Any

import pytest

from lambda_extract.contract import encode
from snowpark.groups import steps, table_steps
from snowpark.groups.statements import GroupStep
from snowpark.ledger.records import TableState
from snowpark.session import Snowflake
from snowpark.sync.increment import Extracted
from tests.unit.snowpark.samples import RUN_ID, reply, state

STATE = state()


def step(name: Any, message: str | None, status: Any = "succeeded") -> GroupStep:
    return GroupStep(
        RUN_ID,
        "hourly",
        "graph",
        name,
        status,
        "orders",
        identity=STATE.identity,
        message=message,
    )


LOADED = step("load", json.dumps({"staged": True, "load_seconds": 1.5}))


def merged_from(
    monkeypatch: pytest.MonkeyPatch, found: TableState, extracted: str | None
) -> Extracted | None:
    """Returns the window that the merge step takes over from the steps before it."""
    taken: list[Extracted | None] = []
    ledger = [step("extract", extracted), LOADED]
    monkeypatch.setattr(steps, "of_table", lambda *_: ledger)
    monkeypatch.setattr(table_steps, "_owned", lambda *_: found)

    def sync(*arguments: Any) -> dict[str, Any]:
        taken.append(arguments[-1])
        return {}

    monkeypatch.setattr(table_steps, "_sync", sync)
    table_steps.merge_table(Snowflake(None), "orders", RUN_ID)
    (first,) = taken
    return first


def test_what_was_loaded_is_merged(monkeypatch: pytest.MonkeyPatch) -> None:
    assert merged_from(monkeypatch, STATE, encode(reply())) == Extracted(reply(), True)


@pytest.mark.parametrize(
    "changed",
    [
        {"cursor": "created_at"},
        {"target_table": "orders_2"},
        {"exclude": ("note",)},
        {"deletes": "key_compare"},
    ],
)
def test_what_was_loaded_is_void_under_another_configuration(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any]
) -> None:
    """APPLY_CONFIG between load and merge: the rows were staged for another target."""
    found = state(**changed)
    assert found.identity != STATE.identity
    assert merged_from(monkeypatch, found, encode(reply())) is None


def test_what_was_loaded_is_void_once_another_run_has_committed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert STATE.ledger is not None
    moved = dataclasses.replace(STATE.ledger, version=STATE.ledger.version + 1)
    found = dataclasses.replace(STATE, ledger=moved)
    assert merged_from(monkeypatch, found, encode(reply())) is None


@pytest.mark.parametrize("message", [None, "{}"])
def test_without_a_readable_window_the_sync_reads_for_itself(
    monkeypatch: pytest.MonkeyPatch, message: str | None
) -> None:
    assert merged_from(monkeypatch, STATE, message) is None
