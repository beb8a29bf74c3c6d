"""An attacker with a session of SYNC_OPERATOR: syncs what is configured, and no more.

Before the roles were three and the local Snowflake enforced them, APPLY_CONFIG let an
operator lift a protection, write any schema and read rows by way of differing keys.
"""

from collections.abc import Callable

import pytest

from tests.security import attempts
from tests.security.conftest import Attacker

LogIn = Callable[[str], Attacker]


def test_s2_an_operator_reads_no_row_changes_no_state_and_rises_nowhere(
    log_in: LogIn,
) -> None:
    operator = log_in("sync_operator")
    for statement in attempts.ALL:
        told = operator.refused(statement)
        assert "4111-hidden" not in told, statement


def test_s2_an_operator_applies_no_configuration(log_in: LogIn) -> None:
    operator = log_in("sync_operator")
    operator.refused("CALL control.apply_config(?)", attempts.CONFIG)


@pytest.mark.parametrize(
    "call", ["extract_group('g')", "load_table('t')", "merge_table('t')"]
)
def test_steps_of_a_graph_are_the_tasks_own(log_in: LogIn, call: str) -> None:
    log_in("sync_operator").refused(f"CALL control.{call}")


def test_what_an_operator_may_do_still_works(log_in: LogIn) -> None:
    operator = log_in("sync_operator")
    assert "SYNC_TABLE" in str(operator.run("CALL control.help()"))
    assert operator.run("SELECT * FROM control.sync_status") is not None


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ('"target_database": "AURORA_SYNC", "target_schema": "CONTROL"', "itself"),
        ('"target_database": "aurora_sync", "target_schema": "staging"', "itself"),
        ('"target_database": "PAYROLL", "target_schema": "PUBLIC"', "not among"),
        ('"target_database": "ANALYTICS", "target_schema": "FINANCE"', "not among"),
    ],
)
def test_s5_who_configures_chooses_among_declared_targets(
    log_in: LogIn, place: str, told: str
) -> None:
    somebody = log_in("sync_configurator")
    text = attempts.CONFIG.replace('"target_schema": "SHOP"', place)
    with pytest.raises(Exception, match=told):
        somebody.run("CALL control.apply_config(?)", text)
    (row,) = somebody.run("CALL control.apply_config(?)", attempts.CONFIG)
    assert "is in force" in str(row)


def test_who_configures_syncs_nothing_and_reads_no_row(log_in: LogIn) -> None:
    somebody = log_in("sync_configurator")
    for statement in attempts.ALL:
        somebody.refused(statement)
    for call in ("sync_table", "resync_table", "sync_group"):
        somebody.refused(f"CALL control.{call}('orders')")
    somebody.refused("CALL control.validate_table('orders', TRUE)")
