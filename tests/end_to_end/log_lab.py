"""A source whose log is recorded: what the tests of mode log have in common."""

import json
from typing import Any

from tests.end_to_end.lab import Lab


class LogLab:
    """A source whose log is recorded, for the tables of one test."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.name = lab.name("aurora_sync_logged")
        self.tables: dict[str, dict[str, Any]] = {}
        self.more: dict[str, Any] = {}
        self.groups: dict[str, Any] = {}
        lab.psql(
            f"CREATE PUBLICATION {self.name} WITH (publish_via_partition_root = true)"
        )

    def table(self, stem: str, declared: str, **settings: Any) -> str:
        """Creates and publishes a table, and configures it."""
        table = self.lab.name(stem)
        self.lab.psql(f"CREATE TABLE {table} {declared}")
        self.lab.psql(f"ALTER PUBLICATION {self.name} ADD TABLE {table}")
        self.tables[table] = {"mode": "log", **settings}
        if "group" not in settings:
            self.apply()
        return table

    def apply(self) -> None:
        config = self.lab.config(self.tables)
        config["sources"]["shop"]["log"] = {
            "slot": self.name,
            "publication": self.name,
            **self.more,
        }
        config["groups"] = self.groups
        self.lab.call("APPLY_CONFIG", json.dumps(config))

    def start(self) -> dict[str, Any]:
        return self.lab.call("START_LOG", "shop")
