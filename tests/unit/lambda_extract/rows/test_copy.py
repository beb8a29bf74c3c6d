"""A COPY that sends nothing, and one that PostgreSQL refuses for its size."""

from typing import Any

import pytest

from lambda_extract.contract import ExtractRequest, Partition, place_of
from lambda_extract.errors import ExtractError, SourceError, WatchedTextSeen
from lambda_extract.landing.stores import FolderStore
from lambda_extract.operations.extract import extract
from lambda_extract.rows.copy import CopyTarget, copy_statements
from lambda_extract.rows.query import TRUE, copy_rows
from lambda_extract.rows.wire import build_wire
from lambda_extract.source.catalog import read_table
from lambda_extract.source.database import Database
from tests.unit.lambda_extract.conftest import MakeTable

ONE = "INSERT INTO {table} VALUES (1, 'v')"


def test_an_unchanged_table_sends_no_byte(make_table: MakeTable) -> None:
    reader = make_table("id bigint PRIMARY KEY, v text", ONE)
    first = reader.sync("id")
    assert first.rows == 1 and first.bytes > 0
    again = reader.sync("id", first.bound)
    assert again.unchanged
    assert (again.files, again.rows, again.bytes, again.altered) == ((), 0, 0, ())


@pytest.mark.parametrize("careful", [False, True])
def test_a_value_that_is_too_large_is_looked_for_once(
    make_table: MakeTable, monkeypatch: pytest.MonkeyPatch, careful: bool
) -> None:
    """The careful reading can name its key, so it has the last word."""
    reader = make_table("id bigint PRIMARY KEY, v text", ONE)
    request = ExtractRequest("r1", reader.spec, "p1", partition=Partition("00000"))

    def refused(*_: Any) -> int:
        raise SourceError("value_refused", "A value is too large to be sent.")

    monkeypatch.setattr(Database, "copy", refused)
    expected = ExtractError if careful else WatchedTextSeen
    with reader.database() as database, pytest.raises(expected) as raised:
        extract(database, request, FolderStore(reader.folder), careful=careful)
    if careful:
        assert isinstance(raised.value, ExtractError)
        assert raised.value.code == "value_refused"
        assert raised.value.message == "A value is too large to be sent."
    assert not list(reader.folder.rglob("*.zst"))


def test_a_target_is_read_quickly_unless_it_says_otherwise(
    make_table: MakeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is refused then is looked for by the careful reading."""
    reader = make_table("id bigint PRIMARY KEY, v text", ONE)
    request = ExtractRequest("r1", reader.spec, "p1", partition=Partition("00000"))
    target = CopyTarget(
        FolderStore(reader.folder), place_of(request), request.limits.file_bytes
    )

    def refused(*_: Any) -> int:
        raise SourceError("value_refused", "A value is too large to be sent.")

    monkeypatch.setattr(Database, "copy", refused)
    with reader.database() as database:
        table = read_table(database, reader.spec)
        wire = build_wire(table)
        with pytest.raises(WatchedTextSeen):
            copy_statements(
                database, table, wire, [copy_rows(table, wire, TRUE)], target
            )
