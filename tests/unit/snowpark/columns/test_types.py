"""Snowflake's types: what fits into what, and what can be widened."""

import pytest

from snowpark.columns.types import family, fits, widened


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        ("NUMBER(10,2)", "NUMBER(10,2)", True),
        ("NUMBER(10,2)", "NUMBER(11,3)", True),
        ("NUMBER(10,2)", "NUMBER(10,3)", False),  # a digit less before the point
        ("NUMBER(10,3)", "NUMBER(11,2)", False),
        ("NUMBER(11,2)", "NUMBER(10,2)", False),
        ("NUMBER", "NUMBER(38,0)", True),
        ("NUMBER", "NUMBER(37,0)", False),
        ("decimal(5)", "NUMBER(5,0)", True),
        ("NUMBER(38,0)", "DECFLOAT", True),
        ("DECFLOAT", "NUMBER(38,0)", False),
        ("DECFLOAT(38)", "DECFLOAT", True),
        ("FLOAT", "DOUBLE", True),
        ("BOOLEAN", "DATE", False),
        ("VARCHAR(10)", "VARCHAR(10)", True),
        ("VARCHAR(11)", "VARCHAR(10)", False),
        ("VARCHAR(16777216)", "TEXT", True),
        ("VARCHAR(16777217)", "STRING", False),
        ("STRING", "VARCHAR(16777215)", False),
        ("BINARY(8388608)", "BINARY", True),
        ("BINARY(8388609)", "BINARY", False),
        ("TIME(6)", "TIME", True),
        ("TIME", "TIME(9)", True),
        ("TIME", "TIME(8)", False),
        # V12: they cut what is written into them.
        ("TIME(6)", "TIME(3)", False),
        ("TIMESTAMP_TZ(6)", "TIMESTAMP_TZ(3)", False),
        ("TIMESTAMP_NTZ(6)", "TIMESTAMP_NTZ(0)", False),
        ("TIMESTAMP_TZ(6)", "TIMESTAMP_TZ", True),
        ("TIMESTAMP_TZ(6)", "TIMESTAMP_NTZ(6)", False),
        ("VARIANT", "VARIANT", True),
        ("VARIANT", "ARRAY", False),
    ],
)
def test_what_fits(new: str, old: str, expected: bool) -> None:
    assert fits(new, old) is expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("VARCHAR(5)", "VARCHAR(9)", "VARCHAR(9)"),
        ("NUMBER(5,0)", "NUMBER(9,0)", "NUMBER(9,0)"),
        ("NUMBER(9,2)", "NUMBER(9,0)", "NUMBER(11,2)"),
        ("NUMBER(9,2)", "NUMBER(5,1)", "NUMBER(9,2)"),
        ("NUMBER(9,2)", "NUMBER(38,2)", "NUMBER(38,2)"),
        ("NUMBER(9,2)", "NUMBER(37,0)", None),  # 39 digits
        ("NUMBER(9,0)", "NUMBER(9,2)", None),  # the scale never grows
        ("NUMBER(9,0)", "DECFLOAT", None),
        ("VARCHAR(5)", "NUMBER(9,0)", None),
        ("DATE", "DATE", None),
    ],
)
def test_what_can_be_widened(old: str, new: str, expected: str | None) -> None:
    assert widened(old, new) == expected


@pytest.mark.parametrize(
    ("snowflake_type", "expected"),
    [
        ("NUMBER(9,2)", "NUMBER"),
        (" numeric(9, 2) ", "NUMBER"),
        ("TIMESTAMP_TZ(6)", "TIMESTAMP_TZ"),
        ("VECTOR(FLOAT, 3)", "VECTOR(FLOAT, 3)"),  # no type that a source has
    ],
)
def test_the_family_is_the_type_without_its_size(
    snowflake_type: str, expected: str
) -> None:
    assert family(snowflake_type) == expected
    assert fits(snowflake_type, snowflake_type)
