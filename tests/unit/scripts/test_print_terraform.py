"""terraform/README.md has the inputs and outputs that the code has, and examples."""

import re
from pathlib import Path

import pytest

from scripts import print_terraform
from scripts.print_terraform import DOCUMENT, FOLDER, placed, tables

EXAMPLES = sorted(FOLDER.glob("examples/*.tfvars"))


def test_the_readme_is_current() -> None:
    """Run scripts/print_terraform.sh --write."""
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text == placed(text)


def test_every_variable_and_output_has_its_line() -> None:
    code = "\n".join(path.read_text("utf-8") for path in FOLDER.glob("*.tf"))
    declared = re.findall(r'^(?:variable|output) "(\w+)"', code, re.M)
    assert sorted(re.findall(r"^\| `(\w+)` \|", tables(), re.M)) == sorted(declared)
    # Each says something, and what must be given comes first.
    assert "|  |" not in tables()
    assert tables().index("`sources`") < tables().index("`name`")


def test_a_readme_without_its_marks_is_told() -> None:
    with pytest.raises(ValueError, match=re.escape(print_terraform.END)):
        placed("# Terraform")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_names_only_variables_that_exist(path: Path) -> None:
    """scripts/check_terraform.sh makes a plan with each."""
    text = path.read_text(encoding="utf-8")
    given = set(re.findall(r"^(\w+) +=", text, re.M))
    assert given and given <= set(re.findall(r"^\| `(\w+)` \|", tables(), re.M))


def test_the_readme_names_every_example() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert EXAMPLES
    assert not [path.name for path in EXAMPLES if f"`{path.name}`" not in text]
