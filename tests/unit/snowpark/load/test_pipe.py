"""Which files a pipe has loaded, as COPY_HISTORY tells it."""

from typing import Any

import pytest

from lambda_extract.contract import File
from snowpark.errors import LoadError, SyncError
from snowpark.load import pipe
from snowpark.load.pipe_statements import Pair
from tests.unit.snowpark.samples import settings

FILES = {f"r/p/{i:05d}.csv.zst": File(f"{i}", 10 + i, 100 + i, "00") for i in range(3)}


def row(number: int, status: str = "Loaded", **changes: Any) -> dict[str, Any]:
    values = {
        "FILE_NAME": f"r/p/{number:05d}.csv.zst",
        "STATUS": status,
        "ROW_COUNT": 10 + number,
        "FILE_SIZE": 100 + number,
        "ERROR_COUNT": 0,
    }
    return values | changes


def missing(*history: dict[str, Any]) -> list[str]:
    return [tail[-13:-8] for tail in pipe.missing_files(FILES, history)]


def test_files_are_missing_until_they_are_loaded() -> None:
    assert missing() == ["00000", "00001", "00002"]
    assert missing(row(1), row(2, "Load in progress", ROW_COUNT=None)) == [
        "00000",
        "00002",
    ]
    assert missing(row(0), row(1), row(2)) == []


def test_the_path_may_begin_anywhere() -> None:
    for start in ("", "pipe/orders/3/", "s3://bucket/landing/pipe/orders/3/"):
        name = f"{start}r/p/00000.csv.zst"
        assert missing(row(0, FILE_NAME=name)) == ["00001", "00002"]


def test_files_of_others_count_for_nothing() -> None:
    others = [
        row(0, FILE_NAME="other/p/00000.csv.zst"),
        row(0, FILE_NAME="r/other/00000.csv.zst"),
        row(0, "Load failed", FILE_NAME="x/p/00000.csv.zst"),
        row(0, FILE_NAME="00000.csv.zst"),
    ]
    assert len(missing(*others)) == 3


@pytest.mark.parametrize(
    "status", ["Load failed", "Partially loaded", "Load skipped", "LOAD SKIPPED"]
)
def test_k7_a_file_that_failed_or_is_skipped_ends_the_wait(status: str) -> None:
    """K7: each status of COPY_HISTORY but "Load in progress" is the last one."""
    with pytest.raises(LoadError) as caught:
        missing(row(0), row(1, status, ERROR_COUNT=2, ROW_COUNT=9))
    assert caught.value.code == "pipe_file_failed"
    assert "1 of 3 files" in caught.value.message


def test_a_file_that_failed_first_and_was_loaded_then_is_loaded() -> None:
    assert missing(row(0, "Load failed"), row(0)) == ["00001", "00002"]


def test_k7_a_loaded_file_that_is_skipped_when_offered_again_is_loaded() -> None:
    assert missing(row(0), row(0, "Load skipped", ROW_COUNT=0)) == ["00001", "00002"]


@pytest.mark.parametrize("change", [{"ROW_COUNT": 9}, {"FILE_SIZE": 99}])
def test_a_file_of_another_size_is_not_the_manifests(change: dict[str, int]) -> None:
    with pytest.raises(LoadError) as caught:
        missing(row(0, **change))
    assert caught.value.code == "count_mismatch"


@pytest.mark.parametrize(
    "paths",
    [
        ["pipe/orders/3/r/p/00000.csv.zst"],
        ["pipe/other/6/r/p/00000.csv.zst"],
        ["pipe/orders/6/../p/00000.csv.zst"],
        ["pipe/orders/6/r/p/x/00000.csv.zst"],
        ["pipe/orders/6/r/p/00000.csv"],
        ["pipe/orders/6/r/p/00000.csv.zst", "data/orders/r/p/00000.csv.zst"],
        ["pipe/orders/6/r/p/00000.csv.zst", "pipe/orders/7/r/p/00000.csv.zst"],
    ],
)
def test_a_manifest_of_other_folders_is_refused(paths: list[str]) -> None:
    files = [File(path, 1, 1, "00") for path in paths]
    nobody: Any = None
    columns: Any = [None] * 6
    with pytest.raises(SyncError) as caught:
        pipe.fill_staging(nobody, settings(), "r", "s", columns, files)
    assert caught.value.code == "reply_invalid"


def test_pairs_of_other_tables_are_left_alone() -> None:
    mine, long = Pair("orders", 6), Pair("o" * 60, 1)
    names = [
        Pair("orders", 7).pipe,
        mine.pipe,
        Pair("orders_x", 7).pipe,
        Pair("Orders", 5).pipe,
        f"{Pair('orders', 7).pipe}X",
        "PIPE_7",
    ]
    assert mine.others(names) == [Pair("orders", 7)]
    assert Pair("a.b", 1).pipe != Pair("a-b", 1).pipe
    assert len(long.pipe) < 255
