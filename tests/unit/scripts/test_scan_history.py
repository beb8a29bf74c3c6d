"""The scan for keys: it sees what was taken out again, and never quotes it."""

import subprocess
import time
from pathlib import Path

import pytest

from scripts import scan_history

# In two parts: this file is scanned as well.
KEY = "AKIA" + "IOSFODNN7EXAMPLE"


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run(
        ["git", *identity, "-C", str(folder), *arguments],
        check=True,
        capture_output=True,
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch", "main")
    (folder / "settings.txt").write_text("nothing\n")
    git(folder, "add", ".")
    git(folder, "commit", "--message", "first")
    return folder


def commit(folder: Path, text: str, message: str = "change") -> None:
    (folder / "settings.txt").write_text(text)
    git(folder, "commit", "--all", "--message", message)


def test_a_key_that_was_taken_out_again_is_found_and_not_quoted(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scan_history.main(repository) == 0
    commit(repository, f"a\nkey = {KEY}\n")
    commit(repository, "a\n")
    assert scan_history.main(repository) == 1
    told = capsys.readouterr()
    assert "settings.txt:2 (object " in told.err
    assert KEY not in told.err + told.out


@pytest.mark.parametrize("where", ["branch", "message", "tag"])
def test_a_key_is_found_wherever_it_is_kept(repository: Path, where: str) -> None:
    if where == "branch":
        git(repository, "checkout", "--quiet", "-b", "other")
        commit(repository, KEY)
        git(repository, "checkout", "--quiet", "main")
    elif where == "message":
        commit(repository, "b", message=f"uses {KEY}")
    else:
        git(repository, "tag", "--annotate", "v1", "--message", KEY)
    found, _ = scan_history.scan(repository)
    assert len(found) == 1


def test_a_shallow_clone_is_said(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commit(repository, "b")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--depth", "1", f"file://{repository}", str(clone))
    assert scan_history.main(clone) == 0
    assert "a shallow clone" in capsys.readouterr().out


@pytest.mark.large
def test_this_repositorys_history_is_clean_and_quickly_read() -> None:
    started = time.monotonic()
    found, count = scan_history.scan(scan_history.ROOT)
    assert found == [] and count > 10
    assert time.monotonic() - started < 30
