"""Steps of a group's run as the ledgers tell them."""

import pytest
from snowflake.snowpark import Row

from snowpark.groups import group
from snowpark.groups import steps as groups_steps
from snowpark.session import Snowflake
from tests.unit.snowpark import samples
from tests.unit.snowpark.groups.test_group_runs import steps_of, world
from tests.unit.snowpark.scripted import Scripted
from tests.unit.snowpark.sync.test_increment import window


@pytest.mark.parametrize(
    ("before", "after", "status"),
    [
        ("succeeded", "unchanged", "succeeded"),
        ("unchanged", "succeeded", "succeeded"),
        ("unchanged", "unchanged", "unchanged"),
    ],
)
def test_rows_of_a_table_that_was_read_twice_are_added_up(
    before: str, after: str, status: str
) -> None:
    """Windows of a lane that died, and those of the one that went on."""
    rows = [
        Row(
            TABLE_NAME="orders",
            STATUS=ended,
            ROWS_EXTRACTED=number,
            ERROR_CODE=None,
            ERROR_MESSAGE=None,
            ERROR_RETRYABLE=None,
            ERROR_HINT=None,
        )
        for ended, number in ((before, 5), (before, None), (before, 2), (after, 3))
    ]
    session = Scripted(read_outcomes=rows)
    found = groups_steps.outcomes(Snowflake(session), samples.RUN_ID)
    assert found == {
        "orders": {"table": "orders", "status": status, "rows_extracted": 10}
    }


def test_a_step_without_a_lane_has_none() -> None:
    session = world(window(2))
    group.extract_group(Snowflake(session), "hourly")
    found = groups_steps.of_group(Snowflake(session), _run_id(session))
    assert {step.lane for step in found} == {None}
    assert {step.place for step in found} == {None}


def _run_id(session: Scripted) -> str:
    return str(steps_of(session)[0]["GROUP_RUN_ID"])
