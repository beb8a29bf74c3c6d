"""The source is another one than the watermark belongs to, or stands at an older state.

Cursors see what is newer. Each test makes the rows behind the watermark others than
those that were delivered, without any cursor that would say so (C4, C5, C14).
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.end_to_end.lab import Lab

OLD = "now() - interval '1 day'"


def filled(name: str, rows: int, note: str, first: int = 1) -> str:
    """Rows of yesterday: ids from `first`, dates that a watermark has passed."""
    return f"""
        INSERT INTO {name} (id, note, updated_at)
        SELECT i, '{note} ' || i, {OLD}
        FROM generate_series({first}, {first + rows - 1}) AS i"""


def truncated(lab: Lab, name: str) -> None:
    lab.psql(f"TRUNCATE {name}")
    lab.psql(filled(name, 20, "again"))


def restarted(lab: Lab, name: str) -> None:
    lab.psql(f"TRUNCATE {name} RESTART IDENTITY")
    lab.psql(
        f"INSERT INTO {name} (note, updated_at) SELECT 'new', {OLD} FROM"
        " generate_series(1, 20)"
    )


def recreated(lab: Lab, name: str) -> None:
    lab.psql(f"DROP TABLE {name}")
    lab.orders_table(name, 0)
    lab.psql(filled(name, 20, "recreated"))


def swapped(lab: Lab, name: str) -> None:
    lab.psql(f"CREATE TABLE {name}_green (LIKE {name} INCLUDING ALL)")
    lab.psql(filled(f"{name}_green", 50, "green"))
    lab.psql(f"ALTER TABLE {name} RENAME TO {name}_blue")
    lab.psql(f"ALTER TABLE {name}_green RENAME TO {name}")


def replaced_by_delete(lab: Lab, name: str) -> None:
    lab.psql(f"DELETE FROM {name}")
    lab.psql(filled(name, 20, "restored"))


def rewritten(lab: Lab, name: str) -> None:
    lab.psql(f"ALTER TABLE {name} ALTER amount TYPE numeric(12, 2) USING amount + 1")


CHANGES = (
    truncated,
    restarted,
    recreated,
    swapped,
    replaced_by_delete,
    rewritten,
)
QUICK = (truncated, swapped, rewritten)
EVERY = [c if c in QUICK else pytest.param(c, marks=pytest.mark.large) for c in CHANGES]


def codes(report: dict[str, Any]) -> list[str]:
    return [w["code"] for w in report.get("warnings", [])]


def fresh(lab: Lab, cursor: str, **settings: Any) -> str:
    name = lab.name("back")
    lab.orders_table(name, 50)
    lab.apply({name: {"cursor": cursor, **settings}})
    lab.sync(name)
    lab.sync(name)
    return name


@pytest.mark.parametrize(
    "cursor", ["updated_at", pytest.param("id", marks=pytest.mark.large)]
)
@pytest.mark.parametrize("change", EVERY)
def test_the_table_is_reloaded_and_says_so(
    lab: Lab, change: Callable[[Lab, str], None], cursor: str
) -> None:
    name = fresh(lab, cursor)
    change(lab, name)
    report = lab.sync(name)
    lab.assert_equal(name)
    assert "source_changed" in codes(report)
    assert report["kind"] == "snapshot"
    recorded = lab.query(
        "SELECT change FROM control.sync_schema_changes WHERE table_name = %s"
        " AND change = 'source_changed'",
        name,
    )
    assert len(recorded) == 1
    assert lab.sync(name)["status"] == "unchanged"


@pytest.mark.parametrize("change", [truncated, swapped])
def test_the_policy_may_be_to_fail(
    lab: Lab, change: Callable[[Lab, str], None]
) -> None:
    name = fresh(lab, "updated_at", source_changed="fail")
    change(lab, name)
    for _ in range(2):
        text = lab.fail("SYNC_TABLE", name)
        assert "[source_changed]" in text and "RESYNC_TABLE" in text
    lab.call("RESYNC_TABLE", name)
    lab.assert_equal(name)
    assert lab.sync(name)["status"] == "unchanged"


@pytest.mark.large
@pytest.mark.parametrize("cursor", ["updated_at", "id"])
def test_deleting_the_newest_rows_reloads_nothing(lab: Lab, cursor: str) -> None:
    name = fresh(lab, cursor)
    lab.psql(f"DELETE FROM {name} WHERE id > 40")
    report = lab.sync(name)
    assert "source_changed" not in codes(report)
    assert report["kind"] == "increment"


@pytest.mark.large
def test_vacuum_full_reloads_needlessly_but_rightly(lab: Lab) -> None:
    name = fresh(lab, "updated_at")
    lab.psql(f"VACUUM FULL {name}")
    assert "source_changed" in codes(lab.sync(name))
    lab.assert_equal(name)


def retyped(lab: Lab, name: str) -> None:
    lab.psql(f"ALTER TABLE {name} ALTER amount TYPE numeric(14, 2)")
    lab.psql(f"ALTER TABLE {name} ADD rank int, ALTER note TYPE varchar(90)")


def with_a_new_column(lab: Lab, name: str) -> None:
    lab.psql(f"ALTER TABLE {name} ADD extra int DEFAULT 7")


def with_a_computed_column(lab: Lab, name: str) -> None:
    lab.psql(f"ALTER TABLE {name} ADD random uuid DEFAULT gen_random_uuid()")


def renamed(lab: Lab, name: str) -> None:
    lab.psql(f"ALTER TABLE {name} RENAME amount TO price")


def without_a_column(lab: Lab, name: str) -> None:
    lab.psql(f"ALTER TABLE {name} DROP amount")


def emptied(lab: Lab, name: str) -> None:
    """Its newest row is newer than the watermark, so that no cursor tells of it."""
    truncated(lab, name)
    lab.psql(f"INSERT INTO {name} (id, note) VALUES (99, 'again, newest')")


@pytest.mark.large
@pytest.mark.parametrize("alter", [with_a_new_column, renamed, without_a_column])
@pytest.mark.parametrize("first", [True, False])
def test_truncated_and_altered_before_the_next_sync(
    lab: Lab, alter: Callable[[Lab, str], None], first: bool
) -> None:
    """An ALTER TABLE that writes no row must not explain new storage (C4)."""
    name = fresh(lab, "updated_at")
    for step in [emptied, alter] if first else [alter, emptied]:
        step(lab, name)
    assert "source_changed" in codes(lab.sync(name))
    (row,) = lab.query(f"SELECT COUNT(*) AS n, MIN(note) AS note FROM lab.{name}")
    assert row["N"] == 21 and row["NOTE"].startswith("again")
    assert lab.sync(name)["status"] == "unchanged"


@pytest.mark.large
@pytest.mark.parametrize("alter", [retyped, with_a_computed_column])
@pytest.mark.parametrize("empty", [True, False])
def test_an_alter_that_writes_the_table_anew_is_told(
    lab: Lab, alter: Callable[[Lab, str], None], empty: bool
) -> None:
    """Nothing tells a TRUNCATE before it."""
    name = fresh(lab, "updated_at")
    if empty:
        emptied(lab, name)
    alter(lab, name)
    assert codes(lab.sync(name)) == ["table_rewritten"]
    assert codes(lab.sync(name)) == []


@pytest.mark.large
@pytest.mark.parametrize("alter", [with_a_new_column, renamed, without_a_column])
def test_an_alter_that_rewrites_nothing_reloads_nothing(
    lab: Lab, alter: Callable[[Lab, str], None]
) -> None:
    name = fresh(lab, "updated_at")
    alter(lab, name)
    report = lab.sync(name)
    assert report["kind"] == "increment" and "source_changed" not in codes(report)


@pytest.mark.large
@pytest.mark.parametrize(
    ("field", "value"),
    [("system", "1"), ("timeline", 77), ("next_transaction", 2**50)],
)
def test_a_server_at_an_older_state(lab: Lab, field: str, value: Any) -> None:
    """The last commit recorded a server that is not the one of today."""
    name = fresh(lab, "updated_at")
    (row,) = lab.query(
        "SELECT source_identity FROM control.sync_current_watermarks"
        " WHERE table_name = %s",
        name,
    )
    identity = {**json.loads(row["SOURCE_IDENTITY"]), field: value}
    lab.query(
        "UPDATE control.sync_watermarks SET source_identity = %s"
        " WHERE table_name = %s",
        json.dumps(identity),
        name,
    )
    lab.psql(f"UPDATE {name} SET note = 'older'")
    assert "source_changed" in codes(lab.sync(name))
    lab.assert_equal(name)
    assert lab.sync(name)["status"] == "unchanged"


def partitioned(lab: Lab) -> str:
    name = lab.name("parted")
    lab.psql(f"""
        CREATE TABLE {name} (id int, note text, updated_at timestamptz NOT NULL
            DEFAULT now(), PRIMARY KEY (id)) PARTITION BY RANGE (id);
        CREATE INDEX ON {name} (updated_at);
        CREATE TABLE {name}_1 PARTITION OF {name} FOR VALUES FROM (0) TO (1000);
        INSERT INTO {name} SELECT i, 'first' FROM generate_series(1, 20) AS i""")
    lab.apply({name: {"cursor": "updated_at"}})
    lab.sync(name)
    return name


@pytest.mark.large
def test_a_partition_attached_with_older_rows(lab: Lab) -> None:
    name = partitioned(lab)
    lab.psql(f"CREATE TABLE {name}_2 (LIKE {name} INCLUDING ALL)")
    lab.psql(filled(f"{name}_2", 20, "older", 1000))
    lab.psql(
        f"ALTER TABLE {name} ATTACH PARTITION {name}_2 FOR VALUES FROM (1000)"
        " TO (2000)"
    )
    assert "source_changed" in codes(lab.sync(name))
    lab.assert_equal(name)


@pytest.mark.large
def test_a_partition_detached_changed_and_attached_again(lab: Lab) -> None:
    name = partitioned(lab)
    lab.psql(f"ALTER TABLE {name} DETACH PARTITION {name}_1")
    lab.psql(f"UPDATE {name}_1 SET note = 'meanwhile'")
    lab.psql(
        f"ALTER TABLE {name} ATTACH PARTITION {name}_1 FOR VALUES FROM (0)" " TO (1000)"
    )
    assert "source_changed" in codes(lab.sync(name))
    lab.assert_equal(name)


@pytest.mark.large
@pytest.mark.parametrize(
    "how",
    [
        "ALTER TABLE {0} DETACH PARTITION {0}_2",
        "ALTER TABLE {0} DETACH PARTITION {0}_2 CONCURRENTLY",
        "DROP TABLE {0}_2",
    ],
)
def test_a_partition_that_is_gone_is_told_once(lab: Lab, how: str) -> None:
    name = partitioned(lab)
    lab.psql(
        f"CREATE TABLE {name}_2 PARTITION OF {name} FOR VALUES FROM (1000) TO (2000)"
    )
    lab.psql(
        f"INSERT INTO {name} SELECT i, 'second' FROM generate_series(1000, 1005) i"
    )
    lab.sync(name)
    lab.psql(how.format(name))
    assert codes(lab.sync(name)) == ["partition_detached"]
    assert codes(lab.sync(name)) == []
    assert lab.query(f"SELECT COUNT(*) AS n FROM lab.{name}")[0]["N"] == 26


@pytest.mark.large
def test_a_child_that_inherits_no_more_is_told(lab: Lab) -> None:
    name = fresh(lab, "updated_at")
    lab.psql(f"CREATE TABLE {name}_c () INHERITS ({name})")
    assert codes(lab.sync(name)) == []
    lab.psql(f"ALTER TABLE {name}_c NO INHERIT {name}")
    assert codes(lab.sync(name)) == ["partition_detached"]


@pytest.mark.large
def test_a_partition_that_is_exchanged_is_read(lab: Lab) -> None:
    name = partitioned(lab)
    lab.psql(f"CREATE TABLE {name}_new (LIKE {name} INCLUDING ALL)")
    lab.psql(filled(f"{name}_new", 15, "exchanged"))
    lab.psql(f"ALTER TABLE {name} DETACH PARTITION {name}_1")
    lab.psql(
        f"ALTER TABLE {name} ATTACH PARTITION {name}_new FOR VALUES FROM (0) TO (1000)"
    )
    assert "source_changed" in codes(lab.sync(name))
    lab.assert_equal(name)


@pytest.mark.large
def test_a_truncated_partition(lab: Lab) -> None:
    name = partitioned(lab)
    lab.psql(f"TRUNCATE {name}_1")
    lab.psql(filled(name, 5, "again"))
    assert "source_changed" in codes(lab.sync(name))
    lab.assert_equal(name)


def test_a_new_empty_partition_is_no_change(lab: Lab) -> None:
    name = partitioned(lab)
    lab.psql(
        f"CREATE TABLE {name}_2 PARTITION OF {name} FOR VALUES FROM (1000)" " TO (2000)"
    )
    assert "source_changed" not in codes(lab.sync(name))
    lab.psql(f"INSERT INTO {name} VALUES (1001, 'new')")
    assert "source_changed" not in codes(lab.sync(name))
    assert lab.sync(name)["status"] == "unchanged"
    lab.assert_equal(name)


@pytest.mark.large
def test_a_group_reloads_what_changed_alone(lab: Lab) -> None:
    names = [lab.name(f"member{i}") for i in range(3)]
    group = lab.name("group")
    config = lab.config({n: {"cursor": "updated_at", "group": group} for n in names})
    config["groups"] = {group: {}}
    for name in names:
        lab.orders_table(name, 30)
    lab.call("APPLY_CONFIG", json.dumps(config))
    lab.call("SYNC_GROUP", group)
    truncated(lab, names[1])
    assert lab.call("SYNC_GROUP", group)["changed"] == [names[1]]
    for name in names:
        lab.assert_equal(name)
    told = lab.query(
        "SELECT warnings FROM control.sync_runs WHERE table_name = %s", names[1]
    )
    assert sum("source_changed" in str(row["WARNINGS"]) for row in told) == 1
