"""The documents name what is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ARCHITECTURE = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")


def section(folder: str) -> str:
    """The text below the heading of a folder."""
    found = re.search(rf"^### {folder}/:.*?(?=^##)", ARCHITECTURE, re.M | re.S)
    assert found, f"docs/ARCHITECTURE.md has no section ### {folder}/:"
    return found[0]


@pytest.mark.parametrize("folder", ["snowpark", "lambda_extract", "local", "scripts"])
def test_every_module_has_its_line_in_the_architecture(folder: str) -> None:
    there = {
        path.name for path in (ROOT / folder).glob("*.py") if path.name != "__init__.py"
    }
    named = set(re.findall(r"^\| `(\w+\.py)` \|", section(folder), re.M))
    assert named == there, "docs/ARCHITECTURE.md: one line per module"


def test_every_sql_folder_has_its_line_in_the_architecture() -> None:
    there = {path.name for path in (ROOT / "snowflake").iterdir() if path.is_dir()}
    assert set(re.findall(r"^\| `(\d\d_\w+)` \|", section("snowflake"), re.M)) == there


@pytest.mark.parametrize("document", ["README.md", "docs/ARCHITECTURE.md"])
def test_every_path_that_a_document_names_exists(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    folders = "config|docs|lambda_extract|local|scripts|snowflake|snowpark|tests"
    for path in set(re.findall(rf"`((?:{folders})/[\w./-]*)`", text)):
        assert (ROOT / path).exists(), f"{document} names {path}"
