"""PURE: messages of PostgreSQL's plugin pgoutput (protocol 2) -> which keys changed.

Of a change only the relation and the texts of its key matter: the rows are read from
the table later. Whatever the log says of other columns is skipped where it stands.

A streamed transaction (larger than the server's memory for decoding) comes in blocks
before it is known whether it commits. Its changes carry its number; rolled back parts
of it may be taken for changes, because a key that did not change is harmless.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

# What a key is in a message and in a key file: for each column the length of its text
# (four bytes, the largest first) and the text.
Key = bytes
_IDENTITY = 1
_TEXT = ord("t")
_PAIR = struct.Struct(">II")
_LENGTH = struct.Struct(">i")
_NUMBER = struct.Struct(">I")
_SHORT = struct.Struct(">h")
# Kind, relation, kind of row, number of its columns, and that the first is a text.
PLAIN_BYTES = 9
_COMMIT = struct.Struct(">BQQq")
_BEGIN = struct.Struct(">QqI")


class LogFormatError(ValueError):
    """A message is not what this protocol has; nothing of it is quoted."""


class Change(NamedTuple):
    """A row was inserted, updated or deleted.

    Attributes:
        transaction: 32-bit number of the top transaction.
        table: Which of the wanted tables.
        keys: Keys concerned: two if an update changed the key. Empty: the log does not
            have the key, so that the whole table may have changed.
    """

    transaction: int
    table: int
    keys: tuple[Key, ...]


@dataclass(frozen=True)
class Truncate:
    """Tables were emptied; only those that are wanted are named."""

    transaction: int
    tables: tuple[int, ...]


@dataclass(frozen=True)
class Commit:
    """A transaction has committed. `lsn` is the place of its commit record."""

    transaction: int
    lsn: int
    streamed: bool


@dataclass(frozen=True)
class Abort:
    """A streamed transaction was rolled back as a whole."""

    transaction: int


Event = Change | Truncate | Commit | Abort


@dataclass(frozen=True)
class _Relation:
    """A relation of which changes come.

    Attributes:
        table: Number of the wanted table.
        places: Its key columns' places in a row, in the order of the key; None: the log
            does not identify rows by this key.
        last: The last of the places.
    """

    table: int
    places: tuple[int, ...] | None
    last: int


class Decoder:
    """Reads one message after the other, in the order in which the slot has them."""

    def __init__(self, tables: Mapping[int, tuple[int, tuple[str, ...]]]) -> None:
        """Prepares for the first message.

        `streaming`: inside a block of a transaction. `plain`: how messages begin whose
        first column is the key -> number of the table; see `plain_key`.

        Args:
            tables: pg_class.oid -> number and key columns of wanted tables. Not by
                name: the log has the name of its moment, and a table may have been
                renamed since.
        """
        self._tables = tables
        # None: not wanted.
        self._relations: dict[int, _Relation | None] = {}
        self._transaction = 0
        self.streaming = False
        self.plain: dict[bytes, int] = {}

    def decode(self, data: bytes) -> Event | None:
        """Returns what a message says; None if nothing that matters here.

        Raises:
            LogFormatError: It is no message of this protocol.
        """
        try:
            return self._decode(data)
        except (struct.error, IndexError, UnicodeDecodeError) as error:
            raise LogFormatError("a message of the log is cut off") from error

    def _decode(self, data: bytes) -> Event | None:
        kind = data[0]
        if kind in _CHANGES:
            return self._change(kind, data)
        handler = _HANDLERS.get(kind)
        if handler is None:
            raise LogFormatError("the log has a message of an unknown kind")
        event: Event | None = handler(self, data)
        return event

    # --- changes ----------------------------------------------------------------------

    def _change(self, kind: int, data: bytes) -> Change | None:
        at = 5 if self.streaming else 1
        (number,) = _NUMBER.unpack_from(data, at)
        try:
            relation = self._relations[number]
        except KeyError:
            raise LogFormatError("a change of a relation that was not told") from None
        if relation is None:
            return None
        places = relation.places
        if places is None:
            return Change(self._transaction, relation.table, ())
        at += 4
        tag = data[at]
        if kind == _UPDATE and tag in _OLD:
            old, at = _key(data, at + 1, relation, to_end=True)
            tag = data[at]
            new, _ = _key(data, at + 1, relation)
            keys = _both(old, new)
        else:
            found, _ = _key(data, at + 1, relation)
            keys = () if found is None else (found,)
        if tag not in (_OLD if kind == _DELETE else _NEW):
            raise LogFormatError("a row of the log has another kind than its change")
        if places == (0,) and keys and not self.streaming and tag == data[5]:
            self.plain[data[:PLAIN_BYTES]] = relation.table
        return Change(self._transaction, relation.table, keys)

    def _truncate(self, data: bytes) -> Truncate | None:
        at = self._body(1)
        (count,) = _NUMBER.unpack_from(data, at)
        numbers = struct.unpack_from(f">{count}I", data, at + 5)
        found = [self._relations.get(number) for number in numbers]
        tables = tuple(r.table for r in found if r is not None)
        return Truncate(self._transaction, tables) if tables else None

    def _relation(self, data: bytes) -> None:
        at = self._body(1)
        (number,) = _NUMBER.unpack_from(data, at)
        self.plain.clear()
        _, at = _text(data, at + 4)
        _, at = _text(data, at)
        wanted = self._tables.get(number)
        if wanted is None:
            self._relations[number] = None
            return
        table, key = wanted
        columns = _columns(data, at + 1)
        flagged = {
            column: place for place, (column, flag) in enumerate(columns) if flag
        }
        if not key or not set(key) <= set(flagged):
            self._relations[number] = _Relation(table, None, -1)
            return
        places = tuple(flagged[column] for column in key)
        self._relations[number] = _Relation(table, places, max(places))

    # --- transactions -----------------------------------------------------------------

    def _begin(self, data: bytes) -> None:
        _, _, self._transaction = _BEGIN.unpack_from(data, 1)

    def _commit(self, data: bytes) -> Commit:
        _, lsn, _, _ = _COMMIT.unpack_from(data, 1)
        return Commit(self._transaction, lsn, streamed=False)

    def _stream_start(self, data: bytes) -> None:
        (self._transaction,) = _NUMBER.unpack_from(data, 1)
        self.streaming = True
        # Here the number of a transaction stands in between.
        self.plain.clear()

    def _stream_stop(self, data: bytes) -> None:
        self.streaming = False

    def _stream_commit(self, data: bytes) -> Commit:
        (transaction,) = _NUMBER.unpack_from(data, 1)
        _, lsn, _, _ = _COMMIT.unpack_from(data, 5)
        return Commit(transaction, lsn, streamed=True)

    def _stream_abort(self, data: bytes) -> Abort | None:
        transaction, part = _PAIR.unpack_from(data, 1)
        return Abort(transaction) if transaction == part else None

    def _skip(self, data: bytes) -> None:
        """Types, origins and messages say nothing of keys."""

    def _body(self, at: int) -> int:
        """Inside a block of a streamed transaction a message names its part of it."""
        return at + 4 if self.streaming else at


def plain_key(data: bytes) -> Key:
    """Returns the first column of a message that begins like one of `Decoder.plain`.

    Raises:
        LogFormatError: It is cut off.
    """
    end = PLAIN_BYTES + 4 + int.from_bytes(data[PLAIN_BYTES : PLAIN_BYTES + 4], "big")
    if end > len(data):
        raise LogFormatError("a value of the log is cut off")
    return data[PLAIN_BYTES:end]


def _both(old: Key | None, new: Key | None) -> tuple[Key, ...]:
    """A key whose text is long and did not change stands in the old row alone."""
    if old is None:
        return ()
    return (old,) if new is None or new == old else (old, new)


def _key(
    data: bytes, at: int, relation: _Relation, *, to_end: bool = False
) -> tuple[Key | None, int]:
    """Returns the key of a row; None if the row does not have all of it.

    Args:
        at: Where the row begins.
        to_end: The place behind the row is wanted.

    Returns:
        The key, and the place behind the columns that were read.
    """
    places = relation.places or ()
    (count,) = _SHORT.unpack_from(data, at)
    if count <= relation.last:
        raise LogFormatError("a row of the log has fewer columns than its relation")
    at += 2
    found: dict[int, bytes] = {}
    for place in range(count if to_end else relation.last + 1):
        kind = data[at]
        if kind == _TEXT or kind == _BINARY:
            (length,) = _LENGTH.unpack_from(data, at + 1)
            end = at + 5 + length
            if length < 0 or end > len(data):
                raise LogFormatError("a value of the log is cut off")
            if kind == _TEXT and place in places:
                found[place] = data[at + 1 : end]
            at = end
        elif kind in _WITHOUT_VALUE:
            at += 1
        else:
            raise LogFormatError("a value of the log is of an unknown kind")
    if len(places) == 1:
        return found.get(places[0]), at
    if len(found) < len(places):
        return None, at
    return b"".join([found[place] for place in places]), at


def _columns(data: bytes, at: int) -> list[tuple[str, bool]]:
    """Returns name of each column, and whether it identifies a row."""
    (count,) = _SHORT.unpack_from(data, at)
    at += 2
    found = []
    for _ in range(count):
        flags = data[at]
        name, at = _text(data, at + 1)
        found.append((name, bool(flags & _IDENTITY)))
        at += 8
    if at > len(data):
        raise LogFormatError("a relation of the log is cut off")
    return found


def _text(data: bytes, at: int) -> tuple[str, int]:
    end = data.find(b"\0", at)
    if end < 0:
        raise LogFormatError("a name of the log has no end")
    return data[at:end].decode(), end + 1


def key_columns(key: Key, count: int) -> tuple[str, ...]:
    """Returns the texts of a key's columns.

    Raises:
        LogFormatError: It does not consist of so many.
    """
    values, at = [], 0
    for _ in range(count):
        if at + 4 > len(key):
            raise LogFormatError("a key is cut off")
        (length,) = _LENGTH.unpack_from(key, at)
        at += 4
        if length < 0 or at + length > len(key):
            raise LogFormatError("a key is cut off")
        values.append(key[at : at + length].decode())
        at += length
    if at != len(key):
        raise LogFormatError("a key has more columns than its table's")
    return tuple(values)


_UPDATE, _DELETE = ord("U"), ord("D")
_CHANGES = frozenset(b"IUD")
_OLD, _NEW = frozenset(b"KO"), frozenset(b"N")
_BINARY = ord("b")
# NULL, and a long value that did not change.
_WITHOUT_VALUE = frozenset(b"nu")
_HANDLERS = {
    ord("B"): Decoder._begin,
    ord("C"): Decoder._commit,
    ord("R"): Decoder._relation,
    ord("T"): Decoder._truncate,
    ord("S"): Decoder._stream_start,
    ord("E"): Decoder._stream_stop,
    ord("c"): Decoder._stream_commit,
    ord("A"): Decoder._stream_abort,
    ord("Y"): Decoder._skip,
    ord("O"): Decoder._skip,
    ord("M"): Decoder._skip,
}
