"""Who may import what (docs/ARCHITECTURE.md): read from the sources, nothing is run."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("lambda_extract", "snowpark", "config", "local", "scripts")
DEPLOYED = ("lambda_extract", "snowpark", "config")

# Modules that decide and never act: no network, database, file or process. A module
# says so itself, in the first line of its docstring; these must say it.
MUST_BE_PURE = {
    "snowpark/alerts/statements.py",
    "snowpark/alerts/text.py",
    "snowpark/settings/groups.py",
    "snowpark/groups/task_graph.py",
    "snowpark/groups/task_statements.py",
    "lambda_extract/contract_paths.py",
    "lambda_extract/protocol/envelope.py",
    "snowpark/columns/canonical.py",
    "snowpark/columns/keys.py",
    "snowpark/validate/statements.py",
    "lambda_extract/values/mappings.py",
    "snowpark/columns/alignment.py",
    "snowpark/columns/column.py",
    "snowpark/dashboard/shaping.py",
    "snowpark/dashboard/statements.py",
    "snowpark/settings/parse.py",
    "snowpark/columns/drift.py",
    "snowpark/load/target_statements.py",
    "snowpark/load/statements.py",
    "snowpark/columns/pairing.py",
    "snowpark/extraction/requests.py",
    "snowpark/sync/report.py",
    "snowpark/columns/shape.py",
    "snowpark/ledger/statements.py",
}
SAYS_PURE = re.compile(r"\A\s*PURE\b|\bPure\.")
INPUT_OUTPUT = {
    "boto3",
    "botocore",
    "hvac",
    "http",
    "os",
    "psycopg2",
    "requests",
    "shutil",
    "snowflake",
    "socket",
    "subprocess",
    "threading",
    "urllib",
    "zstandard",
}
# One module stands before each outside system and turns its exceptions into ours.
ONLY_IMPORTERS = {
    "psycopg2": {"lambda_extract": {"lambda_extract/source/database.py"}},
    # session.py is the dashboard's, which runs apart from the procedures.
    "snowflake": {
        "snowpark": {
            "snowpark/warehouse.py",
            "snowpark/procedures.py",
            "snowpark/dashboard/session.py",
        }
    },
}
# These compose text or are exact types, and talk to nobody.
HARMLESS = {"psycopg2.sql"}


def modules(*packages: str) -> list[str]:
    return [
        path.relative_to(ROOT).as_posix()
        for package in packages
        for path in sorted((ROOT / package).rglob("*.py"))
    ]


def imports(module: str) -> Iterator[str]:
    """Yields the full name of everything that a module imports, at any depth."""
    tree = ast.parse((ROOT / module).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import in line {node.lineno}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def top(name: str) -> str:
    return name.split(".")[0]


@pytest.mark.parametrize("module", modules(*DEPLOYED))
def test_deployed_code_imports_no_tools(module: str) -> None:
    assert not {top(n) for n in imports(module)} & {"local", "scripts", "tests"}


@pytest.mark.parametrize("module", modules("local"))
def test_the_local_stack_imports_no_tests(module: str) -> None:
    assert not {top(n) for n in imports(module)} & {"scripts", "tests"}


@pytest.mark.parametrize("module", modules("snowpark"))
def test_procedures_import_nothing_of_aws_or_postgresql(module: str) -> None:
    assert not {top(n) for n in imports(module)} & {
        "boto3",
        "botocore",
        "psycopg2",
        "hvac",
        "zstandard",
    }


@pytest.mark.parametrize("module", modules("lambda_extract"))
def test_lambda_imports_nothing_of_snowflake(module: str) -> None:
    assert "snowflake" not in {top(n) for n in imports(module)}


@pytest.mark.parametrize("module", modules("lambda_extract", "snowpark"))
def test_the_sides_meet_in_the_contract_only(module: str) -> None:
    here = module.split("/")[0]
    other = {"lambda_extract": "snowpark", "snowpark": "lambda_extract"}[here]
    for name in imports(module):
        if top(name) == other:
            assert name.startswith("lambda_extract.contract"), f"{module}: {name}"


# What contract modules may import of ours: each other.
OURS = "lambda_extract.contract"


def test_the_contract_needs_the_standard_library_alone() -> None:
    for module in modules("lambda_extract"):
        if not module.startswith("lambda_extract/contract"):
            continue
        outside = {n for n in imports(module) if top(n) not in sys.stdlib_module_names}
        assert {n for n in outside if not n.startswith(OURS)} == set()


def says_pure(module: str) -> bool:
    tree = ast.parse((ROOT / module).read_text(encoding="utf-8"))
    first_line = (ast.get_docstring(tree) or "").split("\n", 1)[0]
    return bool(SAYS_PURE.search(first_line))


def test_the_deciding_modules_are_pure() -> None:
    assert {module for module in MUST_BE_PURE if not says_pure(module)} == set()


@pytest.mark.parametrize("module", [m for m in modules(*DEPLOYED) if says_pure(m)])
def test_pure_modules_do_no_input_or_output(module: str) -> None:
    assert not {top(n) for n in imports(module)} & INPUT_OUTPUT


@pytest.mark.parametrize("library", sorted(ONLY_IMPORTERS))
def test_one_module_stands_before_each_outside_system(library: str) -> None:
    for package, allowed in ONLY_IMPORTERS[library].items():
        users = {
            module
            for module in modules(package)
            if library in {top(n) for n in set(imports(module)) - HARMLESS}
        }
        assert users <= allowed, f"{library} is imported by {sorted(users - allowed)}"


def test_no_python_file_shadows_the_snowflake_package() -> None:
    assert not list((ROOT / "snowflake").rglob("*.py"))
