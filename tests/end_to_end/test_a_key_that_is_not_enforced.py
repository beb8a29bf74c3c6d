"""Rows that share a key are told with the first load, before an update mixes them."""

import pytest

from tests.end_to_end.lab import Lab

COLUMNS = "name text, updated_at timestamptz NOT NULL DEFAULT now()"


def warnings(lab: Lab, table: str, **settings: object) -> list[str]:
    lab.psql(f"CREATE INDEX ON {table} (updated_at)")
    lab.apply({table: {"cursor": "updated_at", **settings}})
    return [w["code"] for w in lab.sync(table).get("warnings", [])]


def test_inheritance_children_share_a_key(lab: Lab) -> None:
    table = lab.name("parent")
    lab.psql(f"CREATE TABLE {table} (id int PRIMARY KEY, {COLUMNS})")
    lab.psql(f"CREATE TABLE {table}_child () INHERITS ({table})")
    lab.psql(f"INSERT INTO {table} VALUES (1, 'a')")
    lab.psql(f"INSERT INTO {table}_child VALUES (1, 'b')")
    assert "duplicate_keys" in warnings(lab, table)


@pytest.mark.parametrize("kind", ["numeric", "int", "text"])
def test_a_configured_key_that_is_not_unique(lab: Lab, kind: str) -> None:
    table = lab.name("loose")
    lab.psql(f"CREATE TABLE {table} (id {kind} NOT NULL, {COLUMNS})")
    lab.psql(f"INSERT INTO {table} VALUES ('1', 'a'), ('1', 'b'), ('2', 'c')")
    assert "duplicate_keys" in warnings(lab, table, key=["id"])


def test_an_enforced_key_is_not_counted(lab: Lab) -> None:
    table = lab.name("strict")
    lab.psql(f"CREATE TABLE {table} (id int PRIMARY KEY, {COLUMNS})")
    lab.psql(f"INSERT INTO {table} VALUES (1, 'a')")
    before = len(lab.statements())
    assert "duplicate_keys" not in warnings(lab, table)
    sent = [str(s) for s in lab.statements()[before:]]
    assert not any("HAVING COUNT" in s for s in sent)
