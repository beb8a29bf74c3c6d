"""What lies outside the database carries the suffix of its environment."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts import environments
from scripts.deploy_snowflake import plan_deployment
from scripts.deploy_variables import VariableError
from scripts.sql_files import read_files

GIVEN = {
    "landing_url": "s3://bucket/landing/",
    "storage_role_arn": "arn:aws:iam::000000000000:role/storage",
    "api_role_arn": "arn:aws:iam::000000000000:role/api",
    "api_url": "https://x.execute-api.eu-central-1.amazonaws.com/v1/extract",
}


def texts(**given: str) -> list[str]:
    steps = plan_deployment(
        read_files(), GIVEN | given, Path("/code.zip"), with_cost=True
    )
    return [one.text for step in steps for one in step.statements]


def test_every_statement_is_the_same_but_for_the_names() -> None:
    plain, dev = texts(), texts(environment="dev")
    assert len(plain) == len(dev)
    assert [re.sub(r"_DEV\b", "", text) for text in dev] == plain
    assert plain == texts(environment="")


def test_nothing_of_the_account_is_named_without_the_suffix() -> None:
    """A new role or integration has to be in the list, too."""
    made = re.compile(
        r"\b(?:CREATE ROLE IF NOT EXISTS|USE ROLE|TO ROLE|FROM ROLE|GRANT ROLE"
        r"|INTEGRATION IF NOT EXISTS|ON INTEGRATION|_INTEGRATION =|USE WAREHOUSE"
        r"|ON WAREHOUSE|USE DATABASE|CREATE DATABASE IF NOT EXISTS)\s+(\w+)"
    )
    names = {name for text in texts(environment="dev") for name in made.findall(text)}
    left = {name for name in names if not name.endswith("_DEV")}
    assert left == {"ACCOUNTADMIN"} and len(names) == 8


def test_a_name_in_capitals_is_renamed_as_well_or_not_there() -> None:
    """The deployment replaces small letters alone, in comments of objects as well."""
    names = re.compile(
        rf"\b({'|'.join((*environments.ROLES, *environments.INTEGRATIONS))})\b", re.I
    )
    assert not [text for text in texts(environment="dev") if names.search(text)]


def test_what_procedures_say_of_a_role_is_true_with_a_suffix() -> None:
    """Their code is not renamed: a text tells of the suffix, or has it by then."""
    # CHECK_SYNC derives the suffix from its owner, and adds it.
    adding = ("snowpark/check/check.py", "snowpark/check/rows.py")
    named = re.compile(
        rf"\b({'|'.join(environments.ROLES)}|aurora_sync(_api|_storage)?)\b", re.I
    )
    # The logger, spans and the query tag: no names of the account.
    other = re.compile(r"aurora_sync(:|_?$)")
    root = Path(environments.__file__).resolve().parents[1]
    wrong = []
    for path in sorted((root / "snowpark").rglob("*.py")):
        place = path.relative_to(root).as_posix()
        for text in _said(ast.parse(path.read_text(encoding="utf-8"))):
            told = "suffix" in text or other.match(text) or place in adding
            if named.search(text) and not told:
                wrong.append(f"{place}: {text}")
    assert wrong == []


def _said(tree: ast.AST) -> Iterator[str]:
    """Yields each text of a module that is no docstring."""
    lone = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in lone:
            if isinstance(node.value, str):
                yield node.value


def test_names_that_are_given_stay() -> None:
    given = environments.complete({"environment": "x", "database": "MINE"})
    assert given["database"] == "MINE" and given["warehouse"] == "AURORA_SYNC_X"
    assert environments.complete({"database": "MINE"}) == {"database": "MINE"}


@pytest.mark.parametrize("name", ["a b", "1st", "x" * 31, "a;b", "a'b", "ü"])
def test_an_unusable_name_is_refused(name: str) -> None:
    with pytest.raises(VariableError):
        environments.complete({"environment": name})
