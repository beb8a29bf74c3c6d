"""The embedded PostgreSQL, if its user cannot reach the environment."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

import pytest

from local import aurora


@pytest.mark.large
def test_programs_that_the_servers_user_cannot_reach_are_lent_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For example in a clone below a folder of mode 0700: libraries come along."""
    monkeypatch.setattr(aurora, "_others_can_reach", lambda path: False)
    user = pwd.getpwuid(os.geteuid())
    scratch: list[Path] = []
    try:
        programs = aurora._reachable_programs(user, scratch)
        assert scratch and programs.is_relative_to(scratch[0])
        for name in ("initdb", "postgres", "pg_ctl"):
            done = subprocess.run(
                [programs / name, "--version"], capture_output=True, text=True
            )
            assert done.returncode == 0 and "PostgreSQL" in done.stdout, done.stderr
    finally:
        for folder in scratch:
            shutil.rmtree(folder)
