"""The form in which keys are compared, bounded and written as text."""

import pytest

from lambda_extract.contract import Column
from snowpark.columns import keys
from snowpark.columns.column import LoadColumn, load_columns


def column(snowflake_type: str, nullable: bool = False) -> LoadColumn:
    return load_columns((Column("k", "any", snowflake_type, nullable=nullable),))[0]


NUMBER, DECIMAL = column("NUMBER(19,0)"), column("DECFLOAT")


def test_a_key_is_staged_as_a_value_of_the_targets_type() -> None:
    assert keys.staged([NUMBER, DECIMAL]) == ['"K"', '"K"::DECFLOAT']
    assert keys.named([NUMBER, DECIMAL]) == ['"K"', '"K"::DECFLOAT AS "K"']


def test_only_a_nullable_key_needs_equal_null() -> None:
    assert keys.equal(NUMBER) == 'target."K" = source."K"'
    nullable = column("NUMBER(19,0)", nullable=True)
    assert keys.equal(nullable) == 'EQUAL_NULL(target."K", source."K")'


@pytest.mark.parametrize(
    ("snowflake_type", "text"),
    [
        ("NUMBER(19,0)", "TO_VARCHAR(v)"),
        ("VARCHAR(9)", "TO_VARCHAR(v)"),
        ("DATE", "TO_VARCHAR(v, 'YYYY-MM-DD')"),
        ("TIME(6)", "TO_VARCHAR(v, 'HH24:MI:SS.FF6')"),
        ("TIMESTAMP_NTZ(6)", "TO_VARCHAR(v, 'YYYY-MM-DD HH24:MI:SS.FF6')"),
        (
            "TIMESTAMP_TZ(6)",
            "TO_VARCHAR(CONVERT_TIMEZONE('UTC', v), 'YYYY-MM-DD HH24:MI:SS.FF6')"
            " || '+00'",
        ),
        ("BINARY(9)", "HEX_ENCODE(v)"),
    ],
)
def test_the_text_of_a_key_is_no_matter_of_the_session(
    snowflake_type: str, text: str
) -> None:
    assert keys.text(column(snowflake_type), "v") == text


@pytest.mark.parametrize(
    ("snowflake_type", "nullable", "bounded"),
    [
        ("NUMBER(19,0)", False, True),
        ("VARCHAR(9)", False, True),
        ("DATE", False, True),
        ("NUMBER(19,0)", True, False),
        ("TIMESTAMP_TZ(6)", False, False),
        ("BOOLEAN", False, False),
        ("DECFLOAT", False, False),
        ("VARIANT", False, False),
    ],
)
def test_which_keys_have_a_range(
    snowflake_type: str, nullable: bool, bounded: bool
) -> None:
    assert keys.is_bounded(column(snowflake_type, nullable)) is bounded


def test_a_key_that_the_target_holds_in_another_type_has_no_range() -> None:
    # Staged as a number and cast to the target's own DECFLOAT.
    held = column("NUMBER(19,0)").held_by("DECFLOAT")
    assert held.expression == '"K"::DECFLOAT'
    assert not keys.is_bounded(held)
