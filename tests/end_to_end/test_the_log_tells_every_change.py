"""Mode log: every change and every delete arrives, whatever happens on the way."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.end_to_end.lab import Lab


class LogLab:
    """A source whose log is recorded, for the tables of one test."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.name = lab.name("logged")
        self.tables: dict[str, dict[str, Any]] = {}
        lab.psql(
            f"CREATE PUBLICATION {self.name} WITH (publish_via_partition_root = true)"
        )

    def table(self, stem: str, declared: str, **settings: Any) -> str:
        """Creates and publishes a table, and configures it."""
        table = self.lab.name(stem)
        self.lab.psql(f"CREATE TABLE {table} {declared}")
        self.lab.psql(f"ALTER PUBLICATION {self.name} ADD TABLE {table}")
        self.tables[table] = {"mode": "log", **settings}
        self.apply()
        return table

    def apply(self) -> None:
        config = self.lab.config(self.tables)
        config["sources"]["shop"]["log"] = {
            "slot": self.name,
            "publication": self.name,
        }
        self.lab.call("APPLY_CONFIG", json.dumps(config))

    def start(self) -> dict[str, Any]:
        return self.lab.call("START_LOG", "shop")


@pytest.fixture
def log(lab: Lab) -> Iterator[LogLab]:
    found = LogLab(lab)
    yield found
    found.lab.call("STOP_LOG", "shop")
    assert not lab.psql(
        "SELECT 1 FROM pg_replication_slots WHERE slot_name = %s", found.name
    )


def alive(lab: Lab, table: str) -> list[int]:
    rows = lab.query(
        f"SELECT id FROM lab.{table} WHERE _sync_deleted_at IS NULL ORDER BY id"
    )
    return [row["ID"] for row in rows]


def test_inserts_updates_and_deletes_arrive(lab: Lab, log: LogLab) -> None:
    table = log.table(
        "orders", "(id bigint PRIMARY KEY, note text)", delete_action="hard"
    )
    lab.psql(f"INSERT INTO {table} SELECT i, 'n' || i FROM generate_series(1, 20) i")
    log.start()
    assert lab.sync(table)["kind"] == "snapshot"
    lab.assert_equal(table)
    lab.psql(f"UPDATE {table} SET note = 'changed' WHERE id <= 3")
    lab.psql(f"DELETE FROM {table} WHERE id IN (4, 5)")
    lab.psql(f"INSERT INTO {table} VALUES (21, 'new')")
    lab.psql(f"UPDATE {table} SET id = 99 WHERE id = 20")
    report = lab.sync(table)
    assert report["kind"] == "increment"
    assert report["rows_extracted"] == 8
    assert (report["rows_inserted"], report["rows_deleted"]) == (2, 3)
    lab.assert_equal(table)
    assert lab.sync(table)["status"] == "unchanged"


def test_deleted_rows_are_flagged_and_come_back(lab: Lab, log: LogLab) -> None:
    table = log.table("soft", "(id bigint PRIMARY KEY, note text)")
    lab.psql(f"INSERT INTO {table} VALUES (1, 'a'), (2, 'b')")
    log.start()
    lab.sync(table)
    lab.psql(f"DELETE FROM {table} WHERE id = 2")
    lab.sync(table)
    assert alive(lab, table) == [1]
    (row,) = lab.query(f"SELECT note FROM lab.{table} WHERE id = 2")
    assert row["NOTE"] == "b"
    lab.psql(
        f"INSERT INTO {table} VALUES (2, 'again'); DELETE FROM {table} WHERE id = 1"
    )
    lab.sync(table)
    assert alive(lab, table) == [2]
