"""PURE: small changes of the Python code of a module."""

import ast
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from scripts.mutations.source import Edit, Mutant, Place, Source, changed_lines
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
_ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
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
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def mutants(source: Source) -> list[Mutant]:
    """Returns every mutant of a module, in the order of the text.

    Raises:
        SyntaxError: The module is no Python.
    """
    found: dict[tuple[int, int, str], Mutant] = {}
    seen: dict[tuple[str, ...], int] = {}
    walk = _Walk(source)
    for edit, place in sorted(
        walk.edits(), key=lambda pair: (pair[0].start, pair[0].end)
    ):
        same = (edit.start, edit.end, edit.new)
        if same in found:
            continue
        before, after = changed_lines(source, edit)
        line = source.line_of(edit.start)
        mutant = Mutant(source.module, edit, place, line, before, after)
        number = seen.get(mutant.fingerprint, 0) + 1
        seen[mutant.fingerprint] = number
        found[same] = replace(mutant, number=number)
    return list(found.values())


def is_valid(source: Source, mutant: Mutant) -> bool:
    """True where the changed module is Python, and another program than before."""
    try:
        changed = ast.parse(mutant.applied(source))
    except SyntaxError:
        return False
    return ast.dump(changed) != ast.dump(ast.parse(source.text))


class _Walk:
    """Goes through a module and says where each node is met."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.tree = ast.parse(source.text)
        self.parents: dict[ast.AST, ast.AST] = {}

    def edits(self) -> Iterator[tuple[Edit, Place]]:
        whole = Place("", 1, len(self.source.lines), at_import=True)
        yield from self._body(self.tree.body, whole)

    def _body(
        self, body: Sequence[ast.stmt], place: Place
    ) -> Iterator[tuple[Edit, Place]]:
        for number, statement in enumerate(body):
            if number == 0 and _is_text(statement):
                continue
            yield from self._statement(statement, place)

    def _statement(self, node: ast.stmt, place: Place) -> Iterator[tuple[Edit, Place]]:
        if isinstance(node, _FUNCTIONS):
            yield from self._function(node, place)
        elif isinstance(node, ast.ClassDef):
            inside = replace(place, function=_joined(place.function, node.name))
            # dataclass(frozen=True) keeps out code that nobody wrote: no test meets it.
            others = [
                d for d in node.decorator_list if "dataclass" not in ast.unparse(d)
            ]
            yield from self._expressions(others, place)
            yield from self._body(node.body, inside)
        elif not _is_left_out(node):
            here = place if place.at_import else _header(node, place)
            for edit in statement_edits(self.source, node):
                yield edit, here
            for child in ast.iter_child_nodes(node):
                yield from self._child(child, place, here)

    def _child(
        self, child: ast.AST, place: Place, here: Place
    ) -> Iterator[tuple[Edit, Place]]:
        """What belongs to a statement: an expression of its head, or its body."""
        if isinstance(child, ast.stmt):
            yield from self._statement(child, place)
        elif isinstance(child, ast.expr):
            yield from self._expressions([child], here)
        elif isinstance(child, ast.ExceptHandler):
            yield from self._body(child.body, place)
        elif isinstance(child, ast.match_case):
            if child.guard:
                yield from self._expressions([child.guard], here)
            yield from self._body(child.body, place)
        elif isinstance(child, ast.withitem):
            yield from self._expressions([child.context_expr], here)

    def _function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef, place: Place
    ) -> Iterator[tuple[Edit, Place]]:
        yield from self._expressions(node.decorator_list, place)
        names = [ast.unparse(decorator) for decorator in node.decorator_list]
        if any("overload" in name for name in names):
            return
        last = node.end_lineno or node.lineno
        inside = Place(
            _joined(place.function, node.name),
            node.body[0].lineno,
            last,
            # A remembered result is met by others than the first one to ask for it.
            at_import=any("cache" in name.split(".")[-1] for name in names),
        )
        defaults = [d for d in (*node.args.defaults, *node.args.kw_defaults) if d]
        yield from self._expressions(defaults, inside)
        for edit in _returned(self.source, node):
            yield edit[0], inside if inside.at_import else _header(edit[1], inside)
        yield from self._body(node.body, inside)

    def _expressions(
        self, nodes: Sequence[ast.expr], place: Place
    ) -> Iterator[tuple[Edit, Place]]:
        for node in nodes:
            for edit in self._expression(node):
                yield edit, place

    def _expression(self, node: ast.AST) -> Iterator[Edit]:
        if isinstance(node, ast.expr):
            yield from expression_edits(self.source, node, self.parents)
        for child in ast.iter_child_nodes(node):
            self.parents[child] = node
            if isinstance(node, ast.JoinedStr) and not self._is_placed(child):
                continue
            yield from self._expression(child)

    def _is_placed(self, node: ast.AST) -> bool:
        """True where the parser knows the place of what stands in an f-string."""
        if not isinstance(node, ast.FormattedValue):
            return False
        try:
            text = self.source.text_of(node.value)
            found = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, IndexError):
            return False
        return ast.dump(found) == ast.dump(node.value)


def _joined(outer: str, name: str) -> str:
    return f"{outer}.{name}" if outer else name


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _is_left_out(node: ast.stmt) -> bool:
    """Imports, and what only a type checker or a command line runs."""
    if isinstance(node, ast.If):
        test = ast.unparse(node.test)
        return "TYPE_CHECKING" in test or "__name__" in test
    return isinstance(node, (ast.Import, ast.ImportFrom))


def _header(node: ast.stmt, place: Place) -> Place:
    """The lines of a statement that are run whenever it is."""
    last = node.end_lineno or node.lineno
    body = getattr(node, "body", None) or getattr(node, "cases", None)
    if body:
        first = body[0].pattern if isinstance(body[0], ast.match_case) else body[0]
        last = max(node.lineno, first.lineno - 1)
    return replace(place, first=node.lineno, last=last)


# --- statements -----------------------------------------------------------------------


def statement_edits(source: Source, node: ast.stmt) -> Iterator[Edit]:
    """Yields the changes of a statement as a whole."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield Edit(*source.span(node), "pass", "dropped statement")
    elif isinstance(node, (ast.AugAssign, ast.Delete)) or _sets_a_part(node):
        yield Edit(*source.span(node), "pass", "dropped statement")
    elif isinstance(node, ast.Raise):
        yield Edit(*source.span(node), "pass", "dropped raise")
    elif isinstance(node, ast.Break):
        yield Edit(*source.span(node), "continue", "loop")
    elif isinstance(node, ast.Continue):
        yield Edit(*source.span(node), "break", "loop")
    if isinstance(node, ast.If):
        yield from _forced(source, node.test, ("True", "False"))
    elif isinstance(node, ast.While):
        yield from _forced(source, node.test, ("False",))
    if isinstance(node, ast.AugAssign) and type(node.op) in _ARITHMETIC:
        old, new = _ARITHMETIC[type(node.op)]
        if not _is_sequence(node.value):
            yield from _between(
                source, node.target, node.value, f"{old}(?==)", new, "arithmetic"
            )


def _sets_a_part(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and all(
        isinstance(target, (ast.Attribute, ast.Subscript)) for target in node.targets
    )


def _returned(
    source: Source, function: ast.FunctionDef | ast.AsyncFunctionDef
) -> Iterator[tuple[Edit, ast.stmt]]:
    """Other values for the returns of a function, not of those inside it."""
    is_bool = function.returns is not None and ast.unparse(function.returns) == "bool"
    pending: list[ast.AST] = list(function.body)
    while pending:
        node = pending.pop()
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef, ast.Lambda)):
            continue
        pending.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Return) and node.value is not None:
            text = source.text_of(node.value)
            new = f"not ({text})" if is_bool else "None"
            if text != new:
                yield Edit(*source.span(node.value), new, "return value"), node


def _forced(source: Source, test: ast.expr, values: Sequence[str]) -> Iterator[Edit]:
    if not isinstance(test, ast.Constant):
        for value in values:
            yield Edit(*source.span(test), value, "forced condition")


# --- expressions ----------------------------------------------------------------------


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


def _between(
    source: Source, left: ast.expr, right: ast.expr, old: str, new: str, kind: str
) -> Iterator[Edit]:
    """Replaces the operator between two operands."""
    start, end = source.span(left)[1], source.span(right)[0]
    gap = source.text[start:end]
    found = re.search(old, gap)
    if found and "#" not in gap:
        yield Edit(start + found.start(), start + found.end(), new, kind)


def _not(source: Source, node: ast.UnaryOp) -> Iterator[Edit]:
    if isinstance(node.op, ast.Not):
        start, _ = source.span(node)
        yield Edit(start, start + len("not"), "", "not")


def _if_exp(source: Source, node: ast.IfExp) -> Iterator[Edit]:
    yield from _forced(source, node.test, ("True", "False"))


def _comprehension(
    source: Source,
    node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp,
) -> Iterator[Edit]:
    for generator in node.generators:
        for test in generator.ifs:
            yield from _forced(source, test, ("True",))


def _compare(source: Source, node: ast.Compare) -> Iterator[Edit]:
    operands = [node.left, *node.comparators]
    for op, (left, right) in zip(node.ops, itertools.pairwise(operands), strict=True):
        old, new = _COMPARE[type(op)]
        yield from _between(source, left, right, old, new, "comparison")


def _bool_op(source: Source, node: ast.BoolOp) -> Iterator[Edit]:
    is_and = isinstance(node.op, ast.And)
    old, new = (r"\band\b", "or") if is_and else (r"\bor\b", "and")
    for left, right in itertools.pairwise(node.values):
        yield from _between(source, left, right, old, new, "and/or")


def _arithmetic(source: Source, node: ast.BinOp) -> Iterator[Edit]:
    if type(node.op) not in _ARITHMETIC:
        return
    if _is_sequence(node.left) or _is_sequence(node.right):
        return
    old, new = _ARITHMETIC[type(node.op)]
    yield from _between(source, node.left, node.right, old, new, "arithmetic")


def _is_sequence(node: ast.expr) -> bool:
    """True where + joins texts or lists: anything else would only be a TypeError."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, (str, bytes))
    if isinstance(node, ast.BinOp):
        return _is_sequence(node.left) or _is_sequence(node.right)
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
