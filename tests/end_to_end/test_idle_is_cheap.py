"""Statements that a sync sends to Snowflake, counted in its query history."""

from tests.end_to_end.lab import Lab


def sent_by_sync(lab: Lab, table: str) -> list[str]:
    before = len(lab.statements())
    lab.sync(table)
    return [" ".join(s["text"].split()) for s in lab.statements()[before:]]


def test_nothing_new_means_no_copy_no_merge_and_few_statements(lab: Lab) -> None:
    table = lab.name("idle")
    lab.orders_table(table, 50)
    lab.apply({table: {"cursor": "updated_at"}})
    lab.sync(table)
    for _ in range(2):
        texts = sent_by_sync(lab, table)
        assert not [t for t in texts if t.startswith(("COPY", "MERGE", "CREATE"))]
        assert len(texts) <= 8, texts


def test_rows_that_the_bound_holds_back_are_not_loaded_twice(lab: Lab) -> None:
    """A second sync within the margin reads the same row versions again."""
    table = lab.name("margin")
    lab.orders_table(table, 50)
    lab.apply({table: {"cursor": "updated_at", "margin_seconds": 3600}})
    lab.sync(table)
    lab.psql(f"INSERT INTO {table} (note) VALUES ('fresh')")
    assert lab.sync(table)["rows_inserted"] == 1
    texts = sent_by_sync(lab, table)
    assert not [t for t in texts if t.startswith(("COPY", "MERGE"))]
    assert len(texts) <= 8, texts
    lab.psql(f"UPDATE {table} SET note = 'changed' WHERE note = 'fresh'")
    assert lab.sync(table)["rows_updated"] >= 1
    lab.assert_equal(table)


def test_one_window_with_changes_sends_at_most_sixteen_statements(lab: Lab) -> None:
    table = lab.name("busy")
    lab.orders_table(table, 50)
    lab.apply({table: {"cursor": "updated_at"}})
    lab.sync(table)
    lab.psql(f"UPDATE {table} SET note = 'x', updated_at = now() WHERE id < 20")
    texts = sent_by_sync(lab, table)
    assert [t for t in texts if t.startswith("MERGE")]
    assert len(texts) <= 16, texts
