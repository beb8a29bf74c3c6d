"""Rows that share a key are found before an update of one is written over the other."""

import pytest

from tests.end_to_end.lab import Lab

COLUMNS = "name text, updated_at timestamptz NOT NULL DEFAULT now()"
WARN = {"duplicate_keys": "warn"}


def configured(lab: Lab, table: str, **settings: object) -> None:
    lab.psql(f"CREATE INDEX ON {table} (updated_at)")
    lab.apply({table: {"cursor": "updated_at", **settings}})


def warnings(lab: Lab, table: str) -> list[str]:
    return [w["code"] for w in lab.sync(table).get("warnings", [])]


def parent(lab: Lab) -> str:
    table = lab.name("parent")
    lab.psql(f"CREATE TABLE {table} (id int PRIMARY KEY, {COLUMNS})")
    lab.psql(f"CREATE TABLE {table}_child () INHERITS ({table})")
    lab.psql(f"INSERT INTO {table} VALUES (1, 'a')")
    return table


def loose(lab: Lab, kind: str = "int", index: str = "") -> str:
    table = lab.name("loose")
    lab.psql(f"CREATE TABLE {table} (id {kind} NOT NULL, {COLUMNS})")
    lab.psql(f"INSERT INTO {table} VALUES ('1', 'a'), ('2', 'c')")
    if index:
        lab.psql(index.format(t=table))
    return table


def test_inheritance_children_share_a_key(lab: Lab) -> None:
    table = parent(lab)
    lab.psql(f"INSERT INTO {table}_child VALUES (1, 'b')")
    configured(lab, table)
    for _ in range(2):
        assert "[duplicate_keys]" in lab.fail("SYNC_TABLE", table)
    lab.psql(f"DELETE FROM {table}_child")
    assert warnings(lab, table) == []
    lab.assert_equal(table)


@pytest.mark.large
def test_a_child_takes_a_key_of_its_parent_later(lab: Lab) -> None:
    table = parent(lab)
    configured(lab, table)
    lab.sync(table)
    lab.psql(f"INSERT INTO {table}_child VALUES (1, 'b')")
    assert "2 rows" in lab.fail("SYNC_TABLE", table)
    (row,) = lab.query(f"SELECT name FROM lab.{table}")
    assert row["NAME"] == "a"


@pytest.mark.large
@pytest.mark.parametrize("kind", ["numeric", "int", "text"])
def test_a_configured_key_that_is_not_unique(lab: Lab, kind: str) -> None:
    table = loose(lab, kind)
    lab.psql(f"INSERT INTO {table} VALUES ('1', 'b')")
    configured(lab, table, key=["id"])
    assert "[duplicate_keys]" in lab.fail("SYNC_TABLE", table)
    lab.apply({table: {"cursor": "updated_at", "key": ["id"], **WARN}})
    assert "duplicate_keys" in warnings(lab, table)
    lab.assert_equal(table)


@pytest.mark.large
@pytest.mark.parametrize(
    "index",
    [
        "",
        "CREATE INDEX ON {t} (id)",
        "CREATE UNIQUE INDEX ON {t} (id) WHERE name <> 'late'",
    ],
)
@pytest.mark.parametrize("policy", ["fail", "warn"])
def test_a_later_row_takes_a_key_of_an_older_one(
    lab: Lab, index: str, policy: str
) -> None:
    table = loose(lab, index=index)
    configured(lab, table, key=["id"], duplicate_keys=policy)
    assert warnings(lab, table) == []
    lab.psql(f"INSERT INTO {table} VALUES (3, 'fine')")
    assert warnings(lab, table) == []
    lab.psql(f"INSERT INTO {table} VALUES (1, 'late')")
    if policy == "warn":
        assert warnings(lab, table) == ["duplicate_keys"]
        return
    assert "[duplicate_keys]" in lab.fail("SYNC_TABLE", table)
    lab.psql(f"DELETE FROM {table} WHERE name = 'late'")
    lab.psql(f"INSERT INTO {table} VALUES (4, 'goes on')")
    assert warnings(lab, table) == []
    lab.assert_equal(table)


@pytest.mark.large
def test_two_rows_of_one_window_whose_key_may_be_null(lab: Lab) -> None:
    table = lab.name("nullable")
    lab.psql(f"CREATE TABLE {table} (id int UNIQUE, {COLUMNS})")
    configured(lab, table, key=["id"])
    lab.psql(f"INSERT INTO {table} VALUES (NULL, 'a')")
    assert warnings(lab, table) == []
    lab.psql(f"INSERT INTO {table} VALUES (NULL, 'b')")
    assert "[duplicate_keys]" in lab.fail("SYNC_TABLE", table)


@pytest.mark.large
def test_the_counts_of_a_merge_add_up_whatever_postgresql_says(lab: Lab) -> None:
    """Values that PostgreSQL cannot group: the MERGE tells by its own counts."""
    table = lab.name("json_key")
    lab.psql(f"CREATE TABLE {table} (id json NOT NULL, {COLUMNS})")
    configured(lab, table, key=["id"])
    lab.psql(f"INSERT INTO {table} VALUES ('1', 'a')")
    assert warnings(lab, table) == []
    lab.psql(f"INSERT INTO {table} VALUES ('2', 'b'), ('2', 'c')")
    assert "[duplicate_keys]" in lab.fail("SYNC_TABLE", table)
    assert len(lab.query(f"SELECT name FROM lab.{table}")) == 1


@pytest.mark.large
def test_a_comparison_of_keys_counts_them(lab: Lab) -> None:
    table = loose(lab)
    configured(
        lab, table, key=["id"], deletes="key_compare", delete_check_minutes=0, **WARN
    )
    assert warnings(lab, table) == []
    old = "INSERT INTO {t} VALUES (1, 'old', now() - interval '9 days')"
    lab.psql(old.format(t=table))
    assert warnings(lab, table) == ["duplicate_keys"]


@pytest.mark.large
def test_a_backfill_counts_them(lab: Lab) -> None:
    table = loose(lab)
    configured(lab, table, key=["id"])
    assert warnings(lab, table) == []
    lab.psql(f"INSERT INTO {table} VALUES (1, 'old', '2020-01-01')")
    failure = lab.fail_with("BACKFILL_TABLE", table, "2019-01-01", "2021-01-01")
    assert "[duplicate_keys]" in failure


def test_an_enforced_key_is_not_counted(lab: Lab) -> None:
    table = lab.name("strict")
    lab.psql(f"CREATE TABLE {table} (id int PRIMARY KEY, {COLUMNS})")
    lab.psql(f"INSERT INTO {table} VALUES (1, 'a')")
    configured(lab, table)
    before = len(lab.statements())
    assert warnings(lab, table) == []
    sent = [str(s) for s in lab.statements()[before:]]
    assert not any("HAVING COUNT" in s for s in sent)
