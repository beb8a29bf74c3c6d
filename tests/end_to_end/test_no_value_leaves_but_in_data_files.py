"""S7: no value leaves but in data files.

Values are planted in every column and key, all calls are made, with failures too, and
everything that leaves is searched: ledgers, views, reports, errors, query history,
logs, objects outside of the data files, notifications.
"""

import contextlib
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import snowflake.connector

from tests.end_to_end.faults import Switchboard
from tests.end_to_end.lab import TARGET_SCHEMA, Lab

# Each is found by chance nowhere; the texts that a sync could write of them.
NUMBER, KEY = 918273645, 546372819
PLANTED = (
    str(NUMBER),
    str(KEY),
    "Planted-text-7b1e",
    "Planted-key-7b1e",
    "Planted-json-7b1e",
    "Planted-array-7b1e",
    "506c616e7465642d6279746561",  # Planted-bytea
    "1987-03-29",
    "19:47:53.918273",
    "7b1e7b1e-7b1e-4b1e-8b1e-7b1e7b1e7b1e",
    "91827.3645",
)
COLUMNS = """
    id bigint, code text, note text, amount numeric(12,4), odd numeric, day date,
    hour time, who uuid, document jsonb, tags text[], raw bytea,
    updated_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (id, code)"""
ROW = """(%s, 'Planted-key-7b1e', 'Planted-text-7b1e', 91827.3645, %s, '1987-03-29',
    '19:47:53.918273', '7b1e7b1e-7b1e-4b1e-8b1e-7b1e7b1e7b1e',
    '{"a": "Planted-json-7b1e"}', '{Planted-array-7b1e}', 'Planted-bytea', now())"""


# Rows, and keys of changed rows.
DATA_FILES = (".csv.zst", ".keys.gz")


def leaves(lab: Lab, told: list[str]) -> Iterator[tuple[str, str]]:
    """Yields everything that left PostgreSQL and is no data file, by its name."""
    yield from ((f"report {number}", text) for number, text in enumerate(told))
    landing = lab.stack.endpoints.landing
    pages = lab.s3.get_paginator("list_objects_v2").paginate(Bucket=landing.bucket)
    for entry in (e for page in pages for e in page.get("Contents", [])):
        if not entry["Key"].endswith(DATA_FILES):
            found = lab.s3.get_object(Bucket=landing.bucket, Key=entry["Key"])
            yield entry["Key"], found["Body"].read().decode("utf-8", "replace")
    queries = Path(lab.stack.endpoints.queries)
    for path in sorted(queries.parent.rglob("*")):
        outside = not {"aurora", "stages"} & set(path.relative_to(queries.parent).parts)
        if path.is_file() and outside and path.suffix in (".log", ".jsonl"):
            yield path.name, path.read_text(encoding="utf-8", errors="replace")
    for kind in ("TABLES", "VIEWS"):
        for row in lab.query(f"SHOW {kind} IN SCHEMA control"):
            rows = lab.query(f'SELECT * FROM control."{row["name"]}"')
            yield row["name"], json.dumps(rows, default=str)
    place = lab.stack.endpoints.snowflake
    with urllib.request.urlopen(f"http://{place.host}:{place.port}/local/tasks") as got:
        yield "notifications and task runs", got.read().decode()


class Planting:
    """Tables with planted values, and what every call has said."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.told: list[str] = []
        self.slot = lab.name("aurora_sync_planted")
        self.tables: dict[str, dict[str, Any]] = {}

    def table(self, stem: str, **settings: Any) -> str:
        """Makes a table with three planted rows; to be configured."""
        name = self.lab.name(stem)
        self.lab.psql(f"CREATE TABLE {name} ({COLUMNS})")
        values = (KEY, NUMBER, KEY + 1, "NaN", KEY + 2, None)
        self.lab.psql(f"INSERT INTO {name} VALUES {', '.join([ROW] * 3)}", *values)
        self.lab.psql(f"ANALYZE {name}")
        self.tables[name] = settings | {"keys_in_messages": False}
        return name

    def call(self, statement: str, *given: Any) -> str:
        """Makes a call; what it says counts, be it a report or an error."""
        try:
            rows = self.lab.query(f"CALL {statement}", *given)
            said = json.dumps(rows, default=str)
        except snowflake.connector.errors.Error as error:
            said = str(error)
        self.told.append(said)
        return said

    def configure(self, **changes: Any) -> None:
        """Applies a configuration of all tables, one group of them."""
        tables = {name: t | changes for name, t in self.tables.items()}
        config = self.lab.config(tables)
        if any(table.get("mode") == "log" for table in tables.values()):
            log = {"slot": self.slot, "publication": self.slot}
            config["sources"]["shop"]["log"] = log
        schedule = {"cron": "5 * * * *", "time_zone": "UTC"}
        config["groups"] = {"planted": {"schedule": schedule}}
        given = json.dumps(config)
        assert "is in force" in self.call("APPLY_CONFIG(%s, FALSE, TRUE)", given)

    def hits(self) -> list[tuple[str, str]]:
        """Returns where a planted value is that is no data file."""
        found, looked_at = [], 0
        for name, text in leaves(self.lab, self.told):
            looked_at += 1
            # This test's own statements, and the words that it gave to Snowflake.
            if name.endswith(".jsonl"):
                lines = [json.loads(line) for line in text.split("\n") if line]
                text = "\n".join(q["text"] for q in lines if q["procedure"] is not None)
            found += [(name, value) for value in PLANTED if value in text]
        assert looked_at > 60
        return found


@pytest.fixture
def planting(lab: Lab) -> Planting:
    return Planting(lab)


def test_every_procedure_is_called_in_this_file(lab: Lab) -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    names = [row["name"] for row in lab.query("SHOW PROCEDURES IN SCHEMA control")]
    assert len(names) > 30
    # One stands in a list of names.
    called = (f"{name}(" in text or f'"{name}"' in text for name in names)
    assert all(called), names


@pytest.mark.large
def test_s7_no_planted_value_is_found_anywhere(
    lab: Lab, faults: Switchboard, planting: Planting
) -> None:
    table = planting.table(
        "planted",
        cursor="updated_at",
        deletes="key_compare",
        max_delete_percent=100,
        group="planted",
    )
    call, configure = planting.call, planting.configure

    configure()
    for procedure in ("CHECK_SYNC", "PLAN_SYNC", "SYNC_TABLE"):
        call(f"{procedure}('{table}')")
    target = f'"{TARGET_SCHEMA}"."{table.upper()}"'
    assert "succeeded" in planting.told[-1], planting.told[-1]
    assert lab.query(f"SELECT COUNT(*) AS n FROM {target}")[0]["N"] == 3
    # Differences: one row is gone, one is another one, one is too many.
    lab.query(f'UPDATE {target} SET "NOTE" = \'other\' WHERE "ID" = {KEY}')
    lab.query(f'DELETE FROM {target} WHERE "ID" = {KEY + 1}')
    lab.query(f'UPDATE {target} SET "ID" = 1 WHERE "ID" = {KEY + 2}')
    assert "different" in call(f"VALIDATE_TABLE('{table}', FALSE)")
    assert "epaired" in call(f"VALIDATE_TABLE('{table}', TRUE)")
    lab.psql(f"DELETE FROM {table} WHERE id = {KEY + 2}")
    lab.psql(f"UPDATE {table} SET updated_at = now()")
    for statement in (
        f"CONFIRM_DELETES('{table}')",
        f"BACKFILL_TABLE('{table}', '2020-01-01', '2030-01-01')",
        f"RESYNC_TABLE('{table}')",
        "SYNC_GROUP('planted')",
        "EXTRACT_GROUP('planted')",
        f"LOAD_TABLE('{table}')",
        f"MERGE_TABLE('{table}')",
        "FINISH_GROUP('planted')",
        "EXTRACT_LANES('planted', 1)",
        "LOAD_LANE('planted', 1)",
        "FINISH_GROUP('planted')",
        "DBT_SOURCES()",
        "TEST_ALERT()",
        f"PAUSE_TABLE('{table}', 'why')",
        f"RESUME_TABLE('{table}')",
        "APPLY_TASKS()",
        "RAISE_ALERTS()",
        "HELP()",
    ):
        call(statement)
    # Failures: a value that is refused, and statements that Snowflake refuses with the
    # row in its words.
    configure(special_values="fail")
    assert "special_value_refused" in call(f"RESYNC_TABLE('{table}')")
    configure()
    for match in ("^copy", "^merge", "^insert overwrite"):
        lab.psql(f"UPDATE {table} SET updated_at = now()")
        message = f"Row Values: [{KEY}, Planted-text-7b1e]"
        faults.snowflake(
            {"match": match, "action": "error", "code": 100090, "message": message}
        )
        call(f"RESYNC_TABLE('{table}')")
        call(f"SYNC_TABLE('{table}')")
        faults.clear()
    for match in ("^copy", "^merge"):
        lab.psql(f"UPDATE {table} SET updated_at = now()")
        call("EXTRACT_LANES('planted', 1)")
        faults.snowflake(
            {"match": match, "action": "error", "code": 100090, "message": message}
        )
        assert "lane_failed" in call("LOAD_LANE('planted', 1)")
        faults.clear()
        call("FINISH_GROUP('planted')")
    call("RAISE_ALERTS()")

    assert planting.hits() == []
    with contextlib.suppress(Exception):
        lab.query("CALL PAUSE_TABLE(%s, 'done')", table)


@pytest.mark.large
def test_s7_nor_by_the_log_a_history_a_proposal_or_tidying(
    lab: Lab, faults: Switchboard, planting: Planting
) -> None:
    call = planting.call
    kept = planting.table("planted_history", cursor="updated_at", history=True)
    logged = planting.table("planted_log", mode="log")
    lab.psql(f"CREATE PUBLICATION {planting.slot} FOR TABLE {logged}")
    planting.configure()
    assert "configured" in call("PROPOSE_CONFIG('shop', ['public.planted*'])")
    for statement in ("LOG_SETUP('shop')", "START_LOG('shop')", "CHECK_SYNC()"):
        call(statement)
    try:
        for name in (kept, logged):
            assert "snapshot" in call(f"SYNC_TABLE('{name}')")
        # Rows that change, go, and come with another key; a value that is none.
        for name in (kept, logged):
            lab.psql(f"UPDATE {name} SET note = note || 2, updated_at = now()")
            lab.psql(f"DELETE FROM {name} WHERE id = {KEY + 1}")
            lab.psql(f"UPDATE {name} SET id = {KEY + 7} WHERE id = {KEY + 2}")
        assert "ERROR" not in call("CAPTURE_LOG('shop')")
        for name in (kept, logged):
            assert "increment" in call(f"SYNC_TABLE('{name}')")
        call(f"VALIDATE_TABLE('{logged}', TRUE)")
        # Snowflake refuses a statement with the row in its words.
        message = f"Row Values: [{KEY}, Planted-text-7b1e]"
        fault = {"match": "^merge", "action": "error", "code": 100090}
        for name in (kept, logged):
            faults.snowflake(fault | {"message": message})
            lab.psql(f"UPDATE {name} SET updated_at = now()")
            assert "error" in call(f"SYNC_TABLE('{name}')")
        faults.clear()
        for statement in (
            f"RESYNC_TABLE('{kept}')",
            "RESYNC_SOURCE('shop')",
            f"SYNC_TABLE('{logged}')",
            f"CONFIRM_DELETES('{kept}')",
            "TIDY()",
            "RAISE_ALERTS()",
            f"REMOVE_TABLES(['{kept}'])",
            f"ADD_TABLES('shop', ['public.{kept}'])",
        ):
            call(statement)
    finally:
        call("STOP_LOG('shop')")
    assert planting.hits() == []
