"""What Snowflake quotes of a refused row stays in its query history."""

import json

import zstandard

from tests.end_to_end.faults import Switchboard
from tests.end_to_end.lab import TARGET_SCHEMA, Lab

SECRET = '4111-hidden\'s "value"'
# As Snowflake words them; the local one has other words for the same.
REFUSED_MERGE = {
    "match": "^merge",
    "action": "error",
    "code": 100090,
    "message": f"Duplicate row detected during DML action\nRow Values: [1, {SECRET}]",
}
REFUSED_RELOAD = {
    "match": "^insert overwrite into",
    "action": "error",
    "code": 100071,
    "message": f'Failed to cast variant value "{SECRET}" to FIXED',
}


def told_anywhere(lab: Lab, table: str) -> str:
    """Everything that the ledgers and views say about a table."""
    told = []
    for name in ("sync_runs", "sync_status", "sync_history", "sync_problems"):
        rows = lab.query(f"SELECT * FROM control.{name} WHERE table_name = %s", table)
        assert rows, name
        told.append(json.dumps(rows, default=str))
    return "\n".join(told)


def fails_silently(lab: Lab, table: str, procedure: str, code: str) -> str:
    error = lab.fail(procedure, table)
    assert f"[{code}]" in error
    everything = error + told_anywhere(lab, table)
    # Not its digits alone: a microsecond or a query id may hold those.
    assert "hidden" not in everything and "4111-" not in everything
    assert lab.lease_owner(table) is None
    return error


def test_no_error_of_a_load_quotes_a_row(lab: Lab, faults: Switchboard) -> None:
    table = lab.name("payments")
    lab.psql(f"CREATE TABLE {table} (id int PRIMARY KEY, amount int, card text)")
    lab.psql(f"INSERT INTO {table} VALUES (1, 10, %s)", SECRET)
    lab.apply({table: {"cursor": "id"}})

    def spoil(other: Lab) -> None:
        """Puts the text where the number should be."""
        (key,) = other.landing_files(table)
        quoted = SECRET.replace('"', '""')
        place = {"Bucket": other.stack.endpoints.landing.bucket, "Key": key}
        row = f'1,"{quoted}","x"\n'.encode()
        other.s3.put_object(**place, Body=zstandard.compress(row))

    with lab.before_statement("^copy", spoil):
        error = fails_silently(lab, table, "SYNC_TABLE", "load_failed")
    assert "a value is not of its column's type (error 100038)" in error
    assert f"file data/{table}/" in error

    faults.snowflake(REFUSED_RELOAD)
    # The spoilt file is not tried again: the parts are extracted again.
    error = fails_silently(lab, table, "SYNC_TABLE", "warehouse_error")
    assert "a value is not of its column's type (error 100071)" in error
    faults.clear()
    lab.sync(table)

    lab.psql(f"INSERT INTO {table} VALUES (2, 20, 'another')")
    faults.snowflake(REFUSED_MERGE)
    error = fails_silently(lab, table, "SYNC_TABLE", "warehouse_error")
    assert "several rows have the same key (error 100090)" in error
    faults.clear()
    lab.sync(table)
    lab.assert_equal(table)
    stored = lab.query(f"SELECT card FROM {TARGET_SCHEMA}.{table} WHERE id = 1")
    assert stored == [{"CARD": SECRET}]
