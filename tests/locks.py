"""Reads lock files, for tests."""

from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def read_requirements(path: Path) -> list[Requirement]:
    """Returns what a file names, without hashes; the files that it includes as well."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.split(" #")[0].strip().removesuffix("\\").strip()
        if text.startswith("-r "):
            found += read_requirements(path.parent / text.removeprefix("-r "))
        elif text and not text.startswith(("#", "--hash")):
            found.append(Requirement(text))
    return found


def read_lock(path: Path) -> dict[str, str]:
    """Returns name -> version of each release that a lock names."""
    locked = {}
    for requirement in read_requirements(path):
        (specifier,) = requirement.specifier
        assert specifier.operator == "==", requirement
        locked[canonicalize_name(requirement.name)] = specifier.version
    return locked
