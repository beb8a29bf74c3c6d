"""Exactly once: whatever is repeated, lost or killed, the target converges."""

from typing import Any

import pytest
import snowflake.connector

from tests.end_to_end.faults import Switchboard
from tests.end_to_end.lab import Lab


@pytest.fixture
def orders(lab: Lab) -> str:
    """A synced table with changes that wait for the next sync."""
    table = lab.name("orders")
    lab.orders_table(table, 40)
    lab.apply({table: {"cursor": "updated_at"}})
    lab.sync(table)
    lab.psql(f"UPDATE {table} SET note = 'new', updated_at = now() WHERE id > 20")
    lab.psql(f"INSERT INTO {table} (note) SELECT 'i' FROM generate_series(1, 5)")
    return table


def killed(lab: Lab, table: str) -> None:
    """Syncs and expects that the call ends in an error."""
    with pytest.raises(snowflake.connector.errors.Error):
        lab.sync(table)


@pytest.mark.parametrize(
    "rules",
    [
        {"duplicate_events": 1},
        {"fail_requests": 2, "status": 500},
        {"fail_requests": 2, "status": 429},
        {"lose_replies": 2},
        {"kill_worker": [{"at": "after_reply"}]},
    ],
    ids=["repeated worker", "5xx", "429", "lost replies", "killed after its reply"],
)
def test_accidents_that_nobody_notices(
    lab: Lab, faults: Switchboard, orders: str, rules: dict[str, Any]
) -> None:
    faults.gateway(**rules)
    assert lab.sync(orders)["rows_inserted"] == 5
    lab.assert_equal(orders)


@pytest.mark.large
@pytest.mark.parametrize(
    "rules",
    [
        {"kill_worker": [{"at": "bytes", "bytes": 300}]},
        {"drop_events": 1},
    ],
    ids=["killed in the middle", "lost event"],
)
def test_a_lost_worker_is_reported_and_the_next_sync_succeeds(
    lab: Lab, faults: Switchboard, orders: str, rules: dict[str, Any]
) -> None:
    before = lab.watermark(orders)
    faults.gateway(**rules)
    error = lab.fail("SYNC_TABLE", orders)
    assert "[worker_lost]" in error
    assert "A retry may help." in error
    assert lab.watermark(orders) == before
    lab.sync(orders)
    lab.assert_equal(orders)


@pytest.mark.large
def test_a15_a_conditional_write_whose_answer_is_lost_is_known_again(
    lab: Lab, faults: Switchboard, orders: str
) -> None:
    """Claim, start mark and reply: boto3 repeats each and meets its own object."""
    faults.storage(lose_answers=3)
    assert lab.sync(orders)["rows_inserted"] == 5
    lab.assert_equal(orders)


@pytest.mark.large
def test_a14_a_window_that_is_lost_in_two_runs_is_halved(
    lab: Lab, faults: Switchboard, orders: str
) -> None:
    """It would be lost in every run, for ever."""
    faults.gateway(drop_events=1)
    assert "[worker_lost]" in lab.fail("SYNC_TABLE", orders)
    faults.gateway(drop_events=1)
    assert lab.sync(orders)["rows_inserted"] == 5
    lab.assert_equal(orders)


@pytest.mark.large
def test_a_worker_that_cannot_start_is_reported(
    lab: Lab, faults: Switchboard, orders: str
) -> None:
    faults.gateway(fail_invokes=20)
    assert "[worker_start_failed]" in lab.fail("SYNC_TABLE", orders)
    faults.clear()
    lab.sync(orders)
    lab.assert_equal(orders)


@pytest.mark.large
def test_s3_denied_is_reported(lab: Lab, faults: Switchboard, orders: str) -> None:
    faults.storage(fail_puts=20, status=403)
    assert "[landing_denied]" in lab.fail("SYNC_TABLE", orders)
    faults.clear()
    lab.sync(orders)
    lab.assert_equal(orders)


def statements_of_a_sync(lab: Lab, table: str) -> int:
    """Returns how many statements a sync with changes sends from its procedure."""
    lab.psql(f"UPDATE {table} SET note = 'count', updated_at = now()")
    before = len(lab.statements())
    lab.sync(table)
    return len([s for s in lab.statements()[before:] if s["procedure"]])


@pytest.mark.large
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_procedure_killed_around_any_statement(
    lab: Lab, faults: Switchboard, orders: str, when: str
) -> None:
    """Rows and watermark are both there or both not there, and nothing is stuck."""
    count = statements_of_a_sync(lab, orders)
    for nth in range(1, count + 1):
        lab.psql(f"UPDATE {orders} SET note = 'k{nth}', updated_at = now()")
        before = lab.watermark(orders)
        faults.snowflake(
            {
                "match": "",
                "nth": nth,
                "when": when,
                "action": "kill_procedure",
                "procedure": "SYNC_TABLE",
            }
        )
        killed(lab, orders)
        faults.clear()
        (row,) = lab.query(
            f"SELECT COUNT(*) AS fresh FROM lab.{orders} WHERE note = 'k{nth}'"
        )
        moved = lab.watermark(orders) != before
        assert (row["FRESH"] > 0) == moved, f"statement {nth}"
        lab.expire_lease(orders)
        lab.sync(orders)
        lab.assert_equal(orders)


@pytest.mark.large
def test_any_statement_that_fails_changes_nothing_or_everything(
    lab: Lab, faults: Switchboard, orders: str
) -> None:
    count = statements_of_a_sync(lab, orders)
    for nth in range(1, count + 1):
        lab.psql(f"UPDATE {orders} SET note = 'f{nth}', updated_at = now()")
        rule = {"match": "", "nth": nth, "action": "error", "procedure": "SYNC_TABLE"}
        faults.snowflake(rule)
        killed(lab, orders)
        faults.clear()
        lab.expire_lease(orders)
        lab.sync(orders)
        lab.assert_equal(orders)


def test_a_copy_that_loads_fewer_rows_than_the_manifest_says(
    lab: Lab, orders: str
) -> None:
    """A file that changed under its name must not pass for the one that was written."""
    before = lab.watermark(orders)
    known = lab.landing_files(orders)

    def shorten(other: Lab) -> None:
        (written,) = other.landing_files(orders) - known
        other.shorten_file(written)

    with lab.before_statement("^COPY", shorten):
        error = lab.fail("SYNC_TABLE", orders)
    assert "[count_mismatch]" in error
    assert lab.watermark(orders) == before
    lab.sync(orders)
    lab.assert_equal(orders)


@pytest.mark.large
def test_a_table_of_many_windows_goes_on_where_it_died(
    lab: Lab, faults: Switchboard
) -> None:
    table = lab.name("windows")
    lab.orders_table(table, 1)
    lab.apply({table: {"cursor": "updated_at", "chunk_rows": 10}})
    lab.sync(table)
    lab.psql(
        f"INSERT INTO {table} (note, updated_at) SELECT 'w', now() -"
        " interval '1 hour' + i * interval '1 second' FROM generate_series(1, 300) i"
    )
    lab.psql(f"UPDATE {table} SET updated_at = now() WHERE id = 1")
    rule = {"match": "^COPY", "nth": 15, "action": "kill_procedure"}
    faults.snowflake(rule)
    killed(lab, table)
    faults.clear()
    lab.expire_lease(table)
    report = lab.sync(table)
    assert 14 <= report["windows"] <= 18
    lab.assert_equal(table)


def test_a_snapshot_goes_on_without_repeating_finished_parts(
    lab: Lab, faults: Switchboard
) -> None:
    table = lab.name("parts")
    lab.orders_table(table, 4000)
    lab.psql(f"ANALYZE {table}")
    lab.apply({table: {"cursor": "updated_at", "chunk_rows": 1000}})
    faults.snowflake({"match": "^COPY", "nth": 1, "action": "kill_procedure"})
    killed(lab, table)
    faults.clear()
    done = lab.query("SELECT part FROM control.sync_parts WHERE table_name = %s", table)
    assert len(done) > 2
    lab.expire_lease(table)
    before = len(lab.statements())
    lab.sync(table)
    texts = [s["text"] for s in lab.statements()[before:]]
    calls = [t for t in texts if "aurora_extract" in t]
    assert len(calls) == 1, "only the increment that brings the parts up to date"
    lab.assert_equal(table)


@pytest.mark.large
def test_readers_see_the_old_rows_until_a_reload_is_complete(
    lab: Lab, orders: str
) -> None:
    seen: list[int] = []

    def look(other: Lab) -> None:
        (row,) = other.query(f"SELECT COUNT(*) AS n FROM lab.{orders}")
        seen.append(row["N"])

    for statement in ("^INSERT OVERWRITE", "sync_watermarks", "^COMMIT"):
        with lab.before_statement(statement, look):
            lab.call("RESYNC_TABLE", orders)
    assert len(seen) >= 3
    assert min(seen) >= 40
    lab.assert_equal(orders)


@pytest.mark.large
@pytest.mark.parametrize(
    "settings",
    [{"mode": "full"}, {"cursor": "updated_at"}],
    ids=["full", "incremental"],
)
def test_a_resumed_snapshot_shows_the_source_as_it_is_now(
    lab: Lab, faults: Switchboard, settings: dict[str, Any]
) -> None:
    """Parts that a killed call had extracted were loaded as they were, hours old."""
    table = lab.name("stale")
    lab.orders_table(table, 20)
    lab.apply({table: settings})
    faults.snowflake({"match": "^COPY", "action": "kill_procedure"})
    killed(lab, table)
    faults.clear()
    lab.psql(f"UPDATE {table} SET note = 'newer', updated_at = now() WHERE id < 9")
    lab.psql(f"INSERT INTO {table} (note) VALUES ('newest')")
    lab.expire_lease(table)
    lab.sync(table)
    lab.assert_equal(table)
