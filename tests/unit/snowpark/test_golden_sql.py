"""Every SQL text that the procedures send, to the letter.

After an intended change: UPDATE_GOLDEN=1 scripts/run_tests.sh tests/unit/snowpark, then
read the difference in version control.
"""

import dataclasses
import os
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from lambda_extract.contract import (
    AlteredValue,
    Bound,
    Column,
    File,
    Overlap,
    PendingBound,
)
from lambda_extract.values.mappings import mapping, protected
from scripts.print_types import SOURCES
from snowpark.alerts import statements as alerts_statements
from snowpark.alerts.statements import Trouble
from snowpark.columns import column as columns
from snowpark.columns.shape import Change, KnownColumn, Shape
from snowpark.dashboard import statements as dashboard
from snowpark.errors import SyncError
from snowpark.extraction import requests
from snowpark.groups import statements as groups_statements
from snowpark.groups import task_graph, task_statements
from snowpark.groups.statements import GroupStep
from snowpark.ledger import statements as ledger_statements
from snowpark.ledger.records import Commit
from snowpark.ledger.run import Run, Tally
from snowpark.load import pipe_statements, target_statements
from snowpark.load import statements as load_statements
from snowpark.load.statements import Batch
from snowpark.settings.groups import GroupSettings
from snowpark.sql import Statement
from snowpark.sync import statements as sync_statements
from snowpark.sync.statements import SnapshotPart
from snowpark.validate import statements as validate_statements
from snowpark.worksheet import statements as worksheet_statements
from tests.unit.snowpark.samples import COLUMNS, RUN_ID, cursor_value, settings

GOLDEN = Path(__file__).parents[2] / "golden"
LOADED = columns.load_columns(COLUMNS)
# One column of each Snowflake type that a PostgreSQL type, or protection, becomes.
EVERY_TYPE = columns.load_columns(
    (
        COLUMNS[0],
        *(
            Column(f"c{number}", "any", kind)
            for number, kind in enumerate(
                dict.fromkeys(
                    [mapping(source).snowflake_type for _, source in SOURCES]
                    + [protected(way).snowflake_type for way in ("hash", "mask")]
                )
            )
        ),
    )
)
TARGET = '"SHOP"."ORDERS"'
STAGING = '"STAGING"."ORDERS__RUN"'
KEY = LOADED[:1]
NULLABLE_KEY = columns.load_columns(
    (Column("region", "text", "VARCHAR(134217728)"), COLUMNS[0])
)
RUN = Run(RUN_ID, "orders", "2026-01-02T03:04:05+00:00", Tally(windows=1, rows=2))
COMMIT = Commit(
    version=8,
    kind="increment",
    bound=Bound(
        watermark=cursor_value(2),
        pending_bound=PendingBound("41", "2026-01-02 00:00:00+00"),
        overlap=Overlap(3, "99"),
    ),
    columns_sha256="c0ffee",
    rows=2,
)
BATCH = Batch(
    target=TARGET,
    staging=STAGING,
    columns=LOADED,
    key=KEY,
    cursor=LOADED[-1],
    deleted=None,
    soft_deletes=False,
    run_id=RUN_ID,
    extracted_at="2026-01-02 03:04:05+00",
)
SOFT = dataclasses.replace(BATCH, soft_deletes=True)
(GONE,) = columns.load_columns((Column("gone", "boolean", "BOOLEAN"),))
HARD = dataclasses.replace(BATCH, columns=(*LOADED, GONE), deleted=GONE)
FILES = tuple(File(f"data/o/{i}.csv.zst", 1, 1, "00") for i in range(2))
CHANGES = (
    Change("created", "id", 1, "ID", None, "bigint", None, "NUMBER(19,0)"),
    Change("renamed", "note", 2, "NOTE", "remark", "text", "VARCHAR(9)", "VARCHAR(9)"),
)
SHAPE = Shape(
    generation=2,
    route="[]",
    relation=16384,
    key=("id",),
    columns=(KnownColumn(1, "id", "ID", "ID", "NUMBER(19,0)"),),
)
PART = SnapshotPart("snapshot", "p00001", "c0ffee", "{}")
ALTERED = (AlteredValue("paid_at", 2, ('{"id": 1}', '{"id": 2}')),)

STEP = GroupStep(
    RUN_ID, "hourly", "graph", "extract", "succeeded", "orders", "c0ffee", "{}"
)

DIGESTED = validate_statements.Digested(TARGET, EVERY_TYPE, EVERY_TYPE[:1], False)
SOFT_DIGESTED = validate_statements.Digested(TARGET, LOADED[:2], LOADED[:2], True)

TASKS = task_graph.build(GroupSettings("my-group.x", "60 MINUTES"), ["orders"], {})
ON_WAREHOUSE = GroupSettings("hourly", "USING CRON 0 * * * * UTC", "it's mine")
TROUBLE = Trouble("orders", "hourly", "failed", "lease_lost", "gone", "wait", "now")

PAIR = pipe_statements.Pair("my-orders.x", len(LOADED))
PIPES = pipe_statements.PipeSettings(
    "AURORA_SYNC", "arn:aws:sns:eu-central-1:123456789012:landing"
)

CASES: dict[str, Statement | dashboard.Query] = {
    "take_lease": ledger_statements.take_lease("orders", RUN_ID, 900),
    "hold_lease": ledger_statements.hold_lease("orders", RUN_ID, 900),
    "release_lease": ledger_statements.release_lease("orders", RUN_ID),
    "read_lease": ledger_statements.read_lease("orders"),
    "read_state": ledger_statements.read_state("orders"),
    "list_tables": ledger_statements.list_tables(),
    "digest_buckets": validate_statements.buckets(DIGESTED, 2, ()),
    "digest_buckets_within": validate_statements.buckets(
        SOFT_DIGESTED, 4, ("0a", "ff")
    ),
    "digest_rows": validate_statements.rows(SOFT_DIGESTED, ("0a",), 100),
    "digest_rows_without": validate_statements.rows(
        SOFT_DIGESTED, ("0a",), 100, ("0a1b2c3d4e5f6071", "0a1b2c3d4e5f6072")
    ),
    "digest_detail": validate_statements.detail(SOFT_DIGESTED, ("0a" * 16,)),
    "remove_extra": validate_statements.remove_extra(DIGESTED, ("0a" * 16,), RUN_ID),
    "flag_extra": validate_statements.remove_extra(SOFT_DIGESTED, ("0a" * 16,), RUN_ID),
    "insert_pause": worksheet_statements.insert_pause("orders", True, "migration"),
    "show_procedures": worksheet_statements.show_procedures(),
    "list_groups": groups_statements.list_groups(),
    "list_group_tables": groups_statements.list_group_tables("hourly"),
    "take_leases": groups_statements.take_leases(("a", "b"), RUN_ID, 900),
    "release_leases": groups_statements.release_leases(RUN_ID),
    "read_states": groups_statements.read_states(("a", "b")),
    "insert_steps": next(groups_statements.insert_steps([STEP, STEP])),
    "read_table_steps": groups_statements.read_table_steps("orders", RUN_ID),
    "read_table_steps_of_graph": groups_statements.read_table_steps("orders", None),
    "read_graph_runs": groups_statements.read_graph_runs("hourly"),
    "read_group_steps": groups_statements.read_group_steps(RUN_ID),
    "read_open_parts": sync_statements.read_open_parts("orders", "c0ffee", 24),
    "read_config_version": worksheet_statements.read_config_version(),
    "insert_config": worksheet_statements.insert_config(3, "{}", "c0ffee"),
    "insert_tables": next(
        iter(worksheet_statements.insert_tables(3, [settings(), settings(name="b")]))
    ),
    "insert_leases": worksheet_statements.insert_leases(3),
    "create_schema": worksheet_statements.create_schema('"SHOP"'),
    "insert_watermark": ledger_statements.insert_watermark(
        "orders", RUN_ID, "o", COMMIT
    ),
    "insert_run": ledger_statements.insert_run(
        RUN, status="failed", statements=9, error=SyncError("lease_lost", "gone")
    ),
    "insert_abandoned_run": ledger_statements.insert_abandoned_run("orders", RUN_ID),
    "insert_part": sync_statements.insert_part("orders", RUN_ID, PART),
    "insert_schema_changes": next(
        ledger_statements.insert_schema_changes("orders", RUN_ID, CHANGES)
    ),
    "insert_shape": ledger_statements.insert_shape("orders", RUN_ID, SHAPE),
    "insert_altered_values": ledger_statements.insert_altered_values(
        "orders", RUN_ID, ALTERED
    ),
    "call_extract": requests.call_extract(["{}"]),
    "call_extract_parallel": requests.call_extract(["{}", "{}"]),
    "create_staging_every_type": load_statements.create_staging(STAGING, EVERY_TYPE),
    "create_target_every_type": target_statements.create_target(
        TARGET, EVERY_TYPE, soft_deletes=True
    ),
    "merge_every_type": load_statements.merge(
        dataclasses.replace(BATCH, columns=EVERY_TYPE, cursor=None), None
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
    "key_bounds": load_statements.key_bounds(STAGING, LOADED[0]),
    "key_bounds_of_a_date": load_statements.key_bounds(
        STAGING, next(c for c in EVERY_TYPE if c.source.snowflake_type == "DATE")
    ),
    "merge": load_statements.merge(BATCH, ("1", "9")),
    "merge_nullable_composite_key": load_statements.merge(
        dataclasses.replace(BATCH, columns=NULLABLE_KEY, key=NULLABLE_KEY, cursor=None),
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
    "count_rows": load_statements.count_rows(TARGET),
    "overwrite": load_statements.overwrite(BATCH),
    "overwrite_soft_column": load_statements.overwrite(
        dataclasses.replace(SOFT, deleted=LOADED[-1])
    ),
    "overwrite_hard_column": load_statements.overwrite(HARD),
    "count_gone_soft": sync_statements.count_gone(SOFT),
    "count_gone_hard": sync_statements.count_gone(BATCH),
    "count_gone_every_type": sync_statements.count_gone(
        dataclasses.replace(BATCH, key=EVERY_TYPE)
    ),
    "missing_keys_soft": sync_statements.missing_keys(SOFT, 20_001),
    "flag_gone": sync_statements.flag_gone(SOFT),
    "revive": sync_statements.revive(SOFT),
    "remove_gone": sync_statements.remove_gone(BATCH),
    "create_root_task": task_statements.create_task(TASKS[0]),
    "create_load_task": task_statements.create_task(TASKS[1]),
    "create_finalizer_task": task_statements.create_task(TASKS[-1]),
    "create_warehouse_task": task_statements.create_task(
        task_graph.build(ON_WAREHOUSE, ["orders"], {})[0]
    ),
    "show_tasks": task_statements.show_tasks(),
    "suspend_task": task_statements.suspend_task(TASKS[0].name),
    "resume_task": task_statements.resume_task(TASKS[-1].name),
    "drop_task": task_statements.drop_task(TASKS[1].name),
    "list_tables_by_group": task_statements.list_tables_by_group(),
    "read_config_text": ledger_statements.read_config_text(),
    "read_due_troubles": alerts_statements.read_due_troubles(),
    "insert_alerts": next(
        iter(
            alerts_statements.insert_alerts(
                [TROUBLE, TROUBLE], sent_to="MAIL", send_error=None, remind_minutes=60
            )
        )
    ),
    "send_to_topic": alerts_statements.send_to_topic("TOPIC", "s", "t"),
    "send_email": alerts_statements.send_email("MAIL", ["a@example.com"], "s", "t"),
    "dashboard_status": dashboard.STATUS,
    "dashboard_schema_changes": dashboard.SCHEMA_CHANGES,
    "dashboard_altered_values": dashboard.ALTERED_VALUES,
    "dashboard_history": dashboard.history(7),
    "dashboard_help": dashboard.HELP,
    "dashboard_call": dashboard.call("PAUSE_TABLE", "orders"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_text_is_the_golden_one(name: str) -> None:
    path = GOLDEN / f"{name}.sql"
    text = CASES[name].text + ";\n"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("*.sql")} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_an_independent_parser_understands_the_text(name: str) -> None:
    tree = sqlglot.parse_one(CASES[name].text, dialect="snowflake")
    marks = list(tree.find_all(exp.Placeholder))
    if not isinstance(tree, exp.Command):
        assert len(marks) == len(CASES[name].params)


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
