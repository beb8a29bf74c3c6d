"""A char(n) key with "trim_char": one form in merges, compared keys and validation."""

import json

import pytest

from tests.end_to_end.lab import Lab

pytestmark = pytest.mark.large


def codes(lab: Lab, table: str) -> list[str]:
    found = lab.query(f"SELECT code FROM lab.{table} ORDER BY code")
    return [row["CODE"] for row in found]


def apply(lab: Lab, table: str, trim_char: bool) -> None:
    lab.apply(
        {
            table: {
                "cursor": "updated_at",
                "trim_char": trim_char,
                "deletes": "key_compare",
                "delete_action": "hard",
                "delete_check_minutes": 0,
                "max_delete_percent": 50,
            }
        }
    )


def test_a_padded_key_is_one_key_everywhere(lab: Lab) -> None:
    table = lab.name("padded")
    lab.psql(f"""
        CREATE TABLE {table} (
            code char(6) PRIMARY KEY, note char(3),
            updated_at timestamptz NOT NULL DEFAULT now()
        );
        INSERT INTO {table} VALUES ('a', 'x'), ('b', ''), ('c', NULL), ('  d', 'y')
        """)
    apply(lab, table, False)
    lab.sync(table)
    assert codes(lab, table) == ["  d   ", "a     ", "b     ", "c     "]
    # Merged with the padded rows, trimmed ones would stand beside them.
    apply(lab, table, True)
    assert lab.sync(table)["kind"] == "snapshot"
    assert codes(lab, table) == ["  d", "a", "b", "c"]
    lab.psql(f"DELETE FROM {table} WHERE code = 'b'")
    lab.psql(f"INSERT INTO {table} VALUES ('e', 'old', '2001-01-01')")
    lab.psql(f"UPDATE {table} SET note = 'n', updated_at = now() WHERE code = 'a'")
    assert lab.sync(table)["rows_deleted"] == 1
    assert codes(lab, table) == ["  d", "a", "c", "e"]
    lab.query(f"UPDATE lab.{table} SET note = 'bad' WHERE code = 'a'")
    lab.query(f"DELETE FROM lab.{table} WHERE code = 'c'")
    for repair, equal in (("TRUE", False), ("FALSE", True)):
        (answer,) = lab.query(f"CALL VALIDATE_TABLE('{table}', {repair})")
        report = json.loads(next(iter(answer.values())))
        assert (report["status"] == "equal") is equal, report
    assert codes(lab, table) == ["  d", "a", "c", "e"]
