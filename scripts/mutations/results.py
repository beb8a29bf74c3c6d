"""What became of each mutant: a file of JSON lines, so that a run can go on."""

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
        key: Names the mutant with all that the result depends on.
        noticed: A test failed, or did not end in time.
        by: The first test that failed, or what else happened.
        tests: How many tests run the changed lines.
        seconds: How long it took.
    """

    key: str
    noticed: bool
    by: str
    tests: int
    seconds: float


def result_key(project: Project, mutant: Mutant, chosen: Selection) -> str:
    """Returns a name for the mutant, its module and the tests that run for it."""
    parts = [mutant.key, project.digest_of(mutant.module)]
    parts += [f"{file} {project.digest_for(file)}" for file in chosen.files]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


class Results:
    """The results so far; each new one is written down at once."""

    def __init__(self, path: Path, *, resume: bool) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._known = _read(path) if resume else {}
        self._file: TextIO = path.open("a" if resume else "w", encoding="utf-8")

    def get(self, key: str) -> Result | None:
        """Returns the result of an earlier run, if it is one of the same code."""
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
