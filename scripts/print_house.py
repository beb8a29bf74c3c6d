"""Prints the house: modules and imports of each room, the longest chain, circles.

Everything is read from the sources with `ast`; nothing is imported or run. Imports
inside functions and under TYPE_CHECKING count like all others.
"""

import argparse
import ast
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Each has rooms of its own: folders, and files that stand beside them.
SIDES = ("snowpark", "lambda_extract", "local/snowflake_server", "local")
_CONTRACT = "contract"

# A module or room, and those that it imports.
Graph = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Import:
    """One import of a file.

    Attributes:
        name: Full dotted name, with what is taken out of the module.
        line: Of the statement.
    """

    name: str
    line: int


def modules(*packages: str) -> list[str]:
    """Returns the Python files of packages as paths from the repository's root."""
    return [
        path.relative_to(ROOT).as_posix()
        for package in packages
        for path in sorted((ROOT / package).rglob("*.py"))
    ]


@cache
def imports(module: str) -> tuple[Import, ...]:
    """Returns everything that a file imports, at any depth.

    Raises:
        ValueError: A relative import, whose name depends on where the file lies.
    """
    return tuple(_imports(module))


def _imports(module: str) -> Iterator[Import]:
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError(f"{module}:{node.lineno}: relative import")
            for alias in node.names:
                yield Import(f"{node.module}.{alias.name}", node.lineno)


@cache
def tree(module: str) -> ast.Module:
    """Returns a file's syntax tree."""
    return ast.parse((ROOT / module).read_text(encoding="utf-8"))


@cache
def file_of(name: str) -> str | None:
    """Returns which of our files an imported name stands in; None: not ours."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        path = "/".join(parts[:end])
        for candidate in (f"{path}.py", f"{path}/__init__.py"):
            if (ROOT / candidate).is_file():
                return candidate
    return None


def file_graph(files: Sequence[str]) -> Graph:
    """Returns which of the files imports which."""
    known = set(files)
    return {
        file: frozenset(
            found
            for item in imports(file)
            if (found := file_of(item.name)) in known and found != file
        )
        for file in files
    }


def room(file: str, side: str) -> str:
    """Returns the room of a file: its folder below the side, or the file itself.

    The modules of the contract are one room.
    """
    first, *rest = file.removeprefix(f"{side}/").split("/")
    if rest:
        return f"{first}/"
    stem = first.removesuffix(".py")
    return _CONTRACT if stem.startswith(_CONTRACT) else stem


def side_files(side: str) -> list[str]:
    """Returns the files of a side, without sides that lie inside it."""
    inner = [f"{other}/" for other in SIDES if other.startswith(f"{side}/")]
    files = modules(side)
    return [f for f in files if not any(f.startswith(other) for other in inner)]


def room_graph(side: str) -> Graph:
    """Returns which room of a side imports which."""
    edges: dict[str, set[str]] = {}
    for file, found in file_graph(side_files(side)).items():
        here = room(file, side)
        edges.setdefault(here, set()).update(room(other, side) for other in found)
    return {here: frozenset(found - {here}) for here, found in edges.items()}


def circle(graph: Graph) -> list[str]:
    """Returns a circle, its first member repeated at the end; [] if there is none."""
    done: set[str] = set()
    path: list[str] = []

    def visit(node: str) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return []
        path.append(node)
        for other in sorted(graph[node]):
            if found := visit(other):
                return found
        path.pop()
        done.add(node)
        return []

    for start in sorted(graph):
        if found := visit(start):
            return found
    return []


def longest_chain(graph: Graph) -> list[str]:
    """Returns the longest chain of imports; the graph has no circle."""
    longest: dict[str, list[str]] = {}

    def chain(node: str) -> list[str]:
        if node not in longest:
            below = [chain(other) for other in sorted(graph[node])]
            longest[node] = [node, *max(below, key=len, default=[])]
        return longest[node]

    return max((chain(node) for node in sorted(graph)), key=len, default=[])


def describe(side: str) -> list[str]:
    """Returns the lines that are printed about a side."""
    files = [f for f in side_files(side) if not f.endswith("/__init__.py")]
    by_room: dict[str, list[str]] = {}
    for file in files:
        by_room.setdefault(room(file, side), []).append(file)
    rooms, graph = room_graph(side), file_graph(side_files(side))
    lines = [f"{side}: {len(files)} modules in {len(by_room)} rooms"]
    for name, members in sorted(by_room.items()):
        below = sorted(rooms.get(name, frozenset()))
        found = [other for file in members for other in graph[file]]
        count = sum(room(other, side) != name for other in found)
        lines.append(
            f"  {name:16}{len(members):4} modules{count:5} imports"
            f"  {' '.join(below) or '-'}"
        )
    found_circle = circle(rooms)
    if not found_circle:
        chain = longest_chain(rooms)
        lines.append(f"  longest chain: {len(chain)}: {' -> '.join(chain)}")
    lines.append(f"  circle of rooms: {' -> '.join(found_circle) or 'none'}")
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints all sides; 1 if there is a circle."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.parse_args(arguments)
    for side in SIDES:
        print("\n".join(describe(side)))
    files = modules("snowpark", "lambda_extract", "config", "local", "scripts")
    found = circle(file_graph(files))
    print(f"circle of files: {' -> '.join(found) or 'none'} ({len(files)} files)")
    rooms = any(circle(room_graph(side)) for side in SIDES)
    return 1 if found or rooms else 0


if __name__ == "__main__":
    sys.exit(main())
