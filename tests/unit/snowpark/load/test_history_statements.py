"""SQL of histories: texts and bound values to the letter (golden.py)."""

import dataclasses

import pytest
import sqlglot

from lambda_extract.contract import Column
from snowpark.columns import column as columns
from snowpark.load import history_statements as statements
from snowpark.load import history_table_statements as table_statements
from snowpark.load import target_statements
from snowpark.load.statements import Versions
from snowpark.sql import Statement
from tests.unit.snowpark import golden
from tests.unit.snowpark.batches import BATCH, EVERY_TYPE, LOADED, TARGET
from tests.unit.snowpark.samples import COLUMNS

CURSOR = LOADED[-1]
HISTORY = dataclasses.replace(
    BATCH, history=Versions(tracked=LOADED[1:], cursor=CURSOR)
)
(GONE,) = columns.load_columns((Column("gone", "boolean", "BOOLEAN"),))
(LOG_GONE,) = columns.load_columns(
    (Column("_SYNC_GONE", "boolean", "BOOLEAN", nullable=False, role="gone"),)
)
OF_LOG = dataclasses.replace(
    BATCH,
    columns=(*LOADED, LOG_GONE),
    gone=LOG_GONE,
    cursors=(),
    history=Versions(tracked=LOADED[1:]),
)
NULLABLE_KEY = columns.load_columns(
    (Column("region", "text", "VARCHAR(134217728)"), COLUMNS[0])
)


def versions(**changes: object) -> Versions:
    return dataclasses.replace(Versions(tracked=LOADED[1:], cursor=CURSOR), **changes)


CASES: dict[str, Statement] = {
    "merge_versions": statements.merge_versions(HISTORY, ("1", "9")),
    "merge_versions_extracted": statements.merge_versions(
        dataclasses.replace(BATCH, history=versions(cursor=None)), None
    ),
    "merge_versions_late_column": statements.merge_versions(
        dataclasses.replace(
            BATCH,
            history=versions(
                tracked=LOADED[1:2], late=((LOADED[2], "2026-01-01 00:00:00+00"),)
            ),
        ),
        None,
    ),
    "merge_versions_soft_column": statements.merge_versions(
        dataclasses.replace(HISTORY, columns=(*LOADED, GONE), deleted=GONE), None
    ),
    "merge_versions_log": statements.merge_versions(OF_LOG, ("1", "9")),
    "merge_versions_log_keeps_gone": statements.merge_versions(
        dataclasses.replace(OF_LOG, keeps_gone=True), None
    ),
    "merge_versions_key_alone": statements.merge_versions(
        dataclasses.replace(
            BATCH,
            columns=NULLABLE_KEY,
            key=NULLABLE_KEY,
            cursors=(),
            history=Versions(),
        ),
        None,
    ),
    "merge_versions_every_type": statements.merge_versions(
        dataclasses.replace(
            BATCH,
            columns=EVERY_TYPE,
            cursors=(),
            history=Versions(tracked=EVERY_TYPE[1:]),
        ),
        None,
    ),
    "close_gone": statements.close_gone(HISTORY),
    "close_where": statements.close_where(
        TARGET, '"ID" IN (?)', ("1",), "run", "2026-01-02 03:04:05+00"
    ),
    "first_versions": table_statements.first_versions(HISTORY, flagged=False),
    "first_versions_flagged": table_statements.first_versions(HISTORY, flagged=True),
    "blank_columns": table_statements.blank_columns(TARGET, ("NOTE", "OLD")),
    "forget_versions": table_statements.forget_versions(TARGET, 90),
    "drop_versions": table_statements.drop_versions(TARGET),
    "drop_column": target_statements.drop_column(TARGET, "_SYNC_DELETED"),
    "create_target_history": target_statements.create_target(
        TARGET, LOADED, soft_deletes=False, history=True
    ),
    "create_current_view": table_statements.create_current_view(
        '"SHOP"."ORDERS_CURRENT"', TARGET
    ),
    "broken_invariants": table_statements.broken_invariants(TARGET, ("ID", "B")),
}


@pytest.mark.parametrize("name", CASES)
def test_the_statement_is_the_golden_one(name: str) -> None:
    golden.check("history", name, CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_an_independent_parser_understands_the_text(name: str) -> None:
    golden.check_by_parser(CASES[name])


def test_no_golden_file_is_left_over() -> None:
    golden.check_left_over("history", CASES)


def test_a_known_version_is_never_taken_out() -> None:
    for name, statement in CASES.items():
        if name.startswith(("merge_versions", "history_close")):
            assert "DELETE FROM" not in statement.text
            assert "THEN DELETE" not in statement.text


@pytest.mark.parametrize(
    ("kind", "zone", "values"),
    [
        ("TIMESTAMP_TZ(6)", "Europe/Berlin", ()),
        ("TIMESTAMP_NTZ(6)", "Europe/Berlin", ("Europe/Berlin",)),
        ("TIMESTAMP_NTZ(6)", "", ("UTC",)),
        ("DATE", "UTC", ("UTC",)),
    ],
)
def test_times_are_moments(kind: str, zone: str, values: tuple[str, ...]) -> None:
    (column,) = columns.load_columns((Column("at", "any", kind),))
    found = statements.moment(column, zone)
    assert found is not None and found[1] == values
    sqlglot.parse_one(f"SELECT {found[0]}", dialect="snowflake")


@pytest.mark.parametrize("kind", ["NUMBER(19,0)", "VARCHAR(10)", "TIME(6)", "DECFLOAT"])
def test_other_cursors_name_no_moment(kind: str) -> None:
    (column,) = columns.load_columns((Column("n", "any", kind),))
    assert statements.moment(column, "UTC") is None
