"""scripts/run_onboarding.sh on a small source: at most five calls, nothing by hand."""

from pathlib import Path

import pytest

from local.stack import running_stack
from scripts import run_onboarding
from scripts.deploy_local import deploy_local
from scripts.onboarding_source import tables

pytestmark = pytest.mark.large


def test_twenty_tables_are_onboarded_with_three_calls(tmp_path: Path) -> None:
    # A stack of its own: it looks at every table of the source.
    with running_stack(tmp_path) as stack:
        deploy_local(stack.endpoints)
        made = tables(20, seed=1)
        run_onboarding.make_source(stack, made, rows=3)
        outcome = run_onboarding.onboard(stack, made, rows=3)
    assert outcome.wrong == []
    assert (outcome.configured, outcome.in_sync) == (20, 20)
    assert len(outcome.calls) == 3
    assert set(outcome.people.values()) == {
        "personal_columns",
        "cursor_not_indexed",
        "no_cursor",
        "no_key",
        "time_zone_missing",
    }
    assert run_onboarding.tell(outcome, 20)


def test_a_table_that_did_not_arrive_is_told() -> None:
    outcome = run_onboarding.Outcome(wrong=["erp.orders: 0 rows of 3"])
    assert not run_onboarding.tell(outcome, 1)
    outcome = run_onboarding.Outcome(calls=[("CALL HELP()", 0.1)] * 6)
    assert not run_onboarding.tell(outcome, 1)
