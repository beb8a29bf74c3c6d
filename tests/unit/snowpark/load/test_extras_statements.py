"""SQL of what a target has beside its columns: texts to the letter (golden.py)."""

import pytest

from snowpark.load import extras_statements as statements
from snowpark.sql import Statement
from tests.unit.snowpark import golden
from tests.unit.snowpark.batches import TARGET

TEXTS = {"ID": "It's the \\ number", 'ODD "NAME"': "", "NOTE": "two\nlines"}
(COMMENTS,) = statements.comment_on_columns(TARGET, TEXTS)
TAG = '"GOVERNANCE"."TAGS"."PERSONAL"'
# sqlglot reads no list of alterations, and no tag of a column.
UNREAD = ("comment_on_columns", "allow_nulls", "set_tag", "unset_tag")
CASES: dict[str, Statement] = {
    "comment_on_table": statements.comment_on_table(TARGET, "The shop's orders"),
    "comment_on_columns": COMMENTS,
    "count_shared_keys": statements.count_shared_keys(TARGET, ("ID", "PART")),
    "add_key": statements.add_key(TARGET, ("ID", "PART")),
    "drop_key": statements.drop_key(TARGET),
    "allow_nulls": statements.allow_nulls(TARGET, ("ID", "PART")),
    "set_tag": statements.set_tag(TARGET, "EMAIL", TAG, "hash"),
    "unset_tag": statements.unset_tag(TARGET, "EMAIL", TAG),
    "grant_select": statements.grant_select("TABLE", TARGET, "Data Analyst"),
    "revoke_select": statements.revoke_select("VIEW", TARGET, "ANALYST"),
    "cluster_by": statements.cluster_by(TARGET, ("DAY", "ID")),
    "drop_clustering": statements.drop_clustering(TARGET),
}


@pytest.mark.parametrize("name", CASES)
def test_the_statement_is_the_golden_one(name: str) -> None:
    golden.check("extras", name, CASES[name])


@pytest.mark.parametrize("name", [name for name in CASES if name not in UNREAD])
def test_an_independent_parser_understands_the_text(name: str) -> None:
    golden.check_by_parser(CASES[name])


def test_no_golden_file_is_left_over() -> None:
    golden.check_left_over("extras", CASES)


def test_a_thousand_comments_are_several_statements() -> None:
    texts = {f"C{i}": "c" * 1000 for i in range(1000)}
    found = list(statements.comment_on_columns(TARGET, texts))
    assert max(len(statement.text) for statement in found) < 500_000
    assert sum(statement.text.count("COMMENT") for statement in found) == 1000
