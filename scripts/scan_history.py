"""Looks for keys and tokens of well-known shapes in all that git keeps.

Every file of every commit and every commit's own text is read once, whatever branch or
tag leads to it: what was taken out again is still there for who clones. It names the
place, never the text.
"""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHAPES = re.compile(
    rb"(?:AKIA|ASIA)[0-9A-Z]{16}"
    rb"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    rb"|hv[sb]\.[A-Za-z0-9_-]{20,}"
    rb"|gh[pousr]_[A-Za-z0-9]{36}"
    rb"|github_pat_[A-Za-z0-9_]{22,}"
    rb"|xox[abprs]-[A-Za-z0-9-]{10,}"
    rb"|pypi-AgE[A-Za-z0-9_-]{20,}"
    rb"|aws_secret_access_key[\"' ]*[=:][\"' ]*[A-Za-z0-9/+]{40}"
)


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _objects(root: Path, listed: str) -> Iterator[tuple[str, bytes]]:
    """Yields name and content of each commit, tag and file.

    Raises:
        subprocess.CalledProcessError: git cannot read one of them.
    """
    command = ["git", "-C", str(root), "cat-file", "--batch"]
    names = "".join(line.split(" ", 1)[0] + "\n" for line in listed.splitlines())
    done = subprocess.run(
        command, input=names.encode(), check=True, capture_output=True
    ).stdout
    place = 0
    while place < len(done):
        end = done.index(b"\n", place)
        name, kind, length = done[place:end].decode().split(" ")
        place = end + 1 + int(length)
        if kind != "tree":
            yield name, done[end + 1 : place]
        place += 1  # the line end after the content


def scan(root: Path) -> tuple[list[str], int]:
    """Returns the places of what looks like a key, and how many objects were read."""
    listed = _git(root, "rev-list", "--objects", "--all", "HEAD")
    paths = {}
    for line in listed.splitlines():
        name, _, path = line.partition(" ")
        paths[name] = path or "the commit's own text"
    found = []
    count = 0
    for key, content in _objects(root, listed):
        count += 1
        for match in SHAPES.finditer(content):
            number = content.count(b"\n", 0, match.start()) + 1
            found.append(f"{paths[key]}:{number} (object {key[:12]})")
    return sorted(found), count


def main(root: Path = ROOT) -> int:
    """Scans and prints what was found; returns the exit code."""
    started = time.monotonic()
    found, count = scan(root)
    for place in found:
        print(place, file=sys.stderr)
    if found:
        print(
            "Keys or tokens are committed. Replace them if they are valid, then take"
            " them out of the history; git log --all --find-object=OBJECT names the"
            " commits.",
            file=sys.stderr,
        )
    if _git(root, "rev-parse", "--is-shallow-repository").strip() == "true":
        print("== a shallow clone: commits before its first ones were not looked at")
    seconds = time.monotonic() - started
    print(f"== {count} objects of the history read in {seconds:.1f} s,", end=" ")
    print(f"{len(found)} keys or tokens")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
