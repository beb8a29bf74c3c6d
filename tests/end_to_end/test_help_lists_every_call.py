"""A new user finds out what can be called."""

import json
import re
from pathlib import Path

from tests.end_to_end.lab import Lab

FOLDER = Path(__file__).parents[2] / "snowflake" / "50_procedures"


def test_help_has_a_sentence_and_an_example_for_each_procedure(lab: Lab) -> None:
    ((text,),) = lab.target.cursor().execute("CALL HELP()").fetchall()
    deployed = {
        name.upper()
        for file in FOLDER.glob("*.sql")
        for name in re.findall(r"PROCEDURE (\w+)\(", file.read_text())
    }
    calls = json.loads(text)
    assert set(calls["calls"]) == deployed
    for name, call in calls["calls"].items():
        assert call["does"].endswith("."), name
        assert call["example"].startswith(f"CALL {name}("), name
