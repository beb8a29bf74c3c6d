"""VALIDATE_TABLE names each planted difference, and nothing else; repair mends all."""

import contextlib
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.end_to_end.lab import TARGET_SCHEMA, Lab

ROWS = 400
# Column -> (type, value of row i in PostgreSQL, another value in Snowflake).
# Of the differences some are as small as they can be.
FAMILIES: dict[str, tuple[str, str, str]] = {
    "small": ("smallint", "i", "small + 1"),
    "big": ("bigint", "i * 9007199254740993", "big + 1"),
    "ident": ("oid", "i", "ident + 1"),
    "price": ("numeric(12,2)", "i / 100.0", "price + 0.01"),
    "exact": ("numeric(38,37)", "0.1 + i * 1e-37", "exact + 1e-37::NUMBER(38,37)"),
    "round": ("numeric(5,-2)", "i * 100", "round + 100"),
    "free": ("numeric", "i::numeric ^ 7 * 1e-20", "'12.3450'::DECFLOAT"),
    "cash": ("money", "i::numeric::money", "cash + 0.01"),
    "single": ("real", "i * 0.1", "single * 1.0001"),
    # Its last bit.
    "double": ("double precision", "i * 1e-200", "double * 1.0000000000000002"),
    "flag": ("boolean", "i % 2 = 0", "NOT flag"),
    "note": ("text", "CASE i % 3 WHEN 0 THEN '' WHEN 1 THEN 'ü|~' END", "note || ' '"),
    # Another normal form of the same letter.
    "code": (
        "varchar(10)",
        "'c' || i || 'e' || chr(769)",
        "REPLACE(code, 'e' || CHR(769), CHR(233))",
    ),
    "fixed": ("char(6)", "'c' || i", "RTRIM(fixed)"),
    "mark": ("uuid", "md5(i::text)::uuid", "UPPER(mark)"),
    "address": ("inet", "'10.0.0.0'::inet + i", "address || '/32'"),
    "lasting": ("interval", "i * interval '1 minute'", "lasting || ' '"),
    "span": ("int4range", "int4range(i, i + 2)", "LOWER('EMPTY')"),
    "bytes": ("bytea", "decode(md5(i::text), 'hex')", "TO_BINARY('00', 'HEX')"),
    "day": ("date", "'0001-01-01'::date + i * 100", "DATEADD('day', 1, day)"),
    "hour": (
        "time",
        "'00:00:00'::time + i * interval '1 microsecond'",
        "TIMEADD('microsecond', 1, hour)",
    ),
    "local": (
        "timestamp",
        "'1969-12-31 23:59:59.999999'::timestamp + i * interval '1 day'",
        "DATEADD('microsecond', 1, local)",
    ),
    "moment": (
        "timestamptz",
        "'9999-01-01 00:00:00.000001+00'::timestamptz - i * interval '1 hour'",
        "DATEADD('microsecond', 1, moment)",
    ),
    "document": (
        "jsonb",
        """'{"list": [1, {"deep": 2.50}], "b": null}'::jsonb""",
        """PARSE_JSON('{"list": [1, {"deep": 2.51}], "b": null}')""",
    ),
    "list": (
        "text[]",
        "ARRAY['a', NULL, '1']",
        """TO_ARRAY(PARSE_JSON('["a", null, 1]'))""",
    ),
}


def every_family(lab: Lab, **options: Any) -> str:
    """A synced table with a column of each family; row 7 is NULL in all of them."""
    table = lab.name("families")
    declared = ", ".join(f'"{name}" {kind}' for name, (kind, _, _) in FAMILIES.items())
    values = ", ".join(
        f"CASE WHEN i <> 7 THEN {v} END" for _, v, _ in FAMILIES.values()
    )
    lab.psql(f"""
        CREATE TABLE {table} (
            id int, part text, {declared},
            updated_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (part, id)
        );
        CREATE INDEX ON {table} (updated_at);
        INSERT INTO {table} SELECT i, 'p' || i % 3, {values}
        FROM generate_series(1, {ROWS}) AS i
        """)
    lab.apply({table: {"cursor": "updated_at", **options}})
    lab.sync(table)
    return table


def validate(lab: Lab, table: str, repair: bool = False) -> dict[str, Any]:
    (row,) = lab.query("CALL VALIDATE_TABLE(%s, %s)", table, repair)
    report: dict[str, Any] = json.loads(row["VALIDATE_TABLE"])
    return report


def plant(lab: Lab, table: str) -> set[tuple[str, str, str]]:
    """Plants a hundred differences; returns (kind, id, columns) of each."""
    target = f"{TARGET_SCHEMA}.{table}"
    planted = set()
    number = 10
    for name, (_, _, other) in FAMILIES.items():
        for value in (f"{other}", "NULL"):
            lab.query(
                f'UPDATE {target} SET "{name.upper()}" = {value} WHERE id = {number}'
            )
            planted.add(("different", str(number), name))
            number += 3
    ids = ", ".join(str(i) for i in range(300, 325))
    lab.query(f"DELETE FROM {target} WHERE id IN ({ids})")
    planted |= {("missing_in_target", str(i), "") for i in range(300, 325)}
    lab.query(
        f"INSERT INTO {target} (id, part, note) SELECT id + 10000, part, note"
        f" FROM {target} WHERE id BETWEEN 330 AND 354"
    )
    planted |= {("extra_in_target", str(i + 10000), "") for i in range(330, 355)}
    assert len(planted) == 100
    return planted


def named(report: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {
        (d["kind"], d["key"]["id"], ",".join(d.get("columns", ())))
        for d in report["differences"]
    }


@pytest.mark.large
def test_a_hundred_differences_are_named_and_repaired(lab: Lab) -> None:
    table = every_family(lab)
    equal = validate(lab, table)
    assert (equal["status"], equal["differences"]) == ("equal", []), equal
    assert equal["source_rows"] == equal["target_rows"] == ROWS
    assert equal["not_compared"] == {}
    planted = plant(lab, table)
    watermark = lab.watermark(table)
    found = validate(lab, table)
    assert named(found) == planted
    assert found["status"] == "different"
    repaired = validate(lab, table, repair=True)
    assert (repaired["status"], repaired["repaired"]) == ("repaired", 100), repaired
    assert lab.watermark(table) == watermark
    assert lab.lease_owner(table) is None
    # local/compare.py knows no padding and no netmask; test_every_type_... does.
    lab.assert_equal(table, exclude=("fixed", "address"))
    assert validate(lab, table)["status"] == "equal"


@contextlib.contextmanager
def writer(lab: Lab, table: str) -> Iterator[None]:
    """Inserts and changes rows, some dozens in a second."""
    stop = threading.Event()

    def write() -> None:
        number = ROWS
        while not stop.wait(0.05):
            number += 1
            lab.psql(
                f"INSERT INTO {table} (id, part) VALUES ({number}, 'new');"
                f"UPDATE {table} SET note = 'n{number}', updated_at = clock_timestamp()"
                f" WHERE id = {number % 200 + 1}"
            )

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.mark.large
def test_a_writer_and_a_sync_at_the_same_time_make_it_say_nothing_wrong(
    lab: Lab,
) -> None:
    table = every_family(lab)
    lab.query(f"UPDATE {TARGET_SCHEMA}.{table} SET code = 'x' WHERE id = 390")

    def sync_too(other: Lab) -> None:
        assert "lease_held" in other.fail("SYNC_TABLE", table)

    with writer(lab, table):
        with lab.before_statement("LEFT\\(key_hash", sync_too):
            report = validate(lab, table, repair=True)
    assert named(report) == {("different", "390", "code")}
    assert report["repaired"] == 1
    assert validate(lab, table)["status"] == "equal"


@pytest.mark.parametrize(
    "deletes", [pytest.param("none", marks=pytest.mark.large), "key_compare"]
)
def test_rows_that_were_deleted_in_the_source_are_extra(lab: Lab, deletes: str) -> None:
    table = lab.name("orders")
    lab.orders_table(table, ROWS)
    compared = {"delete_check_minutes": 100_000} if deletes == "key_compare" else {}
    lab.apply({table: {"cursor": "updated_at", "deletes": deletes, **compared}})
    lab.sync(table)
    if deletes == "key_compare":
        # The keys were compared just now, so the next sync does not find the deletes.
        lab.call("CONFIRM_DELETES", table)
    lab.psql(f"DELETE FROM {table} WHERE id IN (1, 2)")
    report = validate(lab, table, repair=True)
    assert report["counts"] == {"extra_in_target": 2}
    assert report["status"] == "repaired"
    assert ('"none"' in report["hint"]) is (deletes == "none")
    kept = lab.query(f"SELECT COUNT(*) AS n FROM {TARGET_SCHEMA}.{table}")
    assert int(kept[0]["N"]) == (ROWS if deletes == "key_compare" else ROWS - 2)


@pytest.mark.large
def test_what_changed_without_a_write_is_found(lab: Lab) -> None:
    """C13: an enum's new label, another result of a function: no sync can see it."""
    table = lab.name("silent")
    lab.psql(f"CREATE TYPE {table}_e AS ENUM ('old', 'other')")
    lab.psql(
        f"CREATE FUNCTION {table}_f(int) RETURNS int IMMUTABLE LANGUAGE sql"
        " AS 'SELECT $1'"
    )
    lab.psql(f"""
        CREATE TABLE {table}_t (id int PRIMARY KEY, state {table}_e,
            updated_at timestamptz NOT NULL DEFAULT now());
        INSERT INTO {table}_t VALUES (1, 'old'), (2, 'other');
        CREATE VIEW {table} AS SELECT *, {table}_f(id) AS worth FROM {table}_t""")
    lab.apply({table: {"cursor": "updated_at", "key": ["id"]}})
    lab.sync(table)
    lab.psql(f"ALTER TYPE {table}_e RENAME VALUE 'old' TO 'new'")
    assert lab.sync(table)["status"] == "unchanged"
    report = validate(lab, table, repair=True)
    assert report["counts"] == {"different": 1} and report["repaired"] == 1
    lab.psql(
        f"CREATE OR REPLACE FUNCTION {table}_f(int) RETURNS int IMMUTABLE LANGUAGE sql"
        " AS 'SELECT $1 * 100'"
    )
    assert lab.sync(table)["status"] == "unchanged"
    report = validate(lab, table, repair=True)
    assert report["counts"] == {"different": 2} and report["repaired"] == 2
    assert validate(lab, table)["status"] == "equal"
