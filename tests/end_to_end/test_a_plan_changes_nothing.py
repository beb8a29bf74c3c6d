"""PLAN_SYNC says what a sync would do."""

from tests.end_to_end.lab import Lab


def test_it_tells_the_first_load_from_an_increment_and_leaves_no_trace(
    lab: Lab,
) -> None:
    table = lab.name("planned")
    lab.orders_table(table, 30)
    lab.apply({table: {"cursor": "updated_at"}})
    before = len(lab.statements())
    plan = lab.call("PLAN_SYNC", table)
    assert plan["kind"] == "snapshot"
    assert plan["columns"]["AMOUNT"] == "NUMBER(12,2)"
    sent = [s["text"].split()[0] for s in lab.statements()[before:]]
    assert set(sent) == {"SELECT", "CALL"}
    lab.sync(table)
    plan = lab.call("PLAN_SYNC", table)
    assert plan["kind"] == "increment"
    assert plan["watermark"] == lab.watermark(table)
    assert not plan["columns_changed"]
    lab.psql(f"ALTER TABLE {table} ADD COLUMN more int")
    assert lab.call("PLAN_SYNC", table)["columns_changed"]


def test_an_unknown_table_is_refused(lab: Lab) -> None:
    assert "[unknown_table]" in lab.fail("PLAN_SYNC", "nothing like it")
