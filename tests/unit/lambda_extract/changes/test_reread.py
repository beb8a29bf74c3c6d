"""What is read of changed keys: each key, by one look-up, or the table as a whole."""

from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from psycopg2 import sql

from lambda_extract.changes import reread
from lambda_extract.changes.keyfiles import Keys, Spool, write_files
from lambda_extract.changes.published import Published
from lambda_extract.contract import ChangeSet, File, LogIdentity, LogSpec, TableSpec
from lambda_extract.errors import SourceError
from lambda_extract.landing.stores import FolderStore
from tests.unit.lambda_extract.changes.test_leaves import text_of
from tests.unit.lambda_extract.changes.test_pgoutput import key

KNOWN = LogIdentity(70, "5.1", "d", ("id:1",), ())
ANY: Any = None


def file_of(folder: Path, name: str, numbers: Iterable[int]) -> File:
    """Writes one file of keys as they come, also those that came before."""
    keys = Keys(Spool(), 1_000_000)
    keys.spool.left_to_remember = 0
    for number in numbers:
        keys.add(key(str(number)))
    (file,) = write_files(keys, FolderStore(folder), f"changes/shop/r/c1/{name}-")
    return file


def target_of(folder: Path) -> Any:
    return SimpleNamespace(store=FolderStore(folder))


def changes_of(*files: File, **fields: Any) -> ChangeSet:
    return ChangeSet(LogSpec("slot", "publication"), files, KNOWN, **fields)


def test_a_key_that_came_before_hides_none_behind_it(tmp_path: Path) -> None:
    files = (
        file_of(tmp_path, "first", [1, 1, 2, 1, 3]),
        file_of(tmp_path, "second", [3, 1, 4]),
    )
    keys = list(reread._keys(target_of(tmp_path), changes_of(*files), 1))
    assert keys == [key("1"), key("2"), key("3"), key("4")]


@pytest.mark.parametrize(
    ("keys", "rows", "is_mostly"),
    [
        # 10,000 keys are never many, not even of a table that is empty by now.
        (10_000, 10, False),
        (10_001, 10, True),
        (10_000, 0, False),
        (10_001, 0, True),
        # Nothing is known of its size.
        (10_001, -1, False),
    ],
)
def test_ten_thousand_keys_are_never_most_of_a_table(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    keys: int,
    rows: int,
    is_mostly: bool,
) -> None:
    monkeypatch.setattr(reread, "read_size", lambda *_: SimpleNamespace(rows=rows))
    table: Any = SimpleNamespace(key=("id",))
    changes = changes_of(file_of(tmp_path, "t", range(keys)), whole_percent=80)
    found = reread._is_mostly_changed(ANY, table, changes, target_of(tmp_path))
    assert found is is_mostly


def column(name: str, base: str) -> Any:
    kind = SimpleNamespace(schema="pg_catalog", name=base)
    return SimpleNamespace(name=name, base_type=base, base=kind)


@pytest.mark.parametrize(
    ("kinds", "spelled"),
    [
        (("int8",), ()),
        (("uuid", "date"), ()),
        (("numeric",), ("k0",)),
        (("int4", "text"), ("k1",)),
    ],
)
def test_keys_are_looked_up_again_only_where_equal_values_differ_in_spelling(
    monkeypatch: pytest.MonkeyPatch, kinds: tuple[str, ...], spelled: tuple[str, ...]
) -> None:
    """A second look-up of each key is as dear as the first."""
    monkeypatch.setattr(reread, "_copy", lambda wire, rows: rows)
    columns = {f"k{n}": column(f"k{n}", kind) for n, kind in enumerate(kinds)}
    table: Any = SimpleNamespace(
        columns=tuple(columns.values()),
        key=tuple(columns),
        column=columns.get,
        name=sql.Identifier("t"),
        rows=sql.Identifier("t"),
    )
    text = text_of(reread.copy_keys(table, ANY, [("1",) * len(kinds)]))
    assert text.count("UNION ALL") == (1 if spelled else 0)
    for name in columns:
        assert (f"u.{name}::text" in text) is (name in spelled)


@pytest.mark.parametrize(
    ("oid", "key_now", "is_same"),
    [
        (70, ("id",), True),
        # Another table took its name.
        (71, ("id",), False),
        (70, ("id", "more"), False),
        (71, ("more",), False),
    ],
)
def test_a_table_that_is_altered_between_two_looks_is_not_read(
    monkeypatch: pytest.MonkeyPatch, oid: int, key_now: tuple[str, ...], is_same: bool
) -> None:
    """Its keys are those of the one, and its columns those of the other."""
    now = Published(oid, key_now, tuple(range(1, len(key_now) + 1)), "5.1", "d")
    monkeypatch.setattr(reread, "read_tables", lambda *_: [now])
    database: Any = SimpleNamespace(source=None)
    spec = TableSpec("t", "shop", "public", "t")
    table: Any = SimpleNamespace(oid=70, key=("id",), spec=spec)
    log = LogSpec("slot", "publication")
    if is_same:
        assert reread.read_published(database, log, table) is now
        return
    with pytest.raises(SourceError) as caught:
        reread.read_published(database, log, table)
    assert caught.value.code == "source_error"
    assert caught.value.message == "The table was altered at this very moment."
