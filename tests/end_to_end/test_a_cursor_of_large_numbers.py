"""A numeric(p,0) cursor beyond 64 bits, through windows, backfill and validation."""

import json

import pytest

from tests.end_to_end.lab import Lab

pytestmark = pytest.mark.large

FAR = 10**27


def test_a_table_with_a_large_number_as_its_cursor_arrives(lab: Lab) -> None:
    table = lab.name("large")
    lab.psql(f"""
        CREATE TABLE {table} (n numeric(30,0) PRIMARY KEY, note text);
        INSERT INTO {table} SELECT {FAR} + i, 'n' FROM generate_series(1, 20) AS i
        """)
    lab.apply({table: {"cursor": "n", "chunk_rows": 7}})
    lab.sync(table)
    lab.assert_equal(table)
    assert lab.watermark(table) == str(FAR + 20)
    assert lab.sync(table)["rows_inserted"] == 0
    lab.psql(f"INSERT INTO {table} SELECT {FAR} + i FROM generate_series(21, 40) AS i")
    assert lab.sync(table)["rows_inserted"] == 20
    assert lab.watermark(table) == str(FAR + 40)
    lab.query(f"DELETE FROM lab.{table} WHERE n > {FAR + 30}")
    lab.query(f"CALL BACKFILL_TABLE('{table}', '{FAR + 31}', '{FAR + 41}')")
    lab.assert_equal(table)
    (answer,) = lab.query(f"CALL VALIDATE_TABLE('{table}')")
    assert json.loads(next(iter(answer.values())))["status"] == "equal"
