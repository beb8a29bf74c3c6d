"""What a run does next, decided without a database."""

from typing import Any

import pytest

from lambda_extract.contract import (
    Bound,
    ColumnSpec,
    FilterTerm,
    Overlap,
    PendingBound,
)
from snowpark.errors import UsageError
from snowpark.extraction import progress as extraction_progress
from snowpark.extraction import requests
from snowpark.ledger.records import TableState
from tests.unit.snowpark.samples import (
    RUN_ID,
    cursor_value,
    planned,
    reply,
    settings,
    state,
)


def test_a_table_that_was_never_loaded_needs_a_snapshot() -> None:
    assert extraction_progress.needs_snapshot(TableState(settings(), None, None))


def test_a_full_table_needs_a_snapshot_each_time() -> None:
    assert extraction_progress.needs_snapshot(state(mode="full", cursor=None))


def test_a_loaded_incremental_table_needs_none() -> None:
    assert not extraction_progress.needs_snapshot(state())


def test_another_cursor_is_refused_instead_of_mixing_two_watermarks() -> None:
    loaded = state()
    changed = TableState(settings(cursor="created_at"), loaded.ledger, None)
    with pytest.raises(UsageError) as caught:
        extraction_progress.needs_snapshot(changed)
    assert caught.value.code == "origin_changed"
    assert "RESYNC_TABLE" in caught.value.hint
    assert "the cursor was updated_at and is created_at" in caught.value.message


@pytest.mark.parametrize(
    "rule",
    [
        {"columns": (ColumnSpec("note", protect="mask"),)},
        {"trim_char": True},
        {"where": (FilterTerm("=", "id", ("7",)),)},
    ],
)
def test_u5_rows_of_other_rules_are_read_again_by_themselves(rule: Any) -> None:
    loaded = state()
    changed = TableState(settings(**rule), loaded.ledger, None)
    assert extraction_progress.has_new_rules(changed)
    assert extraction_progress.needs_snapshot(changed)
    assert not extraction_progress.has_new_rules(loaded)


def test_the_first_window_starts_at_the_watermark_and_carries_the_overlap() -> None:
    progress = extraction_progress.start(state(day=3))
    request = requests.next_window(settings(), progress, RUN_ID)
    assert request.window is not None
    assert request.window.lower == cursor_value(3)
    assert request.window.first
    assert request.part == "w00001"


def test_windows_go_on_behind_each_other() -> None:
    progress = extraction_progress.start(state(day=1))
    bound = Bound(watermark=cursor_value(2))
    progress = extraction_progress.advanced(
        progress, reply(bound, position=cursor_value(2), complete=False)
    )
    request = requests.next_window(settings(), progress, RUN_ID)
    assert request.window is not None
    assert request.window.lower == cursor_value(2)
    assert not request.window.first
    assert request.window.overlap is None
    assert request.part == "w00002"


def test_a_window_that_is_held_back_freezes_the_watermark_of_the_run() -> None:
    """Rows between its safe bound and its end may still appear: nobody re-reads them
    in this run, so no later window may move the watermark past them."""
    progress = extraction_progress.start(state(day=1))
    held = Bound(watermark=cursor_value(2), held_back=True, overlap=Overlap(5, "123"))
    progress = extraction_progress.advanced(
        progress, reply(held, position=cursor_value(5), complete=False)
    )
    assert progress.bound.watermark == cursor_value(2)
    later = Bound(watermark=cursor_value(9))
    progress = extraction_progress.advanced(
        progress, reply(later, position=cursor_value(9))
    )
    assert progress.position == cursor_value(9)
    assert progress.bound.watermark == cursor_value(2)
    assert progress.bound.overlap is None


def test_a_last_window_that_is_held_back_keeps_its_overlap() -> None:
    overlap = Overlap(5, "123")
    held = Bound(watermark=cursor_value(2), held_back=True, overlap=overlap)
    progress = extraction_progress.advanced(
        extraction_progress.start(state(day=1)), reply(held)
    )
    assert progress.bound.overlap == overlap


def test_a_pending_bound_travels_with_every_window() -> None:
    pending = PendingBound("41", "2026-01-02 00:00:00+00")
    bound = Bound(watermark=None, pending_bound=pending, held_back=True)
    progress = extraction_progress.advanced(
        extraction_progress.start(state()), reply(bound, complete=False)
    )
    request = requests.next_window(settings(), progress, RUN_ID)
    assert request.window is not None
    assert request.window.pending_bound == pending


def test_a_window_is_halved_down_to_a_floor_and_gets_a_new_prefix() -> None:
    progress = extraction_progress.start(state(chunk_rows=4_000))
    smaller = extraction_progress.halved(progress)
    assert smaller is not None
    assert smaller.chunk_rows == 2_000
    assert requests.next_window(settings(), smaller, RUN_ID).part == "w00002"
    smallest = extraction_progress.halved(smaller)
    assert smallest is not None
    assert extraction_progress.halved(smallest) is None


def test_finished_parts_are_not_asked_for_again() -> None:
    waves = extraction_progress.waves(planned(5), frozenset({"p00002"}), 2)
    assert [[p.part for p in wave] for wave in waves] == [
        ["p00001", "p00003"],
        ["p00004", "p00005"],
    ]


def test_each_attempt_of_a_part_has_a_prefix_of_its_own() -> None:
    (partition,) = planned(1).partitions
    parts = {
        requests.part_request(settings(), partition, RUN_ID, n).part for n in (1, 2)
    }
    assert parts == {"p00001-1", "p00001-2"}


def test_the_end_that_the_first_window_saw_bounds_all_later_ones() -> None:
    progress = extraction_progress.start(state(day=1))
    for day in (2, 3):
        told = reply(
            Bound(watermark=cursor_value(day)),
            position=cursor_value(day),
            complete=False,
            end=cursor_value(5) if day == 2 else None,
        )
        progress = extraction_progress.advanced(progress, told)
        request = requests.next_window(settings(), progress, RUN_ID)
        assert request.window is not None
        assert request.window.upper == cursor_value(5)


def test_an_increment_starts_behind_a_load() -> None:
    never = TableState(settings(), None, None)
    with pytest.raises(ValueError, match="an increment starts from a ledger row"):
        extraction_progress.start(never)
