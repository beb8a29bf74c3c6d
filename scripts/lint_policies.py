"""Judges the IAM policies of Terraform states, and what the code says in its defence.

The linter (policies.py beside the offline providers, which asks parliament) prints one
line for each finding. A finding stands unless a comment in the module that makes the
policy gives the reason for it:

    # policies.py: aws_kms_key.this RESOURCE_STAR: in a key policy "*" is the key itself

A comment that no finding needs any more is a fault as well.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# module.storage.aws_kms_key.this policy: RESOURCE_STAR ['kms:Decrypt'] {'line': 4, ...}
_FINDING = re.compile(
    r"^(?:module\.(?P<module>\w+)(?:\[[^]]*\])?\.)?(?P<resource>\w+\.\w+)\S* "
    r"\S+: (?P<issue>[A-Z_]+) (?P<detail>.*)$"
)
_COMMENT = re.compile(
    r"^\s*# policies\.py: (?P<resource>\w+\.\w+) (?P<issue>[A-Z_]+): (?P<reason>\S.*)$"
)
_SUMMARY = re.compile(r"^(\d+) policies, (\d+) findings$")
SHORTEST_REASON = 15


class LintError(RuntimeError):
    """The linter did not run, or said something that is not understood."""


@dataclass(frozen=True, order=True)
class Key:
    """What a comment excuses.

    Attributes:
        module: Folder below modules/; empty for the root.
        resource: Type and name, without an index.
        issue: The linter's word for it, such as RESOURCE_STAR.
    """

    module: str
    resource: str
    issue: str


def parse_findings(output: str) -> dict[Key, list[str]]:
    """Returns the lines of each finding.

    Raises:
        LintError: A line is neither a finding nor the summary, or their numbers differ.
    """
    findings: dict[Key, list[str]] = {}
    counted = None
    for line in output.splitlines():
        if summary := _SUMMARY.match(line):
            counted = int(summary[2])
        elif found := _FINDING.match(line):
            key = Key(found["module"] or "", found["resource"], found["issue"])
            findings.setdefault(key, []).append(line)
        else:
            raise LintError(f"not understood: {line}")
    if counted != sum(map(len, findings.values())):
        raise LintError(f"the linter counted {counted} findings:\n{output}")
    return findings


def read_comments(terraform: Path) -> dict[Key, str]:
    """Returns the reason that the code gives for each finding.

    Raises:
        LintError: A reason is missing or a word only.
    """
    reasons: dict[Key, str] = {}
    for path in sorted(terraform.rglob("*.tf")):
        module = path.parent.name if path.parent.parent.name == "modules" else ""
        for line in path.read_text(encoding="utf-8").splitlines():
            if "policies.py:" not in line:
                continue
            found = _COMMENT.match(line)
            if found is None or len(found["reason"]) < SHORTEST_REASON:
                raise LintError(f"{path.name}: no reason is given: {line.strip()}")
            reasons[Key(module, found["resource"], found["issue"])] = found["reason"]
    return reasons


def judge(
    findings: dict[Key, list[str]], reasons: dict[Key, str]
) -> tuple[list[str], list[str]]:
    """Returns findings without a reason, and reasons without a finding."""
    standing = [
        line
        for key, lines in sorted(findings.items())
        if key not in reasons
        for line in lines
    ]
    idle = [
        f"{key.module or 'root'}: {key.resource} {key.issue} is not found any more"
        for key in sorted(reasons.keys() - findings.keys())
    ]
    return standing, idle


def _lint(linter: Path, states: Iterable[Path]) -> dict[Key, list[str]]:
    findings: dict[Key, list[str]] = {}
    for state in states:
        done = subprocess.run(
            [sys.executable, str(linter), str(state)],
            capture_output=True,
            text=True,
            check=False,
        )
        if not done.stdout:
            raise LintError(done.stderr)
        for key, lines in parse_findings(done.stdout).items():
            known = findings.setdefault(key, [])
            known.extend(line for line in lines if line not in known)
    return findings


def main() -> int:
    """Prints what is wrong; returns 1 if something is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--linter", type=Path, required=True)
    parser.add_argument("--terraform", type=Path, required=True)
    parser.add_argument("states", type=Path, nargs="+")
    options = parser.parse_args()
    try:
        findings = _lint(options.linter, options.states)
        reasons = read_comments(options.terraform)
    except LintError as error:
        print(error, file=sys.stderr)
        return 1
    standing, idle = judge(findings, reasons)
    for line in standing + idle:
        print(line)
    excused = len(findings.keys() & reasons.keys())
    print(f"{len(findings)} kinds of findings, {excused} with a reason in the code")
    return 1 if standing or idle else 0


if __name__ == "__main__":
    sys.exit(main())
