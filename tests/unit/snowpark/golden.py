"""Golden files: every SQL text that the procedures send, with its values in order.

    tests/golden/<folder>/<name>.sql

The text comes first; each bound value follows as a comment, numbered by the question
mark that it is bound to. Two values that change places are seen here: the text alone
would be the same.

After an intended change: UPDATE_GOLDEN=1 scripts/run_tests.sh tests/unit/snowpark, then
read the difference in version control.
"""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import sqlglot
from sqlglot import exp

GOLDEN = Path(__file__).parents[2] / "golden"


class Bound(Protocol):
    """A text with a question mark for each of its values."""

    @property
    def text(self) -> str: ...

    @property
    def params(self) -> Sequence[Any]: ...


def render(statement: Bound) -> str:
    """Returns what the golden file of a statement holds: text, then values by number.

    A value is written as JSON, so that NULL, TRUE, 1 and '1' differ and a value with
    line ends stays on its line.
    """
    values = "".join(
        f"-- {number}: {json.dumps(value, ensure_ascii=False)}\n"
        for number, value in enumerate(statement.params, start=1)
    )
    return f"{statement.text};\n{values}"


def check(folder: str, name: str, statement: Bound) -> None:
    """Compares a statement with its golden file, or writes it (UPDATE_GOLDEN=1)."""
    path = GOLDEN / folder / f"{name}.sql"
    text = render(statement)
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def check_by_parser(statement: Bound) -> None:
    """An independent parser understands the text, and counts as many values."""
    tree = sqlglot.parse_one(statement.text, dialect="snowflake")
    marks = list(tree.find_all(exp.Placeholder))
    if not isinstance(tree, exp.Command):
        assert len(marks) == len(statement.params)


def check_left_over(folder: str, names: Iterable[str]) -> None:
    """Each golden file of the folder belongs to a statement."""
    assert {path.stem for path in (GOLDEN / folder).glob("*.sql")} == set(names)
