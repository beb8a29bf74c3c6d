"""Python code from a zip on a stage: imported afresh whenever the zip changes."""

from __future__ import annotations

import hashlib
import importlib
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.snowflake_server.core.errors import SnowflakeError, compilation

_LOCK = threading.RLock()


class Code:
    """The code that is imported now.

    One version of a package can be in force at a time. A handler that is running keeps
    the functions it has; the next call gets the new ones.
    """

    def __init__(self, folder: Path) -> None:
        """Unpack below the folder."""
        self._folder = folder
        self._known: dict[tuple[str, int, int], str] = {}
        self._handlers: dict[tuple[tuple[str, ...], str], Callable[..., Any]] = {}
        self._loaded: tuple[str, ...] = ()

    def handler(self, zips: tuple[Path, ...], name: str) -> Callable[..., Any]:
        """The function 'package.module.function' of the given zips.

        Raises:
            SnowflakeError: A zip is missing, or the import fails.
        """
        with _LOCK:
            sums = tuple(self._checksum(path) for path in zips)
            found = self._handlers.get((sums, name))
            if found is None:
                if sums != self._loaded:
                    self._load(zips, sums)
                found = self._import(name)
                self._handlers[sums, name] = found
            return found

    def _checksum(self, path: Path) -> str:
        try:
            stat = path.stat()
        except FileNotFoundError as error:
            raise compilation(
                f"Remote file '{path.name}' was not found. Put it on the stage first.",
                code=94507,
            ) from error
        key = (str(path), stat.st_mtime_ns, stat.st_size)
        if key not in self._known:
            self._known[key] = hashlib.sha256(path.read_bytes()).hexdigest()
        return self._known[key]

    def _load(self, zips: tuple[Path, ...], sums: tuple[str, ...]) -> None:
        """Put the zips' folders first on the path, forget packages of their names."""
        top: set[str] = set()
        folders = []
        for path, checksum in zip(zips, sums, strict=True):
            folder = self._folder / checksum[:16]
            if not folder.exists():
                with zipfile.ZipFile(path) as archive:
                    archive.extractall(folder)
            top |= {entry.stem for entry in folder.iterdir()}
            folders.append(str(folder))
        for module in list(sys.modules):
            if module.partition(".")[0] in top:
                del sys.modules[module]
        kept = [p for p in sys.path if not p.startswith(str(self._folder))]
        sys.path[:] = [*folders, *kept]
        importlib.invalidate_caches()
        self._loaded = sums

    @staticmethod
    def _import(name: str) -> Callable[..., Any]:
        module_name, _, function = name.rpartition(".")
        try:
            module = importlib.import_module(module_name)
            return getattr(module, function)
        except Exception as error:  # the code of the zip may fail in any way
            raise SnowflakeError(
                100357,
                "P0000",
                f"Python Interpreter Error:\nCould not import handler '{name}': "
                f"{type(error).__name__}: {error}",
            ) from error
