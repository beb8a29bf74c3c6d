"""Servers for tests: only the locked packages, with their links."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from local import versions
from scripts.fetch_postgresql import (
    LOCK,
    FetchError,
    Locked,
    install,
    is_installed,
    read_lock,
)


def package(path: Path) -> Locked:
    link = {"source": "native/lib/libx.so.1.2", "target": "native/lib/libx.so"}
    files = {
        "native/bin/postgres": "program",
        "native/lib/libx.so.1.2": "library",
        "native/pg-symlinks.json": json.dumps([link]),
    }
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return Locked(13, "13.1.0", hashlib.sha512(path.read_bytes()).hexdigest())


def test_a_locked_package_is_unpacked_with_its_links(tmp_path: Path) -> None:
    locked = package(tmp_path / "p.tgz")
    assert not is_installed(locked, tmp_path)
    for _ in range(2):
        install(tmp_path / "p.tgz", locked, tmp_path)
    assert is_installed(locked, tmp_path)
    found = versions.programs(13, tmp_path)
    assert found is not None and (found / "postgres").read_text() == "program"
    assert (tmp_path / "13/native/lib/libx.so").read_text() == "library"


def test_another_package_is_refused(tmp_path: Path) -> None:
    package(tmp_path / "p.tgz")
    with pytest.raises(FetchError, match="not the package of locks"):
        install(tmp_path / "p.tgz", Locked(13, "13.1.0", "00"), tmp_path)
    with pytest.raises(versions.VersionError, match="fetch_postgresql"):
        versions.programs(13, tmp_path)


def test_the_lock_has_every_older_major() -> None:
    locked = list(read_lock(LOCK.read_text(encoding="utf-8")))
    assert tuple(item.major for item in locked) == versions.OLDER
    assert all(item.version.startswith(f"{item.major}.") for item in locked)
    assert versions.programs(versions.NEWEST) is None
