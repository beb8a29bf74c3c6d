"""Whatever happens in whatever order, the target becomes what the source is.

More of the same: scripts/run_soak.sh --schedules 2000.
"""

from pathlib import Path

import pytest

from local.stack import running_stack
from scripts.deploy_local import deploy_local
from tests.soak.schedules import TIME_SETTINGS, run_schedules

pytestmark = pytest.mark.large


@pytest.mark.parametrize(
    ("seed", "schedules"),
    [
        (1, 3),
        pytest.param(2, 6, marks=pytest.mark.large),
        pytest.param(3, 6, marks=pytest.mark.large),
    ],
)
def test_random_schedules_converge(
    seed: int, schedules: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in TIME_SETTINGS.items():
        monkeypatch.setenv(name, value)
    with running_stack(tmp_path) as stack:
        deploy_local(stack.endpoints)
        run_schedules(stack, schedules=schedules, steps=15, seed=seed)
