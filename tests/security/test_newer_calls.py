"""Attacker: whoever names things in PostgreSQL, or leaves things in STAGING.

What a source owner writes into names and comments comes back in proposals, in the names
of a history's columns, and on the dashboard; what lies in STAGING is seen by TIDY.
"""

import json
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlglot import tokenize
from sqlglot.tokens import TokenType

from lambda_extract.contract import FoundColumn, FoundTable
from snowpark import names
from snowpark.dashboard import shaping
from snowpark.errors import DriftError
from snowpark.settings import parse
from snowpark.tidy import leftovers, statements
from snowpark.worksheet import discovery, propose_config, proposal
from snowpark.worksheet.discovery import Found
from snowpark.worksheet.proposal import SourceFacts

DASHBOARD = Path(__file__).resolve().parents[2] / "snowpark" / "dashboard"
HOSTILE = (
    'x"; DROP TABLE orders; --',
    "x'); CALL RESYNC_TABLE('orders'); --",
    '{"tables": {"payroll": {}}}',
    '", "protect": "", "x": "',
    "a.b.c",
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "**bold** [click](https://attacker.example) :red[x] `code`",
    "$$ || CURRENT_ROLE() || $$",
    "line\nend",
    "*",
    "naïve\u202eelbat",
)


# --- PROPOSE_CONFIG -------------------------------------------------------------------


def found(name: str) -> FoundTable:
    columns = (
        FoundColumn("id", "bigint", not_null=True, cursor_type="bigint", indexed=True),
        FoundColumn(name, "text"),
        FoundColumn(f"Q {name}", "text", required_protection="hash"),
    )
    return FoundTable(
        name, name, "r", 10, 1000, columns, ("id",), True, comment=name * 3
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_a_proposal_is_data_whatever_its_table_is_called(name: str) -> None:
    """It can be applied as it is, says nothing of other tables, and lifts nothing."""
    facts = SourceFacts("shop", hashes=True)
    config = discovery.first_config("shop")
    (one,) = proposal.propose([found(name)], facts, config)
    made = discovery.merged(config, "shop", [one])
    text = json.dumps(made)
    assert json.loads(text) == made and set(made["tables"]) == {one.name}
    assert re.fullmatch(r"[a-z_][a-z0-9_.-]*", one.name)
    entry = made["tables"][one.name]
    assert "table" not in entry or entry["table"] == name
    protected = [c for c in entry["columns"].values() if c.get("protect") == "hash"]
    assert len(protected) == 1
    (settings,) = parse.parse(text)
    assert (settings.schema, settings.relation) == (name, name)
    hidden = [c for c in settings.columns if c.protect == "hash"]
    assert [c.name for c in hidden] == [f"Q {name}"]
    # The row for a person has the comment as a value, and nowhere else.
    (row,) = propose_config.rows([one])
    assert row["comment"] == name * 3


@pytest.mark.parametrize("name", HOSTILE)
def test_the_call_that_a_proposal_suggests_is_one_call(name: str) -> None:
    facts = SourceFacts(name, hashes=True)
    config = discovery.first_config("shop")
    (one,) = proposal.propose(
        [found("orders")], SourceFacts("shop", hashes=True), config
    )
    call = propose_config._next(name, [f"public.{name}"], Found((one,), facts, 0))
    # The tokenizer reads CALL and all behind it as one.
    text = call.replace("CALL ", "SELECT ", 1)
    kinds = [token.token_type for token in tokenize(text, read="snowflake")]
    assert kinds.count(TokenType.STRING) == 2
    assert kinds.count(TokenType.SEMICOLON) == 1
    assert call.endswith("]);")


# --- a history's own columns ----------------------------------------------------------


@pytest.mark.parametrize("own", sorted(names.OWN_COLUMNS))
def test_a_source_cannot_fill_the_columns_of_a_history(own: str) -> None:
    """In no spelling: Snowflake's names are upper case."""
    for name in (own, own.lower(), own.title(), own.swapcase()):
        with pytest.raises(DriftError) as refused:
            names.column_name(name)
        assert refused.value.code == "column_name_unusable"
    # A proposal gives such a column another name.
    table = found("orders")
    columns = (*table.columns, FoundColumn(own.lower(), "text"))
    (one,) = proposal.propose(
        [FoundTable("s", "t", "r", 1, 1, columns, ("id",), True)],
        SourceFacts("shop", hashes=True),
        discovery.first_config("shop"),
    )
    renamed = one.entry["columns"][own.lower()]["rename"]
    assert renamed not in names.OWN_COLUMNS


# --- TIDY -----------------------------------------------------------------------------

NOW = datetime(2026, 3, 1, tzinfo=timezone.utc)
OF_A_RUN = "ORDERS__ROWS_20260101T000000_0123456789AB"


@pytest.mark.parametrize("name", [*HOSTILE, OF_A_RUN.lower(), f"{OF_A_RUN}\n"])
def test_tidy_drops_nothing_that_is_not_named_as_its_own(name: str) -> None:
    assert leftovers.staged([name], (), NOW, 24) == []
    assert leftovers.of_pipes([name], []) == []


@pytest.mark.parametrize("name", HOSTILE)
def test_what_tidy_drops_is_one_name_in_staging(name: str) -> None:
    """A table may be called as a run's own, with anything before it."""
    called = f"{name}__ROWS_20260101T000000_0123456789AB"
    for gone in leftovers.staged([called], (), NOW, 24):
        for drop in (statements.drop_table(gone), statements.drop_pipe(gone)):
            kind = drop.text.split()[1]
            quoted = gone.replace('"', '""')
            assert drop.text == f'DROP {kind} IF EXISTS "STAGING"."{quoted}"'
            assert drop.params == ()


# --- the dashboard --------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_person_sees_is_text(text: str) -> None:
    """Each character that Markdown reads is escaped."""
    shown = shaping.plain(text)
    bare = re.sub(r"\\.", "", shown)
    assert not re.search(r"[`*_{}\[\]()#!|~$<>:&]", bare), shown
    assert re.sub(r"\\(.)", r"\1", shown) == text


def test_no_page_takes_html() -> None:
    for path in DASHBOARD.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        for door in ("unsafe_allow_html", "components", "st.html", "iframe", "exec("):
            assert door not in source, (path.name, door)


def test_every_value_in_markdown_is_made_plain() -> None:
    """Names and messages go through `plain` before they are part of a text."""
    found: list[Any] = []
    for path in DASHBOARD.rglob("*.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if re.search(r"\bst\.(?:markdown|caption|warning|error|info)\(f?\"", line):
                found += re.findall(r"{([^{}]+)}", line)
    outer = [one for one in found if not one.startswith(("shaping.plain", "shaping.b"))]
    # A code of ours, titles and colors of the page itself, and counts.
    assert {re.split(r"[ .(\[!]", one)[0] for one in outer} <= {
        "failure",
        "title",
        "text",
        "k",
        "statements",
        "made",
        "len",
        "'",
        "':green'",
    }, outer
