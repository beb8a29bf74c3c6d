"""Digests of real rows: which rows count, and that equal rows have equal digests."""

import dataclasses
import hashlib
from typing import Any, Literal

import pytest

from lambda_extract.contract import (
    ColumnSpec,
    CursorSpec,
    CursorValue,
    DigestReply,
    DigestRequest,
    Partition,
    RowDigest,
    decode_reply,
    encode,
)
from lambda_extract.errors import SourceError
from lambda_extract.operations import digest as operation
from lambda_extract.operations.digest import digest
from tests.unit.lambda_extract.conftest import MakeTable, Reader

ROWS = "INSERT INTO {table} VALUES (1, 'a', NULL), (2, 'b', %s), (3, 'c', %s)"


def ask(reader: Reader, **changes: Any) -> DigestReply:
    request = DigestRequest(
        run_id="r1",
        table=reader.spec,
        partition=Partition("00000"),
        columns=("id", "note"),
        key=("id",),
    )
    with reader.database() as database:
        return digest(database, dataclasses.replace(request, **changes))


def total(reply: DigestReply) -> int:
    return sum(bucket.rows for bucket in reply.buckets)


@pytest.mark.parametrize(
    ("column", "gone", "here", "alive"),
    [
        ("boolean", "true", "false", 2),
        ("timestamptz", "now()", "NULL", 2),
        ("date", "date '2026-01-01'", "NULL", 2),
        ("text", "''", "NULL", 2),
        ("integer", "0", "NULL", 2),
    ],
)
def test_a_row_is_alive_by_the_type_of_its_delete_column(
    make_table: MakeTable, column: str, gone: str, here: str, alive: int
) -> None:
    """A boolean says it by its value, every other type by having one."""
    reader = make_table(
        f"id int PRIMARY KEY, note text, gone {column}", ROWS % (gone, here)
    )
    assert total(ask(reader)) == 3
    assert total(ask(reader, deleted_column="gone")) == alive
    names = {d.key for d in ask(reader, deleted_column="gone", step="detail").digests}
    assert names == {("1",), ("3",)}


def test_equal_rows_have_equal_digests_and_a_changed_row_another(
    make_table: MakeTable,
) -> None:
    one, same, other = (
        make_table("id int PRIMARY KEY, note text", f"INSERT INTO {{table}} VALUES {v}")
        for v in ("(1, 'a'), (2, NULL)", "(2, NULL), (1, 'a')", "(1, 'a'), (2, '')")
    )
    first = ask(one).buckets
    assert first == ask(same).buckets
    assert first != ask(other).buckets


def test_s2_keys_are_named_only_if_asked_for_and_enforced(
    make_table: MakeTable,
) -> None:
    """Every column could be named as a key, and a reply would hold whole rows."""
    script = "INSERT INTO {table} VALUES (1, 'Secret-Value')"
    reader = make_table("id int PRIMARY KEY, note text", script)
    ((key),) = [d.key for d in ask(reader, step="detail").digests]
    assert key == ("1",)
    plain = dataclasses.replace(reader.spec, keys_in_messages=False)
    whole = dataclasses.replace(reader.spec, key=("id", "note"))
    for spec, columns, told in (
        (plain, ("id",), ("?",)),
        (reader.spec, ("id", "note"), ("?", "?")),
        (reader.spec, ("note",), ("?",)),
        (whole, ("id", "note"), ("?", "?")),
        (dataclasses.replace(whole, key=("note",)), ("note",), ("?",)),
    ):
        reply = ask(reader, table=spec, key=columns, step="detail")
        assert [d.key for d in reply.digests] == [told]
        assert "Secret-Value" not in repr(reply)


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@pytest.mark.parametrize(("rows", "complete"), [(2, True), (3, False)])
def test_a_reply_names_as_many_rows_as_it_may_and_says_if_there_are_more(
    make_table: MakeTable, monkeypatch: pytest.MonkeyPatch, rows: int, complete: bool
) -> None:
    monkeypatch.setattr(operation, "MOST_ROWS", 2)
    fill = f"INSERT INTO {{table}} SELECT i FROM generate_series(1, {rows}) AS i"
    reader = make_table("id int PRIMARY KEY, note text", fill)
    reply = ask(reader, step="rows")
    assert (len(reply.digests), reply.complete) == (2, complete)


@pytest.mark.parametrize(
    ("within", "keys"),
    [
        ((), "123"),
        (("c",), "12"),
        (("c4",), "1"),
        (("c4", "ec"), "13"),
        ((md5("2"),), "2"),
        (("00",), ""),
    ],
)
def test_only_rows_whose_key_is_within_the_prefixes_are_digested(
    make_table: MakeTable, within: tuple[str, ...], keys: str
) -> None:
    """MD5 of 1, 2 and 3 begins with c4, c8 and ec."""
    fill = "INSERT INTO {table} VALUES (1), (2), (3)"
    reader = make_table("id int PRIMARY KEY, note text", fill)
    reply = ask(reader, within=within, step="rows")
    assert {d.key_hash for d in reply.digests} == {md5(key) for key in keys}
    assert total(ask(reader, within=within)) == len(keys)


def test_a_detail_tells_each_column_of_a_row_apart(make_table: MakeTable) -> None:
    """By these eight digits each it is found which columns differ."""
    fill = "INSERT INTO {table} VALUES (1, 'a'), (2, NULL)"
    reader = make_table("id int PRIMARY KEY, note text", fill)
    found = sorted(ask(reader, step="detail").digests, key=lambda d: d.key)
    assert found == [
        RowDigest(
            key_hash=md5(key),
            row_hash=md5(f"{md5(key)}|{key}|{note}"),
            key=(key,),
            columns=md5(key)[:8] + md5(note)[:8],
        )
        for key, note in (("1", md5("a")), ("2", "~"))
    ]


@pytest.mark.parametrize("protect", ["hash", "mask"])
def test_s2_a_protected_boolean_does_not_say_which_rows_are_deleted(
    make_table: MakeTable, protect: Literal["hash", "mask"]
) -> None:
    """Which rows are counted would tell its value, row by row."""
    reader = make_table(
        "id int PRIMARY KEY, note text, gone boolean", ROWS % ("true", "false")
    )
    columns = (ColumnSpec("gone", protect=protect),)
    spec = dataclasses.replace(reader.spec, columns=columns)
    with pytest.raises(SourceError) as refused:
        ask(reader, table=spec, deleted_column="gone")
    assert refused.value.code == "protection_required"
    assert "'gone'" in refused.value.message
    # The same table is compared without it.
    assert total(ask(reader, table=spec)) == 3


def test_the_newest_cursor_is_told_to_who_asks_for_it_alone(
    make_table: MakeTable,
) -> None:
    fill = "INSERT INTO {table} VALUES (1), (7)"
    reader = make_table("id bigint PRIMARY KEY, note text", fill)
    cursor = CursorSpec("id")
    asked = ask(reader, cursor=cursor, step="newest")
    assert asked.newest == CursorValue("7", "bigint")
    for reply in (
        ask(reader, cursor=cursor),
        ask(reader, cursor=cursor, step="rows"),
        ask(reader, step="detail"),
    ):
        assert reply.newest is None
        assert decode_reply(encode(reply)) == reply
