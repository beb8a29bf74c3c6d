"""PURE: the mutants of a module: where each statement is met, and its changes."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import replace

from scripts.mutations.expressions import ARITHMETIC, between, expression_edits
from scripts.mutations.expressions import forced, is_sequence
from scripts.mutations.source import Edit, Mutant, Place, Source, changed_lines

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
    """True if the changed module is Python, and another program than before."""
    try:
        changed = ast.parse(mutant.applied(source))
    except SyntaxError:
        return False
    return ast.dump(changed) != source.program


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
        """True if the parser knows the place of what stands in an f-string."""
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
        yield from forced(source, node.test, ("True", "False"))
    elif isinstance(node, ast.While):
        yield from forced(source, node.test, ("False",))
    if isinstance(node, ast.AugAssign) and type(node.op) in ARITHMETIC:
        old, new = ARITHMETIC[type(node.op)]
        if not is_sequence(node.value):
            yield from between(
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
