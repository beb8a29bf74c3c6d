"""The condition of a range of the cursor, alone and among others."""

import pytest
from psycopg2 import sql

from lambda_extract.rows.query import TRUE, CursorRange, greatest, typed

NAME = greatest(["c"])
LOW, HIGH = typed("1", "bigint"), typed("9", "bigint")


def shown(part: sql.Composable) -> str:
    """SQL as text, without a connection that would know how to quote."""
    if isinstance(part, sql.Composed):
        return "".join(shown(one) for one in part.seq)
    if isinstance(part, sql.Identifier):
        return ".".join(f'"{name}"' for name in part.strings)
    if isinstance(part, sql.Literal):
        return repr(part.wrapped)
    assert isinstance(part, sql.SQL)
    return str(part.string)


@pytest.mark.parametrize(
    ("lower", "upper", "with_nulls", "expected"),
    [
        (None, None, False, '"c" IS NOT NULL'),
        (LOW, None, False, "\"c\" > '1'::bigint"),
        (None, HIGH, False, "\"c\" <= '9'::bigint"),
        (LOW, HIGH, False, "\"c\" > '1'::bigint AND \"c\" <= '9'::bigint"),
        # In parentheses: the condition is joined to others by AND.
        (LOW, None, True, '("c" > \'1\'::bigint OR "c" IS NULL)'),
        (
            LOW,
            HIGH,
            True,
            '("c" > \'1\'::bigint AND "c" <= \'9\'::bigint OR "c" IS NULL)',
        ),
    ],
)
def test_a_range_excludes_its_lower_end(
    lower: sql.Composable | None,
    upper: sql.Composable | None,
    with_nulls: bool,
    expected: str,
) -> None:
    assert shown(CursorRange(NAME, lower, upper, with_nulls).condition()) == expected


def test_a_range_of_several_columns_compares_the_greatest() -> None:
    both = CursorRange(greatest(["c", "d"]), LOW, None, with_nulls=True)
    assert shown(both.condition()) == (
        '(GREATEST("c", "d") > \'1\'::bigint OR GREATEST("c", "d") IS NULL)'
    )
    assert shown(greatest(["c"], "t")) == '"t"."c"'
    assert shown(greatest(["c", "d"], "t")) == 'GREATEST("t"."c", "t"."d")'


def test_without_ends_every_row_belongs_to_it() -> None:
    assert CursorRange(NAME, with_nulls=True).condition() is TRUE
