"""History: every version of a row that was seen, with the interval in which it held."""

import json
from typing import Any

import pytest

from tests.end_to_end.faults import Switchboard
from tests.end_to_end.lab import Lab


def apply(lab: Lab, table: str, **settings: Any) -> None:
    lab.apply({table: {"cursor": "updated_at", "history": True, **settings}})


def begun(lab: Lab, rows: int = 3, **settings: Any) -> str:
    """A table with history that was synced once."""
    table = lab.name("kept")
    lab.orders_table(table, rows)
    apply(lab, table, **settings)
    lab.sync(table)
    return table


def versions(lab: Lab, table: str, key: int) -> list[tuple[Any, ...]]:
    """Returns note, begin, end, whether current and whether deleted of each version."""
    rows = lab.query(
        "SELECT note, _sync_valid_from, _sync_valid_to, _sync_is_current, _sync_deleted"
        f" FROM lab.{table} WHERE id = {key} ORDER BY _sync_valid_from"
    )
    return [tuple(row.values()) for row in rows]


def notes(lab: Lab, table: str, key: int) -> list[str]:
    return [str(version[0]) for version in versions(lab, table, key)]


def whole(lab: Lab, table: str) -> list[dict[str, Any]]:
    return lab.query(f"SELECT * FROM lab.{table} ORDER BY id, _sync_valid_from")


def assert_sound(lab: Lab, table: str) -> None:
    """VALIDATE compares current rows with the source, and looks at every interval."""
    report = json.loads(
        lab.query("CALL VALIDATE_TABLE(%s, FALSE)", table)[0]["VALIDATE_TABLE"]
    )
    assert report["status"] == "equal", report
    assert report["history"]["broken"] == {}, report


def test_a_change_closes_a_version_and_begins_another(lab: Lab) -> None:
    table = begun(lab)
    lab.psql(f"UPDATE {table} SET note = 'new', updated_at = now() WHERE id = 2")
    report = lab.sync(table)
    assert (report["rows_inserted"], report["rows_updated"]) == (1, 1)
    old, new = versions(lab, table, 2)
    (moment,) = lab.psql(f"SELECT updated_at FROM {table} WHERE id = 2")
    assert (old[0], old[2:]) == ("row 2", (moment[0], False, False))
    assert new == ("new", moment[0], None, True, False)
    assert notes(lab, table, 1) == ["row 1"]
    assert_sound(lab, table)


@pytest.mark.large
def test_rows_that_arrive_again_make_no_version(lab: Lab) -> None:
    """By the overlap of an open transaction, a backfill, a resync and a repeat."""
    table = begun(lab, lookback_seconds=86_400)
    lab.psql(f"UPDATE {table} SET note = 'new', updated_at = now() WHERE id = 2")
    lab.sync(table)
    before = whole(lab, table)
    lab.sync(table)
    lab.query("CALL BACKFILL_TABLE(%s, %s, NULL)", table, "2020-01-01")
    lab.call("RESYNC_TABLE", table)
    assert whole(lab, table) == before
    assert_sound(lab, table)


def test_a_late_row_is_placed_where_it_belongs(lab: Lab) -> None:
    """And is current from then on: it is what the source holds."""
    table = begun(lab, lookback_seconds=86_400)
    lab.psql(f"UPDATE {table} SET note = 'second', updated_at = now() WHERE id = 1")
    lab.sync(table)
    lab.psql(
        f"UPDATE {table} SET note = 'late', updated_at = now() - interval '1 hour'"
        " WHERE id = 1"
    )
    lab.sync(table)
    found = versions(lab, table, 1)
    assert [v[0] for v in found] == ["row 1", "late", "second", "late"]
    assert [v[2] for v in found[:-1]] == [v[1] for v in found[1:]]
    before = whole(lab, table)
    lab.sync(table)
    assert whole(lab, table) == before
    assert_sound(lab, table)


def test_a_delete_closes_and_a_reborn_key_opens_again(lab: Lab) -> None:
    table = begun(
        lab, deletes="key_compare", delete_check_minutes=0, max_delete_percent=100
    )
    lab.psql(f"CREATE TABLE {table}_kept AS SELECT * FROM {table} WHERE id = 3")
    lab.psql(f"DELETE FROM {table} WHERE id = 3")
    assert lab.sync(table)["rows_deleted"] == 1
    (gone,) = versions(lab, table, 3)
    assert gone[2] is not None and gone[3:] == (False, True)
    assert lab.sync(table)["rows_deleted"] == 0
    lab.psql(f"INSERT INTO {table} SELECT * FROM {table}_kept")
    lab.sync(table)
    gone, again = versions(lab, table, 3)
    assert gone[3:] == (False, True) and again[2:] == (None, True, False)
    assert again[1] > gone[2]
    assert_sound(lab, table)


@pytest.mark.large
def test_a_column_that_says_deleted_closes(lab: Lab) -> None:
    table = lab.name("kept")
    lab.orders_table(table, 3)
    lab.psql(f"ALTER TABLE {table} ADD COLUMN gone boolean NOT NULL DEFAULT false")
    apply(lab, table, deletes="soft_column", delete_column="gone")
    lab.sync(table)
    lab.psql(f"UPDATE {table} SET gone = true, updated_at = now() WHERE id = 2")
    lab.sync(table)
    (moment,) = lab.psql(f"SELECT updated_at FROM {table} WHERE id = 2")
    (only,) = versions(lab, table, 2)
    assert only[2:] == (moment[0], False, True)
    lab.psql(f"UPDATE {table} SET gone = false, updated_at = now() WHERE id = 2")
    lab.sync(table)
    assert [v[3] for v in versions(lab, table, 2)] == [False, True]
    assert_sound(lab, table)


@pytest.mark.large
def test_a_resync_closes_what_is_gone_and_loses_nothing(lab: Lab) -> None:
    table = begun(lab)
    lab.psql(f"UPDATE {table} SET note = 'new', updated_at = now() WHERE id = 1")
    lab.sync(table)
    lab.psql(f"DELETE FROM {table} WHERE id = 2")
    lab.psql(f"UPDATE {table} SET note = 'silent' WHERE id = 3")
    lab.psql(
        f"INSERT INTO {table} (id, note, updated_at) VALUES (9, 'old', '2020-01-01')"
    )
    lab.call("RESYNC_TABLE", table)
    assert notes(lab, table, 1) == ["row 1", "new"]
    assert versions(lab, table, 2)[0][3:] == (False, True)
    assert notes(lab, table, 3) == ["row 3", "silent"]
    assert versions(lab, table, 9)[0][3:] == (True, False)
    assert_sound(lab, table)


@pytest.mark.large
def test_a_full_table_keeps_what_each_reload_saw(lab: Lab) -> None:
    table = lab.name("kept")
    lab.orders_table(table, 4)
    lab.apply({table: {"mode": "full", "history": True}})
    lab.sync(table)
    lab.psql(f"UPDATE {table} SET note = 'new' WHERE id = 1")
    lab.psql(f"DELETE FROM {table} WHERE id = 2")
    assert lab.sync(table)["rows_deleted"] == 1
    before = whole(lab, table)
    assert notes(lab, table, 1) == ["row 1", "new"]
    assert versions(lab, table, 2)[0][3:] == (False, True)
    lab.sync(table)
    assert whole(lab, table) == before
    lab.psql(f"DELETE FROM {table}")
    assert "[too_many_deletes]" in lab.fail("SYNC_TABLE", table)
    assert whole(lab, table) == before


@pytest.mark.large
def test_only_the_named_columns_make_versions(lab: Lab) -> None:
    table = begun(lab, history_columns=["note"])
    lab.psql(f"UPDATE {table} SET amount = 99, updated_at = now() WHERE id = 1")
    lab.sync(table)
    assert len(versions(lab, table, 1)) == 1
    assert_sound(lab, table)
    lab.psql(f"UPDATE {table} SET note = 'new', updated_at = now() WHERE id = 1")
    lab.sync(table)
    assert notes(lab, table, 1) == ["row 1", "new"]


@pytest.mark.large
def test_a_new_column_makes_no_version_by_itself(lab: Lab) -> None:
    table = begun(lab, history_time="extracted")
    lab.psql(f"ALTER TABLE {table} ADD COLUMN kind text DEFAULT 'plain'")
    lab.psql(f"UPDATE {table} SET note = 'new', updated_at = now() WHERE id = 1")
    lab.sync(table)
    assert notes(lab, table, 1) == ["row 1", "new"]
    lab.call("RESYNC_TABLE", table)
    assert len(whole(lab, table)) == 4
    kinds = lab.query(f"SELECT kind FROM lab.{table} WHERE _sync_is_current")
    assert {row["KIND"] for row in kinds} == {"plain"}
    lab.psql(f"UPDATE {table} SET kind = 'other', updated_at = now() WHERE id = 2")
    lab.sync(table)
    assert len(versions(lab, table, 2)) == 2
    assert_sound(lab, table)


@pytest.mark.large
def test_rows_that_are_there_become_the_first_versions(lab: Lab) -> None:
    table = lab.name("kept")
    lab.orders_table(table, 3)
    settings = {"deletes": "key_compare", "delete_check_minutes": 0}
    plain = {"cursor": "updated_at", "max_delete_percent": 100, **settings}
    lab.apply({table: plain})
    lab.sync(table)
    lab.psql(f"DELETE FROM {table} WHERE id = 3")
    lab.sync(table)
    lab.apply({table: {**plain, "history": True, "current_view": True}})
    lab.sync(table)
    moments = dict(lab.psql(f"SELECT id, updated_at FROM {table}"))
    for key in (1, 2):
        assert versions(lab, table, key) == [
            (f"row {key}", moments[key], None, True, False)
        ]
    assert versions(lab, table, 3)[0][3:] == (False, True)
    rows = lab.query(f"SELECT id FROM lab.{table}_current ORDER BY id")
    assert [row["ID"] for row in rows] == [1, 2]
    assert_sound(lab, table)


@pytest.mark.large
def test_history_ends_only_if_somebody_says_so(lab: Lab) -> None:
    table = begun(lab)
    lab.psql(f"UPDATE {table} SET note = 'new', updated_at = now() WHERE id = 1")
    lab.sync(table)
    before = whole(lab, table)
    lab.apply({table: {"cursor": "updated_at"}})
    lab.psql(f"UPDATE {table} SET note = 'newer', updated_at = now() WHERE id = 1")
    for procedure in ("SYNC_TABLE", "RESYNC_TABLE"):
        assert "[history_kept]" in lab.fail(procedure, table)
    assert whole(lab, table) == before
    lab.apply({table: {"cursor": "updated_at", "drop_history": True}})
    lab.sync(table)
    lab.assert_equal(table)
    row, *_ = lab.query(f"SELECT * FROM lab.{table}")
    assert not row.keys() & {"_SYNC_VALID_FROM", "_SYNC_IS_CURRENT", "_SYNC_DELETED"}


@pytest.mark.large
def test_values_that_are_protected_later_leave_all_versions(lab: Lab) -> None:
    table = begun(lab)
    lab.psql(f"UPDATE {table} SET note = 'new', updated_at = now() WHERE id = 1")
    lab.sync(table)
    masked = {"note": {"protect": "mask"}, "amount": {"protect": "hash"}}
    apply(lab, table, columns=masked)
    report = lab.call("SYNC_TABLE", table)
    assert "history_values_removed" in json.dumps(report)
    rows = whole(lab, table)
    assert len(rows) == 4, "no version by that alone"
    # Their columns alone: a time may end in 0.01 seconds.
    text = json.dumps([[row["NOTE"], row["AMOUNT"]] for row in rows], default=str)
    assert "row 1" not in text and "new" not in text and "0.01" not in text
    assert_sound(lab, table)


@pytest.mark.large
def test_a_key_that_changes_is_refused(lab: Lab) -> None:
    table = begun(lab)
    apply(lab, table, key=["note"])
    for procedure in ("SYNC_TABLE", "RESYNC_TABLE"):
        assert "[history_key_changed]" in lab.fail(procedure, table)


@pytest.mark.large
def test_old_versions_are_removed_after_their_time(lab: Lab) -> None:
    table = begun(lab, history_days=30)
    lab.psql(f"UPDATE {table} SET note = 'new', updated_at = now() WHERE id = 1")
    lab.sync(table)
    assert len(versions(lab, table, 1)) == 2
    lab.query(
        f"UPDATE lab.{table} SET _sync_valid_from = '2020-01-01'::timestamp_tz,"
        " _sync_valid_to = '2020-01-02'::timestamp_tz WHERE NOT _sync_is_current"
    )
    lab.psql(f"UPDATE {table} SET note = 'new', updated_at = now() WHERE id = 2")
    lab.sync(table)
    assert notes(lab, table, 1) == ["new"]
    assert len(versions(lab, table, 2)) == 2


@pytest.mark.large
def test_old_versions_are_removed_while_the_source_rests(lab: Lab) -> None:
    table = begun(lab, history_days=30)
    never = lab.name("never")
    settings = {"cursor": "updated_at", "history": True, "history_days": 30}
    lab.apply({table: settings, never: settings})
    lab.psql(f"UPDATE {table} SET note = 'new', updated_at = now() WHERE id = 1")
    lab.sync(table)
    lab.query(
        f"UPDATE lab.{table} SET _sync_valid_from = '2020-01-01'::timestamp_tz,"
        " _sync_valid_to = '2020-01-02'::timestamp_tz WHERE NOT _sync_is_current"
    )
    report = json.loads(lab.query("CALL TIDY()")[0]["TIDY"])
    assert report["deleted"]["versions"] == 1 and report["versions_refused"] == {}
    assert notes(lab, table, 1) == ["new"]
    assert_sound(lab, table)


@pytest.mark.large
def test_a_history_costs_at_most_two_statements_more(lab: Lab) -> None:
    table, plain = begun(lab, history_days=30), lab.name("plain")
    lab.orders_table(plain, 3)
    lab.apply(
        {
            table: {"cursor": "updated_at", "history": True, "history_days": 30},
            plain: {"cursor": "updated_at"},
        }
    )
    lab.sync(plain)
    sent = {}
    for name in (table, plain):
        lab.psql(f"UPDATE {name} SET note = 'new', updated_at = now() WHERE id < 3")
        before = len(lab.statements())
        lab.sync(name)
        sent[name] = [s["text"] for s in lab.statements()[before:]]
    assert 0 <= len(sent[table]) - len(sent[plain]) <= 2, sent
    merges = [text for text in sent[table] if text.startswith("MERGE")]
    assert len(merges) == 1


@pytest.mark.large
def test_a_history_that_somebody_changed_is_found(lab: Lab) -> None:
    table = begun(lab)
    lab.query(f"UPDATE lab.{table} SET _sync_valid_to = _sync_valid_from WHERE id = 2")
    report = json.loads(
        lab.query("CALL VALIDATE_TABLE(%s, FALSE)", table)[0]["VALIDATE_TABLE"]
    )
    assert report["status"] == "different"
    broken = report["history"]["broken"]
    assert set(broken) == {"empty intervals", "wrong flags", "ends without delete"}
    (row,) = [
        row
        for row in lab.call("CHECK_SYNC", table)["rows"]
        if row["check"] == "history"
    ]
    assert row["state"] == "failed" and "1 empty intervals" in row["detail"]


@pytest.mark.large
@pytest.mark.parametrize("at", ["^MERGE INTO", "INTO control.sync_watermarks"])
def test_a_killed_sync_leaves_the_history_as_it_was(
    lab: Lab, faults: Switchboard, at: str
) -> None:
    table = begun(lab)
    before = whole(lab, table)
    lab.psql(f"UPDATE {table} SET note = 'new', updated_at = now() WHERE id = 1")
    faults.snowflake({"match": at, "action": "kill_procedure", "when": "after"})
    lab.fail("SYNC_TABLE", table)
    faults.clear()
    assert whole(lab, table) == before
    lab.expire_lease(table)
    lab.sync(table)
    assert notes(lab, table, 1) == ["row 1", "new"]
    assert_sound(lab, table)
