"""What a person sees in a worksheet: the sentence, not the way to it (U7 to U12)."""

import json
from typing import Any

import pytest

from tests.end_to_end.lab import Lab


@pytest.fixture
def orders(lab: Lab) -> str:
    name = lab.name("orders")
    lab.orders_table(name, 20)
    lab.apply({name: {"cursor": "updated_at"}})
    return name


def overview(lab: Lab, table: str) -> dict[str, Any]:
    (row,) = lab.query(
        "SELECT * FROM control.sync_overview WHERE table_name = %s", table
    )
    return row


def test_u11_no_traceback_comes_before_an_error(lab: Lab, orders: str) -> None:
    lab.psql(f"DROP TABLE {orders}")
    text = lab.fail("SYNC_TABLE", orders)
    before = text[: text.index("[table_not_found]")]
    assert before.count('File "') == 1 and before.count("\n") <= 5, text


@pytest.mark.large
def test_u10_a_name_that_differs_in_case_is_guessed(lab: Lab) -> None:
    table = lab.name("customers")
    lab.orders_table(table, 1)
    lab.apply({table: {"cursor": "updated_at", "table": table.upper()}})
    assert f"has: {table}." in lab.fail("SYNC_TABLE", table)


@pytest.mark.large
def test_u10_a_group_of_which_nothing_is_in_sync_fails(lab: Lab) -> None:
    names = [lab.name(f"gone_{i}") for i in range(2)]
    gone = {"mode": "full", "group": "lost", "table": "nope"}
    config = lab.config({name: {**gone, "target_table": name} for name in names})
    lab.call("APPLY_CONFIG", json.dumps(config | {"groups": {"lost": {}}}))
    text = lab.fail("SYNC_GROUP", "lost")
    assert "[group_failed]" in text and "0 of 2 tables are in sync" in text
    assert text.count("[table_not_found]") == 1


def test_u10_one_is_no_plural(lab: Lab, orders: str) -> None:
    lab.sync(orders)
    lab.psql(f"INSERT INTO {orders} (note) VALUES ('one')")
    assert "1 row read" in lab.sync(orders)["summary"]


@pytest.mark.large
def test_u10_the_second_reason_of_a_pause_counts(lab: Lab, orders: str) -> None:
    for reason in ("first", "second"):
        lab.query("CALL PAUSE_TABLE(%s, %s)", orders, reason)
    row = overview(lab, orders)
    assert (row["STATE"], row["WHAT"]) == ("paused", "second")
    assert row["WHAT_TO_DO"] == f"CALL RESUME_TABLE('{orders}');"


@pytest.mark.large
def test_u10_a_rename_by_configuration_says_to_what(lab: Lab, orders: str) -> None:
    lab.sync(orders)
    renamed = {"cursor": "updated_at", "columns": {"note": {"rename": "REMARK"}}}
    lab.apply({orders: renamed})
    assert lab.sync(orders)["schema_changes"] == ["note renamed to REMARK"]


@pytest.mark.large
def test_u10_a_repair_does_not_ask_for_itself(lab: Lab, orders: str) -> None:
    lab.sync(orders)
    lab.query(f"UPDATE lab.{orders} SET note = 'other' WHERE id = 3")
    (answer,) = lab.query("CALL VALIDATE_TABLE(%s, TRUE)", orders)
    assert "with TRUE" not in next(iter(answer.values()))


@pytest.mark.large
def test_u7_a_range_that_ends_before_it_begins_is_refused(
    lab: Lab, orders: str
) -> None:
    lab.sync(orders)
    text = lab.fail_with("BACKFILL_TABLE", orders, "2026-02-01", "2026-01-01")
    assert "[range_empty]" in text


def test_u8_the_plan_has_the_warning_that_the_sync_gives(lab: Lab, orders: str) -> None:
    lab.psql(f"DROP INDEX {orders}_updated_at_idx")
    (planned,) = lab.call("PLAN_SYNC", orders)["warnings"]
    lab.sync(orders)
    (given,) = lab.sync(orders)["warnings"]
    assert planned["code"] == given["code"] == "cursor_not_indexed"
    row = overview(lab, orders)
    assert row["STATE"] == "warning" and "leads no index" in row["WHAT"]


@pytest.mark.large
def test_u12_the_overview_says_worst_first_what_and_what_to_do(
    lab: Lab, orders: str
) -> None:
    good = lab.name("good")
    lab.orders_table(good, 1)
    config = {"cursor": "updated_at"}
    lab.apply({good: config, orders: config})
    lab.sync(good)
    lab.psql(f"DROP TABLE {orders}")
    lab.fail("SYNC_TABLE", orders)
    rows = lab.query("SELECT * FROM control.sync_overview")
    assert [(r["TABLE_NAME"], r["STATE"]) for r in rows] == [
        (orders, "failed"),
        (good, "ok"),
    ]
    assert len(rows[0]) == 8
    assert rows[0]["WHAT"].startswith("[table_not_found]") and rows[0]["WHAT_TO_DO"]
    assert rows[1]["WHAT"] is None


@pytest.mark.large
def test_u12_a_running_load_says_how_far_it_is(lab: Lab) -> None:
    table = lab.name("large")
    lab.orders_table(table, 4000)
    lab.psql(f"ANALYZE {table}")
    lab.apply({table: {"cursor": "updated_at", "chunk_rows": 2000}})
    seen: list[dict[str, Any]] = []

    def look(other: Lab) -> None:
        seen.append(overview(other, table))

    with lab.before_statement("^INSERT OVERWRITE", look):
        lab.sync(table)
    assert seen[0]["STATE"] == "running" and seen[0]["SINCE"] is not None
    assert " of " in seen[0]["WHAT"] and "4000 rows so far" in seen[0]["WHAT"]
