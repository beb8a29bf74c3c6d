"""The documents name what is there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def packages() -> list[Path]:
    return [
        path
        for side in ("snowpark", "lambda_extract", "local")
        for path in sorted((ROOT / side).rglob("__init__.py"))
    ]


@pytest.mark.parametrize(
    "package", packages(), ids=lambda path: path.parent.relative_to(ROOT).as_posix()
)
def test_every_package_says_in_one_sentence_what_it_is_for(package: Path) -> None:
    said = ast.get_docstring(ast.parse(package.read_text(encoding="utf-8")))
    assert said and "\n" not in said and said.endswith("."), package


def test_every_script_has_its_line() -> None:
    text = (ROOT / "scripts" / "README.md").read_text(encoding="utf-8")
    there = {path.name for path in (ROOT / "scripts").glob("*.py")} - {"__init__.py"}
    assert set(re.findall(r"^\| `(\w+\.py)` \|", text, re.M)) == there


def test_every_sql_folder_has_its_line() -> None:
    text = (ROOT / "snowflake" / "README.md").read_text(encoding="utf-8")
    there = {path.name for path in (ROOT / "snowflake").iterdir() if path.is_dir()}
    assert set(re.findall(r"^\| `(\d\d_\w+)` \|", text, re.M)) == there


@pytest.mark.parametrize(
    "document",
    [
        *("README.md", "docs/ARCHITECTURE.md", "docs/DASHBOARD.md", "docs/GROUPS.md"),
        *("docs/PIPES.md", "docs/VALIDATION.md", "snowflake/README.md"),
    ],
)
def test_every_path_that_a_document_names_exists(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    folders = "config|docs|lambda_extract|local|scripts|snowflake|snowpark|tests"
    for path in set(re.findall(rf"`((?:{folders})/[\w./-]*)`", text)):
        assert (ROOT / path).exists(), f"{document} names {path}"


def test_every_finding_of_a_user_names_tests_that_exist() -> None:
    text = (ROOT / "docs" / "TESTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| U(\d+) \| .* \| (.*) \|$", text, re.M)
    assert [int(number) for number, _ in rows] == list(range(1, 15))
    for number, listed in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", listed)
        assert named, f"U{number}"
        for path, name in named:
            code = (ROOT / path).read_text(encoding="utf-8")
            assert f"def {name}(" in code and name.startswith(f"test_u{number}_")
