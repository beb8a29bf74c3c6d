"""pgbench writes while syncs run in a loop: scripts/run_pressure.sh, for a few seconds.

Long transactions, late commits and updates of rows that are being read, all at once.
"""

from local.stack import Stack
from scripts.run_pressure import run_pressure


def test_nothing_is_missed_while_others_write(stack: Stack) -> None:
    numbers, difference = run_pressure(stack, seconds=8, clients=3, margin=0.5)
    assert not difference
    assert numbers.transactions > 100
    assert numbers.syncs > 3
