"""The tree under test: its modules, who imports whom, and copies of it."""

import ast
import fnmatch
import hashlib
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from scripts.mutations.pieces import pieces
from scripts.mutations.source import Source

PACKAGES = ("snowpark", "lambda_extract")
# Made by the scripts, or by nobody: no test of a copy needs it.
_NOT_COPIED = (".git", ".venv", ".local", "build", ".terraform", ".hypothesis")
_CACHES = ("__pycache__", ".mypy_cache", ".pytest_cache")
# What no test of the product's behaviour reads.
_NOT_DIGESTED = ("terraform/", "docs/", "tests/mutations/", "scripts/mutations/")
# Who reads the golden files, and where they are.
_GOLDEN_READER = "golden.py"
_GOLDEN = "tests/golden/"


@dataclass(frozen=True)
class Project:
    """A tree with packages and tests.

    Attributes:
        root: Its folder.
        packages: Folders whose modules are changed.
        unit: Folder of the unit tests.
        end_to_end: Folder of the tests that run everything.
    """

    root: Path
    packages: tuple[str, ...] = PACKAGES
    unit: str = "tests/unit"
    end_to_end: str = "tests/end_to_end"

    @cached_property
    def files(self) -> list[str]:
        """Returns every file that a copy holds, by its path below the root."""
        found = []
        pending = [self.root]
        while pending:
            for path in pending.pop().iterdir():
                if path.name in _NOT_COPIED + _CACHES or path.is_symlink():
                    continue
                if path.is_dir():
                    pending.append(path)
                else:
                    found.append(path.relative_to(self.root).as_posix())
        return sorted(found)

    def modules(self, pattern: str = "*") -> list[str]:
        """Returns the modules whose path fits a pattern like "snowpark/*".

        Args:
            pattern: Several have commas between them.
        """
        patterns = pattern.split(",")
        return [
            file
            for file in self._python
            if file.split("/")[0] in self.packages
            and not file.endswith("__init__.py")
            and any(fnmatch.fnmatch(file, one) for one in patterns)
        ]

    def source(self, module: str) -> Source:
        """Reads a module."""
        return Source(module, (self.root / module).read_text(encoding="utf-8"))

    def tests(self, folder: str, modules: Iterable[str]) -> list[str]:
        """Returns the files of a folder whose tests may run one of some modules.

        Unit tests that import none run none; end-to-end tests run them elsewhere.
        """
        ours = set(modules)
        return [
            file
            for file in self._python
            if file.startswith(f"{folder}/")
            and Path(file).name.startswith("test_")
            and (folder == self.end_to_end or self.reached(file) & ours)
        ]

    @cached_property
    def libraries(self) -> list[str]:
        """Returns what the tree imports of others: importing it twice costs time."""
        own = {file.split("/")[0].removesuffix(".py") for file in self._python}
        found = {
            name.rpartition(".")[0] or name
            for file in self._python
            for name in self._names[file]
            if name.split(".")[0] not in own | set(sys.stdlib_module_names)
        }
        return sorted(found)

    @cached_property
    def _python(self) -> list[str]:
        return [file for file in self.files if file.endswith(".py")]

    @cached_property
    def _names(self) -> dict[str, list[str]]:
        return {file: _imported(self.root / file) for file in self._python}

    @cached_property
    def imports(self) -> dict[str, frozenset[str]]:
        """Returns which files of the tree each of its Python files imports itself."""
        there = set(self._python)
        return {file: frozenset(self._direct(file, there)) for file in self._python}

    def _direct(self, file: str, there: set[str]) -> Iterable[str]:
        for name in self._names[file]:
            parts = name.split(".")
            for length in range(len(parts), 0, -1):
                path = "/".join(parts[:length])
                if found := there & {f"{path}.py", f"{path}/__init__.py"}:
                    yield from found
                    break
        # pytest imports these.
        for folder in list(Path(file).parents)[:-1]:
            if "tests" in folder.parts and (folder / "conftest.py").as_posix() in there:
                yield (folder / "conftest.py").as_posix()

    def reached(self, file: str) -> frozenset[str]:
        """Returns the files of the tree that a file imports, directly or by others."""
        if file not in self._reached:
            found: set[str] = set()
            pending = [file]
            while pending:
                for other in self.imports[pending.pop()] - found:
                    found.add(other)
                    pending.append(other)
            self._reached[file] = frozenset(found)
        return self._reached[file]

    @cached_property
    def _reached(self) -> dict[str, frozenset[str]]:
        return {}

    def digest_for(self, file: str) -> str:
        """Returns a checksum of a file of tests and of all that it may depend on.

        A unit test depends on what it imports, and on whatever is no Python (on golden
        files if it imports what reads them). What
        other processes of it run is not seen here: if that has changed, lines may be
        kept that a test does not run any more, which is why a mutant is never counted
        as noticed without a test that failed on it.
        """
        return self._digest([*self._needed(file), file])

    def pieces_for(self, test: str) -> frozenset[str]:
        """Returns checksums of all that a test may depend on.

        As `digest_for`, but for other tests: a file that has some more is the same.

        Args:
            test: Its full name, with its file and maybe a parameter.
        """
        file, _, name = test.partition("::")
        function = name.partition("[")[0].rpartition("::")[2]
        needed = self._needed(file)
        found = {self._digest(one for one in needed if not one.endswith(".py"))}
        for one in [*needed, file]:
            if _is_test(one):
                found |= self._pieces_of(one)[""]
            elif one.endswith(".py"):
                found.add(self._digest([one])[:12])
        return frozenset(found | self._pieces_of(file).get(function, frozenset()))

    def _pieces_of(self, file: str) -> dict[str, frozenset[str]]:
        if file not in self._pieces:
            text = (self.root / file).read_text(encoding="utf-8")
            self._pieces[file] = pieces(text)
        return self._pieces[file]

    @cached_property
    def _pieces(self) -> dict[str, dict[str, frozenset[str]]]:
        return {}

    def _needed(self, file: str) -> list[str]:
        """Returns the files that a file of tests may depend on, but itself."""
        if file.startswith(f"{self.end_to_end}/"):
            return [one for one in self._digested if not _is_test(one)]
        reached = self.reached(file)
        golden = any(Path(one).name == _GOLDEN_READER for one in reached)
        return [
            one
            for one in self._digested
            if one in reached
            or (not one.endswith(".py") and (golden or _GOLDEN not in one))
        ]

    def _digest(self, files: Iterable[str]) -> str:
        total = hashlib.sha256(sys.version.encode())
        for one in files:
            total.update(f"{one}\0{self.digest_of(one)}\0".encode())
        return total.hexdigest()

    @cached_property
    def _digested(self) -> list[str]:
        return [
            file
            for file in self.files
            if not file.startswith(_NOT_DIGESTED) and not file.endswith(".md")
        ]

    def digest_of(self, file: str) -> str:
        """Returns the checksum of a file."""
        if file not in self._digests:
            content = (self.root / file).read_bytes()
            self._digests[file] = hashlib.sha256(content).hexdigest()
        return self._digests[file]

    @cached_property
    def _digests(self) -> dict[str, str]:
        return {}

    def copy(self, folder: Path) -> None:
        """Makes a folder the same as the tree; keeps what is the same in it."""
        wanted = set(self.files)
        for file in wanted:
            here, there = self.root / file, folder / file
            if there.is_file() and there.read_bytes() == here.read_bytes():
                continue
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(here, there)
            for cached in (there.parent / "__pycache__").glob(f"{there.stem}.*.pyc"):
                cached.unlink()
        for path in list(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                if path.relative_to(folder).as_posix() not in wanted:
                    path.unlink()


def _is_test(file: str) -> bool:
    return file.startswith("tests/") and Path(file).name.startswith("test_")


def _imported(path: Path) -> list[str]:
    """Returns the full names that a file imports, at any depth of its code."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found
