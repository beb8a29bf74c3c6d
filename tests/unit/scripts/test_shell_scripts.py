"""What the shell scripts may not do."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPTS = sorted(ROOT.glob("scripts/*.sh")) + [ROOT / ".ci" / "run"]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_pipe_ends_before_its_writer(script: Path) -> None:
    """E2: under pipefail `... | head -1` fails when head is the faster one."""
    text = script.read_text(encoding="utf-8")
    pipes = [line for line in text.splitlines() if "| head" in line]
    assert "pipefail" not in text or not pipes, pipes
