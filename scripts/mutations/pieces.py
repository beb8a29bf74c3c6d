"""PURE: a file of tests in pieces, so that a test is the same if others are added."""

import ast
import hashlib
from collections.abc import Iterator


def pieces(text: str) -> dict[str, frozenset[str]]:
    """Returns short checksums of the statements of a file.

    The order and the lines do not count, imports count name by name.

    Returns:
        Test -> its own; "" -> those of all that any test may use.

    Raises:
        SyntaxError: The file is no Python.
    """
    found: dict[str, set[str]] = {"": set()}
    for node in ast.parse(text).body:
        test = _test_of(node)
        for part in _parts(node):
            digest = hashlib.sha256(part.encode()).hexdigest()[:12]
            found.setdefault(test, set()).add(digest)
    return {test: frozenset(own) for test, own in found.items()}


def _test_of(node: ast.stmt) -> str:
    is_test = isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    return str(getattr(node, "name", "")) if is_test else ""


def _parts(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        place = ast.dump(ast.Constant(getattr(node, "module", None)))
        for alias in node.names:
            yield f"{place} {ast.dump(alias)}"
    else:
        yield ast.dump(node)
