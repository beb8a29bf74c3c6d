"""Files of a COPY: cut at rows, told exactly, and nothing left behind by a failure."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from lambda_extract.errors import ExtractError
from lambda_extract.landing.files import (
    BLOCK_BYTES,
    Landing,
    WatchedTextSeen,
    count_rows,
)
from lambda_extract.landing.stores import PART_BYTES, FolderStore, S3Store
from lambda_extract.values.watch import Watch
from tests.unit.lambda_extract.simulated_s3 import client_of

BUCKET = "landing"
ROW = b"1,some text\n"


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = client_of("eu-central-1")
        client.create_bucket(
            Bucket=BUCKET,
            CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
        )
        yield client


def noise_rows(count: int, size: int = 1 << 18) -> list[bytes]:
    """Rows that do not shrink."""
    return [os.urandom(size // 2).hex().encode() + b"\n" for _ in range(count)]


def unpack(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj().decompress(data)


def write_all(landing: Landing, rows: list[bytes]) -> None:
    for row in rows:
        landing.write(row)


def test_files_are_cut_at_rows_and_told_exactly(tmp_path: Path) -> None:
    rows = noise_rows(40)
    landing = Landing(FolderStore(tmp_path), prefix="d/", file_bytes=2_000_000)
    write_all(landing, rows)
    files = landing.finish(len(rows))
    assert len(files) > 1
    read = []
    for file in files:
        data = (tmp_path / file.path).read_bytes()
        assert (file.bytes, file.sha256) == (
            len(data),
            hashlib.sha256(data).hexdigest(),
        )
        lines = unpack(data).splitlines(keepends=True)
        assert file.rows == len(lines)
        read += lines
    assert read == rows


def test_a_frame_lets_any_reader_find_damage_and_needs_little_memory(
    tmp_path: Path,
) -> None:
    landing = Landing(FolderStore(tmp_path), prefix="d/", file_bytes=2_000_000)
    write_all(landing, noise_rows(4))
    (file,) = landing.finish(4)
    data = (tmp_path / file.path).read_bytes()
    frame = zstandard.get_frame_parameters(data)
    assert frame.has_checksum
    assert frame.window_size <= 1 << 17
    # Ends with the checksum: a single bit of it is noticed.
    with pytest.raises(zstandard.ZstdError):
        unpack(data[:-1] + bytes([data[-1] ^ 1]))


@given(
    sizes=st.lists(
        st.one_of(
            st.integers(1, 40),
            st.integers(BLOCK_BYTES // 3, BLOCK_BYTES + 2),
            st.sampled_from([BLOCK_BYTES - 1, BLOCK_BYTES, 3 * BLOCK_BYTES]),
        ),
        max_size=12,
    )
)
def test_rows_of_any_size_stay_whole_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    """Every file is cut after its first block, so that each shows where it ended."""
    folder = tmp_path_factory.mktemp("landing")
    rows = [bytes([97 + i % 26]) * (size - 1) + b"\n" for i, size in enumerate(sizes)]
    landing = Landing(FolderStore(folder), prefix="d/", file_bytes=1)
    write_all(landing, rows)
    files = landing.finish(len(rows))
    texts = [unpack((folder / file.path).read_bytes()) for file in files]
    assert b"".join(texts) == b"".join(rows)
    assert all(text.endswith(b"\n") for text in texts)
    assert [file.rows for file in files] == [text.count(b"\n") for text in texts]


FIELDS = st.one_of(st.none(), st.text(alphabet='ab",\n\r\\', max_size=12))


@given(table=st.lists(st.lists(FIELDS, min_size=2, max_size=3), max_size=8))
def test_rows_are_counted_whatever_their_fields_hold(
    table: list[list[str | None]],
) -> None:
    block = "".join(
        ",".join("" if f is None else '"' + f.replace('"', '""') + '"' for f in row)
        + "\n"
        for row in table
    )
    assert count_rows(block.encode()) == len(table)


def test_a_small_file_is_one_put(s3: Any) -> None:
    landing = Landing(
        S3Store(s3, bucket=BUCKET, prefix="p/"), prefix="d/", file_bytes=1 << 30
    )
    landing.write(ROW)
    (file,) = landing.finish(1)
    assert file.path == "d/00000.csv.zst"
    body = s3.get_object(Bucket=BUCKET, Key="p/d/00000.csv.zst")["Body"].read()
    assert unpack(body) == ROW


def test_a_large_file_travels_in_parts(s3: Any) -> None:
    rows = noise_rows(160)  # About 20 MB packed.
    landing = Landing(
        S3Store(s3, bucket=BUCKET, prefix=""), prefix="d/", file_bytes=1 << 30
    )
    write_all(landing, rows)
    (file,) = landing.finish(len(rows))
    assert file.bytes > 2 * PART_BYTES
    answer = s3.get_object(Bucket=BUCKET, Key=file.path)
    body = answer["Body"].read()
    assert "-" in answer["ETag"]
    assert hashlib.sha256(body).hexdigest() == file.sha256
    assert unpack(body) == b"".join(rows)


def test_an_abort_leaves_nothing(s3: Any) -> None:
    landing = Landing(
        S3Store(s3, bucket=BUCKET, prefix=""), prefix="d/", file_bytes=1 << 20
    )
    write_all(landing, noise_rows(20))
    landing.abort()
    large = Landing(
        S3Store(s3, bucket=BUCKET, prefix=""), prefix="e/", file_bytes=1 << 30
    )
    write_all(large, noise_rows(100))
    large.abort()
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)


class Refusing:
    """An S3 client that fails in one operation."""

    def __init__(self, s3: Any, operation: str, code: str) -> None:
        self._s3, self._operation, self._code = s3, operation, code

    def __getattr__(self, name: str) -> Any:
        if name == self._operation:
            return self._fail
        return getattr(self._s3, name)

    def _fail(self, **options: Any) -> None:
        raise ClientError({"Error": {"Code": self._code}}, self._operation)


@pytest.mark.parametrize(
    ("operation", "count"),
    [
        ("put_object", 1),
        ("create_multipart_upload", 100),
        ("upload_part", 100),
        ("complete_multipart_upload", 100),
    ],
)
@pytest.mark.parametrize(
    ("code", "expected", "retryable"),
    [
        ("AccessDenied", "landing_denied", False),
        ("NoSuchBucket", "landing_denied", False),
        ("SlowDown", "landing_failed", True),
    ],
)
def test_what_s3_refuses_is_told_in_our_words(
    s3: Any, operation: str, count: int, code: str, expected: str, retryable: bool
) -> None:
    store = S3Store(Refusing(s3, operation, code), bucket=BUCKET, prefix="")
    landing = Landing(store, prefix="d/", file_bytes=1 << 30)
    with pytest.raises(ExtractError) as refused:
        write_all(landing, noise_rows(count))
        landing.finish(count)
    assert (refused.value.code, refused.value.retryable) == (expected, retryable)
    landing.abort()
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)


def test_no_rows_no_file(tmp_path: Path) -> None:
    landing = Landing(FolderStore(tmp_path), prefix="d/", file_bytes=1)
    assert landing.finish(0) == ()
    assert not list(tmp_path.iterdir())


def test_a_watched_text_stops_the_files(tmp_path: Path) -> None:
    landing = Landing(
        FolderStore(tmp_path), prefix="d/", file_bytes=1, watch_for=Watch((b"NaN",))
    )
    landing.write(b"1,2\n")
    landing.write(b"2,NaN\n")
    with pytest.raises(WatchedTextSeen):
        landing.finish(2)


@pytest.mark.parametrize("count", [1, 100], ids=["one put", "in parts"])
def test_s4_nothing_is_overwritten(s3: Any, count: int) -> None:
    """A request that names the folder of another one: its files stay as they are."""
    store = S3Store(s3, bucket=BUCKET, prefix="")
    first = Landing(store, prefix="d/", file_bytes=1 << 30)
    write_all(first, noise_rows(1))
    (file,) = first.finish(1)
    before = s3.get_object(Bucket=BUCKET, Key=file.path)["Body"].read()
    second = Landing(store, prefix="d/", file_bytes=1 << 30)
    write_all(second, noise_rows(count))
    with pytest.raises(ExtractError, match="Another object was there before"):
        second.finish(count)
    second.abort()
    assert s3.get_object(Bucket=BUCKET, Key=file.path)["Body"].read() == before
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)


class Repeating:
    """An S3 client that repeats a request as boto3 does if an answer was lost."""

    def __init__(self, s3: Any, operation: str) -> None:
        self._s3, self._operation = s3, operation

    def __getattr__(self, name: str) -> Any:
        send = getattr(self._s3, name)
        if name != self._operation:
            return send

        def twice(**options: Any) -> Any:
            send(**options)
            return send(**options)

        return twice


@pytest.mark.parametrize(
    ("operation", "count"),
    [("put_object", 1), ("complete_multipart_upload", 100)],
)
def test_a15_a_repeated_write_meets_its_own_object(
    s3: Any, operation: str, count: int
) -> None:
    store = S3Store(Repeating(s3, operation), bucket=BUCKET, prefix="")
    landing = Landing(store, prefix="d/", file_bytes=1 << 30)
    rows = noise_rows(count)
    write_all(landing, rows)
    (file,) = landing.finish(count)
    body = s3.get_object(Bucket=BUCKET, Key=file.path)["Body"].read()
    assert hashlib.sha256(body).hexdigest() == file.sha256
