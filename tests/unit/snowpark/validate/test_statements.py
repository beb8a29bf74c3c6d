"""SQL of validate: texts and bound values to the letter (golden.py)."""

import dataclasses

import pytest

from snowpark.names import DELETED_AT, IS_CURRENT
from snowpark.sql import Statement, quote
from snowpark.validate import statements as validate_statements
from tests.unit.snowpark import golden
from tests.unit.snowpark.batches import EVERY_TYPE, LOADED, TARGET
from tests.unit.snowpark.samples import RUN_ID

DIGESTED = validate_statements.Digested(TARGET, EVERY_TYPE, EVERY_TYPE[:1], False)
NOW = "2026-01-02 03:04:05+00"
VERSIONS = validate_statements.Digested(
    TARGET, LOADED[:2], LOADED[:1], soft_deletes=True, history=True
)
SOFT_DIGESTED = validate_statements.Digested(TARGET, LOADED[:2], LOADED[:2], True)

CASES: dict[str, Statement] = {
    "digest_buckets": validate_statements.buckets(DIGESTED, 2, ()),
    "digest_buckets_within": validate_statements.buckets(
        SOFT_DIGESTED, 4, ("0a", "ff")
    ),
    "digest_rows": validate_statements.rows(SOFT_DIGESTED, ("0a",), 100),
    "digest_rows_without": validate_statements.rows(
        SOFT_DIGESTED, ("0a",), 100, ("0a1b2c3d4e5f6071", "0a1b2c3d4e5f6072")
    ),
    "digest_detail": validate_statements.detail(SOFT_DIGESTED, ("0a" * 16,)),
    "remove_extra": validate_statements.remove_extra(
        DIGESTED, ("0a" * 16,), RUN_ID, NOW
    ),
    "flag_extra": validate_statements.remove_extra(
        SOFT_DIGESTED, ("0a" * 16,), RUN_ID, NOW
    ),
    "digest_rows_of_a_history": validate_statements.rows(VERSIONS, ("0a",), 100),
    "close_extra": validate_statements.remove_extra(
        VERSIONS, ("0a" * 16,), RUN_ID, NOW
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_statement_is_the_golden_one(name: str) -> None:
    golden.check("validate", name, CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_an_independent_parser_understands_the_text(name: str) -> None:
    golden.check_by_parser(CASES[name])


def test_no_golden_file_is_left_over() -> None:
    golden.check_left_over("validate", CASES)


@pytest.mark.parametrize("number", [1, 2])
def test_rows_beyond_the_cursor_are_left_out_by_the_length_of_their_names(
    number: int,
) -> None:
    names = ("0a1b2c3d4e5f6071", "0a1b2c3d4e5f6072")[:number]
    text = validate_statements.rows(SOFT_DIGESTED, (), 100, names).text
    assert "LEFT(r.key_hash, 16) NOT IN" in text


@pytest.mark.parametrize("soft", [True, False])
def test_of_a_history_only_current_versions_are_rows(soft: bool) -> None:
    """A version that ended is no row of the source, flagged as deleted or not."""
    versions = dataclasses.replace(VERSIONS, soft_deletes=soft)
    for statement in (
        validate_statements.buckets(versions, 2, ()),
        validate_statements.rows(versions, (), 100),
        validate_statements.detail(versions, ("0a" * 16,)),
    ):
        assert f"WHERE {quote(IS_CURRENT)}\n" in statement.text
        assert quote(DELETED_AT) not in statement.text
