"""What the catalog says of a table whose changes the log is to tell."""

import dataclasses
from typing import Any

import psycopg2
import pytest

from lambda_extract.changes.published import (
    Difference,
    Published,
    difference,
    read_tables,
)
from lambda_extract.contract import CaptureTable, LogIdentity, LogLeaf, LogSpec
from lambda_extract.settings import Source
from tests.unit.lambda_extract.changes.conftest import Log

ONE, TWO, THREE = (LogLeaf(oid, oid * 10, "p", "/1") for oid in (71, 72, 73))
PARTED = LogIdentity(70, "5.1;6.1", "d", ("id:1",), (ONE, TWO))
PLAIN = LogIdentity(70, "5.1;6.1", "d", ("id:1",), (LogLeaf(70, 700, "p"),))


def changed(leaf: LogLeaf, **fields: Any) -> LogLeaf:
    return dataclasses.replace(leaf, **fields)


@pytest.mark.parametrize(
    ("leaves", "expected"),
    [
        ((ONE, TWO), Difference()),
        # A new one has rows that no change tells; none has gone.
        ((ONE, TWO, THREE), Difference(leaves=(73,))),
        ((ONE,), Difference(compare=True)),
        ((ONE, THREE), Difference(leaves=(73,), compare=True)),
        ((), Difference(compare=True)),
        # It was apart, or emptied.
        ((ONE, changed(TWO, linked="/2")), Difference(leaves=(72,), compare=True)),
        ((changed(ONE, filenode=5), TWO), Difference(leaves=(71,), compare=True)),
        # One that was apart beside one that is new.
        (
            (ONE, changed(TWO, linked="/2"), THREE),
            Difference(leaves=(72, 73), compare=True),
        ),
        # Of one partition the log tells nothing.
        ((changed(ONE, persistence="u"), TWO), Difference("unlogged")),
        ((ONE, changed(TWO, persistence="u")), Difference("unlogged")),
    ],
)
@pytest.mark.parametrize("truncated", [False, True])
def test_what_became_of_partitions(
    leaves: tuple[LogLeaf, ...], expected: Difference, truncated: bool
) -> None:
    now = dataclasses.replace(PARTED, leaves=leaves)
    assert difference(PARTED, now, truncated=truncated) == expected


@pytest.mark.parametrize(
    ("fields", "moved"),
    [
        ({"relation_id": 79, "published": "5.2;6.1"}, "relation"),
        ({"published": "5.2;6.1", "replica_identity": "f"}, "publication"),
        ({"replica_identity": "f"}, "identity"),
        ({"key": ("id:2",)}, "identity"),
    ],
)
def test_a_table_that_is_another_one_is_read_as_a_whole(
    fields: dict[str, Any], moved: str
) -> None:
    assert difference(PLAIN, dataclasses.replace(PLAIN, **fields)).moved == moved


def test_a_table_that_was_written_anew_was_truncated_or_rewritten() -> None:
    now = dataclasses.replace(PLAIN, leaves=(changed(PLAIN.leaves[0], filenode=5),))
    assert difference(PLAIN, now) == Difference("rewritten")
    told = difference(PLAIN, now, truncated=True)
    assert told == Difference(leaves=(70,), compare=True)


KINDS = ("insert", "update", "delete", "truncate")


@pytest.mark.parametrize("missing", KINDS)
def test_a_publication_that_leaves_out_a_kind_of_change(log: Log, missing: str) -> None:
    kinds = ", ".join(kind for kind in KINDS if kind != missing)
    log.sql(f"ALTER PUBLICATION {log.spec.publication} SET (publish = '{kinds}')")
    table = log.table("(id int PRIMARY KEY)")
    with pytest.raises(Exception, match="leaves out some kind of change"):
        log.ask()
    with pytest.raises(Exception, match="leaves out some kind of change"):
        log.identity(table)


def test_a_publication_that_was_altered_is_another_one(log: Log) -> None:
    """It may have left out changes for a while."""
    table = log.table("(id int PRIMARY KEY)")
    known = log.identity(table)
    assert log.identity(table) == known
    for publish in ("insert", ", ".join(KINDS)):
        log.sql(f"ALTER PUBLICATION {log.spec.publication} SET (publish = '{publish}')")
    assert difference(known, log.identity(table)) == Difference("publication")


def test_partitions_that_are_published_one_by_one_are_refused(log: Log) -> None:
    plain = log.table("(id int PRIMARY KEY)")
    parted = log.table("(id int PRIMARY KEY) PARTITION BY RANGE (id)")
    assert told(log) == {}
    log.sql(
        f"ALTER PUBLICATION {log.spec.publication}"
        " SET (publish_via_partition_root = false)"
    )
    assert told(log) == {parted.spec.name: "publication_filtered"}
    assert plain.spec.name not in told(log)


def told(log: Log) -> dict[str, str]:
    """Returns the tables that are refused, and why."""
    found = log.ask(from_lsn=None).tables
    return {table.name: table.refused.code for table in found if table.refused}


@pytest.mark.parametrize(
    ("index", "holds"),
    [
        ("CREATE UNIQUE INDEX ON {t} (id)", True),
        ("CREATE UNIQUE INDEX ON {t} (id) INCLUDE (note)", True),
        ("CREATE INDEX ON {t} (id)", False),
        ("CREATE UNIQUE INDEX ON {t} (id) WHERE id > 0", False),
        ("CREATE UNIQUE INDEX ON {t} (id, note)", False),
        ("CREATE UNIQUE INDEX ON {t} (note, id)", False),
        ("CREATE UNIQUE INDEX ON {t} (id, lower(note))", False),
        ("CREATE UNIQUE INDEX ON {t} (abs(id))", False),
        ("ALTER TABLE {t} ADD UNIQUE (id) DEFERRABLE", False),
        (
            "CREATE UNIQUE INDEX ON {t} (id); UPDATE pg_index SET indisvalid = FALSE"
            " WHERE indrelid = '{t}'::regclass",
            False,
        ),
    ],
)
def test_a_key_that_nothing_keeps_unique_is_refused(
    log: Log, index: str, holds: bool
) -> None:
    table = log.table("(id int NOT NULL, note text)", key=("id",))
    log.sql(f"ALTER TABLE {table.spec.name} REPLICA IDENTITY FULL")
    for statement in index.format(t=table.spec.name).split("; "):
        log.sql(statement)
    refused = {} if holds else {table.spec.name: "replica_identity"}
    assert told(log) == refused


@pytest.mark.parametrize(
    ("key", "holds"),
    [(("id", "more"), True), (("more",), False), (("more", "id"), True)],
)
def test_a_key_is_unique_if_a_part_of_it_is(
    log: Log, key: tuple[str, ...], holds: bool
) -> None:
    table = log.table("(more int NOT NULL, id int PRIMARY KEY)", key=key)
    log.sql(f"ALTER TABLE {table.spec.name} REPLICA IDENTITY FULL")
    refused = {} if holds else {table.spec.name: "replica_identity"}
    assert told(log) == refused


def test_rows_are_identified_by_the_tables_own_index_alone(log: Log) -> None:
    """Other tables have a first column of the key's name."""
    log.table("(id int PRIMARY KEY)")
    bad = log.table("(other int NOT NULL UNIQUE, id int PRIMARY KEY)")
    log.sql(
        f"ALTER TABLE {bad.spec.name} REPLICA IDENTITY USING INDEX"
        f" {bad.spec.name}_other_key"
    )
    assert told(log) == {bad.spec.name: "replica_identity"}


def test_what_a_parted_table_consists_of_are_the_partitions_that_hold_rows(
    log: Log,
) -> None:
    """What is only divided further has no rows, and no file that could be rewritten."""
    parted = log.table("(id int PRIMARY KEY) PARTITION BY RANGE (id)")
    name = parted.spec.name
    for statement in (
        f"CREATE TABLE {name}_a PARTITION OF {name} FOR VALUES FROM (0) TO (10)",
        f"CREATE TABLE {name}_b PARTITION OF {name} FOR VALUES FROM (10) TO (20)"
        " PARTITION BY RANGE (id)",
        f"CREATE TABLE {name}_c PARTITION OF {name}_b FOR VALUES FROM (10) TO (15)",
    ):
        log.sql(statement)
    expected = log.sql(
        "SELECT oid::bigint, pg_relation_filenode(oid)::bigint FROM pg_class"
        f" WHERE relname IN ('{name}_a', '{name}_c') ORDER BY oid"
    )
    leaves = log.identity(parted).leaves
    assert [(leaf.oid, leaf.filenode) for leaf in leaves] == expected
    # Of the one below two tables: that either was linked anew is seen.
    assert [leaf.linked.count("/") for leaf in leaves] == [1, 2]


def test_a_key_that_is_not_published_is_refused_before_there_are_partitions(
    log: Log,
) -> None:
    """No partition, so nothing of the application fails yet; the key is missing."""
    parted = log.table(
        "(id int PRIMARY KEY, note text) PARTITION BY RANGE (id)", publish=False
    )
    publication, name = log.spec.publication, parted.spec.name
    log.sql(f"ALTER PUBLICATION {publication} ADD TABLE {name} (note)")
    assert told(log) == {name: "replica_identity"}
    log.sql(f"ALTER PUBLICATION {publication} SET TABLE {name} (id)")
    assert told(log) == {}


def test_a_column_that_an_index_only_carries_along_is_no_part_of_the_key(
    log: Log,
) -> None:
    table = log.table("(note text, id int, PRIMARY KEY (id) INCLUDE (note))")
    assert told(log) == {}
    assert log.identity(table).key == ("2:id",)


@pytest.mark.parametrize("partitioned", [False, True])
def test_a_list_of_columns_needs_no_column_that_the_index_only_carries_along(
    log: Log, partitioned: bool
) -> None:
    """PostgreSQL identifies a row by the key alone, and so refuses nothing."""
    table = log.table(
        "(note text, id int, PRIMARY KEY (id) INCLUDE (note))"
        + " PARTITION BY RANGE (id)" * partitioned,
        publish=False,
    )
    name = table.spec.name
    if partitioned:
        log.sql(f"CREATE TABLE {name}_1 PARTITION OF {name} DEFAULT")
    log.sql(f"ALTER PUBLICATION {log.spec.publication} ADD TABLE {name} (id)")
    log.sql(f"INSERT INTO {name} VALUES ('one', 1)")
    log.sql(f"UPDATE {name} SET note = 'two'")
    log.sql(f"DELETE FROM {name}")
    assert told(log) == {}


def test_a_key_that_the_index_only_carries_along_is_not_in_the_log(log: Log) -> None:
    table = log.table(
        "(id int, other int NOT NULL UNIQUE, PRIMARY KEY (id) INCLUDE (other))",
        key=("other",),
    )
    assert told(log) == {table.spec.name: "replica_identity"}
    log.sql(f"ALTER TABLE {table.spec.name} REPLICA IDENTITY FULL")
    assert told(log) == {}


def test_a_list_of_columns_is_that_of_its_own_table(log: Log) -> None:
    """A column that it lacks is lacking, though another table begins with its name."""
    log.table("(more int PRIMARY KEY)")
    bad = log.table(
        "(id int NOT NULL UNIQUE, more int, PRIMARY KEY (id, more))",
        key=("id",),
        publish=False,
    )
    name = bad.spec.name
    log.sql(f"ALTER PUBLICATION {log.spec.publication} ADD TABLE {name} (id)")
    log.sql(f"INSERT INTO {name} VALUES (1, 1)")
    with pytest.raises(psycopg2.Error, match="[Cc]olumn list"):
        log.sql(f"DELETE FROM {name}")
    assert told(log) == {name: "replica_identity"}


class Catalog:
    """A server of another version: what it answers to the two queries."""

    def __init__(self, listed: dict[str, Any]) -> None:
        identified = (["id"], [1], ["id"])
        self._answers: list[list[Any]] = [
            [("5.1", True, False, True)],
            [(0, 70, "r", "p", "d", *identified, False, listed, "6.1", False, True)],
        ]

    def rows(self, statement: object) -> list[Any]:
        return self._answers.pop(0)


@pytest.mark.parametrize(
    ("listed", "columns"),
    [({}, None), ({"attnames": ["id", "note"]}, ("id", "note"))],
)
def test_before_postgresql_15_no_list_of_columns_means_all_of_them(
    listed: dict[str, Any], columns: tuple[str, ...] | None
) -> None:
    database: Any = Catalog(listed)
    found = read_tables(
        database,
        Source("shop", "127.0.0.1", "shop", {}),
        LogSpec("slot", "publication"),
        [CaptureTable("orders", "public", "orders")],
    )
    assert found == [Published(70, ("id",), (1,), "5.1;6.1", "d", columns)]
