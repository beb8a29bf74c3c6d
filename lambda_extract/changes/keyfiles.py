"""Files of changed keys: written by a capture, read back by the extraction of rows.

A file is gzip data: records of pgoutput.Key, one after the other, which are
self-delimiting. Which columns they consist of is in the file's name and in the manifest
(see contract_paths.key_folder), whose SHA-256 is compared before anything is read.
"""

import hashlib
import struct
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

from lambda_extract.changes.pgoutput import Key
from lambda_extract.contract import File
from lambda_extract.errors import SourceError
from lambda_extract.landing.stores import Store

# Keys of one compressed piece, and of one file.
PIECE_KEYS = 20_000
FILE_KEYS = 200_000
# Keys of all tables together that a capture remembers, so as not to write them twice.
REMEMBERED = 400_000
# In memory; the rest of a capture's pieces lies in a temporary file.
SPOOL_BYTES = 32 << 20
_GZIP = 31
_LENGTH = struct.Struct(">i")


class Spool:
    """Where compressed pieces wait until it is known whether they are committed."""

    def __init__(self, most_bytes: int = SPOOL_BYTES) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(most_bytes)
        self._end = 0
        self.left_to_remember = REMEMBERED

    def put(self, data: bytes) -> tuple[int, int]:
        """Keeps bytes; returns place and length."""
        self._file.seek(self._end)
        self._file.write(data)
        place = (self._end, len(data))
        self._end += len(data)
        return place

    def get(self, place: tuple[int, int]) -> bytes:
        """Returns kept bytes."""
        self._file.seek(place[0])
        return self._file.read(place[1])

    def close(self) -> None:
        """Removes all of it."""
        self._file.close()


@dataclass(frozen=True)
class Piece:
    """Compressed keys in the spool."""

    keys: int
    place: tuple[int, int]


@dataclass
class Keys:
    """Changed keys of one table, of one transaction or of a whole capture.

    Attributes:
        most: More keys than this are not kept: `too_many` is set.
        whole: Why the keys do not tell all that changed; empty: they do.
    """

    spool: Spool
    most: int
    count: int = 0
    whole: str = ""
    truncated: bool = False
    pieces: list[Piece] = field(default_factory=list)
    _open: list[Key] = field(default_factory=list)
    _seen: set[Key] = field(default_factory=set)

    def add(self, key: Key) -> None:
        """Takes a changed key."""
        if key in self._seen or self.whole:
            return
        spool = self.spool
        if spool.left_to_remember > 0:
            spool.left_to_remember -= 1
            self._seen.add(key)
        self._open.append(key)
        self.count += 1
        if len(self._open) >= PIECE_KEYS:
            self._pack()
            if self.count > self.most:
                self.give_up("too_many_changes")

    def give_up(self, reason: str) -> None:
        """Notes that the table has to be read as a whole, and drops the keys."""
        self.whole = self.whole or reason
        self.spool.left_to_remember += len(self._seen)
        self.pieces, self._open, self._seen, self.count = [], [], set(), 0

    def take(self, other: "Keys") -> None:
        """Takes over the keys of a transaction that has committed."""
        self.truncated |= other.truncated
        if other.whole:
            self.give_up(other.whole)
        if self.whole:
            other.give_up(self.whole)
            return
        other._pack()
        self.pieces += other.pieces
        self.count += other.count
        self.spool.left_to_remember += len(other._seen)
        if self.count > self.most:
            self.give_up("too_many_changes")

    def finish(self) -> tuple[Piece, ...]:
        """Returns all pieces."""
        self._pack()
        return tuple(self.pieces)

    def _pack(self) -> None:
        if self._open:
            packer = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
            data = packer.compress(b"".join(self._open)) + packer.flush()
            self.pieces.append(Piece(len(self._open), self.spool.put(data)))
            self._open = []


def write_files(keys: Keys, store: Store, prefix: str) -> tuple[File, ...]:
    """Writes the keys below a prefix; nothing if there are none.

    Raises:
        LandingError: landing_denied, landing_failed.
    """
    files: list[File] = []
    batch: list[Piece] = []
    for piece in keys.finish():
        if batch and sum(p.keys for p in batch) + piece.keys > FILE_KEYS:
            files.append(_write(keys.spool, batch, store, f"{prefix}{len(files):05d}"))
            batch = []
        batch.append(piece)
    if batch:
        files.append(_write(keys.spool, batch, store, f"{prefix}{len(files):05d}"))
    return tuple(files)


def _write(spool: Spool, pieces: list[Piece], store: Store, stem: str) -> File:
    path = f"{stem}.keys.gz"
    upload = store.open(path)
    digest, size = hashlib.sha256(), 0
    try:
        for piece in pieces:
            data = spool.get(piece.place)
            digest.update(data)
            size += len(data)
            upload.write(data)
        upload.complete()
    except BaseException:
        upload.abort()
        raise
    return File(path, sum(piece.keys for piece in pieces), size, digest.hexdigest())


def read_file(store: Store, file: File, columns: int) -> Iterator[Key]:
    """Yields the keys of a file.

    Raises:
        SourceError: changes_expired: it is not there any more, is another one, or its
            keys do not consist of so many columns.
        LandingError: S3 failed.
    """
    data = store.read(file.path)
    if data is None:
        raise _expired("is not there any more")
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise _expired("is not what the capture has written")
    for piece in _unpacked(data):
        at = 0
        while at < len(piece):
            start = at
            try:
                for _ in range(columns):
                    at += 4 + _LENGTH.unpack_from(piece, at)[0]
            except struct.error:
                at = len(piece) + 1
            if at > len(piece):
                raise _expired("has keys of another table")
            yield piece[start:at]


def _expired(what: str) -> SourceError:
    return SourceError("changes_expired", f"A file of changed keys {what}.")


def _unpacked(data: bytes) -> Iterator[bytes]:
    """A file has one gzip member for each piece, which holds whole keys."""
    while data:
        unpacker = zlib.decompressobj(_GZIP)
        yield unpacker.decompress(data)
        data = unpacker.unused_data
