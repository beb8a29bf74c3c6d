"""What a run appends to the ledgers, value by value."""

import dataclasses
import json
from typing import Any

import pytest

from lambda_extract.contract import (
    AlteredValue,
    Bound,
    Member,
    Overlap,
    PendingBound,
    SourceIdentity,
)
from snowpark.columns.shape import Change
from snowpark.errors import UsageError
from snowpark.ledger import records, write
from snowpark.ledger import run as ledger_run
from snowpark.ledger.records import Commit
from snowpark.ledger.run import Counts, Run, Seconds
from snowpark.session import Snowflake
from snowpark.sync import lifecycle
from tests.unit.snowpark.samples import RUN_ID, cursor_value, settings
from tests.unit.snowpark.scripted import Scripted, settled

IDENTITY = SourceIdentity(7, (Member(7, 8),), "sys", 1, 99)
BOUND = Bound(
    cursor_value(2),
    PendingBound("41", "2026-01-02 00:00:00+00"),
    True,
    "old",
    Overlap(3, "12345"),
)
COMMIT = Commit(8, "snapshot", BOUND, "c0ffee", 42, source_identity=IDENTITY)


def recorded(commit: Commit) -> Scripted:
    session = Scripted()
    write.record_commit(Snowflake(session), settings(), RUN_ID, commit)
    return session


def test_a_watermark_row_says_what_was_proven() -> None:
    values = recorded(COMMIT).only("insert_watermark").values
    origin = settings().origin
    mark = cursor_value(2)
    assert values[:5] == ("orders", 8, RUN_ID, "snapshot", origin)
    assert values[5:9] == (mark.value, mark.type, "41", "2026-01-02 00:00:00+00")
    assert values[9:13] == (3, "12345", "c0ffee", 42)
    assert records.identity_of(values[13]) == IDENTITY


@pytest.mark.parametrize("bound", [None, Bound()])
def test_what_is_not_proven_is_null(bound: Bound | None) -> None:
    one = recorded(dataclasses.replace(COMMIT, bound=bound)).only("insert_watermark")
    assert one.text.count("NULL") == 10 and one.values[5:7] == ("c0ffee", 42)


def test_columns_and_altered_values_go_along_where_there_are_any() -> None:
    assert recorded(COMMIT).names == ["insert_watermark"]
    shape = dataclasses.replace(settled().shape, generation=3)
    change = Change("added", "extra", 7, target="EXTRA", new_type="DATE")
    whole = dataclasses.replace(
        COMMIT,
        shape=shape,
        changes=(change,),
        altered=(
            AlteredValue("note", 2, ('{"id":1}', '{"id":2}')),
            AlteredValue("x", 1),
        ),
    )
    session = recorded(whole)
    assert session.values("insert_shape") == [("orders", 3, RUN_ID, shape.to_json())]
    (row,) = session.values("insert_schema_changes")
    assert row == ("orders", RUN_ID, "added", "extra", 7, "EXTRA", "DATE")
    (row,) = session.values("insert_altered_values")
    assert row[:5] == ("orders", RUN_ID, "note", 2, '[{"id":1},{"id":2}]')
    assert row[5:] == ("orders", RUN_ID, "x", 1, "[]")


@pytest.mark.parametrize(("number", "inserts"), [(500, [500]), (1001, [500, 500, 1])])
def test_every_change_is_recorded_once(number: int, inserts: list[int]) -> None:
    changes = tuple(Change("created", f"c{i}", i) for i in range(number))
    session = Scripted()
    write.record_shape(Snowflake(session), "orders", RUN_ID, None, changes)
    rows = session.values("insert_schema_changes")
    assert [len(row) // 5 for row in rows] == inserts
    assert [n for row in rows for n in row[3::5]] == [f"c{i}" for i in range(number)]


# --- the row of a run -----------------------------------------------------------------


def finished(status: str = "succeeded", error: Any = None, **tally: Any) -> Any:
    run = Run(RUN_ID, "orders", "2026-01-02T03:04:05+00:00")
    run.note(**tally)
    session = Scripted()
    write.record_run(Snowflake(session), run, status, error)
    assert run.recorded
    return session.only("insert_run").values


def test_a_run_says_what_it_did() -> None:
    values = finished(
        kind="snapshot",
        windows=2,
        rows=3,
        counts=Counts(4, 5, 6),
        files=7,
        bytes=8,
        seconds=Seconds(1.00049, 2.0, 3.5),
        watermark="mark",
        oldest_transaction="old",
        null_cursor_rows=9,
        warnings=(("code", "message", "hint"),),
    )
    assert values[:5] == (
        RUN_ID,
        "orders",
        "snapshot",
        "succeeded",
        "2026-01-02T03:04:05+00:00",
    )
    assert values[5:16] == (2, 3, 4, 5, 6, 7, 8, 1.0, 2.0, 3.5, 1)
    assert values[16:19] == ("mark", "old", 9)
    assert json.loads(values[19]) == [
        {"code": "code", "message": "message", "hint": "hint"}
    ]


@pytest.mark.parametrize("retryable", [True, False])
def test_a_run_that_failed_says_why(retryable: bool) -> None:
    error = UsageError("key_changed", "m" * 16001, retryable=retryable, hint="h")
    values = finished("failed", error)
    assert values[3] == "failed"
    assert values[-5:] == ("key_changed", "m" * 16000, retryable, "h", "[]")


# --- what a run remembers -------------------------------------------------------------


def test_a_step_begins_with_an_empty_tally_and_a_row_of_its_own() -> None:
    run = Run(RUN_ID, "orders", "then", recorded=True)
    run.note(rows=3)
    run.begin("key_compare", "now")
    assert [t.rows for t in run.earlier] == [3]
    assert run.tally == ledger_run.Tally(kind="key_compare")
    assert run.started_at == "now" and not run.recorded


@pytest.mark.parametrize(
    ("counts", "steps"), [(Counts(), 0), (Counts(1), 1), (Counts(0, 0, 1), 1)]
)
def test_a_step_that_is_given_up_stays_in_the_report_if_it_committed_rows(
    counts: Counts, steps: int
) -> None:
    run = Run(RUN_ID, "orders", "then")
    run.note(counts=counts, rows=3)
    run.warn("source_changed", "m", "h")
    run.warn("other", "m", "h")
    run.forget_or_begin("snapshot", "now")
    assert len(run.earlier) == steps
    assert run.tally.kind == "snapshot" and run.tally.rows == 0
    assert run.started_at == ("now" if steps else "then")
    assert [w[0] for w in run.tally.warnings] == ([] if steps else ["source_changed"])


def test_only_what_is_new_to_a_person_is_told_of_columns() -> None:
    run = Run(RUN_ID, "orders", "then")
    run.note_changes((Change("created", "a", 1), Change("added", "b", 2)))
    run.note_changes((Change("dropped", "c", 3),))
    assert [text.split()[0] for text in run.tally.schema_changes] == ["b", "c"]


@pytest.mark.parametrize(
    ("kind", "purpose"),
    [("key_compare", "KEYS"), ("backfill", "BACKFILL"), ("repair", "REPAIR")]
    + [("increment", "ROWS"), ("snapshot", "ROWS")],
)
def test_steps_of_one_run_stage_into_tables_of_their_own(
    kind: Any, purpose: str
) -> None:
    run = Run(RUN_ID, "orders", "then")
    run.note(kind=kind)
    assert run.purpose == purpose


def test_seconds_and_rows_add_up() -> None:
    run = Run(RUN_ID, "orders", "then")
    for _ in range(2):
        ledger_run.note_extract(run, 1.0)
        ledger_run.note_load(run, 2.0)
        ledger_run.note_counts(run, Counts(1, 2, 3), 4.0)
    assert run.tally.seconds == Seconds(2.0, 4.0, 8.0)
    assert run.tally.counts == Counts(2, 4, 6)


def test_run_ids_sort_by_time_and_never_repeat() -> None:
    one, other = lifecycle.new_run("orders"), lifecycle.new_run("orders")
    assert one.id != other.id and one.id[:15] <= other.id[:15]
    assert one.started_at.endswith("+00:00") and len(one.id) == 28
    assert one.id[:15] == one.started_at.replace("-", "").replace(":", "")[:15]
    assert ledger_run.now().endswith("+00:00")


# --- records --------------------------------------------------------------------------


@pytest.mark.parametrize("text", [None, "{}", '{"relation_id": "x"}', "[]"])
def test_an_identity_of_another_release_is_none(text: str | None) -> None:
    assert records.identity_of(text) is None


def test_configuration_and_version_are_part_of_what_a_step_is_made_for() -> None:
    found = settled()
    ledger = found.ledger
    assert ledger is not None and found.version == 7
    moved = dataclasses.replace(ledger, version=8)
    other = dataclasses.replace(found, ledger=moved)
    changed = dataclasses.replace(found, settings=settings(chunk_rows=5000))
    assert len({found.identity, other.identity, changed.identity}) == 3
    assert dataclasses.replace(found, paused=True).identity == found.identity


def test_a_table_that_was_never_loaded_has_no_version_to_move() -> None:
    found = settled()
    assert records.at_version(found, 9).version == 9
    with pytest.raises(ValueError, match="never loaded"):
        records.at_version(dataclasses.replace(found, ledger=None), 9)
