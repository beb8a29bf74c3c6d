"""What a call returns: sums over the steps of a run, and a sentence for each."""

import dataclasses

import pytest

from snowpark.ledger.run import Counts, Run, Seconds, Tally
from snowpark.sync import report
from tests.unit.snowpark.samples import state

FOUND = state()
READ = Tally(
    windows=2,
    rows=30,
    files=3,
    bytes=400,
    counts=Counts(inserted=10, updated=20),
    seconds=Seconds(extract=1.00049, load=2.25, merge=4.5),
    watermark="noon",
)
COMPARED = Tally(
    kind="key_compare",
    windows=7,
    rows=1000,
    files=1,
    bytes=9,
    counts=Counts(updated=1, deleted=5),
    seconds=Seconds(extract=0.5, load=0.25, merge=0.125),
    watermark="never shown",
)


def of(*tallies: Tally) -> dict[str, object]:
    run = Run("r", "orders", "now", tally=tallies[-1], earlier=tallies[:-1])
    return report.of_run(run, FOUND)


def test_the_steps_of_a_run_are_added_up() -> None:
    """Keys that were compared are no rows that were read, but changed rows count."""
    assert of(READ, COMPARED) == {
        "table": "orders",
        "status": "succeeded",
        "summary": (
            "orders: 30 rows read, 10 inserted, 20 updated."
            " 1000 keys compared: 5 rows are gone, 1 came back."
        ),
        "run_id": "r",
        "kind": "increment",
        "target": FOUND.settings.target,
        "rows_extracted": 30,
        "rows_inserted": 10,
        "rows_updated": 21,
        "rows_deleted": 5,
        "windows": 2,
        "files": 4,
        "bytes": 409,
        "watermark": "noon",
        "seconds": {"extract": 1.5, "load": 2.5, "merge": 4.625},
    }


def test_the_watermark_is_the_last_one_and_the_kind_the_first() -> None:
    snapshot = Tally(kind="snapshot", rows=5, watermark="later", windows=1)
    told = of(dataclasses.replace(READ, oldest_transaction="dawn"), snapshot)
    assert (told["watermark"], told["kind"]) == ("later", "increment")
    assert told["windows"] == 3 and "oldest_transaction" not in told
    held = of(READ, dataclasses.replace(snapshot, oldest_transaction="dawn"))
    assert held["oldest_transaction"] == "dawn"


@pytest.mark.parametrize(
    ("tally", "status"),
    [
        (Tally(), "unchanged"),
        (Tally(rows=1), "succeeded"),
        (Tally(counts=Counts(inserted=1)), "succeeded"),
        (Tally(counts=Counts(updated=1)), "succeeded"),
        (Tally(counts=Counts(deleted=1)), "succeeded"),
    ],
)
def test_a_run_that_neither_read_nor_changed_anything_is_unchanged(
    tally: Tally, status: str
) -> None:
    assert of(tally)["status"] == status
    quiet = Tally(kind="key_compare", rows=1000, counts=tally.counts)
    changed = "succeeded" if tally.counts != Counts() else "unchanged"
    assert of(Tally(), quiet)["status"] == changed


def test_what_one_step_has_done_is_not_undone_by_another() -> None:
    """A first step that read rows, or changed some, and a second one that did not."""
    for first in (Tally(rows=1), Tally(counts=Counts(deleted=1))):
        assert of(first, Tally("snapshot"))["status"] == "succeeded"
        assert of(Tally("snapshot"), first)["status"] == "succeeded"
    moved = Tally("key_compare", counts=Counts(inserted=2, updated=3, deleted=5))
    assert of(Tally(), moved)["status"] == "succeeded"


def test_seconds_are_told_to_the_thousandth() -> None:
    seconds = Seconds(extract=1.23456, load=2.34567, merge=3.45678)
    assert of(Tally(seconds=seconds))["seconds"] == {
        "extract": 1.235,
        "load": 2.346,
        "merge": 3.457,
    }


@pytest.mark.parametrize(
    ("tally", "sentence"),
    [
        (Tally(), "orders: nothing new in the source."),
        (
            Tally(rows=3, counts=Counts(1, 2)),
            "orders: 3 rows read, 1 inserted, 2 updated.",
        ),
        (
            Tally(rows=3, counts=Counts(1, 1, 1)),
            "orders: 3 rows read, 1 inserted, 1 updated, 1 deleted.",
        ),
        (
            Tally("snapshot", rows=9, counts=Counts(9)),
            "orders: reloaded, 9 rows.",
        ),
        (
            Tally("snapshot", counts=Counts(0, 0, 4)),
            "orders: reloaded, 0 rows, 4 fewer than before.",
        ),
        (
            Tally("key_compare"),
            "0 keys compared: 0 rows are gone, 0 came back.",
        ),
    ],
)
def test_each_kind_of_step_has_its_sentence(tally: Tally, sentence: str) -> None:
    told = of(tally) if tally.kind != "key_compare" else of(Tally(), tally)
    assert str(told["summary"]).endswith(sentence)


@pytest.mark.parametrize(("rows", "shown"), [(-1, False), (0, False), (1, True)])
def test_rows_without_a_cursor_are_told_if_there_are_any(
    rows: int, shown: bool
) -> None:
    assert ("null_cursor_rows" in of(Tally(null_cursor_rows=rows))) is shown


def test_warnings_and_changes_of_columns_are_told_once_each_in_order() -> None:
    assert not {"warnings", "schema_changes"} & of(READ, COMPARED).keys()
    one, two = ("a", "A.", "Do a."), ("b", "B.", "Do b.")
    told = of(
        dataclasses.replace(READ, warnings=(two, one), schema_changes=("x",)),
        dataclasses.replace(COMPARED, warnings=(one,), schema_changes=("y", "x")),
    )
    assert told["warnings"] == [
        {"code": "b", "message": "B.", "hint": "Do b."},
        {"code": "a", "message": "A.", "hint": "Do a."},
    ]
    assert told["schema_changes"] == ["x", "y", "x"]
