"""Documents that name tests name such that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Document -> how many tests it names at least.
DOCUMENTS = {
    "ATTACKS.md": 50,
    "SECURITY.md": 60,
    "CASES.md": 60,
    "PLATFORM_ROWS.md": 60,
}


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


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_file_of_a_table_exists(document: str) -> None:
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    for path in re.findall(r"`((?:tests|probes|terraform|scripts)/[\w/.]+)`", text):
        assert (ROOT / path).exists(), f"{document} names {path}"


def test_every_claim_of_who_is_trusted_and_what_is_stolen_has_a_test() -> None:
    """But that of administrators: nothing here holds against them."""
    text = (ROOT / "docs" / "SECURITY.md").read_text(encoding="utf-8")
    tables = text.partition("## Who is trusted")[2].partition("## Threats")[0]
    rows = [line for line in tables.splitlines() if line.startswith("| ")]
    claims = [row for row in rows if not row.startswith(("| who |", "| stolen |"))]
    untested = [row for row in claims if "`tests/" not in row]
    assert len(claims) > 25
    assert [row[:20] for row in untested] == ["| administrators of "]


def test_every_attack_has_tests_a_commit_and_what_remains() -> None:
    text = (ROOT / "docs" / "ATTACKS.md").read_text(encoding="utf-8")
    for number in range(1, 10):
        part = text.partition(f"\n## S{number}. ")[2].partition("\n## ")[0]
        assert part.count("`tests/") >= 2, number
        assert re.search(r"\b[0-9a-f]{7}\b", part), number
        assert "taken out" in part.lower(), number
