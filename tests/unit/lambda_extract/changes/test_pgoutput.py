"""The messages of pgoutput, byte by byte, and what is no message at all."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_extract.changes.pgoutput import (
    PLAIN_BYTES,
    Abort,
    Change,
    Commit,
    Decoder,
    LogFormatError,
    Truncate,
    key_columns,
    plain_key,
)

ORDERS, ITEMS, OTHER = 70, 71, 72
TABLES = {ORDERS: (3, ("b", "a")), ITEMS: (4, ("id",))}


def text(value: str | None, kind: bytes = b"t") -> bytes:
    if value is None:
        return b"n"
    data = value.encode()
    return kind + struct.pack(">i", len(data)) + data


def row(*values: str | None) -> bytes:
    return struct.pack(">h", len(values)) + b"".join(text(v) for v in values)


def key(*values: str) -> bytes:
    return b"".join(struct.pack(">i", len(v.encode())) + v.encode() for v in values)


def relation(
    number: int, name: str, columns: dict[str, bool], xid: int | None = None
) -> bytes:
    part = b"" if xid is None else struct.pack(">I", xid)
    body = struct.pack(">I", number) + b"public\0" + name.encode() + b"\0d"
    body += struct.pack(">h", len(columns))
    for column, flag in columns.items():
        body += bytes([flag]) + column.encode() + b"\0" + struct.pack(">Ii", 25, -1)
    return b"R" + part + body


def change(kind: bytes, number: int, *rows: bytes, xid: int | None = None) -> bytes:
    part = b"" if xid is None else struct.pack(">I", xid)
    return kind + part + struct.pack(">I", number) + b"".join(rows)


BEGIN = b"B" + struct.pack(">QqI", 500, 0, 42)
COMMIT = b"C" + struct.pack(">BQQq", 0, 480, 500, 0)


def ready() -> Decoder:
    decoder = Decoder(TABLES)
    decoder.decode(BEGIN)
    columns = {"a": True, "note": False, "b": True, "more": False}
    assert decoder.decode(relation(ORDERS, "orders", columns)) is None
    assert decoder.decode(relation(OTHER, "other", {"id": True})) is None
    return decoder


def test_a_transaction() -> None:
    decoder = ready()
    insert = change(b"I", ORDERS, b"N", row("1", "x", "zwei", None))
    assert decoder.decode(insert) == Change(42, 3, (key("zwei", "1"),))
    update = change(b"U", ORDERS, b"N", row("1", None, "zwei", "y"))
    assert decoder.decode(update) == Change(42, 3, (key("zwei", "1"),))
    moved = change(
        b"U", ORDERS, b"K", row("1", None, "z", None), b"N", row("2", "x", "z", "")
    )
    assert decoder.decode(moved) == Change(42, 3, (key("z", "1"), key("z", "2")))
    delete = change(b"D", ORDERS, b"O", row("1", "x", "é", "y"))
    assert decoder.decode(delete) == Change(42, 3, (key("é", "1"),))
    assert decoder.decode(change(b"I", OTHER, b"N", row("1"))) is None
    assert decoder.decode(COMMIT) == Commit(42, 480, streamed=False)


def test_a_table_that_had_another_name_then() -> None:
    decoder = ready()
    decoder.decode(relation(ITEMS, "articles", {"id": True}))
    insert = change(b"I", ITEMS, b"N", row("9"))
    assert decoder.decode(insert) == Change(42, 4, (key("9"),))


def test_a_streamed_transaction() -> None:
    decoder = ready()
    assert decoder.decode(b"S" + struct.pack(">IB", 77, 1)) is None
    assert decoder.streaming
    assert decoder.decode(relation(ITEMS, "items", {"id": True}, xid=78)) is None
    insert = change(b"I", ITEMS, b"N", row("9"), xid=78)
    assert decoder.decode(insert) == Change(77, 4, (key("9"),))
    truncate = b"T" + struct.pack(">IIBII", 78, 2, 0, OTHER, ITEMS)
    assert decoder.decode(truncate) == Truncate(77, (4,))
    assert decoder.decode(b"E") is None
    assert not decoder.streaming
    assert decoder.decode(b"A" + struct.pack(">II", 77, 78)) is None
    assert decoder.decode(b"A" + struct.pack(">II", 77, 77)) == Abort(77)
    done = b"c" + struct.pack(">IBQQq", 77, 0, 900, 950, 0)
    assert decoder.decode(done) == Commit(77, 900, streamed=True)


def test_messages_that_say_nothing_of_keys() -> None:
    decoder = ready()
    for message in (b"Y", b"O", b"M"):
        assert decoder.decode(message + b"whatever") is None
    truncate = b"T" + struct.pack(">IBI", 1, 0, OTHER)
    assert decoder.decode(truncate) is None


def test_a_key_that_the_log_does_not_have() -> None:
    decoder = ready()
    # The key is not what identifies rows, or has another name by then.
    columns = {"a": True, "b": False}
    decoder.decode(relation(ORDERS, "orders", columns))
    insert = change(b"I", ORDERS, b"N", row("1", "2"))
    assert decoder.decode(insert) == Change(42, 3, ())
    decoder.decode(relation(ITEMS, "items", {"id": True}))
    for missing in (b"\0\1n", b"\0\1u"):
        assert decoder.decode(change(b"I", ITEMS, b"N", missing)) == Change(42, 4, ())
        assert decoder.decode(change(b"D", ITEMS, b"K", missing)) == Change(42, 4, ())


@pytest.mark.parametrize("values", [("1", None), (None, "zwei"), (None, None)])
def test_a_key_of_which_the_log_has_a_part_is_none(
    values: tuple[str | None, str | None],
) -> None:
    """The table is read as a whole then; another row may have that part, too."""
    part = row(values[0], "x", values[1], None)
    for message in (
        change(b"I", ORDERS, b"N", part),
        change(b"D", ORDERS, b"K", part),
        change(b"U", ORDERS, b"K", part, b"N", row("1", "x", "zwei", None)),
    ):
        assert ready().decode(message) == Change(42, 3, ())


def test_a_long_key_that_stayed_stands_in_the_old_row() -> None:
    decoder = ready()
    decoder.decode(relation(ITEMS, "items", {"id": True}))
    update = change(b"U", ITEMS, b"K", row("long"), b"N", b"\0\1u")
    assert decoder.decode(update) == Change(42, 4, (key("long"),))


def of_items(columns: dict[str, bool]) -> Decoder:
    decoder = ready()
    decoder.decode(relation(ITEMS, "items", columns))
    return decoder


SHORT = {
    "insert": (
        change(b"I", ITEMS, b"N", row("1")),
        change(b"I", ITEMS, b"N", row("é")),
    ),
    "update": (
        change(b"U", ITEMS, b"N", row("1")),
        change(b"U", ITEMS, b"N", row("")),
    ),
    "delete": (
        change(b"D", ITEMS, b"K", row("1")),
        change(b"D", ITEMS, b"K", row("2")),
    ),
    "more columns": (
        change(b"D", ITEMS, b"O", row("1", "x", None)),
        change(b"D", ITEMS, b"O", row("2", None, "y")),
    ),
}


def is_plain(decoder: Decoder, message: bytes) -> bool:
    return message[:PLAIN_BYTES] in decoder.plain


@pytest.mark.parametrize("kind", SHORT)
def test_a_message_like_one_before_is_read_the_short_way(kind: str) -> None:
    first, second = SHORT[kind]
    decoder = of_items({"id": True, "note": False, "more": False})
    assert not is_plain(decoder, first)
    decoder.decode(first)
    assert decoder.plain == {second[:PLAIN_BYTES]: 4}
    assert decoder.decode(second) == Change(42, 4, (plain_key(second),))
    # Neither a change of another kind, nor a missing value.
    for name, (other, _) in SHORT.items():
        assert is_plain(decoder, other) is (name == kind)
    value = second.index(b"t")
    assert not is_plain(decoder, second[:value] + b"n" + second[value + 1 :])
    huge = second[: value + 1] + b"\xff" + second[value + 2 :]
    length = second[value + 4]
    for cut in (second[: value + 3], second[: value + 4 + length], huge):
        with pytest.raises(LogFormatError):
            plain_key(cut)


def test_a_row_without_its_key_opens_no_short_way() -> None:
    decoder = of_items({"id": True})
    decoder.decode(change(b"I", ITEMS, b"N", row(None)))
    assert decoder.plain == {}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"note": False, "id": True}, change(b"I", ITEMS, b"N", row("x", "1"))),
        ({"note": True}, change(b"I", ITEMS, b"N", row("x"))),
        ({"id": True}, change(b"U", ITEMS, b"K", row("1"), b"N", row("2"))),
        ({"id": True}, change(b"U", ITEMS, b"O", row("1"), b"N", row("1"))),
    ],
)
def test_no_short_way_past_a_key_that_is_not_the_first_column_alone(
    columns: dict[str, bool], message: bytes
) -> None:
    decoder = of_items(columns)
    decoder.decode(message)
    assert decoder.plain == {}
    two = ready()
    two.decode(relation(ORDERS, "orders", {"b": True, "a": True}))
    insert = change(b"I", ORDERS, b"N", row("1", "2"))
    two.decode(insert)
    assert two.plain == {}


def test_the_short_way_ends_where_a_relation_or_a_block_begins() -> None:
    insert, streamed = (change(b"I", ITEMS, b"N", row("1"), xid=x) for x in (None, 5))
    decoder = of_items({"id": True})
    decoder.decode(insert)
    # The key became the second column.
    decoder.decode(relation(ITEMS, "items", {"note": False, "id": True}))
    assert not is_plain(decoder, insert)
    decoder = of_items({"id": True})
    decoder.decode(insert)
    decoder.decode(b"S" + struct.pack(">IB", 77, 1))
    # A number of a transaction may look like a relation's.
    assert not is_plain(decoder, insert)
    decoder.decode(streamed)
    assert not is_plain(decoder, streamed)
    decoder.decode(b"E")
    assert not is_plain(decoder, insert)
    decoder.decode(insert)
    assert is_plain(decoder, insert) and plain_key(insert) == key("1")


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"Z",
        b"I",
        change(b"I", 99, b"N", row("1")),
        change(b"I", ORDERS, b"K", row("1", "x", "b", None)),
        change(b"D", ORDERS, b"N", row("1", "x", "b", None)),
        change(b"I", ORDERS, b"N", row("1", "x")),
        # It says two columns, and what follows looks like a third one.
        change(b"I", ORDERS, b"N", row("1", "x") + text("b")),
        change(b"I", ORDERS, b"N", b"\0\4t\xff\xff\xff\xff"),
        change(b"I", ORDERS, b"N", b"\0\4t\0\0\0\x09ab"),
        change(b"I", ORDERS, b"N", b"\0\4x"),
        b"R\0\0\0\1public",
        relation(ORDERS, "orders", {"a": True, "b": True})[:-1],
    ],
)
def test_what_is_no_message(message: bytes) -> None:
    with pytest.raises(LogFormatError):
        ready().decode(message)


@given(st.binary(max_size=80), st.booleans())
def test_any_bytes_are_an_event_or_refused(data: bytes, streaming: bool) -> None:
    decoder = ready()
    decoder.streaming = streaming
    try:
        decoder.decode(data)
    except LogFormatError:
        pass


@given(st.data())
def test_a_message_that_was_changed_is_an_event_or_refused(data: st.DataObject) -> None:
    whole = data.draw(
        st.sampled_from(
            [
                change(b"U", ORDERS, b"K", row("1", None, "z", None), b"N", row("2")),
                relation(ORDERS, "orders", {"a": True, "b": True}),
                COMMIT,
                b"T" + struct.pack(">IBI", 1, 0, ORDERS),
            ]
        )
    )
    cut = data.draw(st.integers(0, len(whole)))
    place = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[place] = data.draw(st.integers(0, 255))
    for message in (whole[:cut], bytes(changed)):
        try:
            ready().decode(message)
        except LogFormatError:
            pass


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_a_key_is_taken_apart(values: list[str]) -> None:
    assert key_columns(key(*values), len(values)) == tuple(values)
    for count in (len(values) - 1, len(values) + 1):
        with pytest.raises(LogFormatError):
            key_columns(key(*values), count)


@given(st.binary(max_size=40), st.integers(1, 4))
def test_any_bytes_are_a_key_or_refused(data: bytes, count: int) -> None:
    try:
        key_columns(data, count)
    except (LogFormatError, UnicodeDecodeError):
        pass
