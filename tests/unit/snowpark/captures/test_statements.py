"""SQL of captures: texts and bound values to the letter (golden.py)."""

import dataclasses
import os

import pytest

from lambda_extract.contract import TableChanges
from snowpark.captures import setup, statements
from snowpark.captures.records import source_of
from snowpark.sql import Statement
from tests.unit.snowpark import golden
from tests.unit.snowpark.captures.samples import (
    ORDERS,
    REFUSED,
    SOURCE,
    captured,
    key_file,
)
from tests.unit.snowpark.samples import RUN_ID

REPLY = captured(
    TableChanges("orders", 2, (key_file(),), truncated=True),
    TableChanges("items", refused=REFUSED),
    TableChanges("lines", whole="too_many_changes"),
)
CASES: dict[str, Statement] = {
    "read_log_tables": statements.read_log_tables(),
    "insert_capture_lease": statements.insert_capture_lease("#capture:shop"),
    "read_latest_capture": statements.read_latest_capture("shop"),
    "insert_capture": statements.insert_capture(
        "shop", 5, RUN_ID, REPLY, ["orders", "items"]
    ),
    "insert_gap": statements.insert_gap("shop", 5, RUN_ID, "resync"),
}
(CASES["read_pending"],) = statements.read_pending("shop", {"orders": 3, "items": 4}, 5)
(CASES["insert_capture_tables"],) = statements.insert_capture_tables("shop", 5, REPLY)


KEYED = dataclasses.replace(ORDERS, key=("id", "a\"b'c"), log_publish="keys")
SETUPS = {"log_setup": SOURCE.tables, "log_setup_of_keys": (KEYED, KEYED)}


@pytest.mark.parametrize("name", SETUPS)
def test_what_the_owner_has_to_run_is_the_golden_text(name: str) -> None:
    """PostgreSQL's: what looks for tables whose application would fail is among it."""
    source = source_of("shop", SETUPS[name])
    assert source is not None
    # No .sql: what reads those as Snowflake's would not understand it.
    path = golden.GOLDEN / "captures" / f"{name}.txt"
    text = "\n".join(setup.statements(source)) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CASES)
def test_the_statement_is_the_golden_one(name: str) -> None:
    golden.check("captures", name, CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_an_independent_parser_understands_the_text(name: str) -> None:
    golden.check_by_parser(CASES[name])


def test_no_golden_file_is_left_over() -> None:
    golden.check_left_over("captures", CASES)
