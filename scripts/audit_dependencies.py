"""Looks the pinned dependencies up among published advisories, if that is possible.

pip-audit lives in an environment of its own, so that its dependencies are none of ours.
Without a network, or behind a package index that serves no advisories, nothing was
looked up: that is said and is no failure, because it tells nothing about a change.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".local" / "pip-audit"
LOCKS = ROOT / "locks"
# About 120 dependencies, one short request each.
AUDIT_SECONDS = 120
REQUEST_SECONDS = 5


class NotRun(Exception):
    """Nothing was looked up; the text says why."""


@dataclass(frozen=True)
class Outcome:
    """What an audit found.

    Attributes:
        audited: How many dependencies the service knew.
        skipped: Names that it did not know.
        findings: One line per advisory: dependency, its version, the advisory, and the
            versions that have it repaired.
    """

    audited: int
    skipped: tuple[str, ...]
    findings: tuple[str, ...]


def install(folder: Path = FOLDER, lock: Path = LOCKS / "audit.txt") -> Path:
    """Returns the path of pip-audit, installed into an environment of its own.

    Raises:
        NotRun: It could not be installed.
    """
    command = (
        'cd "$1" && . scripts/locked_environment.sh && locked_environment "$2" "$3"'
    )
    done = subprocess.run(
        ["bash", "-euc", command, "bash", str(ROOT), str(folder), str(lock)],
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise NotRun("pip-audit could not be installed")
    return folder / "bin" / "pip-audit"


def audit(program: Path, lock: Path = LOCKS / "development.txt") -> Outcome:
    """Looks every release of a lock up; development's has those that ship as well.

    Raises:
        NotRun: The advisory service did not answer, or knows none of them.
    """
    command = [
        *(str(program), "--requirement", str(lock)),
        # Every dependency is pinned: nothing is to be resolved or installed.
        *("--no-deps", "--disable-pip", "--format", "json"),
        *("--progress-spinner", "off", "--timeout", str(REQUEST_SECONDS)),
    ]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=AUDIT_SECONDS,
        )
        # 0: nothing found. 1: advisories, or a failure, which prints no JSON.
        outcome = read_report(json.loads(done.stdout))
    except (subprocess.TimeoutExpired, json.JSONDecodeError):
        raise NotRun("the advisory service is unreachable") from None
    if not outcome.audited:
        raise NotRun("the package index serves no advisories")
    return outcome


def read_report(report: dict[str, list[dict]]) -> Outcome:
    """Reads pip-audit's JSON report."""
    found = report["dependencies"]
    known = [one for one in found if "skip_reason" not in one]
    return Outcome(
        audited=len(known),
        skipped=tuple(one["name"] for one in found if "skip_reason" in one),
        findings=tuple(
            f"{one['name']} {one['version']}: {advisory['id']}, repaired in"
            f" {', '.join(advisory['fix_versions']) or 'no version yet'}"
            for one in known
            for advisory in one["vulns"]
        ),
    )


def main() -> int:
    """Audits and prints what was found; returns the exit code."""
    try:
        outcome = audit(install())
    except NotRun as reason:
        print(f"== dependency audit not run: {reason}")
        return 0
    for finding in outcome.findings:
        print(finding, file=sys.stderr)
    if outcome.skipped:
        print(f"not known to the advisory service: {', '.join(outcome.skipped)}")
    count = len(outcome.findings)
    print(f"== {outcome.audited} dependencies audited, {count} advisories")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
