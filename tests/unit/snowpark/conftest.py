"""What several unit tests of the procedures have in common."""

import itertools
from types import SimpleNamespace

import pytest

from snowpark.ledger import lease, read
from snowpark.ledger.lease import LEASE_SECONDS


@pytest.fixture
def slow_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of a lease's time has passed whenever somebody looks at the clock."""
    ticks = itertools.count(0, LEASE_SECONDS // 2)
    time = SimpleNamespace(monotonic=lambda: float(next(ticks)))
    for module in (lease, read):
        monkeypatch.setattr(module, "time", time)
