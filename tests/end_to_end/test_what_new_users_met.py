"""U2 and U14: the first steps as they are written, and a quiet table."""

from pathlib import Path

from tests.end_to_end.lab import TARGET_SCHEMA, Lab

ROOT = Path(__file__).parents[2]


def test_u2_the_shipped_file_is_applied_as_the_documents_say(lab: Lab) -> None:
    """Its description has an apostrophe, which ends a text between two of them."""
    text = (ROOT / "config" / "sync_config.json").read_text(encoding="utf-8")
    assert "'" in text and "$$" not in text
    (row,) = lab.query(f"CALL APPLY_CONFIG($${text}$$, TRUE)")
    assert "problem" not in str(row)
    for document in ("docs/DEPLOYMENT.md", "docs/HOWTO.md", "docs/RUNBOOK.md"):
        written = (ROOT / document).read_text(encoding="utf-8")
        assert "APPLY_CONFIG($$" in written and "APPLY_CONFIG('" not in written


def test_u14_a_quiet_table_is_fresh_though_nothing_is_written_into_it(
    lab: Lab,
) -> None:
    table = lab.name("orders")
    lab.orders_table(table, 5)
    lab.apply({table: {"cursor": "updated_at"}})
    lab.sync(table)
    # As docs/HOWTO.md has it for loaded_at_query of dbt.
    asked = (
        "SELECT MIN(fresh_as_of) AS at FROM control.sync_status WHERE table_name = %s"
    )
    (first,) = lab.query(asked, table)
    before = len(lab.statements())
    lab.sync(table)
    (later,) = lab.query(asked, table)
    assert later["AT"] > first["AT"]
    sent = [one["text"] for one in lab.statements()[before:]]
    assert not [text for text in sent if f"MERGE INTO {TARGET_SCHEMA}" in text]
    # A table that is synced no longer grows old.
    lab.psql(f"ALTER TABLE {table} RENAME TO {table}_away")
    lab.fail("SYNC_TABLE", table)
    (still,) = lab.query(asked, table)
    assert still["AT"] == later["AT"]
