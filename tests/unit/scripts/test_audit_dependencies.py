"""The dependency audit: what it finds, and when it says that it looked at nothing."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts import audit_dependencies
from scripts.audit_dependencies import NotRun, Outcome, audit, read_report

CLEAN = {"name": "hvac", "version": "2.4.0", "vulns": []}
SKIPPED = {"name": "boto3", "skip_reason": "Dependency not found"}
ADVISORY = {"id": "PYSEC-1", "fix_versions": ["3.5"], "aliases": [], "description": ""}
UNREPAIRED = {"id": "PYSEC-2", "fix_versions": [], "aliases": [], "description": ""}
BAD = {"name": "flask", "version": "3.0", "vulns": [ADVISORY, UNREPAIRED]}


def report(*dependencies: dict[str, Any]) -> dict[str, Any]:
    return {"dependencies": list(dependencies), "fixes": []}


def program(folder: Path, text: str, code: int) -> Path:
    """A pip-audit that prints this and ends so; it must be asked about a file."""
    fake = folder / "pip-audit"
    fake.write_text(
        f"#!{sys.executable}\nimport sys\nassert '--requirement' in sys.argv\n"
        f"print({text!r})\nsys.exit({code})\n"
    )
    fake.chmod(0o755)
    return fake


def test_advisories_are_told_with_the_version_that_repairs_them() -> None:
    assert read_report(report(CLEAN, SKIPPED, BAD)) == Outcome(
        2,
        ("boto3",),
        (
            "flask 3.0: PYSEC-1, repaired in 3.5",
            "flask 3.0: PYSEC-2, repaired in no version yet",
        ),
    )


@pytest.mark.parametrize(
    ("dependencies", "exit_code", "told"),
    [
        ((CLEAN,), 0, "1 dependencies audited, 0 advisories"),
        ((CLEAN, BAD), 1, "2 dependencies audited, 2 advisories"),
        ((SKIPPED,), 0, "not run: the package index serves no advisories"),
    ],
)
def test_only_an_advisory_is_a_failure(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    dependencies: tuple[dict[str, Any], ...],
    exit_code: int,
    told: str,
) -> None:
    fake = program(tmp_path, json.dumps(report(*dependencies)), exit_code)
    monkeypatch.setattr(audit_dependencies, "install", lambda: fake)
    assert audit_dependencies.main() == exit_code
    assert told in capsys.readouterr().out


def test_a_service_that_is_not_reached_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotRun, match="unreachable"):
        audit(program(tmp_path, "Traceback: ConnectionError", 1))


@pytest.mark.large
def test_an_audit_that_cannot_be_installed_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    lock = tmp_path / "lock.txt"
    lock.write_text(f"not-there==0.0.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(NotRun, match="could not be installed"):
        audit_dependencies.install(tmp_path / "environment", lock)
