"""Each zip works alone: imported by itself, without the other side's libraries."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from scripts.archives import write_archive
from scripts.package_lambda import own_files
from scripts.package_snowpark import package_snowpark, snowpark_files

ROOT = Path(__file__).resolve().parents[2]

# -I: neither the current folder nor PYTHONPATH lends a module. The finder refuses what
# the other side owns, and everything else of this repository.
IMPORT_ALL = """
import importlib, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"blocked: {name}", name=name)
        return None

BLOCKED = set(sys.argv[2].split(","))
sys.meta_path.insert(0, Refuse())
sys.path.insert(0, sys.argv[1])
for name in sys.argv[3].split(","):
    module = importlib.import_module(name)
    assert module.__file__.startswith(sys.argv[1]), module.__file__
"""
TOOLS = ["local", "scripts", "tests", "moto", "fakesnow", "duckdb", "sqlglot", "rich"]


def import_all(archive: Path, *, blocked: list[str]) -> None:
    with zipfile.ZipFile(archive) as opened:
        modules = [
            name.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
            for name in opened.namelist()
            if name.endswith(".py")
        ]
    result = subprocess.run(
        [
            *(sys.executable, "-I", "-c", IMPORT_ALL),
            *(str(archive), ",".join(blocked + TOOLS), ",".join(modules)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.large
def test_the_procedures_need_nothing_of_aws_or_postgresql(tmp_path: Path) -> None:
    archive = package_snowpark(tmp_path)
    blocked = ["boto3", "botocore", "psycopg2", "hvac", "zstandard"]
    import_all(archive, blocked=blocked)


@pytest.mark.large
def test_the_function_needs_nothing_of_snowflake(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "own.zip", own_files(), compress=True)
    import_all(archive, blocked=["snowflake", "snowpark", "config", "jsonschema"])


def test_a_blocked_library_is_noticed(tmp_path: Path) -> None:
    """The two tests above can fail: json is something that every module needs."""
    archive = package_snowpark(tmp_path)
    with pytest.raises(AssertionError, match="blocked: json"):
        import_all(archive, blocked=["json"])


def test_the_same_sources_give_the_same_bytes(tmp_path: Path) -> None:
    first = package_snowpark(tmp_path / "first").read_bytes()
    for name, path in snowpark_files().items():
        copy = tmp_path / "sources" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())  # a new time and mode
    copies = {name: tmp_path / "sources" / name for name in snowpark_files()}
    second = write_archive(tmp_path / "second.zip", copies, compress=False)
    assert second.read_bytes() == first


def test_the_procedures_carry_the_contract_and_the_schema_alone() -> None:
    foreign = {name for name in snowpark_files() if not name.startswith("snowpark/")}
    assert foreign == {
        "lambda_extract/__init__.py",
        "lambda_extract/contract.py",
        "lambda_extract/contract_codec.py",
        "lambda_extract/contract_group.py",
        "lambda_extract/contract_parts.py",
        "lambda_extract/contract_discovery.py",
        "lambda_extract/contract_paths.py",
        "lambda_extract/contract_replies.py",
        "lambda_extract/contract_values.py",
        "config/__init__.py",
        "config/sync_config.schema.json",
    }


@pytest.mark.parametrize("package", ["lambda_extract", "snowpark"])
def test_every_requirement_is_pinned_to_a_major_version(package: str) -> None:
    text = (ROOT / package / "requirements.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            assert "<" in line, line


def test_the_python_versions_stand_in_one_place() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    runtime = project["tool"]["aurora_sync"]
    names = {"lambda_image", "lambda_platform", "lambda_python", "snowpark_python"}
    assert set(runtime) == names
    for path in (ROOT / "snowflake").rglob("*.sql"):
        text = path.read_text(encoding="utf-8")
        assert (
            "RUNTIME_VERSION = '3" not in text
        ), f"{path.name}: use <% python_version %>"
