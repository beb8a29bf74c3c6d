"""Which windows of changed keys a table has to read, and when the chain is no help."""

import dataclasses
from typing import Any

import pytest

from lambda_extract.contract import CursorValue
from snowpark.captures.records import Changed, Link, Piece
from snowpark.ledger.records import TableState
from snowpark.sync import log_plan
from tests.unit.snowpark.captures.samples import IDENTITY, key_file
from tests.unit.snowpark.groups.test_logs import logged

FOUND = logged()
LINK = Link(6, False, "0/300", "s", oldest=1)
KEYS = Changed(5, "0/200", keys=2, files=(key_file(),))


def at(version: int | None = 4, **changes: Any) -> TableState:
    """Returns a table that has everything up to a capture."""
    assert FOUND.ledger is not None
    ledger = dataclasses.replace(FOUND.ledger, capture_version=version, **changes)
    return dataclasses.replace(FOUND, ledger=ledger)


@pytest.mark.parametrize(
    ("oldest", "position"),
    [(1, 4), (4, 4), (5, 4), (6, None), (7, None)],
)
def test_a_capture_that_is_not_kept_any_more_ends_the_chain(
    oldest: int, position: int | None
) -> None:
    """The table has capture 4; it needs 5 next, whatever happened to 4."""
    link = dataclasses.replace(LINK, oldest=oldest)
    assert log_plan.position(at(4), link) == position
    assert (log_plan.due(at(4), link, [KEYS]) is None) is (position is None)


@pytest.mark.parametrize(
    "found",
    [
        dataclasses.replace(FOUND, ledger=None),
        at(None),
        at(4, log_identity=None),
        at(None, log_identity=None),
    ],
)
def test_a_table_that_was_not_loaded_from_the_log_is_read_as_a_whole(
    found: TableState,
) -> None:
    assert log_plan.position(found, LINK) is None
    assert log_plan.due(found, LINK, []) is None


def test_the_windows_lead_from_the_watermark_to_the_end_of_the_chain() -> None:
    due = log_plan.due(at(4), LINK, [KEYS])
    assert due is not None and due.known == IDENTITY and not due.truncated
    assert due.pieces == (Piece((key_file(),), 6, "0/300"),)


def test_without_changes_there_is_one_window_up_to_the_end() -> None:
    due = log_plan.due(at(4), LINK, [])
    assert due is not None and due.pieces == (Piece((), 6, "0/300"),)


@pytest.mark.parametrize("mark", [CursorValue("0/100", "pg_lsn"), None])
def test_part_of_a_capture_leaves_the_watermark_where_it_is(
    mark: CursorValue | None,
) -> None:
    """Its first window says what the table had before, and no more."""
    files = tuple(key_file(number, keys=600) for number in range(3))
    found = at(4, watermark=mark)
    settings = dataclasses.replace(found.settings, chunk_rows=1000)
    found = dataclasses.replace(found, settings=settings)
    whole = Changed(5, "0/200", keys=1800, files=files)
    due = log_plan.due(found, LINK, [whole])
    before = mark.value if mark else ""
    assert due is not None and due.pieces == (
        Piece(files[:1], 4, before),
        Piece(files[1:2], 4, before),
        Piece(files[2:], 6, "0/300"),
    )


@pytest.mark.parametrize(
    ("pending", "whole"),
    [
        ([Changed(5, "", is_gap=True), KEYS], True),
        ([Changed(5, "0/200", whole="too_many_changes")], True),
        ([Changed(5, "0/2", error=("a", "b", False, "c")), KEYS], True),
        ([Changed(6, "0/3", error=("a", "b", False, "c"))], False),
        ([KEYS, Changed(6, "0/300")], False),
    ],
)
def test_what_the_keys_do_not_tell_is_read_as_a_whole(
    pending: list[Changed], whole: bool
) -> None:
    assert (log_plan.due(at(4), LINK, pending) is None) is whole


@pytest.mark.parametrize("flags", [(True, False), (False, True), (True, True)])
def test_a_table_that_any_capture_calls_emptied_was_emptied(
    flags: tuple[bool, bool],
) -> None:
    pending = [Changed(5 + i, "0/2", truncated=one) for i, one in enumerate(flags)]
    due = log_plan.due(at(4), LINK, pending)
    assert due is not None and due.truncated
