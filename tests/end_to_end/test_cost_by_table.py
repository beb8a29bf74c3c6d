"""SYNC_COST, over an ACCOUNT_USAGE of invented queries."""

import json
from collections.abc import Iterator
from decimal import Decimal

import pytest

from scripts.sql_files import read_files, statements
from tests.end_to_end.lab import TARGET_SCHEMA, Lab

VALUES = {
    "admin_role": "ACCOUNTADMIN",
    "warehouse": "AURORA_SYNC",
    "database": "AURORA_SYNC",
}
# query, its parent, statement, minute at which it starts and ends, credits
QUERIES = (
    ("q1", None, "CALL control.SYNC_TABLE('{a}')", 0, 5, 0.5),
    ("q2", "q1", "MERGE INTO t", 1, 2, 1.5),
    ("q3", None, "CALL sync_group('{group}')", 10, 15, 1.0),
    ("q4", "q3", "COPY INTO t", 11, 12, 3.0),
    ("q5", None, 'call aurora_sync.control.load_table(\'{b}\')', 20, 21, 0.25),
    ("q6", None, "CALL aurora_sync.control.merge_table('{b}')", 22, 23, 0.25),
    ("q7", None, "CALL sync_table(?)", 30, 31, 8.0),
    ("root", None, "DECLARE report VARIANT; BEGIN CALL extract_lanes", 40, 41, 64.0),
    ("q9", "root", "CALL control.extract_lanes('{group}', 8)", 40, 41, 0.5),
    ("q10", "q9", "SELECT 1", 40, 41, 0.5),
    ("q11", None, "CALL control.load_lane('{group}', 1)", 42, 44, 1.0),
    ("q12", "q11", "MERGE INTO t", 42, 44, 3.0),
    ("q8", None, "SELECT 'sync_table(''{a}'')'", 0, 5, 64.0),
)  # fmt: skip
# task, database, credits
SERVERLESS = (
    ("LOAD_{a}", "AURORA_SYNC", 0.125),
    ("MERGE_{b}", "AURORA_SYNC", 0.25),
    ("EXTRACT_{group}", "AURORA_SYNC", 1.0),
    ("LOAD_{group}_12", "AURORA_SYNC", 2.0),
    ("LOAD_{group}_X", "AURORA_SYNC", 64.0),
    ("MERGE_{b}", "ELSEWHERE", 64.0),
    ("LOAD_NOBODY", "AURORA_SYNC", 64.0),
)
# run, table, start, end, rows
RUNS = (
    ("r1", "a", 1, 4, 10),
    ("r2", "a", 11, 14, 20),
    ("r2", "b", 11, 14, 40),
    ("r3", "b", 19, 23, 80),
    ("r4", "a", 40, 41, 0),
    ("r4", "b", 40, 43, 160),
)


def minute(number: int) -> str:
    return f"DATEADD('minute', {number}, DATE_TRUNC('day', CURRENT_TIMESTAMP()))"


@pytest.fixture
def names(lab: Lab) -> Iterator[dict[str, str]]:
    """Two tables of a group; what only this test has is dropped at its end."""
    names = {"a": lab.name("a"), "b": lab.name("b"), "group": lab.name("Grp")}
    config: dict[str, object] = {
        "version": 1,
        "defaults": {"source": "shop", "target_schema": TARGET_SCHEMA},
        "sources": {"shop": {"time_zone": "UTC"}},
        "groups": {names["group"]: {}},
        "tables": {
            names[table]: {"cursor": "updated_at", "group": names["group"]}
            for table in "ab"
        },
    }
    lab.call("APPLY_CONFIG", json.dumps(config))
    yield names
    lab.query("USE ROLE accountadmin")
    lab.query("DROP VIEW IF EXISTS control.sync_cost")
    lab.query("DROP DATABASE IF EXISTS snowflake")


def test_credits_go_to_the_tables_of_each_call(lab: Lab, names: dict[str, str]) -> None:
    for text in (
        "CREATE DATABASE IF NOT EXISTS snowflake",
        "CREATE SCHEMA IF NOT EXISTS snowflake.account_usage",
        "CREATE TABLE snowflake.account_usage.query_history (query_id VARCHAR,"
        " query_text VARCHAR, query_type VARCHAR, start_time TIMESTAMP_TZ,"
        " end_time TIMESTAMP_TZ)",
        "CREATE TABLE snowflake.account_usage.query_attribution_history"
        " (query_id VARCHAR, parent_query_id VARCHAR, root_query_id VARCHAR,"
        " start_time TIMESTAMP_TZ,"
        " credits_attributed_compute FLOAT, credits_used_query_acceleration FLOAT)",
        "CREATE TABLE snowflake.account_usage.serverless_task_history (task_name"
        " VARCHAR, database_name VARCHAR, schema_name VARCHAR, start_time"
        " TIMESTAMP_TZ, credits_used VARCHAR)",
        "USE SCHEMA aurora_sync.control",
    ):
        lab.query(text)
    parents = {query: parent for query, parent, *_ in QUERIES}
    for query, parent, text, start, end, credits in QUERIES:
        root = parent
        while parents.get(root or ""):
            root = parents[root or ""]
        filled = text.format(**names)
        lab.query(
            "INSERT INTO snowflake.account_usage.query_history SELECT %s, %s, %s,"
            f" {minute(start)}, {minute(end)}",
            query, filled, filled.split()[0].upper(),
        )  # fmt: skip
        lab.query(
            "INSERT INTO snowflake.account_usage.query_attribution_history"
            f" SELECT %s, %s, %s, {minute(start)}, %s, NULL",
            query, parent, root, credits,
        )  # fmt: skip
    for run, table, start, end, rows in RUNS:
        lab.query(
            "INSERT INTO control.sync_runs (run_id, table_name, kind, status,"
            " started_at, finished_at, rows_extracted, bytes) SELECT %s, %s,"
            f" 'increment', 'succeeded', {minute(start)}, {minute(end)}, %s, %s",
            run, names[table], rows, 2 * rows,
        )  # fmt: skip
    for task, database, credits in SERVERLESS:
        lab.query(
            "INSERT INTO snowflake.account_usage.serverless_task_history"
            f" SELECT %s, %s, 'CONTROL', {minute(40)}, %s",
            task.format(**{n: name.upper() for n, name in names.items()}),
            database, credits,
        )  # fmt: skip
    (file,) = [file for file in read_files() if file.folder == "90_cost"]
    for statement in statements(file, VALUES):
        lab.query(statement.text)
    found = {
        row["TABLE_NAME"]: (
            float(row["CREDITS"]),
            int(row["CALLS"]),
            int(row["RUNS"]),
            Decimal(row["ROWS_EXTRACTED"] or 0),
            Decimal(row["BYTES"] or 0),
        )
        for row in lab.query("SELECT * FROM control.sync_cost")
    }
    assert found == {
        names["a"]: (4.0 + 0.5 + 0.125 + 0.5 + 1.0, 3, 3, 30, 60),
        names["b"]: (2.5 + 0.5 + 4.0 + 0.25 + 0.5 + 1.0, 5, 3, 280, 560),
        None: (8.0, 1, 0, 0, 0),
    }
