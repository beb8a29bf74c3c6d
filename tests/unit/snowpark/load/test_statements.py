"""SQL of load: texts and bound values to the letter (golden.py)."""

import dataclasses

import pytest
import sqlglot
from sqlglot import exp

from lambda_extract.contract import Column, File
from snowpark.columns import column as columns
from snowpark.load import pipe_statements, target_statements
from snowpark.load import statements as load_statements
from snowpark.sql import Statement
from tests.unit.snowpark import golden
from tests.unit.snowpark.batches import BATCH, EVERY_TYPE, LOADED, SOFT, STAGING, TARGET
from tests.unit.snowpark.samples import COLUMNS, RUN_ID

KEY = LOADED[:1]
NULLABLE_KEY = columns.load_columns(
    (Column("region", "text", "VARCHAR(134217728)"), COLUMNS[0])
)
(GONE,) = columns.load_columns((Column("gone", "boolean", "BOOLEAN"),))
(CREATED,) = columns.load_columns(
    (Column("created_at", "timestamp with time zone", "TIMESTAMP_TZ(6)"),)
)
(LARGE,) = columns.load_columns((Column("version", "numeric(60,0)", "DECFLOAT"),))
(LOG_GONE,) = columns.load_columns(
    (Column("_SYNC_GONE", "boolean", "BOOLEAN", nullable=False, role="gone"),)
)
OF_LOG = dataclasses.replace(
    BATCH, columns=(*LOADED, LOG_GONE), gone=LOG_GONE, cursors=()
)
HARD = dataclasses.replace(BATCH, columns=(*LOADED, GONE), deleted=GONE)
FILES = tuple(File(f"data/o/{i}.csv.zst", 1, 1, "00") for i in range(2))
PAIR = pipe_statements.Pair("my-orders.x", len(LOADED))
PIPES = pipe_statements.PipeSettings(
    "AURORA_SYNC", "arn:aws:sns:eu-central-1:123456789012:landing"
)

CASES: dict[str, Statement] = {
    "create_staging_every_type": load_statements.create_staging(STAGING, EVERY_TYPE),
    "create_target_every_type": target_statements.create_target(
        TARGET, EVERY_TYPE, soft_deletes=True
    ),
    "merge_every_type": load_statements.merge(
        dataclasses.replace(BATCH, columns=EVERY_TYPE, cursors=()), None
    ),
    "create_staging": load_statements.create_staging(STAGING, LOADED),
    "drop_staging": load_statements.drop_staging(STAGING),
    "create_target": target_statements.create_target(
        TARGET, LOADED, soft_deletes=False
    ),
    "create_target_soft_deletes": target_statements.create_target(
        TARGET, LOADED, soft_deletes=True
    ),
    "describe_target": target_statements.describe_target(TARGET),
    "add_column": target_statements.add_column(TARGET, "A", "DATE"),
    "rename_column": target_statements.rename_column(TARGET, "A", 'B "b"'),
    "widen_column": target_statements.widen_column(TARGET, "A", "NUMBER(19,0)"),
    "widen_text": target_statements.widen_column(TARGET, "A", "VARCHAR(50)"),
    "copy_files": load_statements.copy_files(STAGING, LOADED, FILES),
    "list_files": load_statements.list_files("data/orders/r/w00001/"),
    "show_pipes": pipe_statements.show_pipes(PAIR),
    "read_pipe_settings": pipe_statements.read_settings(),
    "create_landed": pipe_statements.create_landed(PAIR),
    "create_pipe": pipe_statements.create_pipe(PAIR, PIPES),
    "create_pipe_without_topic": pipe_statements.create_pipe(
        PAIR, dataclasses.replace(PIPES, topic_arn="")
    ),
    "refresh_pipe": pipe_statements.refresh_pipe(PAIR, RUN_ID),
    "pipe_status": pipe_statements.pipe_status(PAIR),
    "copy_history": pipe_statements.copy_history(PAIR, (RUN_ID, "other")),
    "fill_staging": pipe_statements.fill_staging(STAGING, LOADED, PAIR, ("r/p/0", "x")),
    "fill_staging_every_type": pipe_statements.fill_staging(
        STAGING, EVERY_TYPE, pipe_statements.Pair("o", len(EVERY_TYPE)), ("r/p/0",)
    ),
    "forget_rows": pipe_statements.forget_rows(PAIR, RUN_ID),
    "drop_landed": pipe_statements.drop_landed(PAIR),
    "drop_pipe": pipe_statements.drop_pipe(PAIR),
    "key_bounds": load_statements.key_bounds(STAGING, TARGET, LOADED[0]),
    "key_bounds_of_a_date": load_statements.key_bounds(
        STAGING,
        TARGET,
        next(c for c in EVERY_TYPE if c.source.snowflake_type == "DATE"),
    ),
    "merge": load_statements.merge(BATCH, ("1", "9")),
    "merge_several_cursors": load_statements.merge(
        dataclasses.replace(
            BATCH, columns=(*LOADED, CREATED), cursors=(LOADED[-1], CREATED)
        ),
        None,
    ),
    "merge_cursor_of_large_numbers": load_statements.merge(
        dataclasses.replace(BATCH, columns=(*LOADED, LARGE), cursors=(LARGE,)), None
    ),
    "merge_nullable_composite_key": load_statements.merge(
        dataclasses.replace(BATCH, columns=NULLABLE_KEY, key=NULLABLE_KEY, cursors=()),
        None,
    ),
    "merge_soft_column": load_statements.merge(
        dataclasses.replace(SOFT, deleted=LOADED[-1]), None
    ),
    "merge_soft_key_compare": load_statements.merge(SOFT, None),
    "merge_dropped_columns": load_statements.merge(
        dataclasses.replace(BATCH, blanks=("OLD", "OLDER")), None
    ),
    "merge_hard_column": load_statements.merge(HARD, None),
    "merge_log_hard": load_statements.merge(OF_LOG, ("1", "9")),
    "merge_log_soft": load_statements.merge(
        dataclasses.replace(OF_LOG, soft_deletes=True), None
    ),
    "merge_log_keeps_gone": load_statements.merge(
        dataclasses.replace(OF_LOG, keeps_gone=True), None
    ),
    "count_rows": load_statements.count_rows(TARGET),
    "count_alive_rows": load_statements.count_rows(TARGET, soft_deletes=True),
    "lock_target": load_statements.lock_target(BATCH),
    "overwrite": load_statements.overwrite(BATCH),
    "overwrite_soft_column": load_statements.overwrite(
        dataclasses.replace(SOFT, deleted=LOADED[-1])
    ),
    "overwrite_hard_column": load_statements.overwrite(HARD),
}


def test_without_a_delete_column_no_row_is_called_deleted() -> None:
    with pytest.raises(ValueError, match="delete column"):
        load_statements.gone_condition("", None)


@pytest.mark.parametrize("name", CASES)
def test_the_statement_is_the_golden_one(name: str) -> None:
    golden.check("load", name, CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_an_independent_parser_understands_the_text(name: str) -> None:
    golden.check_by_parser(CASES[name])


def test_no_golden_file_is_left_over() -> None:
    golden.check_left_over("load", CASES)


@pytest.mark.parametrize("name", [n for n in CASES if "ALTER TABLE" in CASES[n].text])
def test_every_alteration_is_a_known_one(name: str) -> None:
    (action,) = sqlglot.parse_one(CASES[name].text, dialect="snowflake").args["actions"]
    assert isinstance(action, (exp.ColumnDef, exp.AlterColumn, exp.RenameColumn))


def test_hostile_names_stay_inside_their_quotes() -> None:
    nasty = 'x"; DROP TABLE y; --'
    loaded = columns.load_columns((Column(nasty, "text", "VARCHAR(10)"),))
    text = load_statements.create_staging(STAGING, loaded).text
    assert '"X""; DROP TABLE Y; --"' in text
    (tree,) = sqlglot.parse(text, dialect="snowflake")
    assert isinstance(tree, exp.Create)
