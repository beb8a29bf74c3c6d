"""SQL of groups: texts and bound values to the letter (golden.py)."""

import pytest

from lambda_extract.contract import (
    Bound,
    Member,
    Overlap,
    PendingBound,
    SourceIdentity,
)
from snowpark.errors import SyncError
from snowpark.groups import set_statements
from snowpark.groups import statements as groups_statements
from snowpark.groups import task_graph, task_statements
from snowpark.groups.statements import GroupStep
from snowpark.ledger.records import Commit
from snowpark.ledger.run import Run
from snowpark.settings.groups import GroupSettings
from snowpark.sql import Statement
from tests.unit.snowpark import golden
from tests.unit.snowpark.samples import RUN_ID, cursor_value

RUN = Run(RUN_ID, "orders", "2026-01-02T03:04:05+00:00")
RUN.note(windows=1, watermark="2026-01-01 00:00:00+00")
WARNED = Run(RUN_ID, "items", "2026-01-02T03:04:05+00:00")
WARNED.warn("late", "It's late.", "Wait.")
COMMIT = Commit(
    8,
    "increment",
    Bound(watermark=cursor_value(2), overlap=Overlap(3, "d1")),
    "c0ffee",
    0,
    source_identity=SourceIdentity(1, (Member(1, 2),)),
)
PENDING = Commit(2, "increment", Bound(pending_bound=PendingBound("7", "now")), None, 0)
STEP = GroupStep(
    RUN_ID, "hourly", "graph", "extract", "succeeded", "orders", "c0ffee", "{}"
)
TASKS = task_graph.build(GroupSettings("my-group.x", "60 MINUTES"))
ON_WAREHOUSE = GroupSettings("hourly", "USING CRON 0 * * * * UTC", "it's mine")

CASES: dict[str, Statement] = {
    "list_groups": groups_statements.list_groups(),
    "list_group_tables": groups_statements.list_group_tables("hourly"),
    "take_leases": set_statements.take_leases("hourly", RUN_ID, 900),
    "hold_leases": set_statements.hold_leases(RUN_ID, 900),
    "release_some": set_statements.release_some(RUN_ID, ["orders", "lines"]),
    "release_leases": set_statements.release_leases(RUN_ID),
    "release_done": set_statements.release_done(RUN_ID),
    "read_states": set_statements.read_states("hourly"),
    "insert_abandoned_runs": next(
        set_statements.insert_abandoned_runs([(RUN_ID, "a"), ("r2", "b")])
    ),
    "insert_unchanged_runs": next(
        set_statements.insert_unchanged_runs([RUN, WARNED], statements=12)
    ),
    "insert_failed_runs": next(
        set_statements.insert_failed_runs(
            [(RUN, SyncError("lease_held", "Held.", retryable=True, hint="Wait."))],
            statements=12,
        )
    ),
    "insert_watermarks": next(
        set_statements.insert_watermarks(
            RUN_ID, [("orders", "{}", COMMIT), ("items", "{}", PENDING)]
        )
    ),
    "insert_steps": next(groups_statements.insert_steps([STEP, STEP])),
    "read_table_steps": groups_statements.read_table_steps("orders", RUN_ID),
    "read_table_steps_of_graph": groups_statements.read_table_steps("orders", None),
    "read_lane_steps": groups_statements.read_lane_steps("hourly", 2),
    "read_lane_states": set_statements.read_lane_states(RUN_ID, 2),
    "read_outcomes": set_statements.read_outcomes(RUN_ID, "2026-01-02T03:04:05+00:00"),
    "read_past": set_statements.read_past("hourly", 14),
    "read_graph_runs": groups_statements.read_graph_runs("hourly"),
    "read_group_steps": groups_statements.read_group_steps(RUN_ID),
    "create_root_task": task_statements.create_task(TASKS[0]),
    "create_lane_task": task_statements.create_task(TASKS[1]),
    "create_finalizer_task": task_statements.create_task(TASKS[-1]),
    "create_warehouse_task": task_statements.create_task(
        task_graph.build(ON_WAREHOUSE)[0]
    ),
    "show_tasks": task_statements.show_tasks(),
    "suspend_task": task_statements.suspend_task(TASKS[0].name),
    "resume_task": task_statements.resume_task(TASKS[-1].name),
    "drop_task": task_statements.drop_task(TASKS[1].name),
}


@pytest.mark.parametrize("name", CASES)
def test_the_statement_is_the_golden_one(name: str) -> None:
    golden.check("groups", name, CASES[name])


# The parser knows no Snowflake Scripting; the local task engine reads these.
BLOCKS = {"create_root_task", "create_warehouse_task"}


@pytest.mark.parametrize("name", sorted(CASES.keys() - BLOCKS))
def test_an_independent_parser_understands_the_text(name: str) -> None:
    golden.check_by_parser(CASES[name])


def test_no_golden_file_is_left_over() -> None:
    golden.check_left_over("groups", CASES)
