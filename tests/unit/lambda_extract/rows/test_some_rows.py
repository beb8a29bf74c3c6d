"""Rows of some keys, rows that share a key, and rows that arrive in another number."""

import dataclasses
import hashlib
from typing import Any

import pytest

from lambda_extract.contract import DigestRequest, Partition
from lambda_extract.errors import ExtractError, RequestError, SourceError
from lambda_extract.operations.digest import digest
from lambda_extract.rows import copy, duplicates
from lambda_extract.rows.canonical import column_text
from lambda_extract.rows.parts import Size
from lambda_extract.rows.wire import value_expression
from lambda_extract.source.catalog import read_table
from tests.unit.lambda_extract.conftest import MakeTable, Reader

TEN = "INSERT INTO {table} SELECT i, 'v' || i FROM generate_series(1, 10) AS i"


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


# --- some keys ------------------------------------------------------------------------


def test_only_rows_of_these_keys_are_read(make_table: MakeTable) -> None:
    reader = make_table("id int PRIMARY KEY, v text", TEN)
    whole = Partition("p")
    hashes = (md5("3"), md5("7"), md5("no key"))
    assert reader.ids(reader.run(partition=whole, key_hashes=hashes)) == ["3", "7"]
    # No hash at all is no limit; no row has the empty one.
    assert reader.run(partition=whole).rows == 10
    assert reader.run(partition=whole, key_hashes=("",)).rows == 0


def test_keys_limit_a_range_and_do_not_widen_it(make_table: MakeTable) -> None:
    reader = make_table("id int PRIMARY KEY, v text", TEN)
    part = Partition("p", columns=("id",), lower=("5",), upper=("8",))
    hashes = tuple(md5(str(number)) for number in (3, 5, 7, 8))
    assert reader.ids(reader.run(partition=part, key_hashes=hashes)) == ["5", "7"]


def test_a_key_of_several_columns_is_the_hash_of_all(make_table: MakeTable) -> None:
    reader = make_table("id int, v text, PRIMARY KEY (v, id)", TEN)
    # In the order of the key; a text stands for itself by its own hash.
    hashes = md5(f"{md5('v3')}|3"), md5(f"4|{md5('v4')}")
    found = reader.run(partition=Partition("p"), key_hashes=hashes)
    assert reader.ids(found) == ["3"]


# --- digests --------------------------------------------------------------------------


def row_hashes(reader: Reader, *columns: str) -> dict[str, str]:
    """Returns key's hash -> row's hash."""
    request = DigestRequest(
        "r", reader.spec, Partition("p"), columns, ("id",), step="rows"
    )
    with reader.database() as database:
        return {d.key_hash: d.row_hash for d in digest(database, request).digests}


@pytest.mark.parametrize(
    ("kind", "special"),
    [
        ("date", "infinity"),
        ("timestamptz", "-infinity"),
        ("float8", "NaN"),
        ("time", "24:00:00"),
    ],
)
def test_what_travels_as_null_is_digested_as_null(
    make_table: MakeTable, kind: str, special: str
) -> None:
    reader = make_table(
        f"id int PRIMARY KEY, v {kind}",
        f"INSERT INTO {{table}} VALUES (1, NULL), (2, '{special}')",
    )
    # Snowflake holds a double's NaN; the others become NULL on their way.
    texts = {"1": "~", "2": "nan" if kind == "float8" else "~"}
    assert row_hashes(reader, "v") == {
        md5(key): md5(f"{md5(key)}|{text}") for key, text in texts.items()
    }


def test_a_column_that_is_not_there_is_not_digested(make_table: MakeTable) -> None:
    reader = make_table("id int PRIMARY KEY, v text", TEN)
    with pytest.raises(RequestError) as refused:
        row_hashes(reader, "id", "nothing")
    assert refused.value.code == "bad_request"
    with reader.database() as database:
        table = read_table(database, reader.spec)
    with pytest.raises(RequestError, match="no column 'nothing' to digest"):
        column_text(table, "nothing")


def test_a_column_that_is_not_there_has_no_value(make_table: MakeTable) -> None:
    table: Any = dataclasses.make_dataclass("Table", ["column"])(lambda name: None)
    with pytest.raises(ValueError, match="not a column"):
        value_expression(table, "nothing")


# --- shared keys ----------------------------------------------------------------------

KEYLESS = "a int, b text NOT NULL, n bigint NOT NULL"


@pytest.mark.parametrize(
    ("values", "shared"),
    [
        ("(1, 'x', 5), (2, 'x', 6)", 0),
        ("(1, 'x', 5), (1, 'x', 6)", 2),
        # The other row of the key lies outside of the range.
        ("(1, 'x', 5), (1, 'x', 1), (1, 'x', 9), (7, 'z', 1), (7, 'z', 2)", 3),
        # NULL is one key in the target.
        ("(NULL, 'x', 5), (NULL, 'x', 1), (NULL, 'y', 1)", 2),
        ("(NULL, 'x', 5), (1, 'x', 1), (2, 'x', 2)", 0),
    ],
)
def test_rows_that_share_their_key_with_one_that_was_read_are_counted(
    make_table: MakeTable, values: str, shared: int
) -> None:
    reader = make_table(
        KEYLESS, f"INSERT INTO {{table}} VALUES {values}", key=("a", "b")
    )
    part = Partition("p", columns=("n",), lower=("5",), upper=("8",))
    assert reader.run(partition=part).shared_keys == shared


RANGE = Partition("p", columns=("n",), lower=("5",), upper=("8",))


@pytest.mark.parametrize("key", [("b",), ("a", "b"), ()])
def test_keys_that_nothing_can_group_are_not_counted(
    make_table: MakeTable, key: tuple[str, ...]
) -> None:
    """The rows are read nevertheless: json has no equality, and no key is no key."""
    reader = make_table(
        "a int, b json, n bigint NOT NULL",
        "INSERT INTO {table} VALUES (1, '{}', 5), (1, '{}', 6)",
        key=key,
    )
    reply = reader.run(partition=RANGE)
    assert (reply.rows, reply.shared_keys) == (2, 0)


@pytest.mark.parametrize(
    ("kind", "values", "shared"),
    [
        # Snowflake compares texts by their characters, and numbers by their values.
        ("text", "('a', 5), ('A', 6), ('a ', 7)", 0),
        ("text", "('a', 5), ('A', 6), ('a', 7)", 2),
        ("numeric", "(1.0, 5), (1.00, 6)", 2),
        ("jsonb", """('{"a": 1}', 5), ('{"a":1.0}', 6)""", 2),
    ],
)
def test_a_key_is_shared_if_the_target_cannot_tell_its_rows_apart(
    make_table: MakeTable, kind: str, values: str, shared: int
) -> None:
    reader = make_table(
        f"a {kind}, n bigint NOT NULL",
        f"INSERT INTO {{table}} VALUES {values}",
        key=("a",),
    )
    assert reader.run(partition=RANGE).shared_keys == shared


@pytest.mark.parametrize("key", ["PRIMARY KEY", "NOT NULL UNIQUE"])
def test_rows_share_no_key_that_postgresql_enforces(
    make_table: MakeTable, key: str
) -> None:
    reader = make_table(
        f"id int {key}, n bigint NOT NULL",
        "INSERT INTO {table} VALUES (1, 5), (2, 5)",
        key=("id",),
    )
    reply = reader.run(partition=RANGE)
    assert (reply.rows, reply.shared_keys) == (2, 0)


SAME_KEY = "INSERT INTO {table} VALUES (1, 'x', 5), (1, 'x', %s);"


@pytest.mark.parametrize(
    ("rows", "other", "index", "shared"),
    [
        (1_000_000, 1, "", 2),
        (1_000_001, 1, "", 0),
        # Rows of the range itself are compared in a table of any size.
        (1_000_001, 6, "", 2),
        (1_000_001, 1, "CREATE INDEX ON {table} (a, b)", 2),
    ],
)
def test_rows_outside_of_the_range_are_looked_for_up_to_a_million_or_by_an_index(
    make_table: MakeTable,
    monkeypatch: pytest.MonkeyPatch,
    rows: int,
    other: int,
    index: str,
    shared: int,
) -> None:
    """docs/ARCHITECTURE.md: more are left to the next comparison or snapshot."""
    monkeypatch.setattr(duplicates, "read_size", lambda *_: Size(rows, 0, rows))
    reader = make_table(KEYLESS, SAME_KEY % other + index, key=("a", "b"))
    reply = reader.run(partition=RANGE)
    assert (reply.rows, reply.shared_keys) == (1 if other == 1 else 2, shared)


def test_a_table_that_was_empty_when_it_was_analyzed_is_small(
    make_table: MakeTable,
) -> None:
    script = (
        "ALTER TABLE {table} SET (autovacuum_enabled = off);"
        "INSERT INTO {table} VALUES (7, 'z', 1); DELETE FROM {table};"
        "ANALYZE {table};" + SAME_KEY % 1
    )
    reader = make_table(KEYLESS, script, key=("a", "b"))
    assert reader.run(partition=RANGE).shared_keys == 2


# --- ranges ---------------------------------------------------------------------------


@pytest.mark.parametrize(("lower", "upper"), [("7", "5"), ("7", "7"), ("10", "9")])
def test_a_range_that_ends_before_it_begins_is_refused(
    make_table: MakeTable, lower: str, upper: str
) -> None:
    reader = make_table("id int PRIMARY KEY, n bigint", "")
    whole = Partition("range", columns=("n",), lower=(lower,), upper=(upper,))
    with pytest.raises(RequestError) as refused:
        reader.plan(partition=whole)
    assert refused.value.code == "range_empty"


@pytest.mark.parametrize(
    "ends", [{"lower": ("7",)}, {"upper": ("5",)}, {"lower": ("9",), "upper": ("10",)}]
)
def test_a_range_that_a_value_may_be_in_is_planned(
    make_table: MakeTable, ends: dict[str, Any]
) -> None:
    """Numbers are compared as numbers: 9 is less than 10."""
    reader = make_table("id int PRIMARY KEY, n bigint", "")
    assert reader.plan(partition=Partition("range", columns=("n",), **ends)).partitions


# --- another number -------------------------------------------------------------------


def test_rows_that_nobody_counted_are_an_error(
    make_table: MakeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = make_table("id int PRIMARY KEY, v text", TEN)
    real = copy._copied

    def other(*given: Any) -> int:
        assert real(*given) == 10
        return 0

    monkeypatch.setattr(copy, "_copied", other)
    with pytest.raises(SourceError) as lost:
        reader.run(partition=Partition("p"))
    assert lost.value.code == "source_error"
    assert not list(reader.folder.rglob("*.zst")), "a file was left behind"


def test_files_without_rows_are_an_error(
    make_table: MakeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = make_table("id int PRIMARY KEY, v text", TEN)
    finish = copy.Landing.finish

    def emptied(self: Any, rows: int) -> Any:
        return tuple(dataclasses.replace(f, rows=0) for f in finish(self, rows))

    monkeypatch.setattr(copy.Landing, "finish", emptied)
    with pytest.raises(ExtractError, match="another number arrived"):
        reader.run(partition=Partition("p"))
