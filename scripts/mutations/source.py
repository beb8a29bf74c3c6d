"""PURE: a Python source with its places, and a small change of it."""

import ast
import hashlib
import textwrap
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class Source:
    """The text of a module.

    Attributes:
        module: Path below the root of the tree, with slashes.
        text: The whole file.
    """

    module: str
    text: str

    @cached_property
    def lines(self) -> list[str]:
        """The lines as the parser counts them."""
        return self.text.split("\n")

    @cached_property
    def program(self) -> str:
        """What the parser makes of the text, without places and comments."""
        return ast.dump(ast.parse(self.text))

    @cached_property
    def _starts(self) -> list[int]:
        starts = [0]
        for line in self.lines:
            starts.append(starts[-1] + len(line) + 1)
        return starts

    def offset(self, line: int, column: int) -> int:
        """Returns the place of a parser's position: its columns are bytes of UTF-8."""
        text = self.lines[line - 1]
        if not text.isascii():
            column = len(text.encode()[:column].decode())
        return self._starts[line - 1] + column

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Returns where a node begins and ends."""
        assert node.end_lineno is not None and node.end_col_offset is not None
        return (
            self.offset(node.lineno, node.col_offset),
            self.offset(node.end_lineno, node.end_col_offset),
        )

    def text_of(self, node: ast.expr | ast.stmt) -> str:
        """Returns the text of a node."""
        start, end = self.span(node)
        return self.text[start:end]

    def line_of(self, offset: int) -> int:
        """Returns the line, from 1, of a place."""
        return self.text.count("\n", 0, offset) + 1


@dataclass(frozen=True)
class Place:
    """Where a change is, and which lines a test has to run to meet it.

    Attributes:
        function: Qualified name of the function or class; empty at module level.
        first: First line of those that are run together with the change.
        last: Last line of those.
        at_import: The change is met when the module is imported, or before a test
            begins: any test that uses the module may notice it.
    """

    function: str
    first: int
    last: int
    at_import: bool


@dataclass(frozen=True)
class Edit:
    """Text from `start` to `end` becomes `new`."""

    start: int
    end: int
    new: str
    kind: str


@dataclass(frozen=True)
class Mutant:
    """One small change of one module.

    Attributes:
        module: Path of the module below the root.
        edit: The change.
        place: Where it is.
        line: Line number, from 1.
        before: The changed lines as they are, without indentation.
        after: The same lines with the change.
        number: Counts equal changes of equal lines in one function, from 1.
    """

    module: str
    edit: Edit
    place: Place
    line: int
    before: str
    after: str
    number: int = field(default=1, kw_only=True)

    @property
    def fingerprint(self) -> tuple[str, str, str, str]:
        """What an equivalent mutant is known by; stays while lines move."""
        return (self.module, self.place.function, self.before, self.after)

    @property
    def key(self) -> str:
        """A short name that stays the same while lines move."""
        text = "\0".join([*self.fingerprint, str(self.number)])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def applied(self, source: Source) -> str:
        """Returns the text of the changed module."""
        edit = self.edit
        return source.text[: edit.start] + edit.new + source.text[edit.end :]


def changed_lines(source: Source, edit: Edit) -> tuple[str, str]:
    """Returns the lines that an edit touches, before and after it."""
    start = source.text.rfind("\n", 0, edit.start) + 1
    end = source.text.find("\n", edit.end)
    end = len(source.text) if end < 0 else end
    before = source.text[start:end]
    after = source.text[start : edit.start] + edit.new + source.text[edit.end : end]
    return _plain(before), _plain(after)


def _plain(lines: str) -> str:
    kept = [line.rstrip() for line in textwrap.dedent(lines).split("\n")]
    return "\n".join(line for line in kept if line).strip()


def function_lines(source: Source) -> frozenset[int]:
    """Returns the lines that run when a function is called."""
    return frozenset(
        line
        for node in ast.walk(ast.parse(source.text))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        for line in range(node.body[0].lineno, (node.end_lineno or node.lineno) + 1)
    )
