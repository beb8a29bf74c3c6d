"""Each failure names its code and a way out, and leaves target and watermark alone."""

import json
import threading

import pytest

from tests.end_to_end.lab import Lab


@pytest.fixture
def orders(lab: Lab) -> str:
    """A synced table."""
    table = lab.name("orders")
    lab.orders_table(table, 20)
    lab.apply({table: {"cursor": "updated_at"}})
    lab.sync(table)
    return table


def test_an_unknown_table_is_answered_with_the_known_ones(
    lab: Lab, orders: str
) -> None:
    error = lab.fail("SYNC_TABLE", "ordres")
    assert "[unknown_table]" in error
    assert orders in error


@pytest.mark.parametrize("argument", [None, "", "   "])
def test_an_empty_name_is_refused(lab: Lab, orders: str, argument: str | None) -> None:
    assert "[invalid_argument]" in lab.fail("SYNC_TABLE", argument)


def test_an_invalid_configuration_changes_nothing(lab: Lab, orders: str) -> None:
    error = lab.fail("APPLY_CONFIG", '{"version": 1, "sources": {}, "tabels": {}}')
    assert "[invalid_config]" in error
    assert "/tabels" in error
    assert "/sources" in error
    assert lab.sync(orders)["status"] == "unchanged"


def unchanged_after(lab: Lab, table: str, code: str) -> str:
    """Syncs, expects the code; state stayed, and the run is on record."""
    before = lab.watermark(table)
    error = lab.fail("SYNC_TABLE", table)
    assert f"[{code}]" in error
    assert lab.watermark(table) == before
    assert lab.lease_owner(table) is None
    row = lab.last_run(table)
    assert row["STATE"] == "failed"
    assert row["LAST_ERROR_CODE"] == code
    assert row["LAST_ERROR_HINT"]
    return error


def test_a_missing_source_table(lab: Lab, orders: str) -> None:
    lab.psql(f"ALTER TABLE {orders} RENAME TO {orders}_gone")
    unchanged_after(lab, orders, "table_not_found")
    lab.psql(f"ALTER TABLE {orders}_gone RENAME TO {orders}")
    lab.sync(orders)
    lab.assert_equal(orders)


@pytest.mark.large
def test_a_missing_cursor_column(lab: Lab, orders: str) -> None:
    lab.psql(f"ALTER TABLE {orders} RENAME updated_at TO changed_at")
    unchanged_after(lab, orders, "cursor_not_found")


def test_no_primary_key(lab: Lab) -> None:
    table = lab.name("keyless")
    lab.psql(f"CREATE TABLE {table} (a int, updated_at timestamptz)")
    lab.apply({table: {"cursor": "updated_at"}})
    error = unchanged_after(lab, table, "no_primary_key")
    assert '"key"' in error


@pytest.mark.large
def test_permission_denied(lab: Lab, orders: str) -> None:
    lab.psql(f"REVOKE SELECT ON {orders} FROM aurora_sync")
    error = unchanged_after(lab, orders, "permission_denied")
    assert "GRANT" in error
    lab.psql(f"GRANT SELECT ON {orders} TO aurora_sync")
    lab.sync(orders)
    lab.assert_equal(orders)


@pytest.mark.large
def test_another_cursor_than_the_target_was_loaded_by(lab: Lab, orders: str) -> None:
    lab.apply({orders: {"cursor": "id"}})
    unchanged_after(lab, orders, "origin_changed")
    lab.call("RESYNC_TABLE", orders)
    lab.sync(orders)
    lab.assert_equal(orders)


@pytest.mark.large
def test_a_target_that_belongs_to_somebody_else_is_not_touched(lab: Lab) -> None:
    table = lab.name("taken")
    lab.orders_table(table, 5)
    lab.apply({table: {"cursor": "updated_at"}})
    lab.query(f"CREATE TABLE lab.{table} (precious INTEGER)")
    lab.query(f"INSERT INTO lab.{table} VALUES (42)")
    unchanged_after(lab, table, "target_exists")
    assert lab.query(f"SELECT precious FROM lab.{table}") == [{"PRECIOUS": 42}]


def test_a_second_sync_waits_for_nobody_and_says_who_is_at_work(
    lab: Lab, orders: str
) -> None:
    lab.query(
        "UPDATE control.sync_leases SET run_id = 'another-run', acquired_at ="
        " CURRENT_TIMESTAMP(), expires_at = DATEADD('hour', 1, CURRENT_TIMESTAMP())"
        " WHERE table_name = %s",
        orders,
    )
    error = lab.fail("SYNC_TABLE", orders)
    assert "[lease_held]" in error
    assert "another-run" in error
    assert lab.lease_owner(orders) == "another-run"
    lab.expire_lease(orders)
    lab.sync(orders)
    lab.assert_equal(orders)
    statuses = lab.query(
        "SELECT run_id FROM control.sync_runs WHERE table_name = %s"
        " AND status = 'abandoned'",
        orders,
    )
    assert statuses == [{"RUN_ID": "another-run"}]


@pytest.mark.large
def test_two_syncs_at_once_leave_one_of_them_refused_or_both_right(
    lab: Lab, orders: str
) -> None:
    lab.psql(f"UPDATE {orders} SET note = 'twice', updated_at = now()")
    outcomes: list[str] = []

    def sync() -> None:
        import snowflake.connector

        parameters = lab.stack.endpoints.snowflake.parameters
        with snowflake.connector.connect(**parameters) as connection:
            try:
                connection.cursor().execute("CALL SYNC_TABLE(%s)", (orders,))
                outcomes.append("ok")
            except snowflake.connector.errors.ProgrammingError as error:
                outcomes.append(str(error))

    threads = [threading.Thread(target=sync) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "ok" in outcomes
    assert all(o == "ok" or "[lease_held]" in o for o in outcomes), outcomes
    lab.assert_equal(orders)


@pytest.mark.parametrize(
    ("request_text", "code"),
    [
        ("not json", "bad_request"),
        ('{"version": 99, "op": "health"}', "unsupported_version"),
        (
            '{"version": 1, "op": "health", "run_id": "r", "source": "shop", "x": 1}',
            "bad_request",
        ),
        (
            '{"version": 1, "op": "health", "run_id": "r", "source": "nowhere"}',
            "unknown_source",
        ),
    ],
)
def test_malformed_requests_are_refused_by_the_lambda(
    lab: Lab, request_text: str, code: str
) -> None:
    (row,) = lab.query("SELECT control.aurora_extract(%s) AS reply", request_text)
    reply = json.loads(row["REPLY"])
    assert reply["ok"] is False
    assert reply["error"]["code"] == code
    assert reply["error"]["hint"]


def test_the_lambda_is_healthy(lab: Lab) -> None:
    (row,) = lab.query(
        "SELECT control.aurora_extract(%s) AS reply",
        '{"version": 1, "op": "health", "run_id": "r", "source": "shop"}',
    )
    reply = json.loads(row["REPLY"])
    assert reply["ok"] is True
    assert reply["server_version"].startswith("18")
