"""PURE: the SQL texts of group runs. Tested against tests/golden/*/*.sql."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from snowpark.sql import Statement, value_rows


@dataclass(frozen=True)
class GroupStep:
    """One row of SYNC_GROUP_STEPS.

    Attributes:
        group_run_id: Also the run id of each of the group's tables.
        trigger: What began the run, column ORIGIN: "graph" or "call"; the tasks look at
            their own runs alone.
        table: None for the group as a whole.
        identity: Digest of configuration and watermark version.
        message: JSON text of the extraction's reply, or of a report.
        lane: Of a graph's lanes, from 1, the one that does the table; None: none.
        place: Its place in that lane.
    """

    group_run_id: str
    group: str
    trigger: Literal["graph", "call"]
    step: Literal["started", "extract", "load", "merge", "finished"]
    status: Literal["succeeded", "failed", "alone", "done", "paused"]
    table: str | None = None
    identity: str | None = None
    message: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    error_retryable: bool | None = None
    error_hint: str | None = None
    lane: int | None = None
    place: int | None = None


# As many as one extraction has parts; what they say is bounded by its bytes.
_STEPS_PER_INSERT = 500


def list_groups() -> Statement:
    """Reads the names of the groups that have tables."""
    return Statement("""\
SELECT DISTINCT group_name
FROM control.sync_current_tables
WHERE group_name IS NOT NULL
ORDER BY group_name""")


def list_group_tables(group: str) -> Statement:
    """Reads the group's own spelling of its name, and its tables."""
    return Statement(
        """\
SELECT
    group_name,
    table_name
FROM control.sync_current_tables
WHERE UPPER(group_name) = UPPER(?)
ORDER BY table_name""",
        (group,),
    )


def insert_steps(steps: Sequence[GroupStep]) -> Iterator[Statement]:
    """Appends steps, as many at a time as a statement carries."""
    rows = [
        (
            *(step.group_run_id, step.group, step.trigger, step.table),
            *(step.step, step.status, step.identity, step.message),
            *(step.error_code, step.error_message),
            *(step.error_retryable, step.error_hint, step.lane, step.place),
        )
        for step in steps
    ]
    types = ["VARCHAR"] * 10 + ["BOOLEAN", "VARCHAR", "NUMBER", "NUMBER"]
    for values in value_rows(types, rows, most_rows=_STEPS_PER_INSERT):
        yield Statement(
            f"""\
INSERT INTO control.sync_group_steps (
    group_run_id, group_name, origin, table_name, step, status,
    identity_sha256, message,
    error_code, error_message, error_retryable, error_hint, lane, place, recorded_at
)
SELECT
    column1, column2, column3, column4, column5, column6, column7, column8,
    column9, column10, column11, column12, column13, column14, CURRENT_TIMESTAMP()
FROM {values.text}""",
            values.params,
        )


_STEP_COLUMNS = """\
SELECT
    group_run_id,
    group_name,
    origin,
    table_name,
    step,
    status,
    identity_sha256,
    message,
    error_code,
    error_message,
    error_retryable,
    error_hint,
    lane,
    place
FROM control.sync_group_steps"""


_OF_TABLE = "(table_name = ? OR (table_name IS NULL AND step = 'extract'))"


def read_table_steps(table: str, group_run_id: str | None) -> Statement:
    """Reads a table's steps of a group run; None: of the latest run of its graph.

    The list of the tables in which nothing was new comes with them.
    """
    if group_run_id is not None:
        return Statement(
            f"""\
{_STEP_COLUMNS}
WHERE {_OF_TABLE} AND group_run_id = ?
ORDER BY recorded_at""",
            (table, group_run_id),
        )
    return Statement(
        f"""\
{_STEP_COLUMNS}
WHERE
    {_OF_TABLE}
    AND group_run_id = (
        SELECT MAX_BY(x.group_run_id, x.recorded_at)
        FROM control.sync_group_steps AS x
        INNER JOIN control.sync_current_tables AS t
            ON UPPER(x.group_name) = UPPER(t.group_name)
        WHERE t.table_name = ? AND x.origin = 'graph' AND x.step = 'extract'
    )
ORDER BY recorded_at""",
        (table, table),
    )


def read_lane_steps(group: str, lane: int) -> Statement:
    """Reads what the latest run of a group's graph has extracted for a lane."""
    return Statement(
        f"""\
{_STEP_COLUMNS}
WHERE
    lane = ?
    AND step = 'extract'
    AND group_run_id = (
        SELECT MAX_BY(x.group_run_id, x.recorded_at)
        FROM control.sync_group_steps AS x
        WHERE
            UPPER(x.group_name) = UPPER(?)
            AND x.origin = 'graph'
            AND x.step = 'started'
    )
ORDER BY place""",
        (lane, group),
    )


def read_graph_runs(group: str) -> Statement:
    """Reads which runs of a group's graph are open, and the latest, oldest first."""
    return Statement(
        """\
SELECT r.group_run_id
FROM (
    SELECT
        group_run_id,
        MIN(recorded_at) AS began_at,
        MAX(IFF(step = 'finished', 1, 0)) AS ended
    FROM control.sync_group_steps
    WHERE UPPER(group_name) = UPPER(?) AND origin = 'graph'
    GROUP BY group_run_id
) AS r
QUALIFY r.ended = 0 OR ROW_NUMBER() OVER (ORDER BY r.began_at DESC) = 1
ORDER BY r.began_at""",
        (group,),
    )


def read_group_steps(group_run_id: str) -> Statement:
    """Reads all steps of a group run.

    Without the replies of the extractions, which may be large and are not needed.
    """
    columns = _STEP_COLUMNS.replace(
        "    message,",
        "    IFF(step = 'extract' AND table_name IS NOT NULL, NULL, message) AS"
        " message,",
    )
    return Statement(
        f"""\
{columns}
WHERE group_run_id = ?
ORDER BY recorded_at""",
        (group_run_id,),
    )
