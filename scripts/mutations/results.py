"""What became of each mutant: a file of JSON lines, so that a run can go on.

A result holds as long as what it rests on is the same: of a mutant that was noticed the
module and the file of the test that failed, of a survivor the files of all tests that
run it. More tests take nothing back of what others have noticed.
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
        files: File of tests -> checksum of all that it depends on: what the result
            rests on.
    """

    key: str
    noticed: bool
    by: str
    tests: int
    seconds: float
    files: dict[str, str]


def result_key(project: Project, mutant: Mutant, folder: str) -> str:
    """Returns a name for the mutant, its module and the folder of the tests."""
    parts = [mutant.key, project.digest_of(mutant.module), folder]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def rests_on(project: Project, chosen: Selection, by: str) -> dict[str, str]:
    """Returns the files, with their checksums, that a new result rests on.

    Args:
        by: The test that failed, if it was one.
    """
    file = by.partition("::")[0]
    files = [file] if file in chosen.files else chosen.files
    return {file: project.digest_for(file) for file in files}


def holds(project: Project, result: Result, chosen: Selection) -> bool:
    """True if an earlier result is still that of the present tests."""
    there = set(project.files)
    for file, digest in result.files.items():
        if file not in there or project.digest_for(file) != digest:
            return False
    by_test = result.by.partition("::")[0] in result.files
    return by_test or set(result.files) == set(chosen.files)


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
            result = Result(**json.loads(line))
        except (ValueError, TypeError):
            continue  # the line that was being written when the run was ended
        found[result.key] = result
    return found
