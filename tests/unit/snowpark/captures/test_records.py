"""What a table has not yet of its source's chain, and in which windows it is read."""

import dataclasses

import pytest
from snowflake.snowpark import Row

from snowpark.captures.records import (
    Changed,
    Piece,
    changed_of,
    pieces,
    refusal,
    source_of,
    why_whole,
)
from tests.unit.snowpark.captures.samples import ITEMS, ORDERS, key_file
from tests.unit.snowpark.samples import settings

AFTER, LATEST = Piece((), 3, "0/3"), Piece((), 9, "0/9")
ERROR = ("not_published", "It is not.", False, "Publish it.")


def changed(version: int, *keys: int, **fields: object) -> Changed:
    files = tuple(key_file(version * 10 + i, k) for i, k in enumerate(keys))
    found = Changed(version, f"0/{version}", keys=sum(keys), files=files)
    return dataclasses.replace(found, **fields)  # type: ignore[arg-type]


def windows(*pending: Changed, most: int = 10) -> list[tuple[list[int], int]]:
    found = pieces(pending, after=AFTER, latest=LATEST, most_keys=most)
    assert all(piece.lsn == f"0/{piece.version}" for piece in found)
    return [([file.rows for file in piece.files], piece.version) for piece in found]


@pytest.mark.parametrize(
    ("pending", "expected"),
    [
        ([], [([], 9)]),
        ([changed(4, 2)], [([2], 9)]),
        ([changed(4, 5), changed(6, 5)], [([5, 5], 9)]),
        # Whole captures together as long as they fit.
        ([changed(4, 5), changed(6, 6), changed(7, 1)], [([5], 4), ([6, 1], 9)]),
        # A capture that is too large: the watermark stays before it until its end.
        ([changed(4, 6, 6, 6)], [([6], 3), ([6], 3), ([6], 9)]),
        (
            [changed(4, 1), changed(5, 8, 8), changed(6, 1)],
            [([1], 4), ([8], 4), ([8, 1], 9)],
        ),
        # A file is never cut.
        ([changed(4, 50), changed(5, 50)], [([50], 4), ([50], 9)]),
    ],
)
def test_the_windows(
    pending: list[Changed], expected: list[tuple[list[int], int]]
) -> None:
    assert windows(*pending) == expected


def test_a_window_never_says_more_than_was_read() -> None:
    for most in range(1, 30):
        pending = [changed(4, 3, 3), changed(6, 1), changed(7, 9, 2), changed(8, 4)]
        read = 0
        for files, version in windows(*pending, most=most):
            read += sum(files)
            promised = sum(c.keys for c in pending if c.version <= version)
            assert read >= promised
        assert read == 22


def test_what_the_keys_do_not_tell() -> None:
    assert why_whole([], 9) == ""
    assert why_whole([changed(4, 2), changed(9, 1)], 9) == ""
    assert why_whole([changed(4, is_gap=True)], 9) == "gap"
    assert why_whole([changed(4, whole="skipped"), changed(9, 1)], 9) == "skipped"
    # Told again by now, but nobody knows what changed meanwhile.
    assert why_whole([changed(4, error=ERROR), changed(9, 1)], 9) == "was_refused"
    assert why_whole([changed(4, error=ERROR)], 9) == "was_refused"


def test_a_table_that_the_log_does_not_tell_of_now() -> None:
    assert refusal([], 9) is None
    assert refusal([changed(4, error=ERROR)], 9) is None
    assert refusal([changed(9, 1)], 9) is None
    assert refusal([changed(9, error=ERROR)], 9) is not None


def test_only_the_latest_capture_says_whether_the_log_tells_of_a_table_now() -> None:
    refused = changed(9, error=ERROR)
    assert refusal([changed(4, 2), refused], 9) == refused
    assert refusal([changed(4, error=ERROR), refused], 9) == refused
    assert refusal([changed(4, error=ERROR), changed(9, 1)], 9) is None


def test_a_source_is_its_tables_of_mode_log() -> None:
    other = dataclasses.replace(ORDERS, name="x", source="other")
    found = source_of("shop", [ITEMS, settings(name="plain"), ORDERS, other])
    assert found is not None
    assert [table.name for table in found.tables] == ["items", "orders"]
    assert (found.name, found.log.slot) == ("shop", "slot")
    assert source_of("shop", [settings()]) is None


def row_of(**values: object) -> Row:
    names = "TRUNCATED WHOLE FILES ERROR_CODE KEY_COUNT MISSED".split()
    row = dict.fromkeys(names) | {"VERSION": 5, "KIND": "capture", "TO_LSN": "0/5"}
    return Row(**(row | values))


def test_a_capture_that_was_not_asked_for_the_table_says_nothing_of_it() -> None:
    assert why_whole([changed_of(row_of(MISSED=True))], 6) == "not_captured"
    assert why_whole([changed_of(row_of(MISSED=False, KEY_COUNT=0))], 6) == ""
    assert why_whole([changed_of(row_of(KIND="gap"))], 6) == "gap"


@pytest.mark.parametrize("cut_by", ["captures", "files"])
def test_each_window_may_be_as_full_as_the_first(cut_by: str) -> None:
    """Keys are counted from nothing again, whatever the last window ended with."""
    if cut_by == "captures":
        pending = [changed(version, 5) for version in (4, 5, 6, 7, 8)]
    else:
        pending = [changed(4, 5, 5, 5, 5, 5)]
    assert [sizes for sizes, _ in windows(*pending)] == [[5, 5], [5, 5], [5]]
