"""A key is one key in every step, whatever its type and however its text is written."""

import pytest

from tests.end_to_end.lab import Lab

# Type, and values of which each is another key; the second one is deleted on the way.
KEYS = {
    "numeric": ("numeric", ["1", "1.50", "2.000", "-0.10", "1e20"]),
    "numeric_with_scale": ("numeric(10,2)", ["1", "1.50", "-2.25", "0", "99.9"]),
    "bigint": ("bigint", ["1", "-9", "10", "200", "0"]),
    "jsonb": (
        "jsonb",
        ['{"a": 1.50}', '{"b": [1.0, null]}', "[]", '"x"', '{"c": {"d": "é"}}'],
    ),
    "array": ("int[]", ["{1}", "{1,2}", "{}", "{NULL,1}", "{3}"]),
    "array_of_numeric": ("numeric[]", ["{1.50}", "{2.0}", "{}", "{3,4.10}", "{5}"]),
    "timestamp": (
        "timestamp",
        [
            "2026-01-02 03:04:05",
            "2026-02-01 03:04:05.1",
            "2026-02-01 03:04:05.100001",
            "1999-12-31 23:59:59",
            "2030-06-07",
        ],
    ),
    "timestamptz": (
        "timestamptz",
        [
            "2026-01-02 03:04:05+02",
            "2026-02-01 03:04:05.1+00",
            "2026-02-01 03:04:05.100001+00",
            "1999-12-31 23:59:59+14",
            "2030-06-07+00",
        ],
    ),
    "date": (
        "date",
        ["2026-01-02", "2026-02-01", "2026-03-04", "1999-12-31", "2030-06-07"],
    ),
    "time": ("time", ["00:00", "01:02:03.1", "23:59:59.999999", "12:00", "12:01"]),
    "char": ("char(4)", ["a", "ab", "abcd", "ü", "b"]),
    "text": ("text", ["a", "a ", "A", "", "1.50"]),
    "float": ("float8", ["1.5", "0.1", "-1e300", "1e-300", "2"]),
    "real": ("float4", ["1.5", "0.1", "-3.4e38", "16777216", "2"]),
    "boolean_pair": ("boolean", ["true", "false"]),
    "bytea": ("bytea", [r"\x00", r"\x00ff", r"\x", r"\x61", r"\xabcdef"]),
    "uuid": (
        "uuid",
        [f"00000000-0000-0000-0000-00000000000{digit}" for digit in "1abcd"],
    ),
    "interval": ("interval", ["1 day", "24:00:01", "1 mon", "00:00:01", "-1 day"]),
    "range": ("int4range", ["[1,2]", "[3,)", "empty", "(,0)", "[7,8)"]),
}


def prepared(lab: Lab, kind: str, values: list[str], action: str) -> str:
    """Creates a table with these keys, syncs it, and makes every row an old one."""
    table = lab.name("keyed")
    lab.psql(
        f"CREATE TABLE {table} (k {kind} PRIMARY KEY, v int NOT NULL,"
        " updated_at timestamptz NOT NULL DEFAULT now())"
    )
    lab.psql(f"CREATE INDEX ON {table} (updated_at)")
    for number, value in enumerate(values):
        lab.psql(
            f"INSERT INTO {table} VALUES (%s::{kind}, %s, now() - interval '1 day')",
            value,
            number,
        )
    settings = {
        "cursor": "updated_at",
        "deletes": "key_compare",
        "delete_action": action,
        "delete_check_minutes": 0,
        "max_delete_percent": 60,
    }
    lab.apply({table: settings})
    assert lab.sync(table)["rows_deleted"] == 0
    return table


def alive(lab: Lab, table: str, action: str) -> list[int]:
    """Returns the v of the rows that are in the target and not flagged."""
    where = " WHERE _sync_deleted_at IS NULL" if action == "soft" else ""
    return sorted(r["V"] for r in lab.query(f"SELECT v FROM lab.{table}{where}"))


# Flags are compared by the same text as removals; these are the types whose text is not
# their value.
FLAGGED = ("numeric", "jsonb", "array_of_numeric", "timestamptz", "date", "char")
# For every run of the tests.
QUICK = (("bigint", "hard"),)
EVERY = [(name, "hard") for name in KEYS] + [(name, "soft") for name in FLAGGED]


@pytest.mark.parametrize(
    ("name", "action"),
    [
        pytest.param(*case, marks=() if case in QUICK else pytest.mark.large)
        for case in EVERY
    ],
)
def test_a_key_is_one_key_in_every_step(lab: Lab, name: str, action: str) -> None:
    kind, values = KEYS[name]
    table = prepared(lab, kind, values, action)
    everything = list(range(len(values)))
    assert lab.sync(table)["rows_deleted"] == 0, "nothing is gone"
    assert alive(lab, table, action) == everything

    # Merged into its own row, whatever the bounds of the batch.
    lab.psql(f"UPDATE {table} SET v = v + 100, updated_at = now()")
    report = lab.sync(table)
    assert (report["rows_inserted"], report["rows_deleted"]) == (0, 0)
    everything = [v + 100 for v in everything]
    assert alive(lab, table, action) == everything

    # Found to be gone, it alone.
    lab.psql(f"CREATE TABLE {table}_kept AS SELECT * FROM {table} WHERE v = 101")
    lab.psql(f"DELETE FROM {table} WHERE v = 101")
    assert lab.sync(table)["rows_deleted"] == 1
    assert alive(lab, table, action) == [v for v in everything if v != 101]

    # Back, with a new cursor: merged into its flagged row, or inserted.
    lab.psql(f"UPDATE {table}_kept SET updated_at = clock_timestamp()")
    lab.psql(f"INSERT INTO {table} SELECT * FROM {table}_kept")
    lab.sync(table)
    assert alive(lab, table, action) == everything

    # Read again over a range, and compared and repaired.
    lab.query(f"CALL BACKFILL_TABLE('{table}', '2000-01-01', '2100-01-01')")
    assert alive(lab, table, action) == everything
    lab.query(f"UPDATE lab.{table} SET v = -1 WHERE v = 100")
    lab.query(f"DELETE FROM lab.{table} WHERE v = 101")
    lab.query(f"CALL VALIDATE_TABLE('{table}', TRUE)")
    assert alive(lab, table, action) == everything
    assert lab.sync(table)["rows_deleted"] == 0
