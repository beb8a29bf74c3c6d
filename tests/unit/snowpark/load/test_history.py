"""From staged rows to versions: what is tracked, since when, and what is hidden."""

import dataclasses
from typing import Any

import pytest
from snowflake.snowpark import Row

from snowpark.columns.alignment import Alignment
from snowpark.columns.shape import KnownColumn, Shape
from snowpark.errors import UsageError
from snowpark.ledger.run import Counts
from snowpark.load import history
from snowpark.load.history import Soundness
from snowpark.load.statements import Batch, Versions
from snowpark.session import Snowflake
from tests.unit.snowpark.batches import BATCH, LOADED
from tests.unit.snowpark.samples import settings
from tests.unit.snowpark.scripted import Scripted, aligned, merged, settled

ALIGNED = aligned(settled(history=True))
BY_SOURCE = {c.source.name: c for c in LOADED}
SINCE = "2026-01-02 03:04:05+00"
HISTORY = dataclasses.replace(BATCH, history=Versions(tracked=LOADED[1:]))


def versions(
    shape: Shape = ALIGNED.shape, key: tuple[str, ...] = ("id",), **changes: Any
) -> Versions | None:
    found = settings(**({"history": True} | changes))
    return history.versions(
        found, dataclasses.replace(ALIGNED, shape=shape), BY_SOURCE, key
    )


def tracked(found: Versions | None) -> list[str]:
    assert found is not None
    return [c.source.name for c in found.tracked]


# --- how rows become versions ---------------------------------------------------------


def test_without_history_rows_are_rows() -> None:
    assert versions(history=False) is None
    # Not even a key is asked for.
    assert versions(history=False, key=()) is None


def test_every_column_but_the_key_makes_a_version() -> None:
    found = versions()
    assert tracked(found) == [c.source.name for c in LOADED[1:]]
    assert found is not None and found.late == ()
    assert found.cursor == BY_SOURCE["updated_at"]
    assert tracked(versions(key=("id", "note"))) == [c.source.name for c in LOADED[2:]]


def test_rows_without_a_key_have_no_versions() -> None:
    with pytest.raises(UsageError) as caught:
        versions(key=())
    assert caught.value.code == "history_needs_key"


def test_only_the_columns_that_are_named_make_a_version() -> None:
    wanted = versions(history_columns=("amount", "id", "note"))
    assert tracked(wanted) == ["amount", "note"]


def test_a_named_column_that_the_source_has_not_is_an_error() -> None:
    with pytest.raises(UsageError) as caught:
        versions(history_columns=("note", "a", "b", "c", "d"))
    assert caught.value.code == "history_column_missing"
    assert "no column a, b, c, which" in caught.value.message


def test_a_named_column_that_was_there_once_is_no_error() -> None:
    """Dropped in the source: versions that begin from now on do not know it."""
    gone = KnownColumn(9, "gone", "GONE", "GONE", "DATE", "dropped")
    shape = dataclasses.replace(ALIGNED.shape, columns=(*ALIGNED.shape.columns, gone))
    assert tracked(versions(shape, history_columns=("note", "gone"))) == ["note"]


def test_a_column_that_came_later_is_compared_in_versions_that_know_it() -> None:
    shape = dated(since={"note": SINCE})
    found = versions(shape)
    assert "note" not in tracked(found)
    assert found is not None and found.late == ((BY_SOURCE["note"], SINCE),)


def dated(since: dict[str, str]) -> Shape:
    """Returns the shape in which columns are known since a moment."""
    known = tuple(
        dataclasses.replace(c, since=since.get(c.name, ""))
        for c in ALIGNED.shape.columns
    )
    return dataclasses.replace(ALIGNED.shape, columns=known)


@pytest.mark.parametrize(
    ("changes", "cursor"),
    [
        ({}, "updated_at"),
        ({"history_time": "extraction"}, None),
        # No time: it says which row is newer, and not since when.
        ({"cursor": "id"}, None),
        ({"cursor": None, "mode": "full"}, None),
        ({"cursor": "unknown"}, None),
    ],
)
def test_a_version_begins_when_the_cursor_says_if_that_is_a_time(
    changes: dict[str, Any], cursor: str | None
) -> None:
    found = versions(**changes)
    assert found is not None
    assert (found.cursor and found.cursor.source.name) == cursor
    assert versions(time_zone="Europe/Berlin").time_zone == (  # type: ignore
        "Europe/Berlin"
    )


# --- since when -----------------------------------------------------------------------


def with_columns(**changes: str) -> Alignment:
    """Returns an alignment behind which columns are protected in other ways."""
    known = tuple(
        dataclasses.replace(c, protection=changes.get(c.name, c.protection))
        for c in ALIGNED.shape.columns
    )
    return dataclasses.replace(
        ALIGNED, shape=dataclasses.replace(ALIGNED.shape, columns=known)
    )


def moments(found: Alignment) -> dict[str, str]:
    return {c.name: c.since for c in found.shape.columns if c.since}


def test_nothing_new_is_dated_by_nobody() -> None:
    assert history.dated(ALIGNED, ALIGNED.shape, SINCE) == ALIGNED


def test_a_column_whose_values_changed_their_form_is_dated_from_now_on() -> None:
    """A hash is another value than the plain one: no row of the source has changed."""
    found = history.dated(with_columns(note="hash"), ALIGNED.shape, SINCE)
    assert moments(found) == {"note": SINCE}
    assert found.shape.generation == ALIGNED.shape.generation + 1


def test_the_new_generation_is_made_once() -> None:
    changed = with_columns(note="hash")
    next_one = dataclasses.replace(
        changed.shape, generation=changed.shape.generation + 1
    )
    moved = dataclasses.replace(changed, shape=next_one)
    found = history.dated(moved, ALIGNED.shape, SINCE)
    assert found.shape.generation == next_one.generation
    assert moments(found) == {"note": SINCE}


def test_a_target_that_is_made_has_all_its_columns_from_the_start() -> None:
    made = dataclasses.replace(with_columns(note="hash"), create=True)
    assert history.dated(made, ALIGNED.shape, SINCE) == made
    assert history.dated(with_columns(note="hash"), None, SINCE).shape.columns == (
        with_columns(note="hash").shape.columns
    )


def test_a_column_that_is_not_loaded_has_no_form() -> None:
    ignored = dataclasses.replace(ALIGNED.shape.columns[1], state="dropped")
    shape = dataclasses.replace(
        ALIGNED.shape, columns=(ALIGNED.shape.columns[0], ignored)
    )
    hidden = dataclasses.replace(
        shape,
        columns=(shape.columns[0], dataclasses.replace(ignored, protection="hash")),
    )
    after = dataclasses.replace(ALIGNED, shape=hidden)
    assert moments(history.dated(after, shape, SINCE)) == {}


# --- what nobody may see any more -----------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "hidden"),
    [
        ("", "hash", ("NOTE",)),
        ("", "mask", ("NOTE",)),
        ("mask", "hash", ("NOTE",)),
        ("hash", "hash", ()),
        ("", "", ()),
        # Plain from now on: what is there hides more than it has to.
        ("hash", "", ()),
    ],
)
def test_values_leave_all_versions_if_they_are_protected_anew(
    before: str, after: str, hidden: tuple[str, ...]
) -> None:
    shapes = with_columns(note=before).shape, with_columns(note=after).shape
    assert history.uncovered(*shapes) == hidden


def test_values_that_an_older_column_holds_leave_it_too() -> None:
    """The protected ones have another type, and so a column of their own."""
    old = KnownColumn(0, "note", "", "NOTE", "VARCHAR(9)", "dropped")
    columns_after = tuple(
        (
            dataclasses.replace(c, protection="hash", target="NOTE_2")
            if c.name == "note"
            else c
        )
        for c in ALIGNED.shape.columns
    )
    after = dataclasses.replace(ALIGNED.shape, columns=(*columns_after, old))
    assert history.uncovered(ALIGNED.shape, after) == ("NOTE_2", "NOTE")
    ignored = dataclasses.replace(old, state="ignored")
    after = dataclasses.replace(after, columns=(*columns_after, ignored))
    assert history.uncovered(ALIGNED.shape, after) == ("NOTE_2",)


# --- what is sent ---------------------------------------------------------------------


def merge(session: Scripted, rows: Batch = HISTORY) -> Counts:
    return history.merge_versions(Snowflake(session), rows, None)


def test_versions_that_begin_and_end_are_counted_as_what_they_are() -> None:
    session = Scripted(merge_versions=merged(3, 2, 9))
    assert merge(session) == Counts(inserted=3, updated=2)
    assert session.names == ["merge_versions"]
    assert merge(Scripted(merge_versions=[Row(other=1)])) == Counts()


@pytest.mark.parametrize(("days", "sent"), [(None, []), (0, [(0,)]), (30, [(-30,)])])
def test_old_versions_are_forgotten_after_so_many_days(
    days: int | None, sent: list[Any]
) -> None:
    rows = dataclasses.replace(HISTORY, history=Versions(forget_days=days))
    session = Scripted(merge_versions=merged())
    merge(session, rows)
    assert session.values("forget_versions") == sent


@pytest.mark.parametrize("begins", [True, False])
@pytest.mark.parametrize("blanked", [(), ("NOTE", "TAGS")])
def test_a_target_is_made_ready_before_its_versions_are_merged(
    begins: bool, blanked: tuple[str, ...]
) -> None:
    rows = dataclasses.replace(
        HISTORY, history=Versions(begins=begins, blanked=blanked)
    )
    session = Scripted(merge_versions=merged())
    merge(session, rows)
    expected = ["first_versions"] * begins + ["blank_columns"] * bool(blanked)
    assert session.names == [*expected, "merge_versions"]
    if blanked:
        text = session.only("blank_columns").text
        assert text.startswith(f"UPDATE {rows.target}\n") and '"TAGS" = NULL' in text
    ready = history.prepared(rows)
    assert not ready.versions.begins and ready.versions.blanked == ()
    session = Scripted(merge_versions=merged())
    merge(session, ready)
    assert session.names == ["merge_versions"]


@pytest.mark.parametrize("flagged", [True, False])
def test_rows_flagged_as_deleted_become_versions_that_have_ended(flagged: bool) -> None:
    rows = dataclasses.replace(HISTORY, history=Versions(begins=True, flagged=flagged))
    session = Scripted(merge_versions=merged())
    merge(session, rows)
    assert ("_SYNC_DELETED_AT" in session.only("first_versions").text) is flagged


def test_a_whole_source_closes_what_it_has_not_and_merges_the_rest() -> None:
    rows = dataclasses.replace(
        HISTORY, history=Versions(begins=True, blanked=("NOTE",))
    )
    session = Scripted(close_gone=[Row(5)], merge_versions=merged(3, 2))
    assert history.replace_versions(Snowflake(session), rows) == Counts(3, 2, 5)
    assert session.names == [
        "first_versions",
        "blank_columns",
        "close_gone",
        "merge_versions",
    ]


def test_whoever_has_no_versions_is_told_so() -> None:
    with pytest.raises(ValueError, match="no history"):
        history.prepare(Snowflake(Scripted()), BATCH)


# --- is it right? ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"GAPS": 0, "OVERLAPS": 0}, "7 versions without gap or overlap"),
        ({"GAPS": 2, "OVERLAPS": 0}, "2 gaps in 7 versions"),
        ({"WRONG_FLAGS": 1, "GAPS": 2}, "1 wrong flags, 2 gaps in 7 versions"),
    ],
)
def test_a_history_says_what_is_wrong_with_it(
    counts: dict[str, int], said: str
) -> None:
    session = Scripted(broken_invariants=[Row(**counts, VERSIONS=7)])
    found = history.look_at(Snowflake(session), '"A"."B"', ("ID",))
    assert isinstance(found, Soundness) and str(found) == said
    assert bool(found.broken) is any(counts.values())
    assert 'PARTITION BY "ID"' in session.only("broken_invariants").text
