"""Changed keys on their way: kept once, given up as a whole, written and read back."""

import dataclasses
import gzip
import hashlib
import random
import struct
import tempfile
from pathlib import Path
from typing import Any

import pytest

from lambda_extract.changes import keyfiles
from lambda_extract.changes.keyfiles import Keys, Spool, read_file, write_files
from lambda_extract.contract import File
from lambda_extract.errors import SourceError
from lambda_extract.landing.stores import FolderStore

PREFIX = "changes/shop/r/c1/orders-"


def key(*texts: str) -> bytes:
    return b"".join(struct.pack(">i", len(t.encode())) + t.encode() for t in texts)


def keys(spool: Spool, *numbers: int, most: int = 1000) -> Keys:
    found = Keys(spool, most)
    for number in numbers:
        found.add(key(str(number)))
    return found


def written(found: Keys, folder: Path) -> list[bytes]:
    """Returns the keys that are read back from all files."""
    store = FolderStore(folder)
    files = write_files(found, store, PREFIX)
    return [k for file in files for k in read_file(store, file, 1)]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three keys are a piece, seven a file; ten are remembered."""
    monkeypatch.setattr(keyfiles, "PIECE_KEYS", 3)
    monkeypatch.setattr(keyfiles, "FILE_KEYS", 7)
    monkeypatch.setattr(keyfiles, "REMEMBERED", 10)


# --- the spool ------------------------------------------------------------------------


@pytest.mark.parametrize("most", [1, 1 << 20])
def test_what_is_kept_comes_back_whatever_was_read_between(most: int) -> None:
    """In memory, and once it lies in a file."""
    spool = Spool(most)
    data = [bytes([number]) * number for number in range(1, 9)]
    places = []
    for one in data:
        places.append(spool.put(one))
        assert spool.get(places[0]) == data[0]
    assert [spool.get(place) for place in places] == data
    assert [length for _, length in places] == [len(one) for one in data]
    spool.close()
    with pytest.raises(ValueError):
        spool.get(places[0])


def test_a_spool_needs_no_disk_up_to_32_megabytes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A worker whose disk is full still captures what is not large."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "no_such_folder"))
    spool = Spool()
    data = bytes(32 << 20)
    place = spool.put(data)
    assert spool.get(place) == data
    with pytest.raises(OSError):
        spool.put(b"!")


# --- keys -----------------------------------------------------------------------------


def test_a_key_is_written_once_however_often_it_changes(tmp_path: Path) -> None:
    found = keys(Spool(), 1, 2, 1, 3, 2, 1)
    assert found.count == 3
    assert written(found, tmp_path) == [key("1"), key("2"), key("3")]


@pytest.mark.usefixtures("small")
def test_what_is_not_remembered_is_written_again_and_no_key_is_lost(
    tmp_path: Path,
) -> None:
    """Twice does no harm; the memory of a worker is not endless."""
    spool = Spool()
    found = keys(spool, *range(12), *range(12))
    assert spool.left_to_remember == 0 and found.count == 14
    told = written(found, tmp_path)
    assert set(told) == {key(str(n)) for n in range(12)} and len(told) == 14


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("most", "too_many"), [(6, False), (5, True), (3, True)])
def test_too_many_keys_are_a_whole_table(
    most: int, too_many: bool, tmp_path: Path
) -> None:
    spool = Spool()
    found = keys(spool, *range(6), most=most)
    assert found.whole == ("too_many_changes" if too_many else "")
    assert found.count == (0 if too_many else 6)
    assert len(written(found, tmp_path)) == found.count
    # What it remembered is free for other tables.
    assert spool.left_to_remember == (10 if too_many else 4)
    if too_many:
        found.add(key("7"))
        assert found.count == 0 and spool.left_to_remember == 10


def test_the_first_reason_stays() -> None:
    found = keys(Spool(), 1)
    found.give_up("key_not_in_log")
    found.give_up("too_many_changes")
    assert found.whole == "key_not_in_log" and found.finish() == ()


# --- a transaction that has committed -------------------------------------------------


@pytest.mark.usefixtures("small")
def test_the_keys_of_a_transaction_come_behind_those_before(tmp_path: Path) -> None:
    spool = Spool()
    found, held = keys(spool, 1, 2, 3, 4), keys(spool, 4, 5)
    found.take(held)
    assert found.count == 6
    # Those of pieces that are packed already first; what is open, at the end.
    assert sorted(written(found, tmp_path)) == sorted(
        key(str(n)) for n in (1, 2, 3, 4, 4, 5)
    )
    # The transaction's own memory is free again, that of the table is not.
    assert spool.left_to_remember == 6


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("most", [6, 5])
def test_too_many_keys_of_both_are_a_whole_table(most: int) -> None:
    spool = Spool()
    found, held = keys(spool, 1, 2, 3, most=most), keys(spool, 4, 5, 6, most=most)
    found.take(held)
    assert found.whole == ("" if most == 6 else "too_many_changes")
    assert found.count == (6 if most == 6 else 0)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("whole", ["table", "transaction", "both"])
def test_a_whole_table_stays_one(whole: str, tmp_path: Path) -> None:
    spool = Spool()
    found, held = keys(spool, 1, 2), keys(spool, 3)
    if whole != "transaction":
        found.give_up("first")
    if whole != "table":
        held.give_up("second")
    found.take(held)
    assert found.whole == ("second" if whole == "transaction" else "first")
    assert found.count == 0 and written(found, tmp_path) == []
    assert spool.left_to_remember == 10


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("then", [True, False])
def test_a_table_that_was_emptied_by_either_was_emptied(
    before: bool, then: bool
) -> None:
    spool = Spool()
    found, held = keys(spool), keys(spool)
    found.truncated, held.truncated = before, then
    found.take(held)
    assert found.truncated is (before or then)


# --- files ----------------------------------------------------------------------------


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("number", "sizes"),
    [(0, []), (1, [1]), (3, [3]), (6, [6]), (7, [7]), (8, [6, 2]), (13, [6, 7])],
)
def test_files_hold_whole_pieces_up_to_a_size(
    number: int, sizes: list[int], tmp_path: Path
) -> None:
    store, found = FolderStore(tmp_path), keys(Spool(), *range(number))
    files = write_files(found, store, PREFIX)
    assert [file.rows for file in files] == sizes
    assert [file.path for file in files] == [
        f"{PREFIX}{place:05d}.keys.gz" for place in range(len(sizes))
    ]
    read = [k for file in files for k in read_file(store, file, 1)]
    assert read == [key(str(n)) for n in range(number)]
    for file in files:
        data = (tmp_path / file.path).read_bytes()
        assert (file.bytes, file.sha256) == (
            len(data),
            hashlib.sha256(data).hexdigest(),
        )
        # Any reader of gzip reads all of its members.
        assert len(gzip.decompress(data)) == sum(
            len(k) for k in read_file(store, file, 1)
        )


def test_keys_of_several_columns_and_any_text_come_back(tmp_path: Path) -> None:
    wanted = [key("", "b"), key("ä\0ß", ""), key("x" * 70_000, "\n")]
    found = Keys(Spool(), 10)
    for one in wanted:
        found.add(one)
    store = FolderStore(tmp_path)
    (file,) = write_files(found, store, PREFIX)
    assert list(read_file(store, file, 2)) == wanted


def test_keys_that_any_gzip_has_packed_are_read(tmp_path: Path) -> None:
    """Equal text may lie as far apart as the format allows: 32 kB."""
    far = random.Random(1).randbytes(30_000).hex()[:30_000]
    wanted = [key(far)] * 4
    data = gzip.compress(b"".join(wanted))
    assert len(data) < 30_000
    (tmp_path / "a.keys.gz").write_bytes(data)
    file = File("a.keys.gz", 4, len(data), hashlib.sha256(data).hexdigest())
    assert list(read_file(FolderStore(tmp_path), file, 1)) == wanted


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda path: path.unlink(), "is not there any more"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "is not what"),
        (lambda path: path.write_bytes(b"\0" + path.read_bytes()), "is not what"),
    ],
)
def test_a_file_that_is_not_the_captures_is_never_read(
    harm: Any, told: str, tmp_path: Path
) -> None:
    store = FolderStore(tmp_path)
    (file,) = write_files(keys(Spool(), 1, 2), store, PREFIX)
    harm(tmp_path / file.path)
    with pytest.raises(SourceError) as caught:
        next(read_file(store, file, 1))
    assert caught.value.code == "changes_expired" and told in caught.value.message


def test_a_file_that_cannot_be_written_is_given_up() -> None:
    class Broken:
        """A store whose disk is full."""

        aborted = 0

        def open(self, path: str) -> "Broken":
            return self

        def write(self, data: bytes) -> None:
            raise OSError("full")

        def abort(self) -> None:
            self.aborted += 1

    store: Any = Broken()
    with pytest.raises(OSError):
        write_files(keys(Spool(), 1), store, PREFIX)
    assert store.aborted == 1


def test_the_limits_are_what_a_worker_can_hold() -> None:
    """Memory: at most about a hundred bytes for each key that is remembered."""
    assert keyfiles.PIECE_KEYS < keyfiles.FILE_KEYS <= keyfiles.REMEMBERED
    assert keyfiles.REMEMBERED * 100 + keyfiles.SPOOL_BYTES < 128 << 20
    assert dataclasses.is_dataclass(keyfiles.Piece)


@pytest.mark.parametrize(("values", "columns"), [((1, 2, 3), 2), ((1, 2), 3)])
def test_keys_of_another_table_are_not_read_past_their_end(
    values: tuple[int, ...], columns: int, tmp_path: Path
) -> None:
    store = FolderStore(tmp_path)
    (file,) = write_files(keys(Spool(), *values), store, PREFIX)
    with pytest.raises(SourceError, match="has keys of another table") as caught:
        list(read_file(store, file, columns))
    assert caught.value.code == "changes_expired"


def test_a_key_is_not_longer_than_its_file(tmp_path: Path) -> None:
    """A text that holds a length: read as two columns, it goes past the end."""
    found = Keys(Spool(), 10)
    found.add(key("ab") + struct.pack(">i", 100))
    (file,) = write_files(found, FolderStore(tmp_path), PREFIX)
    with pytest.raises(SourceError, match="has keys of another table"):
        list(read_file(FolderStore(tmp_path), file, 2))
