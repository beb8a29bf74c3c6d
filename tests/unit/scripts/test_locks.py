"""The locks: they agree with the requirements, and hold a hash for every file."""

import re
import subprocess
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from tests.locks import read_lock, read_requirements

ROOT = Path(__file__).resolve().parents[3]
LOCKS = ROOT / "locks"
TERRAFORM = ROOT / "tests" / "terraform" / "requirements"
# As scripts/lock_dependencies.sh has them.
REQUIREMENTS = {
    "development": ROOT / "requirements.txt",
    "lambda": ROOT / "lambda_extract" / "requirements.txt",
    "audit": LOCKS / "audit.in",
    "compare": LOCKS / "compare.in",
    "dbt": LOCKS / "dbt.in",
    "lock": LOCKS / "lock.in",
    "checkov": TERRAFORM / "checkov.txt",
    "terraform": TERRAFORM / "terraform.txt",
    "terraform_lint": TERRAFORM / "lint.txt",
}


def test_every_lock_is_known_here() -> None:
    assert {path.stem for path in LOCKS.glob("*.txt")} == set(REQUIREMENTS)


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_a_lock_has_what_its_requirements_ask_for(name: str) -> None:
    locked = read_lock(LOCKS / f"{name}.txt")
    for requirement in read_requirements(REQUIREMENTS[name]):
        version = locked[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), requirement


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_every_release_has_hashes_and_no_index_is_named(name: str) -> None:
    text = (LOCKS / f"{name}.txt").read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"--(index|extra-index|find-links|trusted-host)", text)
    for block in re.split(r"\n(?=[A-Za-z0-9])", text)[1:]:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", block), block


def test_what_ships_is_what_the_tests_run_with() -> None:
    development = read_lock(LOCKS / "development.txt")
    shipped = read_lock(LOCKS / "lambda.txt")
    assert shipped.items() <= development.items()


def test_nothing_is_installed_without_hashes() -> None:
    """Every pip that installs is told to; the stub providers' own are the exception."""
    seen = 0
    for path in sorted((ROOT / "scripts").glob("*.sh")):
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
        for line in re.findall(r".*(?:-m pip|installer\[@\]).* install .*", text):
            seen += 1
            offline = '--requirement "$offline/requirements.txt"' in line
            assert "--require-hashes" in line or offline, f"{path.name}: {line}"
    for path in sorted((ROOT / "scripts").glob("*.py")):
        text = path.read_text(encoding="utf-8")
        if re.search(r'"pip"[^)]*"install"', text):
            seen += 1
            assert "--require-hashes" in text, path.name
    assert seen == 4


def test_a_release_with_other_bytes_is_refused(tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text(f"six==1.17.0 --hash=sha256:{'0' * 64}\n")
    command = ". scripts/locked_environment.sh && locked_environment"
    done = subprocess.run(
        ["bash", "-euc", f"{command} {tmp_path}/environment {lock}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "DO NOT MATCH" in done.stderr or "hashes" in done.stderr
    assert not (tmp_path / "environment" / ".installed").exists()
