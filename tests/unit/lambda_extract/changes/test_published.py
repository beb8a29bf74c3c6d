"""What the catalog says of a table whose changes the log is to tell."""

import dataclasses
from typing import Any

import pytest

from lambda_extract.changes.published import Difference, difference
from lambda_extract.contract import LogIdentity, LogLeaf
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
