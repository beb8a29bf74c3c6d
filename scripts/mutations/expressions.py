"""PURE: small changes of the expressions of a module."""

import ast
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from scripts.mutations.source import Edit, Source
from scripts.mutations.sql_text import sql_edits

_COMPARE: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: (r"<", "<="),
    ast.LtE: (r"<=", "<"),
    ast.Gt: (r">", ">="),
    ast.GtE: (r">=", ">"),
    ast.Eq: (r"==", "!="),
    ast.NotEq: (r"!=", "=="),
    ast.In: (r"\bin\b", "not in"),
    ast.NotIn: (r"\bnot\s+in\b", "in"),
    ast.Is: (r"\bis\b", "is not"),
    ast.IsNot: (r"\bis\s+not\b", "is"),
}
ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: (r"\+", "-"),
    ast.Sub: (r"-", "+"),
    ast.Mult: (r"\*", "+"),
    ast.FloorDiv: (r"//", "*"),
    ast.Div: (r"/", "*"),
}
_OTHER = {"min": "max", "max": "min", "any": "all", "all": "any"}
# Their order, or what they hold, makes no difference to these.
_UNORDERED = {"isinstance", "issubclass", "startswith", "endswith", "frozenset", "set"}
_NEVER_SWAPPED = {"isinstance", "issubclass", "cast", "TypeVar"}


def expression_edits(
    source: Source, node: ast.expr, parents: dict[ast.AST, ast.AST]
) -> Iterator[Edit]:
    """Yields the changes of an expression itself, not of its parts."""
    if isinstance(node, (ast.Tuple, ast.List)):
        yield from _elements(source, node, parents.get(node))
    elif isinstance(node, ast.Constant):
        yield from _constant(source, node, parents)
    elif isinstance(node, ast.JoinedStr):
        if not _within(node, parents, ast.JoinedStr):
            start, end = source.span(node)
            yield from sql_edits(source.text[start:end], start)
    elif type(node) in _BY_TYPE:
        yield from _BY_TYPE[type(node)](source, node)


def between(
    source: Source, left: ast.expr, right: ast.expr, old: str, new: str, kind: str
) -> Iterator[Edit]:
    """Replaces the operator between two operands."""
    start, end = source.span(left)[1], source.span(right)[0]
    gap = source.text[start:end]
    found = re.search(old, gap)
    if found and "#" not in gap:
        yield Edit(start + found.start(), start + found.end(), new, kind)


def forced(source: Source, test: ast.expr, values: Sequence[str]) -> Iterator[Edit]:
    """Yields a condition's change into each of the values."""
    if not isinstance(test, ast.Constant):
        for value in values:
            yield Edit(*source.span(test), value, "forced condition")


def _not(source: Source, node: ast.UnaryOp) -> Iterator[Edit]:
    if isinstance(node.op, ast.Not):
        start, _ = source.span(node)
        yield Edit(start, start + len("not"), "", "not")


def _if_exp(source: Source, node: ast.IfExp) -> Iterator[Edit]:
    yield from forced(source, node.test, ("True", "False"))


def _comprehension(
    source: Source,
    node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp,
) -> Iterator[Edit]:
    for generator in node.generators:
        for test in generator.ifs:
            yield from forced(source, test, ("True",))


def _compare(source: Source, node: ast.Compare) -> Iterator[Edit]:
    operands = [node.left, *node.comparators]
    for op, (left, right) in zip(node.ops, itertools.pairwise(operands), strict=True):
        old, new = _COMPARE[type(op)]
        yield from between(source, left, right, old, new, "comparison")


def _bool_op(source: Source, node: ast.BoolOp) -> Iterator[Edit]:
    is_and = isinstance(node.op, ast.And)
    old, new = (r"\band\b", "or") if is_and else (r"\bor\b", "and")
    for left, right in itertools.pairwise(node.values):
        yield from between(source, left, right, old, new, "and/or")


def _arithmetic(source: Source, node: ast.BinOp) -> Iterator[Edit]:
    if type(node.op) not in ARITHMETIC:
        return
    if is_sequence(node.left) or is_sequence(node.right):
        return
    old, new = ARITHMETIC[type(node.op)]
    yield from between(source, node.left, node.right, old, new, "arithmetic")


def is_sequence(node: ast.expr) -> bool:
    """True if + joins texts or lists: anything else would only be a TypeError."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, (str, bytes))
    if isinstance(node, ast.BinOp):
        return is_sequence(node.left) or is_sequence(node.right)
    return isinstance(node, (ast.JoinedStr, ast.List, ast.Tuple, ast.ListComp))


def _call(source: Source, node: ast.Call) -> Iterator[Edit]:
    name = _name(node.func)
    if isinstance(node.func, ast.Name) and name in _OTHER:
        yield Edit(*source.span(node.func), _OTHER[name], "min/max")
    if name in _NEVER_SWAPPED:
        return
    yield from _swapped(source, node.args, "arguments swapped")
    named = [word.value for word in node.keywords if word.arg]
    yield from _swapped(source, named, "arguments swapped")


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _swapped(source: Source, nodes: Sequence[ast.expr], kind: str) -> Iterator[Edit]:
    for first, second in itertools.pairwise(nodes):
        if isinstance(first, ast.Starred) or isinstance(second, ast.Starred):
            continue
        (a, b), (c, d) = source.span(first), source.span(second)
        if source.text[a:b] != source.text[c:d]:
            new = source.text[c:d] + source.text[b:c] + source.text[a:b]
            yield Edit(a, d, new, kind)


def _elements(
    source: Source, node: ast.Tuple | ast.List, parent: ast.AST | None
) -> Iterator[Edit]:
    """Neighbours in a tuple or a list change places: bound values, pairs."""
    if not isinstance(node.ctx, ast.Load) or isinstance(
        parent, (ast.Compare, ast.Subscript)
    ):
        return
    if isinstance(parent, ast.Call) and _name(parent.func) in _UNORDERED:
        return
    for first, second in itertools.pairwise(node.elts):
        # Two constants in a row are a list of names more often than values in order.
        if not (isinstance(first, ast.Constant) and isinstance(second, ast.Constant)):
            yield from _swapped(source, (first, second), "elements swapped")


def _subscript(source: Source, node: ast.Subscript) -> Iterator[Edit]:
    if not isinstance(node.slice, ast.Slice):
        return
    for bound in (node.slice.lower, node.slice.upper):
        if bound is None:
            continue
        start, end = source.span(bound)
        yield Edit(start, end, "", "slice")
        if not isinstance(bound, ast.Constant):
            yield Edit(start, end, f"({source.text[start:end]}) + 1", "slice")


def _constant(
    source: Source, node: ast.Constant, parents: dict[ast.AST, ast.AST]
) -> Iterator[Edit]:
    value = node.value
    parent = parents.get(node)
    if isinstance(parent, (ast.JoinedStr, ast.FormattedValue)):
        return
    start, end = source.span(node)
    if isinstance(value, str):
        yield from sql_edits(source.text[start:end], start)
    elif value is None:
        in_type = _within(node, parents, ast.Subscript)
        if not isinstance(parent, ast.Compare) and not in_type:
            # NULL and the empty text must never be taken for each other.
            yield Edit(start, end, '""', "constant")
    elif isinstance(value, bool):
        yield Edit(start, end, str(not value), "constant")
    elif isinstance(value, (int, float)):
        yield Edit(start, end, repr(value + 1), "constant")
        if value > 0:
            yield Edit(start, end, repr(value - 1), "constant")


def _within(
    node: ast.AST, parents: dict[ast.AST, ast.AST], kind: type[ast.AST]
) -> bool:
    above = parents.get(node)
    while above is not None and not isinstance(above, kind):
        above = parents.get(above)
    return above is not None


_BY_TYPE: dict[type[ast.expr], Callable[[Source, Any], Iterator[Edit]]] = {
    ast.Compare: _compare,
    ast.BoolOp: _bool_op,
    ast.UnaryOp: _not,
    ast.BinOp: _arithmetic,
    ast.Call: _call,
    ast.IfExp: _if_exp,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.DictComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.Subscript: _subscript,
}
