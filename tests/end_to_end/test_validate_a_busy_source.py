"""VALIDATE_TABLE beside writers, over several parts, and beyond its limits."""

import json

import pytest

from tests.end_to_end.lab import TARGET_SCHEMA, Lab
from tests.end_to_end.test_validate_finds_every_difference import named, validate

ROWS = 3000


def large_table(lab: Lab) -> str:
    """A synced table in five parts."""
    table = lab.name("busy")
    lab.orders_table(table, ROWS)
    lab.psql(f"ANALYZE {table}")
    lab.apply({table: {"cursor": "updated_at", "chunk_rows": 600}})
    lab.sync(table)
    return table


@pytest.mark.large
def test_half_of_the_source_moves_after_the_sync(lab: Lab) -> None:
    """Rows beyond the cursor are left out; the target holds their old content."""
    table = large_table(lab)
    target = f"{TARGET_SCHEMA}.{table}"
    lab.query(f"UPDATE {target} SET note = note || ' ' WHERE id = 2001")
    lab.query(f"DELETE FROM {target} WHERE id = 2002")
    lab.query(f"INSERT INTO {target} (id, note) VALUES (999999, 'extra')")
    # This one is planted, and then its row moves: a sync brings it right.
    lab.query(f"UPDATE {target} SET note = 'x' WHERE id = 1")

    def write(other: Lab) -> None:
        other.psql(
            f"UPDATE {table} SET note = note || '!', updated_at = clock_timestamp()"
            f" WHERE id <= {ROWS // 2};"
            f"INSERT INTO {table} (note) SELECT 'new' FROM generate_series(1, 100)"
        )

    with lab.before_statement("^DESC", write):
        report = validate(lab, table)
    assert named(report) == {
        ("different", "2001", "note"),
        ("missing_in_target", "2002", ""),
        ("extra_in_target", "999999", ""),
    }
    assert (report["complete"], report["rows_beyond"]) == (True, ROWS // 2 + 100)
    assert "in_flight" not in report
    assert report["source_rows"] == ROWS - ROWS // 2
    later = validate(lab, table, repair=True)
    assert (later["repaired"], later["rows_beyond"]) == (3, 0)
    assert later["source_rows"] == ROWS + 100
    lab.assert_equal(table)


@pytest.mark.large
def test_more_differences_than_one_call_names(lab: Lab) -> None:
    table = large_table(lab)
    target = f"{TARGET_SCHEMA}.{table}"
    lab.query(f"DELETE FROM {target} WHERE id <= 1300")
    first = validate(lab, table, repair=True)
    assert (first["status"], first["complete"]) == ("incomplete", False)
    assert (first["repaired"], len(first["differences"])) == (1000, 1000)
    assert "RESYNC_TABLE" in first["hint"]
    second = validate(lab, table, repair=True)
    assert (second["status"], second["repaired"]) == ("repaired", 300)
    assert validate(lab, table)["status"] == "equal"
    lab.assert_equal(table)


@pytest.mark.large
def test_a_transaction_that_commits_late_is_no_difference(lab: Lab) -> None:
    """Its rows have cursors that were passed already, so they are compared."""
    table = lab.name("late")
    lab.orders_table(table, 200)
    lab.apply({table: {"cursor": "updated_at"}})
    lab.sync(table)

    def commit_late(other: Lab) -> None:
        other.psql(
            f"UPDATE {table} SET note = 'late', updated_at = updated_at"
            " + interval '1 microsecond' WHERE id BETWEEN 10 AND 40"
        )
        other.psql(f"UPDATE {table} SET updated_at = now() WHERE id BETWEEN 10 AND 20")

    with lab.before_statement("^DESC", commit_late):
        report = validate(lab, table)
    # 10 to 20 moved on. The others kept a cursor that no increment reads again, which
    # is a difference, and the only honest answer.
    assert {d["key"]["id"] for d in report["differences"]} == {
        str(i) for i in range(21, 41)
    }
    assert report["rows_beyond"] == 11


def odd_tables(lab: Lab) -> dict[str, str]:
    """Tables that are read in other ways than by an increment of all plain columns."""
    names = {k: lab.name(k) for k in ("full", "nulls", "soft", "hidden", "keys")}
    lab.psql(f"""
        CREATE TABLE {names["full"]} (a int, b text);
        INSERT INTO {names["full"]} SELECT i % 20, 'b' FROM generate_series(1, 40) AS i;
        CREATE TABLE {names["nulls"]} (id int PRIMARY KEY, v text, at timestamptz);
        INSERT INTO {names["nulls"]}
            SELECT i, 'v', CASE WHEN i % 2 = 0 THEN now() END
            FROM generate_series(1, 40) AS i;
        CREATE TABLE {names["soft"]} (
            id int PRIMARY KEY, v text, gone boolean, at timestamptz DEFAULT now());
        INSERT INTO {names["soft"]}
            SELECT i, 'v', i % 4 = 0 FROM generate_series(1, 40) AS i;
        CREATE TABLE {names["hidden"]} (
            id int PRIMARY KEY, hashed text, masked text, plain text, secret text,
            "order" text, at timestamptz DEFAULT now());
        INSERT INTO {names["hidden"]}
            SELECT i, 'h' || i, 'm' || i, 'p' || i, 's' || i, 'o' || i
            FROM generate_series(1, 40) AS i;
        CREATE TABLE {names["keys"]} (
            t text COLLATE "C", u uuid, b bytea, w timestamptz, n numeric, v text,
            at timestamptz DEFAULT now(), PRIMARY KEY (t, u, b, w, n));
        INSERT INTO {names["keys"]}
            SELECT t, md5(i::text)::uuid, decode(md5(t), 'hex'),
                '2026-01-01'::timestamptz + i * interval '1 microsecond', i / 4.0, 'v'
            FROM generate_series(1, 4) AS i, unnest(
                ARRAY['', ' ', 'a', 'A', 'a ', 'ä', 'a' || chr(776), '|', '~']) AS t;
        """)
    named = {"keys_in_messages": True}
    hidden = {
        "hashed": {"protect": "hash"},
        "masked": {"protect": "mask"},
        "order": {"rename": "ORDER_TEXT"},
    }
    lab.apply(
        {
            names["full"]: {"mode": "full"},
            names["nulls"]: {"cursor": "at", **named},
            names["soft"]: {
                **named,
                "cursor": "at",
                "deletes": "soft_column",
                "delete_column": "gone",
            },
            names["hidden"]: {
                **named,
                "cursor": "at",
                "exclude": ["secret"],
                "columns": hidden,
            },
            names["keys"]: {"cursor": "at", **named},
        }
    )
    for name in names.values():
        lab.sync(name)
    return names


@pytest.mark.large
def test_tables_that_are_read_in_other_ways(lab: Lab) -> None:
    names = odd_tables(lab)
    for name in names.values():
        report = validate(lab, name)
        assert (report["status"], report["not_compared"]) == ("equal", {}), report
    target = {key: f"{TARGET_SCHEMA}.{name}" for key, name in names.items()}

    def found(key: str, repair: bool = True) -> set[tuple[str, str, str]]:
        report = validate(lab, names[key], repair=repair)
        assert report["status"] == ("repaired" if repair else "different")
        return {
            (d["kind"], json.dumps(d.get("key")), ",".join(d.get("columns", ())))
            for d in report["differences"]
        }

    # Without a key a row may stand twice; once less is a difference.
    lab.query(f"DELETE FROM {target['full']} WHERE a = 1")
    lab.query(f"INSERT INTO {target['full']} (a, b) VALUES (1, 'b')")
    # Nor has it a key that may be named.
    assert found("full", repair=False) == {("missing_in_target", "null", "")}
    lab.sync(names["full"])
    assert validate(lab, names["full"])["status"] == "equal"

    lab.query(f"UPDATE {target['nulls']} SET v = 'w' WHERE id IN (3, 4)")
    assert found("nulls") == {
        ("different", json.dumps({"id": str(i)}), "v") for i in (3, 4)
    }

    lab.query(f"DELETE FROM {target['soft']} WHERE id = 5")
    lab.query(f"UPDATE {target['soft']} SET _sync_deleted_at = NULL WHERE id = 8")
    assert found("soft") == {
        ("missing_in_target", json.dumps({"id": "5"}), ""),
        ("extra_in_target", json.dumps({"id": "8"}), ""),
    }

    lab.query(f"UPDATE {target['hidden']} SET hashed = UPPER(hashed) WHERE id = 1")
    lab.query(f"UPDATE {target['hidden']} SET masked = '****' WHERE id = 2")
    lab.query(f"UPDATE {target['hidden']} SET order_text = 'x' WHERE id = 3")
    assert found("hidden") == {
        ("different", json.dumps({"id": str(i)}), column)
        for i, column in ((1, "hashed"), (2, "masked"), (3, "order"))
    }

    lab.query(f"UPDATE {target['keys']} SET v = 'w' WHERE t IN ('a', 'ä') AND n = 0.5")
    lab.query(f"DELETE FROM {target['keys']} WHERE t = 'a ' AND n = '1.0'::DECFLOAT")
    kinds = sorted((k, json.loads(key)["t"], c) for k, key, c in found("keys"))
    assert kinds == [
        ("different", "a", "v"),
        ("different", "ä", "v"),
        ("missing_in_target", "a ", ""),
    ]
    for name in names.values():
        assert validate(lab, name)["status"] == "equal"


@pytest.mark.large
def test_what_cannot_be_compared_is_named_and_nothing_else_is_lost(lab: Lab) -> None:
    table = lab.name("too_large")
    lab.psql(f"""
        CREATE TABLE {table} (id int PRIMARY KEY, j jsonb, v text, f float8);
        INSERT INTO {table} SELECT i, '[1]', 'v', 0.1 FROM generate_series(1, 9) AS i;
        UPDATE {table} SET j = to_jsonb(repeat('x', 5000000)) WHERE id IN (1, 2)
        """)
    lab.apply({table: {"mode": "full"}})
    lab.sync(table)
    target = f"{TARGET_SCHEMA}.{table}"
    lab.query(f"UPDATE {target} SET v = 'w' WHERE id IN (2, 3)")
    report = validate(lab, table)
    assert named(report) == {("different", "2", "v"), ("different", "3", "v")}
    assert list(report["not_compared"]) == ["j"]
    assert report["not_compared"]["j"].startswith("1 row(s)")
    # What no sync has written: a document and numbers that PostgreSQL cannot have sent.
    lab.query(f"UPDATE {target} SET v = 'v'")
    lab.query(f"UPDATE {target} SET j = PARSE_JSON('1e400') WHERE id = 4")
    lab.query(f"UPDATE {target} SET f = 'NaN'::FLOAT WHERE id = 5")
    report = validate(lab, table)
    assert named(report) == {("different", "4", "j"), ("different", "5", "f")}
    assert report["not_compared"]["j"].startswith("2 row(s)")
