"""A partition that is read as a whole, through its table: its rows and no others."""

from types import SimpleNamespace
from typing import Any

import pytest
from psycopg2 import sql

from lambda_extract.changes import reread


def text_of(statement: sql.Composable) -> str:
    """Returns a statement on one line; names and literals as Python has them."""
    if isinstance(statement, sql.Composed):
        return "".join(text_of(part) for part in statement.seq)
    if isinstance(statement, sql.SQL):
        return str(statement.string)
    wrapped: Any = statement
    return ".".join(getattr(wrapped, "strings", ())) or repr(wrapped.wrapped)


@pytest.mark.parametrize(
    ("kind", "rule", "where"),
    [
        ("p", None, "((id >= 1) AND (note <> '{}')) AND tableoid = 77::oid"),
        (
            "p",
            "kind = 'a'",
            "(((id >= 1) AND (note <> '{}')) AND tableoid = 77::oid)"
            " AND (kind = 'a')",
        ),
        # A table that has no partitions is its own.
        ("r", None, "TRUE"),
        ("r", "kind = 'a'", "(TRUE) AND (kind = 'a')"),
    ],
)
def test_a_leaf_is_read_by_its_constraint_its_name_and_the_rule_of_rows(
    monkeypatch: pytest.MonkeyPatch, kind: str, rule: str | None, where: str
) -> None:
    monkeypatch.setattr(reread, "_copy", lambda wire, rows: (wire, rows))
    table: Any = SimpleNamespace(
        kind=kind,
        filter=None if rule is None else sql.SQL(rule),
        columns=(SimpleNamespace(name="id"), SimpleNamespace(name="note")),
        name=sql.Identifier("public", "t"),
    )
    wire: Any = "wire"
    # Braces of a constraint are its own.
    constraint = "(id >= 1) AND (note <> '{}')"
    found: Any = reread.copy_leaf(table, wire, 77, constraint)
    assert found[0] == "wire"
    assert text_of(found[1]) == (
        f"SELECT id, note, FALSE AS {reread.GONE.name} FROM public.t WHERE {where}"
    )
