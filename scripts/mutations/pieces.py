"""PURE: a file of tests in pieces, so that a test is the same if others are added."""

import ast
import hashlib
from collections.abc import Iterator


def pieces(text: str, test: str = "") -> Iterator[str]:
    """Yields a short checksum of each statement of a file that a test may rest on.

    All but other tests: imports name by name, helpers, constants. The order and the
    lines do not count.

    Args:
        test: Name of a function; empty: of none.

    Raises:
        SyntaxError: The file is no Python.
    """
    for node in ast.parse(text).body:
        if not _is_other_test(node, test):
            for part in _parts(node):
                yield hashlib.sha256(part.encode()).hexdigest()[:12]


def _is_other_test(node: ast.stmt, test: str) -> bool:
    is_test = isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    return is_test and getattr(node, "name", "") != test


def _parts(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        place = ast.dump(ast.Constant(getattr(node, "module", None)))
        for alias in node.names:
            yield f"{place} {ast.dump(alias)}"
    else:
        yield ast.dump(node)
