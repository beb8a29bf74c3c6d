"""Python in the documents is Python."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCKS = [
    (f"{path.name}:{number}", text)
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    for number, text in enumerate(
        re.findall(
            r"^```python\n(.*?)^```$", path.read_text(), re.DOTALL | re.MULTILINE
        )
    )
]


@pytest.mark.parametrize(("place", "text"), BLOCKS, ids=[name for name, _ in BLOCKS])
def test_it_compiles(place: str, text: str) -> None:
    compile(text, place, "exec")


def test_airflow_and_dagster_call_a_group_and_read_its_report() -> None:
    how_to = [text for place, text in BLOCKS if place.startswith("HOWTO.md")]
    for library in ("airflow", "dagster"):
        (text,) = [text for text in how_to if f"from {library}" in text]
        assert 'CALL AURORA_SYNC.CONTROL.SYNC_GROUP(%s)"' in text
        # Keys of the report that the call returns.
        assert 'report["summary"]' in text
