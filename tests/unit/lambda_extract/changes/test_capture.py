"""Captures of a real slot: which keys, how far, and what is read of them."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg2
import pytest

from lambda_extract import contract
from lambda_extract.changes.capture import drop_slot
from lambda_extract.errors import ExtractError
from lambda_extract.operations.plan import plan
from lambda_extract.settings import Protection
from tests.unit.lambda_extract.changes.conftest import Log
from tests.unit.lambda_extract.conftest import Reader

KEYED = "(id bigint PRIMARY KEY, note text)"


def wait_until(fulfilled: Callable[[], Any]) -> None:
    end = time.monotonic() + 20
    while not fulfilled():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_an_insert_an_update_and_a_delete_are_keys(log: Log) -> None:
    table = log.table(KEYED)
    name = table.spec.name
    log.sql(f"INSERT INTO {name} VALUES (1, 'a'), (2, 'b'), (3, 'c')")
    known = log.identity(table)
    log.capture()
    log.sql(f"UPDATE {name} SET note = 'B' WHERE id = 2")
    log.sql(f"DELETE FROM {name} WHERE id = 3")
    log.sql(f"INSERT INTO {name} VALUES (4, 'd')")
    reply = log.capture()
    assert [(t.name, t.keys) for t in reply.tables] == [(name, 3)]
    assert (reply.commits, reply.changes, reply.complete) == (3, 3, True)
    rows = log.rows(table, known, reply)
    assert sorted(table.rows(rows)) == [
        ["2", "B", "f"],
        ["3", "", "t"],
        ["4", "d", "f"],
    ]
    assert log.capture().tables == ()


def test_a_table_that_had_another_name_for_a_while(log: Log) -> None:
    """The log has the name of its moment; the table is the same one."""
    table = log.table(KEYED)
    name = table.spec.name
    log.capture()
    log.sql(f"INSERT INTO {name} VALUES (1, 'a')")
    log.sql(f"ALTER TABLE {name} RENAME TO {name}_away")
    log.sql(f"INSERT INTO {name}_away VALUES (2, 'b')")
    log.sql(f"ALTER TABLE {name}_away RENAME TO {name}")
    (changed,) = log.capture().tables
    assert changed.keys == 2


@pytest.mark.parametrize(
    ("percent", "more", "moved"),
    [
        (50, 0, "many_keys"),
        (80, 0, ""),
        # Keys of later windows count, too.
        (80, 9_000, "many_keys"),
        (0, 9_000, ""),
    ],
)
def test_a_table_of_which_most_rows_have_changed_is_not_read_by_its_keys(
    log: Log, percent: int, more: int, moved: str
) -> None:
    table = log.table(KEYED)
    name = table.spec.name
    log.sql(f"INSERT INTO {name} SELECT generate_series(1, 24000)")
    log.sql(f"ANALYZE {name}")
    known = log.identity(table)
    log.capture()
    log.sql(f"UPDATE {name} SET note = 'n' WHERE id <= 14000")
    log.sql(f"ANALYZE {name}")
    reply = log.capture()
    rows = log.rows(table, known, reply, whole_percent=percent, more_keys=more)
    assert rows.log is not None and rows.log.moved == moved
    assert rows.rows == (0 if moved else 14_000)


def test_a_key_of_several_captures_counts_once_and_few_keys_are_never_many(
    log: Log,
) -> None:
    table = log.table(KEYED)
    name = table.spec.name
    log.sql(f"INSERT INTO {name} SELECT generate_series(1, 12000)")
    log.sql(f"ANALYZE {name}")
    known = log.identity(table)
    log.capture()
    replies = []
    for _ in range(2):
        log.sql(f"UPDATE {name} SET note = 'n' WHERE id <= 9000")
        replies.append(log.capture())
    files = tuple(f for reply in replies for t in reply.tables for f in t.files)
    changes = contract.ChangeSet(log.spec, files, known, whole_percent=80)
    rows = table.run(changes=changes)
    assert rows.log is not None and (rows.log.moved, rows.rows) == ("", 9000)
    changes = replace(changes, whole_percent=1)
    rows = table.run(changes=changes)
    assert rows.log is not None and (rows.log.moved, rows.rows) == ("", 9000)


def test_the_same_range_comes_again_until_it_is_recorded(log: Log) -> None:
    table = log.table(KEYED)
    log.capture()
    log.sql(f"INSERT INTO {table.spec.name} VALUES (1, 'a')")
    first, second = log.ask(), log.capture()
    assert first.from_lsn == second.from_lsn
    assert [t.keys for t in first.tables] == [t.keys for t in second.tables] == [1]
    assert log.capture().tables == ()


def test_the_slot_is_confirmed_by_the_next_capture_alone(log: Log) -> None:
    table = log.table(KEYED)
    recorded = log.capture()
    log.sql(f"INSERT INTO {table.spec.name} VALUES (1, 'a')")
    log.capture()
    ((confirmed,),) = log.sql(
        "SELECT confirmed_flush_lsn::text FROM pg_replication_slots"
        f" WHERE slot_name = '{log.spec.slot}'"
    )
    assert confirmed == recorded.to_lsn


def test_wal_that_nobody_published_is_let_go(log: Log) -> None:
    log.capture()
    log.sql("CREATE TABLE IF NOT EXISTS noise (filler text)")
    for _ in range(4):
        log.sql(
            "INSERT INTO noise SELECT repeat('x', 900) FROM generate_series(1, 3000)"
        )
        log.sql("CHECKPOINT")
    held = log.capture().slot.retained_bytes
    log.capture()
    left = log.capture().slot.retained_bytes
    assert held > 8_000_000
    assert left < 1_000_000


def test_a_changed_key_is_two_keys(log: Log) -> None:
    table = log.table(KEYED)
    name = table.spec.name
    log.sql(f"INSERT INTO {name} VALUES (1, 'a')")
    known = log.identity(table)
    log.capture()
    log.sql(f"UPDATE {name} SET id = 7 WHERE id = 1")
    rows = log.rows(table, known, log.capture())
    assert sorted(table.rows(rows)) == [["1", "", "t"], ["7", "a", "f"]]


def test_equal_keys_of_other_spelling_are_two_keys(log: Log) -> None:
    table = log.table("(n numeric PRIMARY KEY, note text)")
    name = table.spec.name
    log.sql(f"INSERT INTO {name} VALUES (1, 'a')")
    known = log.identity(table)
    log.capture()
    log.sql(f"UPDATE {name} SET n = 1.00")
    reply = log.capture()
    rows = log.rows(table, known, reply)
    # Both spellings told both: in one file, where the row that is there counts.
    assert {tuple(row) for row in table.rows(rows)} == {
        ("1", "", "t"),
        ("1.00", "a", "f"),
    }


def test_an_old_spelling_alone_brings_the_row_along(log: Log) -> None:
    """P4: in a window of its own it would take the row for gone."""
    table = log.table("(n numeric PRIMARY KEY, note text)")
    name = table.spec.name
    log.sql(f"INSERT INTO {name} VALUES (1, 'a')")
    known = log.identity(table)
    reply = log.capture()
    log.sql(f"UPDATE {name} SET n = 1.00")
    rows = log.rows(table, known, reply)
    assert sorted(table.rows(rows)) == [["1", "", "t"], ["1.00", "a", "f"]]


def test_keys_of_several_columns_in_any_order(log: Log) -> None:
    table = log.table(
        "(note text, b text, z int, a char(4))", name="odd", publish=False
    )
    log.sql("ALTER TABLE odd ADD PRIMARY KEY (a, b, z)")
    log.sql(f"ALTER PUBLICATION {log.spec.publication} ADD TABLE odd")
    known = log.identity(table)
    log.capture()
    text = 'q"\\,{} \u00e9\n' + "'"
    with log.owner.cursor() as cursor:
        cursor.execute("INSERT INTO odd VALUES ('x', %s, 1, 'ab')", [text])
        cursor.execute(
            "INSERT INTO odd VALUES ('y', '', 2, ''); DELETE FROM odd" " WHERE z = 2"
        )
    rows = log.rows(table, known, log.capture())
    assert sorted(table.rows(rows)) == [
        ["", "", "2", "    ", "t"],
        ["x", text, "1", "ab  ", "f"],
    ]
    log.sql("DROP TABLE odd")


def test_a_large_transaction_comes_in_blocks(log: Log) -> None:
    table = log.table(KEYED)
    name = table.spec.name
    log.capture()
    log.sql(
        f"BEGIN; INSERT INTO {name} SELECT i, 'x' FROM generate_series(1, 5000) AS i;"
        f" SAVEPOINT a; INSERT INTO {name} VALUES (9001, 'never'); ROLLBACK TO a;"
        f" UPDATE {name} SET note = 'y' WHERE id <= 10; COMMIT"
    )
    reply = log.capture()
    assert reply.commits == 1
    (changed,) = reply.tables
    # What was rolled back may be told: it is read again, and found to be gone.
    assert 5000 <= changed.keys <= 5001
    rows = log.rows(table, log.identity(table), reply)
    assert len([row for row in table.rows(rows) if row[2] == "f"]) == 5000


def test_a_large_transaction_that_was_rolled_back_is_nothing(log: Log) -> None:
    table = log.table(KEYED)
    name = table.spec.name
    log.capture()
    log.sql(
        f"BEGIN; INSERT INTO {name} SELECT i, 'x' FROM generate_series(1, 5000) AS i;"
        " ROLLBACK"
    )
    assert log.capture().tables == ()


def test_an_open_transaction_comes_whole_with_its_commit(log: Log) -> None:
    table = log.table(KEYED)
    name = table.spec.name
    log.capture()
    with log.server.connect("shop") as other, other.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(f"INSERT INTO {name} SELECT i FROM generate_series(1, 3000) i")
        assert log.capture().tables == ()
        assert log.capture().tables == ()
        cursor.execute("COMMIT")
    (changed,) = log.capture().tables
    assert changed.keys == 3000


def test_a_prepared_transaction_comes_with_its_commit(log: Log) -> None:
    table = log.table(KEYED)
    name = table.spec.name
    log.capture()
    log.sql(f"BEGIN; INSERT INTO {name} VALUES (1); PREPARE TRANSACTION '{name}'")
    assert log.capture().tables == ()
    log.sql(f"COMMIT PREPARED '{name}'")
    assert [t.keys for t in log.capture().tables] == [1]


def test_a_capture_is_bounded_and_says_that_more_follows(log: Log) -> None:
    table = log.table(KEYED)
    name = table.spec.name
    log.capture()
    for i in range(20):
        log.sql(
            f"INSERT INTO {name} SELECT {i} * 100 + j FROM generate_series(1, 100) j"
        )
    limits = contract.CaptureLimits(max_wal_bytes=20_000)
    replies = [log.capture(limits=limits)]
    while not replies[-1].complete:
        replies.append(log.capture(limits=limits))
    assert len(replies) > 3
    assert sum(t.keys for r in replies for t in r.tables) == 2000


def test_too_many_keys_make_a_table_whole(log: Log) -> None:
    table, other = log.table(KEYED), log.table(KEYED)
    log.capture()
    log.sql(f"INSERT INTO {table.spec.name} SELECT i FROM generate_series(1, 30000) i")
    log.sql(f"INSERT INTO {other.spec.name} VALUES (1)")
    reply = log.capture(limits=contract.CaptureLimits(max_keys=1000))
    found = {t.name: t for t in reply.tables}
    assert found[table.spec.name].whole == "too_many_changes"
    assert found[table.spec.name].files == ()
    assert (found[other.spec.name].whole, found[other.spec.name].keys) == ("", 1)


def test_a_log_that_is_skipped_makes_every_table_whole(log: Log) -> None:
    table, other = log.table(KEYED), log.table(KEYED)
    log.capture()
    log.sql(f"INSERT INTO {table.spec.name} VALUES (1)")
    reply = log.capture(skip=True)
    assert {t.name: t.whole for t in reply.tables} == {
        table.spec.name: "skipped",
        other.spec.name: "skipped",
    }
    assert reply.complete
    # What is given up is not even read: it may be too much for any capture.
    assert (reply.commits, reply.changes) == (0, 0)
    assert log.capture().tables == ()


def test_a_truncate_is_told(log: Log) -> None:
    table = log.table(KEYED)
    name = table.spec.name
    log.sql(f"INSERT INTO {name} VALUES (1), (2)")
    known = log.identity(table)
    log.capture()
    log.sql(f"TRUNCATE {name}")
    log.sql(f"INSERT INTO {name} VALUES (3, 'c')")
    reply = log.capture()
    (changed,) = reply.tables
    assert changed.truncated
    rows = log.rows(table, known, reply, truncated=True)
    assert rows.log is not None
    assert (rows.log.moved, rows.log.compare) == ("", True)
    # Read as a whole, and once more by its key.
    assert table.rows(rows) == [["3", "c", "f"]] * 2
    alone = log.rows(table, known, reply)
    assert alone.log is not None
    assert (alone.log.moved, alone.rows) == ("rewritten", 0)


def test_a_key_that_the_log_does_not_have_makes_a_table_whole(log: Log) -> None:
    table = log.table(KEYED)
    name = table.spec.name
    log.sql(f"INSERT INTO {name} VALUES (1)")
    log.capture()
    log.sql(f"UPDATE {name} SET note = 'b'")
    log.sql(f"ALTER TABLE {name} RENAME COLUMN id TO number")
    (changed,) = log.capture().tables
    assert changed.whole == "key_not_in_log"


def test_a_long_key_that_did_not_change_is_in_the_old_row(log: Log) -> None:
    table = log.table("(id text PRIMARY KEY, note text)")
    name = table.spec.name
    log.sql(f"ALTER TABLE {name} ALTER id SET STORAGE EXTERNAL")
    log.sql(f"INSERT INTO {name} VALUES (repeat('k', 2600), 'a')")
    known = log.identity(table)
    log.capture()
    log.sql(f"UPDATE {name} SET note = 'b'")
    rows = log.rows(table, known, log.capture())
    assert table.rows(rows) == [["k" * 2600, "b", "f"]]


def test_a_row_that_leaves_the_filter_is_gone(log: Log) -> None:
    where = (contract.FilterTerm("=", "note", ("open",)),)
    table = log.table(KEYED)
    reader = replace(table, spec=replace(table.spec, where=where))
    name = table.spec.name
    log.sql(f"INSERT INTO {name} VALUES (1, 'open'), (2, 'open')")
    known = log.identity(reader)
    log.capture()
    log.sql(f"UPDATE {name} SET note = 'closed' WHERE id = 2")
    log.sql(f"UPDATE {name} SET note = 'open' WHERE id = 1")
    rows = log.rows(reader, known, log.capture())
    assert sorted(reader.rows(rows)) == [["1", "open", "f"], ["2", "", "t"]]


# --- what is refused ------------------------------------------------------------------


def refused(log: Log, **fields: Any) -> str:
    with pytest.raises(ExtractError) as caught:
        log.ask(**fields)
    return caught.value.code


def test_a_slot_that_is_not_there(log: Log) -> None:
    log.sql(f"SELECT pg_drop_replication_slot('{log.spec.slot}')")
    assert refused(log) == "slot_missing"


@pytest.mark.parametrize("drops", [False, True], ids=["capture", "drop"])
def test_the_slot_of_another_consumer_is_neither_confirmed_nor_dropped(
    log: Log, drops: bool
) -> None:
    """Of the same plugin and database; a configuration may name any slot."""
    theirs = f"debezium_{log.spec.slot[-8:]}"
    log.sql(f"SELECT pg_create_logical_replication_slot('{theirs}', 'pgoutput')")
    shown = f"FROM pg_replication_slots WHERE slot_name = '{theirs}'"
    before = log.sql(f"SELECT confirmed_flush_lsn {shown}")
    ahead = log.sql("SELECT pg_current_wal_flush_lsn()::text")[0][0]
    attack = replace(log, spec=replace(log.spec, slot=theirs), to_lsn=ahead)
    with pytest.raises(ExtractError) as raised:
        if drops:
            with attack.database() as database:
                request = contract.DropSlotRequest("r1", "shop", attack.spec)
                drop_slot(database, request)
        else:
            attack.ask()
    assert raised.value.code == "slot_foreign"
    assert log.sql(f"SELECT confirmed_flush_lsn {shown}") == before
    log.sql(f"SELECT pg_drop_replication_slot('{theirs}')")


def test_a_slot_of_another_kind(log: Log) -> None:
    log.sql(f"SELECT pg_drop_replication_slot('{log.spec.slot}')")
    log.sql(
        "SELECT pg_create_logical_replication_slot"
        f"('{log.spec.slot}', 'pgoutput', false, true)"
    )
    assert refused(log, create=True) == "slot_foreign"


def test_a_slot_that_somebody_else_has_read(log: Log) -> None:
    log.capture()
    log.sql("CREATE TABLE IF NOT EXISTS noise (filler text)")
    log.sql("INSERT INTO noise VALUES ('x'); CHECKPOINT")
    log.sql(
        "SELECT pg_replication_slot_advance"
        f"('{log.spec.slot}', pg_current_wal_flush_lsn())"
    )
    assert refused(log) == "slot_moved"


def test_a_slot_that_is_behind_the_ledger_is_fine(log: Log) -> None:
    table = log.table(KEYED)
    log.capture()
    log.sql(f"INSERT INTO {table.spec.name} VALUES (1)")
    log.capture()
    log.sql(f"INSERT INTO {table.spec.name} VALUES (2)")
    assert [t.keys for t in log.capture().tables] == [1]


def test_a_server_that_is_another_one_or_older(log: Log) -> None:
    log.capture()
    assert refused(log, server="1:00000001") == "source_replaced"
    assert refused(log, from_lsn="FFFF/0") == "source_replaced"


def test_a_role_that_may_not_read_the_log(log: Log) -> None:
    assert refused(log, user="aurora_sync") == "log_permission"


def test_a_publication_that_is_not_there(log: Log) -> None:
    log.sql(f"DROP PUBLICATION {log.spec.publication}")
    assert refused(log) == "not_published"


def test_a_publication_younger_than_the_slot(log: Log) -> None:
    log.sql(f"DROP PUBLICATION {log.spec.publication}")
    log.table(KEYED, publish=False)
    log.sql(f"INSERT INTO {log.tables[0].relation} VALUES (1)")
    log.sql(
        f"CREATE PUBLICATION {log.spec.publication} FOR TABLE {log.tables[0].relation}"
    )
    # Either it is refused, or the table's identity tells (PostgreSQL 18).
    try:
        assert log.ask().tables == ()
    except ExtractError as error:
        assert error.code == "not_published"


def test_a_publication_of_all_tables_or_of_some_changes(log: Log) -> None:
    log.sql(f"ALTER PUBLICATION {log.spec.publication} SET (publish = 'insert')")
    assert refused(log) == "publication_filtered"
    log.sql(f"DROP PUBLICATION {log.spec.publication}")
    log.sql(f"CREATE PUBLICATION {log.spec.publication} FOR ALL TABLES")
    assert refused(log) == "publication_filtered"


@pytest.mark.parametrize(
    ("declared", "after", "code"),
    [
        (
            "(id int PRIMARY KEY)",
            "ALTER PUBLICATION {p} DROP TABLE {t}",
            "not_published",
        ),
        ("(id int)", "", "replica_identity"),
        (
            "(id int PRIMARY KEY)",
            "ALTER TABLE {t} REPLICA IDENTITY NOTHING",
            "replica_identity",
        ),
        (
            "(id int PRIMARY KEY, other int NOT NULL UNIQUE)",
            "ALTER TABLE {t} REPLICA IDENTITY USING INDEX {t}_other_key",
            "replica_identity",
        ),
        (
            "(id int PRIMARY KEY)",
            "ALTER PUBLICATION {p} DROP TABLE {t};"
            " ALTER PUBLICATION {p} ADD TABLE {t} WHERE (id > 1)",
            "publication_filtered",
        ),
        (
            # A list of columns with which UPDATE and DELETE fail.
            "(id int NOT NULL UNIQUE, more int PRIMARY KEY)",
            "ALTER PUBLICATION {p} DROP TABLE {t};"
            " ALTER PUBLICATION {p} ADD TABLE {t} (id)",
            "replica_identity",
        ),
        (
            "(id int PRIMARY KEY, note text)",
            "ALTER PUBLICATION {p} DROP TABLE {t};"
            " ALTER PUBLICATION {p} ADD TABLE {t} (id);"
            " ALTER TABLE {t} REPLICA IDENTITY FULL",
            "replica_identity",
        ),
        (
            "(id int PRIMARY KEY)",
            "CREATE TABLE {t}_child () INHERITS ({t})",
            "log_unsupported",
        ),
        ("(id int PRIMARY KEY)", "DROP TABLE {t}", "table_not_found"),
    ],
)
def test_a_table_that_the_log_does_not_tell_of_is_refused_alone(
    log: Log, declared: str, after: str, code: str
) -> None:
    good, bad = log.table(KEYED), log.table(declared)
    log.capture()
    if after:
        log.sql(after.format(p=log.spec.publication, t=bad.spec.name))
    log.sql(f"INSERT INTO {good.spec.name} VALUES (1)")
    found = {t.name: t for t in log.capture().tables}
    assert found[good.spec.name].keys == 1
    refusal = found[bad.spec.name].refused
    assert refusal is not None and refusal.code == code and refusal.hint
    log.sql(f"DROP TABLE IF EXISTS {bad.spec.name} CASCADE")


def test_a_publication_of_keys_tells_every_change(log: Log) -> None:
    """Of a table and of partitions, one of which identifies rows otherwise."""
    table = log.table(KEYED, publish=False)
    parted = log.table(
        "(id int, day int, note text, PRIMARY KEY (id, day)) PARTITION BY LIST (day)",
        publish=False,
    )
    days = parted.spec.name
    for day in (1, 2):
        log.sql(f"CREATE TABLE {days}_{day} PARTITION OF {days} FOR VALUES IN ({day})")
    name = table.spec.name
    log.sql(
        f"ALTER PUBLICATION {log.spec.publication}"
        f" ADD TABLE {name} (id), {days} (day, id)"
    )
    log.capture()
    known = log.identity(table), log.identity(parted)
    log.sql(f"INSERT INTO {name} VALUES (1, 'a'), (2, 'b'), (3, 'c')")
    log.sql(f"UPDATE {name} SET note = 'B' WHERE id = 2")
    log.sql(f"UPDATE {name} SET id = 9 WHERE id = 3")
    log.sql(f"DELETE FROM {name} WHERE id = 1")
    log.sql(f"INSERT INTO {days} VALUES (1, 1, 'a'), (2, 2, 'b')")
    log.sql(f"UPDATE {days} SET day = 2 WHERE id = 1")
    reply = log.capture()
    rows = log.rows(table, known[0], reply)
    assert sorted(table.rows(rows)) == [
        ["1", "", "t"],
        ["2", "B", "f"],
        ["3", "", "t"],
        ["9", "c", "f"],
    ]
    rows = log.rows(parted, known[1], reply)
    assert sorted(parted.rows(rows)) == [
        ["1", "1", "", "t"],
        ["1", "2", "a", "f"],
        ["2", "2", "b", "f"],
    ]
    log.sql(f"ALTER TABLE {days}_1 REPLICA IDENTITY FULL")
    log.sql(f"INSERT INTO {days} VALUES (5, 1, 'e')")
    with pytest.raises(psycopg2.Error, match="[Cc]olumn list"):
        log.sql(f"UPDATE {days} SET note = 'no'")
    found = {t.name: t.refused for t in log.capture().tables}
    refused = found[days]
    assert refused is not None and refused.code == "replica_identity"
    assert "of the application fail" in refused.message
    assert "ADD TABLE" in refused.hint


def test_a_full_identity_and_an_index_will_do(log: Log) -> None:
    full = log.table("(id int NOT NULL UNIQUE, note text)", key=("id",))
    index = log.table("(id int PRIMARY KEY, other int NOT NULL UNIQUE)", key=("other",))
    log.sql(f"ALTER TABLE {full.spec.name} REPLICA IDENTITY FULL")
    log.sql(
        f"ALTER TABLE {index.spec.name}"
        f" REPLICA IDENTITY USING INDEX {index.spec.name}_other_key"
    )
    log.sql(f"INSERT INTO {full.spec.name} VALUES (1, 'a'), (2, 'b')")
    log.sql(f"INSERT INTO {index.spec.name} VALUES (1, 10)")
    log.capture()
    log.sql(f"DELETE FROM {full.spec.name} WHERE id = 2")
    log.sql(f"UPDATE {index.spec.name} SET id = 5")
    reply = log.capture()
    assert sorted(t.keys for t in reply.tables) == [1, 1]
    rows = log.rows(full, log.identity(full), reply)
    assert full.rows(rows) == [["2", "", "t"]]
    rows = log.rows(index, log.identity(index), reply)
    assert index.rows(rows) == [["5", "10", "f"]]


def test_a_key_that_is_protected_stays_out_of_the_files(log: Log) -> None:
    table = log.table(KEYED)
    log.tables[0] = replace(log.tables[0], protected=("id",))
    log.sql(f"INSERT INTO {table.spec.name} VALUES (1)")
    (told,) = log.capture().tables
    assert told.refused is not None and told.refused.code == "log_key_protected"
    log.tables[0] = replace(log.tables[0], protected=())
    rule = Protection("public.t_*", "id", "hash")
    log.source = replace(log.source, required_protection=(rule,))
    log.sql(f"INSERT INTO {table.spec.name} VALUES (2)")
    (told,) = log.capture().tables
    assert told.refused is not None and told.refused.code == "log_key_protected"


def test_a_table_that_is_not_on_the_allow_list(log: Log) -> None:
    table = log.table(KEYED)
    log.source = replace(log.source, tables=("other.*",))
    log.sql(f"INSERT INTO {table.spec.name} VALUES (1)")
    (told,) = log.capture().tables
    assert told.refused is not None and told.refused.code == "table_not_allowed"


def test_a_file_of_keys_that_is_gone_or_another_one(log: Log) -> None:
    table = log.table(KEYED)
    known = log.identity(table)
    log.capture()
    log.sql(f"INSERT INTO {table.spec.name} VALUES (1)")
    reply = log.capture()
    path = log.folder / reply.tables[0].files[0].path
    content = path.read_bytes()
    path.write_bytes(content + content)
    with pytest.raises(ExtractError) as caught:
        log.rows(table, known, reply)
    assert caught.value.code == "changes_expired"
    path.unlink()
    with pytest.raises(ExtractError) as caught:
        log.rows(table, known, reply)
    assert caught.value.code == "changes_expired"


def test_a_request_for_the_files_of_another_source(log: Log) -> None:
    table = log.table(KEYED)
    known = log.identity(table)
    for path in ("data/x/r/p/00000.csv.zst", "changes/other/r/p/t-00000.keys.gz"):
        file = contract.File(path, 1, 1, "0" * 64)
        with pytest.raises(ExtractError) as caught:
            table.run(changes=contract.ChangeSet(log.spec, (file,), known))
        assert caught.value.code == "bad_request"


# --- partitions -----------------------------------------------------------------------

DAYS = "(id int, day date, note text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day)"


def days(log: Log) -> Reader:
    table = log.table(DAYS)
    for day in (1, 2):
        partition(log, table.spec.name, day)
    name = table.spec.name
    log.sql(f"INSERT INTO {name} VALUES (1, '2026-01-01'), (2, '2026-01-02')")
    return table


def partition(log: Log, name: str, day: int) -> None:
    log.sql(
        f"CREATE TABLE {name}_{day} PARTITION OF {name} FOR VALUES"
        f" FROM ('2026-01-0{day}') TO ('2026-01-0{day + 1}')"
    )


def test_a_row_that_moves_between_partitions(log: Log) -> None:
    table = days(log)
    known = log.identity(table)
    log.capture()
    log.sql(f"UPDATE {table.spec.name} SET day = '2026-01-02' WHERE id = 1")
    rows = log.rows(table, known, log.capture())
    assert sorted(table.rows(rows)) == [
        ["1", "2026-01-01", "", "t"],
        ["1", "2026-01-02", "", "f"],
    ]


def test_a_new_partition_reloads_nothing_but_itself(log: Log) -> None:
    table = days(log)
    name = table.spec.name
    known = log.identity(table)
    log.capture()
    partition(log, name, 3)
    log.sql(f"INSERT INTO {name} VALUES (3, '2026-01-03', 'logged')")
    log.sql(f"CREATE TABLE {name}_4 (LIKE {name} INCLUDING ALL)")
    log.sql(f"INSERT INTO {name}_4 VALUES (4, '2026-01-04', 'attached')")
    log.sql(
        f"ALTER TABLE {name} ATTACH PARTITION {name}_4 FOR VALUES"
        " FROM ('2026-01-04') TO ('2026-01-05')"
    )
    rows = log.rows(table, known, log.capture())
    assert rows.log is not None
    assert (rows.log.moved, rows.log.compare, rows.log.leaves) == ("", False, 2)
    assert {tuple(row) for row in table.rows(rows)} == {
        ("3", "2026-01-03", "logged", "f"),
        ("4", "2026-01-04", "attached", "f"),
    }
    again = log.rows(table, rows.log.identity, log.capture())
    assert again.log is not None
    assert (again.log.leaves, again.rows) == (0, 0)


def test_a_partition_is_read_whatever_values_it_is_for(log: Log) -> None:
    """Its constraint is PostgreSQL's own text: braces and per cents are characters."""
    table = log.table(
        "(id int, kind text, PRIMARY KEY (id, kind))" " PARTITION BY LIST (kind)"
    )
    name = table.spec.name
    log.sql(f"CREATE TABLE {name}_1 PARTITION OF {name} FOR VALUES IN ('plain')")
    known = log.identity(table)
    log.capture()
    log.sql(f"CREATE TABLE {name}_2 (LIKE {name} INCLUDING ALL)")
    log.sql(f"INSERT INTO {name}_2 VALUES (4, '{{a}}'), (5, '100%s')")
    log.sql(
        f"ALTER TABLE {name} ATTACH PARTITION {name}_2"
        " FOR VALUES IN ('{a}', '{}', '100%s')"
    )
    rows = log.rows(table, known, log.capture())
    assert rows.log is not None and rows.log.leaves == 1
    assert {tuple(row) for row in table.rows(rows)} == {
        ("4", "{a}", "f"),
        ("5", "100%s", "f"),
    }


def test_a_partition_that_was_apart_is_read_and_keys_are_compared(log: Log) -> None:
    table = days(log)
    name = table.spec.name
    known = log.identity(table)
    log.capture()
    log.sql(f"ALTER TABLE {name} DETACH PARTITION {name}_1")
    log.sql(f"UPDATE {name}_1 SET note = 'apart'")
    log.sql(
        f"ALTER TABLE {name} ATTACH PARTITION {name}_1 FOR VALUES"
        " FROM ('2026-01-01') TO ('2026-01-02')"
    )
    reply = log.capture()
    assert reply.tables == ()
    rows = log.rows(table, known, reply)
    assert rows.log is not None
    assert (rows.log.moved, rows.log.compare, rows.log.leaves) == ("", True, 1)
    assert table.rows(rows) == [["1", "2026-01-01", "apart", "f"]]


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE {t}_1",
        "ALTER TABLE {t} DETACH PARTITION {t}_1",
        "TRUNCATE {t}_1",
    ],
)
def test_a_partition_that_lost_its_rows_compares_keys(log: Log, statement: str) -> None:
    table = days(log)
    known = log.identity(table)
    log.capture()
    log.sql(statement.format(t=table.spec.name))
    rows = log.rows(table, known, log.capture())
    assert rows.log is not None
    assert (rows.log.moved, rows.log.compare, rows.rows) == ("", True, 0)


@pytest.mark.parametrize(
    ("statement", "moved"),
    [
        ("VACUUM FULL {t}", "rewritten"),
        ("ALTER TABLE {t} ALTER note TYPE varchar(7)", "rewritten"),
        (
            "DROP TABLE {t}; CREATE TABLE {t} (id int PRIMARY KEY, note text);"
            " ALTER PUBLICATION {p} ADD TABLE {t}",
            "relation",
        ),
        (
            "ALTER PUBLICATION {p} DROP TABLE {t}; ALTER PUBLICATION {p} ADD TABLE {t}",
            "publication",
        ),
        ("ALTER TABLE {t} REPLICA IDENTITY FULL", "identity"),
    ],
)
def test_what_the_log_does_not_tell_is_seen(
    log: Log, statement: str, moved: str
) -> None:
    table = log.table("(id int PRIMARY KEY, note text)")
    log.sql(f"INSERT INTO {table.spec.name} VALUES (1, 'a')")
    known = log.identity(table)
    log.capture()
    for one in statement.format(t=table.spec.name, p=log.spec.publication).split("; "):
        log.sql(one)
    rows = log.rows(table, known, log.capture())
    assert rows.log is not None
    assert (rows.log.moved, rows.rows, rows.files) == (moved, 0, ())


# --- directed: the proofs of the design -----------------------------------------------


def test_a_commit_that_is_not_visible_yet_is_waited_for(log: Log) -> None:
    """P2: with a standby that does not answer a commit is in the log and not seen."""
    table = log.table(KEYED)
    name = table.spec.name
    log.capture()
    log.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    log.sql("SELECT pg_reload_conf()")
    try:
        writer = log.server.connect("shop")
        with writer.cursor() as cursor:
            cursor.execute("SET synchronous_commit = on")
            waiting = threading.Thread(
                target=cursor.execute, args=(f"INSERT INTO {name} VALUES (1)",)
            )
            waiting.start()
            wait_until(
                lambda: log.sql(
                    "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
                )
            )
            assert refused(log) == "commit_not_visible"
    finally:
        log.sql("ALTER SYSTEM RESET synchronous_standby_names")
        log.sql("SELECT pg_reload_conf()")
        waiting.join()
        writer.close()
    assert [t.keys for t in log.capture().tables] == [1]


def test_a_plan_waits_for_transactions_older_than_the_publication(log: Log) -> None:
    """P5: the log has nothing of what they changed before."""
    table = log.table(KEYED, publish=False)
    name = table.spec.name
    with log.server.connect("shop") as other, other.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(f"INSERT INTO {name} VALUES (2)")
        # ADD TABLE waits for no writer of the table.
        log.sql(f"ALTER PUBLICATION {log.spec.publication} ADD TABLE {name}")
        with table.database() as database, pytest.raises(ExtractError) as caught:
            plan(database, contract.PlanRequest("r1", table.spec, log=log.spec))
        assert caught.value.code == "transactions_open"
        cursor.execute("COMMIT")
    assert log.identity(table).relation_id
