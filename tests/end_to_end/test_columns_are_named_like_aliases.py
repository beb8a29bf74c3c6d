"""A column may be called as the statements call their own values and tables."""

import pytest

from tests.end_to_end.lab import Lab

pytestmark = pytest.mark.large

# Every name that a statement of either side gives to something of its own.
ALIASES = (
    "in_source in_target source target staged shared row_count lowest highest alive"
    " gone k0 k1 key_hash row_hash row_text column_hashes _sync_key_hash bucket low"
    " high t r s g m inside place total oid relation position reply n"
).split()
KEYS = (("in_source", "in_target"), ("row_count", "_sync_key_hash"), ("lowest", "k0"))
KEYS += (("source", "target"), ("key_hash", "row_hash"), ("place", "inside"))


def columns(key: tuple[str, ...]) -> str:
    declared = ", ".join(
        f"{name} int NOT NULL DEFAULT 7" for name in ALIASES if name not in key
    )
    return f"{declared}, updated_at timestamptz NOT NULL DEFAULT now()"


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("action", ["hard", "soft"])
def test_every_step_knows_a_column_from_its_own_values(
    lab: Lab, key: tuple[str, str], action: str
) -> None:
    """Load, merge, delete, missing row, backfill, validation and repair."""
    table = lab.name("aliased")
    one, other = key
    lab.psql(f"""
        CREATE TABLE {table} ({one} int, {other} int, {columns(key)});
        CREATE UNIQUE INDEX ON {table} ({one}, {other});
        CREATE INDEX ON {table} (updated_at);
        INSERT INTO {table} ({one}, {other}) SELECT i, -i FROM generate_series(1, 9) i
        """)
    settings = {
        "cursor": "updated_at",
        # May be NULL, so it is counted.
        "key": list(key),
        "deletes": "key_compare",
        "delete_action": action,
        "delete_check_minutes": 0,
        "max_delete_percent": 60,
    }
    lab.apply({table: settings})
    where = " WHERE _sync_deleted_at IS NULL" if action == "soft" else ""

    def alive() -> list[tuple[int, int]]:
        text = f'SELECT "{one.upper()}" AS a, "G" AS b FROM lab.{table}{where}'
        if one == "g":
            text = text.replace('"G"', '"R"')
        return sorted((row["A"], row["B"]) for row in lab.query(text))

    lab.sync(table)
    assert alive() == [(i, 7) for i in range(1, 10)]
    lab.psql(f"UPDATE {table} SET g = 8, updated_at = now() WHERE {one} = 2")
    lab.psql(f"DELETE FROM {table} WHERE {one} = 1")
    columns_of_it = f"{one}, {other}, updated_at"
    lab.psql(f"INSERT INTO {table} ({columns_of_it}) VALUES (0, 0, '2001-01-01')")
    lab.sync(table)
    wanted = [(0, 7), (2, 8)] + [(i, 7) for i in range(3, 10)]
    assert alive() == wanted
    lab.query(f"CALL BACKFILL_TABLE('{table}', '2000-01-01', '2100-01-01')")
    assert alive() == wanted
    lab.query(f'UPDATE lab.{table} SET "G" = -1 WHERE "{one.upper()}" = 3')
    lab.query(f'DELETE FROM lab.{table} WHERE "{one.upper()}" = 4')
    lab.query(f"CALL VALIDATE_TABLE('{table}', TRUE)")
    assert alive() == wanted
    lab.psql(f"INSERT INTO {table} ({one}, {other}) VALUES (2, NULL), (2, NULL)")
    assert "[duplicate_keys]" in lab.fail("SYNC_TABLE", table)
