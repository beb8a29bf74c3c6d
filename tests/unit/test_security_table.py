"""Documents that name tests name such that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Document -> how many tests it names at least.
DOCUMENTS = {"SECURITY.md": 15, "CASES.md": 60, "PLATFORM_ROWS.md": 60}


def named(document: str) -> list[tuple[str, str]]:
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    return re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)


@pytest.mark.parametrize(("document", "least"), DOCUMENTS.items())
def test_the_table_names_tests(document: str, least: int) -> None:
    assert len(named(document)) > least


@pytest.mark.parametrize(
    ("path", "name"), sorted({pair for name in DOCUMENTS for pair in named(name)})
)
def test_a_named_test_exists(path: str, name: str) -> None:
    assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("document", ["CASES.md", "PLATFORM_ROWS.md"])
def test_a_file_of_a_table_exists(document: str) -> None:
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    for path in re.findall(r"`((?:tests|probes|terraform|scripts)/[\w/.]+)`", text):
        assert (ROOT / path).exists(), f"{document} names {path}"
