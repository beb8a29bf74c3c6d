"""What became of each mutant: a file of JSON lines, so that a run can go on.

A result holds as long as what it rests on is the same: of a mutant that was noticed the
module and the test that failed, of a survivor the files of all tests that run it. More
tests take nothing back of what others have noticed.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from scripts.mutations.project import Project
from scripts.mutations.selection import Selection
from scripts.mutations.source import Mutant


@dataclass(frozen=True)
class Result:
    """What the tests of one level said about one mutant.

    Attributes:
        key: Names the mutant, the text of its module and the folder of the tests.
        noticed: A test failed, or did not end in time.
        by: The first test that failed, or what else happened.
        tests: How many tests run the changed lines.
        seconds: How long it took.
        rests_on: What has to be the same: checksums of all that the test depends on
            that failed, or files of tests with theirs.
    """

    key: str
    noticed: bool
    by: str
    tests: int
    seconds: float
    rests_on: tuple[str, ...]


def result_key(project: Project, mutant: Mutant, folder: str) -> str:
    """Returns a name for the mutant, its module and the folder of the tests."""
    parts = [mutant.key, project.digest_of(mutant.module), folder]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def rests_on(project: Project, chosen: Selection, by: str) -> tuple[str, ...]:
    """Returns what a new result rests on.

    Args:
        by: The test that failed, if it was one.
    """
    if _is_there(project, by):
        return tuple(sorted(project.pieces_for(by)))
    return tuple(f"{file} {project.digest_for(file)}" for file in chosen.files)


def holds(project: Project, result: Result, chosen: Selection) -> bool:
    """True if an earlier result is still that of the present tests."""
    if _is_there(project, result.by):
        return set(result.rests_on) <= project.pieces_for(result.by)
    return result.rests_on == rests_on(project, chosen, "")


def _is_there(project: Project, by: str) -> bool:
    return by.partition("::")[0] in project.imports


class Results:
    """The results so far; each new one is written down at once."""

    def __init__(self, path: Path, *, resume: bool) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._known = _read(path) if resume else {}
        self._file: TextIO = path.open("a" if resume else "w", encoding="utf-8")

    def get(self, key: str) -> Result | None:
        """Returns the result of an earlier run, which may not hold any more."""
        return self._known.get(key)

    def add(self, result: Result) -> None:
        """Writes a result down."""
        self._known[result.key] = result
        self._file.write(json.dumps(asdict(result)) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def _read(path: Path) -> dict[str, Result]:
    if not path.exists():
        return {}
    found = {}
    for line in path.read_text(encoding="utf-8").split("\n"):
        try:
            content = json.loads(line)
            result = Result(**content | {"rests_on": tuple(content["rests_on"])})
        except (ValueError, TypeError, KeyError):
            continue  # the line that was being written when the run was ended
        found[result.key] = result
    return found
