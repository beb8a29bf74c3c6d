"""The source's columns change while a run is at work, or a run is killed over it."""

import json
from typing import Any

import pytest
import snowflake.connector

from tests.end_to_end.drifting import CURSOR, changes, insert, make, rows
from tests.end_to_end.drifting import target_columns, update
from tests.end_to_end.faults import Switchboard
from tests.end_to_end.lab import TARGET_SCHEMA, Lab

pytestmark = pytest.mark.large

# A wave of several parts is one SELECT over their requests.
WAVE = r"aurora_extract\(column2\)"
WINDOW = r"aurora_extract\(\?\)"
ALTERATION = """
    ALTER TABLE {0} RENAME a TO x; ALTER TABLE {0} RENAME b TO a;
    ALTER TABLE {0} RENAME x TO b; ALTER TABLE {0} DROP c;
    ALTER TABLE {0} ADD d int; ALTER TABLE {0} ALTER n TYPE bigint
"""


def filled(lab: Lab, name: str, count: int, **settings: Any) -> str:
    """Creates a table with some columns and rows."""
    table = make(lab, name, "a text, b text, c text, n int", **settings)
    lab.psql(
        f"INSERT INTO {table} SELECT i, 'a' || i, 'b' || i, 'c' || i, i,"
        " clock_timestamp() + i * interval '1 microsecond'"
        f" FROM generate_series(1, {count}) AS i; ANALYZE {table}"
    )
    return table


def apply_with_two_at_a_time(lab: Lab, table: str, **settings: Any) -> None:
    config = {
        "version": 1,
        "defaults": {
            "source": "shop",
            "target_schema": TARGET_SCHEMA,
            "margin_seconds": 0,
        },
        "sources": {"shop": {"max_parallel": 2, "time_zone": "UTC"}},
        "tables": {table: settings},
    }
    lab.call("APPLY_CONFIG", json.dumps(config))


def kill(lab: Lab, table: str, faults: Switchboard, **rule: Any) -> bool:
    """Syncs under a rule that kills the procedure; returns whether it struck."""
    faults.snowflake({"action": "kill_procedure", "procedure": "SYNC_TABLE", **rule})
    try:
        lab.sync(table)
        return False
    except snowflake.connector.errors.Error:
        return True
    finally:
        faults.clear()
        lab.expire_lease(table)


@pytest.mark.parametrize(
    ("mode", "second"),
    # A full table is one part: its only extraction follows the plan.
    [(CURSOR, WAVE), ({"mode": "full"}, r"aurora_extract\(\?\)")],
    ids=["cursor", "full"],
)
def test_a_part_that_differs_from_the_plan_makes_a_new_plan(
    lab: Lab, mode: dict[str, str], second: str
) -> None:
    table = filled(lab, "parts", 400)
    apply_with_two_at_a_time(lab, table, **mode, chunk_rows=100)
    lab.call("RESYNC_TABLE", table)
    with lab.before_statement(
        second, lambda _: lab.psql(ALTERATION.format(table)), nth=2
    ):
        lab.call("RESYNC_TABLE", table)
    lab.assert_equal(table)
    assert target_columns(lab, table)["N"] == "NUMBER(19,0)"
    assert sorted(changes(lab, table)) == [
        ("added", "d"),
        ("dropped", "c"),
        ("renamed", "a"),
        ("renamed", "b"),
        ("widened", "n"),
    ]


@pytest.mark.parametrize(
    "rule",
    [{"match": WAVE, "nth": 2}, {"match": "^COPY"}],
    ids=["after half of its parts", "after all of its parts"],
)
def test_a_resumed_snapshot_sees_that_the_columns_changed(
    lab: Lab, faults: Switchboard, rule: dict[str, Any]
) -> None:
    table = filled(lab, "resumed", 400)
    apply_with_two_at_a_time(lab, table, **CURSOR, chunk_rows=100)
    assert kill(lab, table, faults, **rule)
    lab.psql(
        f"ALTER TABLE {table} RENAME a TO x; ALTER TABLE {table} RENAME b TO a;"
        f"ALTER TABLE {table} RENAME x TO b"
    )
    update(lab, table, 7, a="changed")
    lab.sync(table)
    lab.assert_equal(table)


def test_columns_may_change_between_two_windows(lab: Lab) -> None:
    table = filled(lab, "windows", 5)
    lab.sync(table)
    lab.apply({table: {**CURSOR, "chunk_rows": 4}})
    lab.psql(
        f"INSERT INTO {table} SELECT i, 'a', 'b', 'c', i,"
        " clock_timestamp() + i * interval '1 microsecond'"
        " FROM generate_series(6, 17) AS i"
    )
    with lab.before_statement(
        WINDOW, lambda _: lab.psql(ALTERATION.format(table)), nth=2
    ):
        assert lab.sync(table)["windows"] >= 3
    lab.assert_equal(table)
    # The first window came before the change.
    assert rows(lab, table, "C")[3:10] == [
        *[("c4",), ("c5",)],
        *[("c",)] * 4,
        (None,),
    ]
    assert len(changes(lab, table)) == 5


def test_a_full_table_follows_every_change_with_its_next_reload(lab: Lab) -> None:
    table = filled(lab, "full", 3)
    lab.apply({table: {"mode": "full"}})
    lab.sync(table)
    lab.psql(ALTERATION.format(table))
    lab.sync(table)
    lab.sync(table)
    lab.assert_equal(table)
    assert rows(lab, table, "C") == [(None,)] * 3
    lab.psql(f"ALTER TABLE {table} ADD c text DEFAULT 'new'")
    lab.sync(table)
    lab.assert_equal(table)
    assert "C" in target_columns(lab, table)
    assert not [c for c in target_columns(lab, table) if "OLD" in c]
    assert [c for c in changes(lab, table) if c[1] == "c"] == [
        ("dropped", "c"),
        ("returned", "c"),
    ]
    lab.psql(f"ALTER TABLE {table} ALTER n TYPE text")
    assert "[type_changed]" in lab.fail("SYNC_TABLE", table)
    lab.call("RESYNC_TABLE", table)
    lab.assert_equal(table)
    # Recreated each night, with other attribute numbers: no drift at all.
    before = changes(lab, table)
    lab.psql(
        f"CREATE TABLE {table}_new (LIKE {table} INCLUDING ALL);"
        f"INSERT INTO {table}_new SELECT * FROM {table}; DROP TABLE {table};"
        f"ALTER TABLE {table}_new RENAME TO {table}"
    )
    lab.sync(table)
    lab.assert_equal(table)
    assert changes(lab, table) == before


def test_a_run_killed_at_any_statement_leaves_the_change_to_the_next(
    lab: Lab, faults: Switchboard
) -> None:
    """Each statement from the first ALTER TABLE to the COMMIT is where a run ends."""
    statement = "^(alter table|begin|merge|insert into control|commit)"
    nth = 0
    struck = True
    while struck:
        nth += 1
        table = filled(lab, f"killed{nth}", 3)
        lab.sync(table)
        lab.psql(ALTERATION.format(table))
        update(lab, table, 2, a="changed", d=5)
        struck = kill(lab, table, faults, match=statement, nth=nth)
        update(lab, table, 3, b="later")
        lab.sync(table)
        lab.assert_equal(table)
        # The first row is as it was but for the names; nothing of it was lost.
        assert rows(lab, table, "A", "B", "C") == [
            ("b1", "a1", "c1"),
            ("changed", "a2", None),
            ("b3", "later", None),
        ]
        assert not [c for c in target_columns(lab, table) if c.startswith("_")]
        assert sorted(changes(lab, table)) == [
            ("added", "d"),
            ("dropped", "c"),
            ("renamed", "a"),
            ("renamed", "b"),
            ("widened", "n"),
        ]
    assert nth > 12, "the rules did not hit"


def test_a_rename_that_was_half_done_and_is_taken_back(
    lab: Lab, faults: Switchboard
) -> None:
    """The source is as the ledger says, and has no news; the target is not."""
    keys = {**CURSOR, "deletes": "key_compare", "delete_check_minutes": 0}
    table = make(lab, "taken_back")
    lab.apply({table: keys})
    for id_ in range(12):
        insert(lab, table, id=id_, a="a")
    lab.sync(table)
    lab.psql(f"ALTER TABLE {table} RENAME id TO number")
    assert kill(lab, table, faults, match="^ALTER TABLE", when="after")
    assert "NUMBER" in target_columns(lab, table)
    lab.psql(f"ALTER TABLE {table} RENAME number TO id")
    lab.psql(f"DELETE FROM {table} WHERE id = 3")
    assert lab.sync(table)["rows_deleted"] == 1
    assert list(target_columns(lab, table)) == ["ID", "A", "UPDATED_AT"]
    assert changes(lab, table) == []


def test_a_backfill_that_is_killed_is_begun_again(
    lab: Lab, faults: Switchboard
) -> None:
    table = filled(lab, "killed_backfill", 9, backfill_new_columns=True)
    lab.sync(table)
    for at in ({"match": "^COPY"}, {"match": "^COMMIT"}, {"match": "^ALTER"}):
        lab.psql(f"ALTER TABLE {table} ADD e{len(changes(lab, table))} int DEFAULT 7")
        assert kill(lab, table, faults, **at)
        insert(lab, table, id=100 + len(changes(lab, table)), a="late")
        lab.sync(table)
        lab.assert_equal(table)
    assert [change for change, _ in changes(lab, table)] == ["added"] * 3
