"""What the simulation counts is what the local stack counts, within five percent."""

import contextlib
from collections.abc import Iterator

import psycopg2
import pytest
import snowflake.connector

from local.stack import Stack
from scripts import scale_model
from scripts.cost_inputs import inputs
from scripts.run_scale import LANES, ScaleLab

PARALLEL = 4
SIZE, CHANGED = 24, 11


@pytest.fixture
def group(stack: Stack) -> Iterator[ScaleLab]:
    """A group of tables that are in sync, and its task graph."""
    endpoints = stack.endpoints
    parameters = endpoints.snowflake.parameters
    with (
        contextlib.closing(psycopg2.connect(endpoints.aurora_dsn)) as source,
        snowflake.connector.connect(**parameters) as target,
    ):
        source.autocommit = True
        lab = ScaleLab(stack, source, target, PARALLEL)
        lab.grow(SIZE)
        lab.sync_group()
        lab.sync_group()
        lab.cycle()
        yield lab
        lab.unschedule()


def is_near(counted: int, simulated: int) -> bool:
    return abs(counted - simulated) <= 0.05 * simulated


@pytest.mark.large
def test_the_simulation_counts_what_the_stack_counts(group: ScaleLab) -> None:
    for changed in (0, CHANGED):
        given = {
            "tables": float(SIZE),
            "changed_share": changed / SIZE,
            "max_parallel": float(PARALLEL),
            "lanes": float(LANES),
        }
        group.change(changed)
        one = group.cost(group.sync_group)
        expected = scale_model.call_statements(given)
        assert is_near(one.statements, expected), (changed, one, expected)
        assert one.sessions <= PARALLEL
        group.change(changed)
        cycle, simulated = group.cycle(), scale_model.per_group(given)
        assert is_near(cycle.statements, simulated.statements), (cycle, simulated)
        assert cycle.calls == simulated.procedures
    for changed, kind in ((0, "idle"), (1, "changed")):
        group.change(changed)
        one = group.cost(lambda: group.call("SYNC_TABLE", group.tables[0]))
        assert one.statements == inputs({})[f"table_statements_{kind}"], (kind, one)
