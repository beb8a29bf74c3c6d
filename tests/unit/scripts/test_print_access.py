"""docs/ACCESS.md is what Terraform, snowflake/ and the documents say."""

import re
from pathlib import Path

import pytest

from scripts import print_access
from scripts.terraform_blocks import BlockError, read_blocks

ROOT = Path(__file__).resolve().parents[3]
TERRAFORM = sorted((ROOT / "terraform").rglob("*.tf"))
DOCUMENT = print_access.DOCUMENT.read_text(encoding="utf-8")


def test_the_document_is_current() -> None:
    """Run scripts/print_access.sh --write."""
    assert print_access.document() == DOCUMENT


def test_every_statement_of_every_policy_is_a_row() -> None:
    begins = re.compile(r'^  (?:dynamic "statement"|statement) {', re.M)
    written = sum(len(begins.findall(path.read_text("utf-8"))) for path in TERRAFORM)
    rows = re.findall(r"^\| \w+: `aws_.*\| (?:Allow|Deny) \|", DOCUMENT, re.M)
    assert len(rows) == written > 40


def test_every_file_of_terraform_is_understood() -> None:
    for path in TERRAFORM:
        text = path.read_text(encoding="utf-8")
        found = read_blocks(path)
        assert len(found) == len(re.findall(r"^\w.*\{", text, re.M)), path


def test_nobody_is_allowed_whatever_begins_with_something() -> None:
    for line in DOCUMENT.splitlines():
        if "| Allow |" in line:
            assert "*" not in line.split(" | ")[3], line


def test_every_procedure_and_role_is_there() -> None:
    for path in (ROOT / "snowflake" / "50_procedures").glob("*.sql"):
        name = path.stem.partition("_")[2]
        assert f"| `{name}` |" in DOCUMENT
    for role in ("sync_admin", *print_access.PEOPLE):
        assert f"| {role} |" in DOCUMENT


def test_no_grant_is_of_writing() -> None:
    """State and targets are written by procedures alone."""
    for line in DOCUMENT.partition("## Snowflake")[2].splitlines():
        role, _, right = line.removeprefix("| ").partition(" | ")
        if role in print_access.PEOPLE:
            assert not re.match("INSERT|UPDATE|DELETE|TRUNCATE|OWNERSHIP|ALL", right)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('a = "}" # no end\n', {"a": '"}"'}),
        ('a = "${f("}")}x"\nb = 1\n', {"a": '"${f("}")}x"', "b": "1"}),
        ("a = [\n  1, # one\n  2,\n]\n", {"a": "[ 1, 2, ]"}),
        ('/* a { */\na = "\\"{"\n', {"a": '"\\"{"'}),
        ("a = c ? {\n x = 1 } : {}\n", {"a": "c ? { x = 1 } : {}"}),
    ],
)
def test_expressions_end_where_terraform_ends_them(
    tmp_path: Path, text: str, expected: dict[str, str]
) -> None:
    path = tmp_path / "x.tf"
    path.write_text(f'resource "a" "b" {{\n{text}  inner {{}}\n}}\n', encoding="utf-8")
    (block,) = read_blocks(path)
    assert (block.labels, block.attributes) == (("a", "b"), expected)
    assert [inner.kind for inner in block.blocks] == ["inner"]


@pytest.mark.parametrize("text", ["a {", "a {\n = 1\n}", "a b = 1\n", 'a {\n b = "\n}'])
def test_what_is_not_understood_is_an_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.tf"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BlockError):
        read_blocks(path)
