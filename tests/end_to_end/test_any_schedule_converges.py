"""Whatever happens in whatever order, the target becomes what the source is.

More of the same: scripts/run_soak.sh --schedules 2000.
"""

from local.stack import Stack
from tests.soak.schedules import run_schedules


def test_random_schedules_converge(stack: Stack) -> None:
    run_schedules(stack, schedules=50, steps=15, seed=20_260_101)
