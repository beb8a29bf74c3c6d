"""Names in Snowflake."""

import pytest

from snowpark import names
from snowpark.errors import DriftError


def test_a_target_is_upper_case_and_quoted() -> None:
    assert names.target_name(database=None, schema="s", table="t") == '"S"."T"'
    assert names.target_name(database="d", schema="s", table="t") == '"D"."S"."T"'


@pytest.mark.parametrize("name", ["current_date", "LocalTime", "_sync_deleted_at"])
def test_what_no_column_can_be_called(name: str) -> None:
    with pytest.raises(DriftError) as caught:
        names.column_name(name)
    assert caught.value.code == "column_name_unusable"
    assert caught.value.message == (f'Snowflake cannot have a column "{name.upper()}".')


def test_a_column_is_upper_case_and_not_quoted() -> None:
    assert names.column_name('in "stock"') == 'IN "STOCK"'


def test_a_staging_table_is_that_of_one_table_run_and_purpose() -> None:
    found = names.staging_name("orders", "20260102t03-ab", "ROWS")
    assert found == '"STAGING"."ORDERS__ROWS_20260102T03_AB"'
    found = names.staging_name("t" * 200, "r", "ROWS")
    assert found == f'"STAGING"."{"T" * 180}__ROWS_R"'
