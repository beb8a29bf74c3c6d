from pathlib import Path

import pytest

from scripts.lint_policies import (
    Key,
    LintError,
    judge,
    parse_findings,
    read_comments,
)

ROOT = Path(__file__).resolve().parents[3]
STAR = Key("compute", "aws_iam_role_policy.function", "RESOURCE_STAR")
LINE = (
    "module.compute.aws_iam_role_policy.function policy: RESOURCE_STAR"
    " ['ec2:Create'] {'line': 66, 'column': 5, 'filepath': None}"
)


def module(folder: Path, text: str) -> Path:
    """Writes a module `compute` with one file."""
    (folder / "modules" / "compute").mkdir(parents=True)
    (folder / "modules" / "compute" / "iam.tf").write_text(text, encoding="utf-8")
    return folder


def test_a_finding_is_named_by_module_resource_and_issue() -> None:
    assert parse_findings(f"{LINE}\n3 policies, 1 findings\n") == {STAR: [LINE]}


def test_an_instance_is_its_resource() -> None:
    line = 'module.vpc[0].aws_iam_role_policy.flow["a"] policy: EFFECT [] {}'
    (key,) = parse_findings(f"{line}\n1 policies, 1 findings")
    assert key == Key("vpc", "aws_iam_role_policy.flow", "EFFECT")


@pytest.mark.parametrize(
    "output",
    [
        pytest.param("Traceback\n", id="not a finding"),
        pytest.param(LINE, id="no summary"),
        pytest.param(f"{LINE}\n3 policies, 2 findings", id="another number"),
    ],
)
def test_what_is_not_understood_is_no_pass(output: str) -> None:
    with pytest.raises(LintError):
        parse_findings(output)


def test_a_reason_excuses_its_finding_alone(tmp_path: Path) -> None:
    comment = f"# policies.py: {STAR.resource} {STAR.issue}: the only way AWS knows\n"
    reasons = read_comments(module(tmp_path, comment))
    other = Key("compute", STAR.resource, "RESOURCE_MISMATCH")
    assert judge({STAR: [LINE]}, reasons) == ([], [])
    assert judge({STAR: [LINE], other: ["x"]}, reasons) == (["x"], [])
    assert judge({}, reasons)[1], "a reason for what is gone must go as well"


@pytest.mark.parametrize("reason", ["", ": ok", ":", " because AWS says so"])
def test_a_comment_without_a_reason_is_refused(tmp_path: Path, reason: str) -> None:
    text = f"# policies.py: {STAR.resource} {STAR.issue}{reason}\n"
    with pytest.raises(LintError):
        read_comments(module(tmp_path, text))


def test_every_skip_of_checkov_gives_its_reason() -> None:
    for path in (ROOT / "terraform").rglob("*.tf"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if "checkov:" in line:
                skip, name, reason = line.strip().lstrip("#").split(":", 2)
                assert (skip, name[:8]) == ("checkov", "skip=CKV"), line
                assert len(reason.split()) >= 4, f"{path.name}: {line.strip()}"
