"""An attacker with a session of SYNC_READER, or with none of the roles at all."""

from collections.abc import Callable

import pytest

from tests.security import attempts
from tests.security.conftest import Attacker

LogIn = Callable[[str], Attacker]
CALLS = (
    "apply_config('{}')",
    "sync_table('orders')",
    "plan_sync('orders')",
    "resync_table('orders')",
    "confirm_deletes('orders')",
    "sync_group('g')",
    "pause_table('orders', 'x')",
    "resume_table('orders')",
    "backfill_table('orders', '1', '2')",
    "validate_table('orders', FALSE)",
    "check_sync('orders')",
    "help()",
    "apply_tasks()",
    "raise_alerts()",
    "test_alert()",
    "dbt_sources()",
    "extract_group('g')",
)


@pytest.mark.parametrize("user", ["sync_reader", "stranger"])
def test_nobody_reads_rows_or_changes_anything(log_in: LogIn, user: str) -> None:
    attacker = log_in(user)
    for statement in attempts.ALL:
        told = attacker.refused(statement)
        assert "4111-hidden" not in told, statement
    for call in CALLS:
        attacker.refused(f"CALL aurora_sync.control.{call}")


def test_a_reader_sees_views_and_ledgers(log_in: LogIn) -> None:
    reader = log_in("sync_reader")
    shown = {str(row[1]) for row in reader.run("SHOW TABLES IN SCHEMA control")}
    assert {"SYNC_RUNS", "SYNC_CONFIG"} <= shown
    assert not {"SYNC_PARTS", "SYNC_COLUMNS"} & shown
    for view in ("sync_status", "sync_history", "sync_problems"):
        reader.run(f"SELECT * FROM control.{view}")


def test_a_stranger_learns_not_even_what_there_is(log_in: LogIn) -> None:
    stranger = log_in("stranger")
    assert stranger.run("SHOW DATABASES") == []
    told = stranger.refused("SELECT * FROM aurora_sync.control.sync_config")
    assert (
        told.replace("SYNC_CONFIG", "X")
        == stranger.refused("SELECT * FROM aurora_sync.control.x")
        or "does not exist or not authorized" in told
    )
