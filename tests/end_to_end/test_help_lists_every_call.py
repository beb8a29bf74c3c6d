"""A new user finds out what can be called, in a short table."""

import re
from pathlib import Path

from snowpark.worksheet.help import INTERNAL
from tests.end_to_end.lab import Lab

FOLDER = Path(__file__).parents[2] / "snowflake" / "50_procedures"


def test_help_has_a_sentence_and_an_example_for_each_call(lab: Lab) -> None:
    cursor = lab.target.cursor().execute("CALL HELP()")
    assert [column.name for column in cursor.description] == ["CALL", "DOES", "EXAMPLE"]
    rows = cursor.fetchall()
    deployed = {
        name.upper()
        for file in FOLDER.glob("*.sql")
        for name in re.findall(r"CREATE OR REPLACE PROCEDURE (\w+)\(", file.read_text())
    }
    assert {row[0] for row in rows[1:]} == deployed - INTERNAL
    for name, does, example in rows[1:]:
        assert does.endswith("."), name
        assert example.startswith(f"CALL {name}("), name
    assert "release 0." in rows[0][1]
