"""Writes the rows of a COPY into zstd files: S3 objects, or files of a folder.

Rows are gathered into blocks, compressed by zstd at level 1 (which keeps up with
PostgreSQL's COPY; gzip level 1 costs 40% more time) and cut into files at row
boundaries. Memory is bounded by the block, the upload parts in flight and zstd's
window, whatever the size of the table.

COPY hands over each row by a call of its own, 3 M calls for 3 M rows. io.BufferedWriter
takes them without running a line of Python: a list of the rows, joined later, cost 0.15
us more for each, and memory that was never warm.
"""

import hashlib
import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import zstandard

from lambda_extract.contract import File
from lambda_extract.errors import WatchedTextSeen
from lambda_extract.landing.stores import Store, Upload
from lambda_extract.values.watch import Watch

# Fits into a core's own cache, which a block of 1 MiB does not.
BLOCK_BYTES = 1 << 18
ZSTD_LEVEL = 1
# 128 KiB: with the 512 KiB of its level it takes 10% longer for files 3% smaller.
ZSTD_WINDOW_LOG = 17
NEITHER_QUOTE_NOR_END = bytes(set(range(256)) - set(b'"\n'))


class Landing:
    """Takes rows, gives files.

    Attributes:
        write: Takes one row, as psycopg2 hands over each CopyData message; a row is
            never split between two blocks.
    """

    def __init__(
        self,
        store: Store,
        *,
        prefix: str,
        file_bytes: int,
        watch_for: Watch | None = None,
    ) -> None:
        """Prepares for the first row.

        Args:
            store: Where the files go.
            prefix: Of this extraction's files (see contract_paths).
            file_bytes: Compressed size after which a file is cut.
            watch_for: What makes `write` and `finish` raise WatchedTextSeen.
        """
        self._store = store
        self._prefix = prefix
        self._file_bytes = file_bytes
        self._watch_for = watch_for
        self._blocks = _Blocks(self._take)
        self._buffer = io.BufferedWriter(self._blocks, BLOCK_BYTES)
        self.write: Callable[[bytes], int] = self._buffer.write
        self._open: _OpenFile | None = None
        self._files: list[File] = []

    def finish(self, rows: int) -> tuple[File, ...]:
        """Completes the last file and returns all of them.

        Args:
            rows: How many there were, from the server's command tag. The first file
                has those that the others have not: most extractions are one file, and
                counting its rows again would take 3% of their time.

        Raises:
            LandingError: landing_denied, landing_failed.
        """
        self._buffer.flush()
        if self._open is not None:
            self._close()
        if self._files:
            others = sum(file.rows for file in self._files[1:])
            self._files[0] = replace(self._files[0], rows=rows - others)
        return tuple(self._files)

    def abort(self) -> None:
        """Removes what was written: no reply will ever name it."""
        # A buffer whose blocks go nowhere drops what it still holds.
        self._blocks.close()
        if self._open is not None:
            self._open.upload.abort()
            self._open = None
        for file in self._files:
            self._store.delete(file.path)
        self._files.clear()

    def _take(self, block: bytes) -> None:
        if self._watch_for is not None and self._watch_for.sees(block):
            raise WatchedTextSeen
        if self._open is None:
            path = f"{self._prefix}{len(self._files):05d}.csv.zst"
            self._open = _OpenFile(path, self._store.open(path))
        self._open.add(block, count_rows(block) if self._files else 0)
        if self._open.bytes >= self._file_bytes:
            self._close()

    def _close(self) -> None:
        assert self._open is not None
        file = self._open.close()
        self._open = None
        self._files.append(file)


class _Blocks(io.RawIOBase):
    """Where io.BufferedWriter empties itself: whole rows, as many as it could hold.

    A row longer than its buffer is a block by itself.
    """

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take

    def writable(self) -> bool:
        return True

    def write(self, block: Any) -> int:
        self._take(bytes(block))
        return len(block)


def count_rows(block: bytes) -> int:
    """Returns the rows of a block of CSV that begins and ends between two rows.

    A line end ends a row unless it is quoted. Of quotes and line ends alone, a pair of
    neighbouring quotes says nothing: few quotes are left, and line ends behind an even
    number of them count.
    """
    if b'"' not in block:
        return block.count(b"\n")
    ends = block.translate(None, NEITHER_QUOTE_NOR_END).replace(b'""', b"")
    return sum(part.count(b"\n") for part in ends.split(b'"')[::2])


class _OpenFile:
    """Compressor, checksum and counters of the file being written."""

    def __init__(self, path: str, upload: Upload) -> None:
        self.path = path
        self.upload = upload
        self.rows = 0
        self.bytes = 0
        self._sha256 = hashlib.sha256()
        # The checksum inside the frame lets any reader find damage by itself.
        parameters = zstandard.ZstdCompressionParameters.from_level(
            ZSTD_LEVEL, window_log=ZSTD_WINDOW_LOG, write_checksum=True
        )
        compressor = zstandard.ZstdCompressor(compression_params=parameters)
        self._compressor = compressor.compressobj()

    def add(self, block: bytes, rows: int) -> None:
        self.rows += rows
        self._send(self._compressor.compress(block))

    def close(self) -> File:
        self._send(self._compressor.flush())
        etag = self.upload.complete()
        return File(self.path, self.rows, self.bytes, self._sha256.hexdigest(), etag)

    def _send(self, data: bytes) -> None:
        if data:
            self._sha256.update(data)
            self.bytes += len(data)
            self.upload.write(data)
