"""Every type, with ordinary, extreme and nasty values, through the real connector.

PostgreSQL's own text of each value is compared with what the Snowflake connector gives
back, by the rules of meanings.py alone.
"""

import datetime
import json

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg2.extras import execute_values

from tests.end_to_end.lab import Lab
from tests.end_to_end.meanings import (
    Same,
    array_text,
    assert_same,
    own_text,
    same_array,
    same_bool,
    same_bytes,
    same_date,
    same_float,
    same_json,
    same_moment,
    same_number,
    same_text,
    same_time,
)

# --- the values -----------------------------------------------------------------------

NINES = "9" * 38
NASTY = [
    "",
    " ",
    "NULL",
    r"\N",
    r"\.",
    "a,b",
    '"',
    '""',
    "'",
    "a\nb\r\nc\rd",
    "\t",
    "trailing\\",
    "{}",
    "[1]",
    "{{c}}%s%(x)s:1",
    "\x01\x02\x1f\x7f",
    "ü 🦊 李 \u00a0\u200b\u2028\ufeff\U0010ffff",
    "NaN",
    "-Infinity",
    "2026-01-01",
    "x" * 100_000,
]
MOMENTS = [
    "0001-01-01 00:00:00",
    "9999-12-31 23:59:59.999999",
    "1582-10-10 12:00:00",
    "1969-12-31 23:59:59.999999",
    "2000-02-29 00:00:00.000001",
    "2026-03-29 02:30:00",
]
DOCUMENTS = [
    "null",
    "true",
    '""',
    "0",
    "-0.10",
    NINES,
    "0." + "0" * 36 + "1",
    "[]",
    "{}",
    '{"a": null, "b": [1, "2", {"c": 1.50}], "": 0}',
    r'{"esc": "\" \\ \/ \b \f \n \r \t \u00e9 \ud83e\udd8a \\u0000"}',
    '{"1e5": "1e400", "n": "' + "9" * 60 + '"}',
    '"' + "x" * 200_000 + '"',
    '{"a": 1, "A": 2, "ä": 3}',
    "[[[[[[[[[[1]]]]]]]]]]",
]

# Declared type, how its text and the connector's value compare, and values: literals
# without quotes, each cast to the type by PostgreSQL.
CASES: list[tuple[str, Same, list[str]]] = [
    ("smallint", same_number, ["-32768", "32767", "0"]),
    ("integer", same_number, ["-2147483648", "2147483647"]),
    ("bigint", same_number, ["-9223372036854775808", "9223372036854775807"]),
    ("oid", same_number, ["0", "4294967295"]),
    ("numeric(38,0)", same_number, [NINES, f"-{NINES}", "0"]),
    ("numeric(38,37)", same_number, ["9." + "9" * 37, "-0." + "0" * 36 + "1"]),
    ("numeric(12,2)", same_number, ["0.01", "-9999999999.99", "5"]),
    ("numeric(5,-2)", same_number, ["12345", "-99"]),
    ("numeric(2,5)", same_number, ["0.00099", "-0.00001"]),
    ("numeric(60,10)", same_number, ["12345678901234567890.0123456789", "-1"]),
    (
        "numeric",
        same_number,
        [NINES, f"-0.{NINES}", "1e100", "1.5e-200", "0", "-0.0", "100.000", "1e-15000"],
    ),
    (
        "real",
        same_float,
        ["0.1", "3.4028235e38", "1e-45", "NaN", "Infinity", "-Infinity", "-1.5"],
    ),
    (
        "double precision",
        same_float,
        [
            *("0.1", "1.7976931348623157e308", "2.2250738585072014e-308", "NaN"),
            *("Infinity", "-Infinity", "0.30000000000000004", "123456789.123456789"),
        ],
    ),
    ("boolean", same_bool, ["t", "f"]),
    ("text", same_text, NASTY),
    ("varchar(40)", same_text, ["", "ü" * 40, "a" * 40]),
    ("varchar", same_text, NASTY),
    ("char(4)", same_text, ["", "a", "abcd", "ü"]),
    ('"char"', same_text, ["a", "", " "]),
    ("name", same_text, ["", "x" * 63]),
    ("bytea", same_bytes, [r"\x", r"\x00", r"\x00ff5c0a0d22", r"\x" + "ab" * 50_000]),
    ("uuid", same_text, ["00000000-0000-0000-0000-000000000000"]),
    ("date", same_date, ["0001-01-01", "9999-12-31", "2000-02-29", "1582-10-10"]),
    ("time", same_time, ["00:00:00", "23:59:59.999999", "12:00:00.1"]),
    ("time(0)", same_time, ["12:34:56"]),
    ("timestamp", same_moment, MOMENTS),
    ("timestamp(3)", same_moment, MOMENTS[2:]),
    ("timestamptz", same_moment, [*MOMENTS, "2026-01-01 12:00:00.5+05:30"]),
    ("timetz", same_text, ["12:00:00+02", "24:00:00-15:59", "00:00:00.000001+00"]),
    (
        "interval",
        same_text,
        ["1 year -2 mons 3 days 04:05:06.789", "-00:00:00.000001", "0", "178000000 y"],
    ),
    ("jsonb", same_json, DOCUMENTS),
    ("json", same_json, DOCUMENTS),
    ("integer[]", same_array, ["{}", "{1,NULL,-3}", "{{1,2},{3,4}}", "{{{1}},{{2}}}"]),
    ("text[]", same_array, ["{}", '{"",NULL,"NULL","a,b","\\"","\\\\"," {} "}']),
    ("numeric[]", same_array, ["{" + NINES + ",0.1000,-5,NaN,Infinity}"]),
    ("decimal[]", same_array, ["{" + NINES + ",0.1000,-5,NaN}"]),
    ("float8[]", same_array, ["{1e300,-0.1,NaN,Infinity,5e-324}"]),
    ("boolean[]", same_array, ["{t,f,NULL}"]),
    ("date[]", same_array, ["{2026-01-01,infinity,0044-03-15 BC}"]),
    ("timestamptz[]", same_array, ["{2026-01-01 10:00:00.5+00,-infinity}"]),
    ("uuid[]", same_array, ["{00000000-0000-0000-0000-000000000001}"]),
    ("interval[]", same_array, ['{"1 day 02:00:00",NULL}']),
    ("inet", same_text, ["10.0.0.1/8", "::1", "2001:db8::/32"]),
    ("cidr", same_text, ["10.0.0.0/8"]),
    ("macaddr", same_text, ["08:00:2b:01:02:03"]),
    ("macaddr8", same_text, ["08:00:2b:01:02:03:04:05"]),
    ("bit(5)", same_text, ["01010"]),
    ("varbit", same_text, ["", "1", "0" * 1000]),
    ("tsvector", same_text, ["'a':1A 'b c':2"]),
    ("tsquery", same_text, ["'a' & !'b'"]),
    ("jsonpath", same_text, ['$."a"[*]?(@ > 1)']),
    ("point", same_text, ["(1.5,-0.1)", "(NaN,Infinity)"]),
    ("line", same_text, ["{1,2,3}"]),
    ("lseg", same_text, ["[(0,0),(1,1)]"]),
    ("box", same_text, ["(1,1),(0,0)"]),
    ("path", same_text, ["((0,0),(1,1))", "[(0,0),(1,1)]"]),
    ("polygon", same_text, ["((0,0),(1,1),(2,0))"]),
    ("circle", same_text, ["<(0,0),1.5>"]),
    ("pg_lsn", same_text, ["16/B374D848"]),
    ("xid8", same_text, ["18446744073709551615"]),
    ("regclass", same_text, ["pg_class"]),
    ("int4range", same_text, ["empty", "[1,5)", "(,)"]),
    ("numrange", same_text, ["[1.10,2.5]"]),
    ("tstzrange", same_text, ["[2026-01-01 00:00:00+00,infinity)"]),
    ("int4multirange", same_text, ["{}", "{[1,2),[4,9)}"]),
    ("{s}.mood", same_text, ["sad", 'so "so", \\', ""]),
    ("{s}.mood[]", same_array, ['{sad,"",NULL}']),
    ("{s}.positive_price", same_number, ["0.01", "9999.99"]),
    ("{s}.tags", same_array, ["{a,b}"]),
    ("{s}.strange", same_text, ["text of a type from nowhere, \\ \" '"]),
    ("{s}.strange[]", same_array, ['{a,"b,c"}']),
]
# The major that first knows a type, where that is younger than the oldest one.
SINCE = {
    "int4multirange": 14,
    "numeric[]": 14,  # Infinity
    "numeric(5,-2)": 15,
    "numeric(2,5)": 15,
}
# No text of a composite says which fields are numbers; jsonb is PostgreSQL's word.
COMPOSITES: list[tuple[str, list[str]]] = [
    ("{s}.address", ['("Main ""St"", 1",5,"{a,NULL}")', "(,,)"]),
    ("{s}.person", ['(Ann,"(\\"x, y\\",7,)","{""(p,1,)"",NULL}")']),
    ("{s}.address[]", ['{"(x,1,)",NULL}']),
]
TYPES = """
    CREATE SCHEMA {s};
    CREATE TYPE {s}.mood AS ENUM ('sad', 'so "so", \\', '');
    CREATE DOMAIN {s}.price AS numeric(6,2);
    CREATE DOMAIN {s}.positive_price AS {s}.price CHECK (VALUE > 0);
    CREATE DOMAIN {s}.tags AS text[];
    CREATE TYPE {s}.address AS (street text, "No" integer, tags text[]);
    CREATE TYPE {s}.person AS (name text, home {s}.address, others {s}.address[]);
    CREATE TYPE {s}.strange;
    CREATE FUNCTION {s}.strange_in(cstring) RETURNS {s}.strange
        AS 'textin' LANGUAGE internal IMMUTABLE STRICT;
    CREATE FUNCTION {s}.strange_out({s}.strange) RETURNS cstring
        AS 'textout' LANGUAGE internal IMMUTABLE STRICT;
    CREATE TYPE {s}.strange (
        INPUT = {s}.strange_in, OUTPUT = {s}.strange_out, LIKE = text
    );
    GRANT USAGE ON SCHEMA {s} TO PUBLIC
"""


@pytest.fixture
def schema(lab: Lab) -> str:
    """A schema with types of the user's own."""
    name = lab.name("types")
    lab.psql(TYPES.replace("{s}", name))
    return name


def test_each_type_with_each_of_its_values(lab: Lab, schema: str) -> None:
    major = lab.source.server_version // 10_000
    cases = [*CASES, *((kind, same_json, values) for kind, values in COMPOSITES)]
    kinds = [
        (kind.replace("{s}", schema), same, values)
        for kind, same, values in cases
        if SINCE.get(kind, 0) <= major
    ]
    table = lab.name("every_type")
    names = ", ".join(f"c{i}" for i in range(len(kinds)))
    declared = ", ".join(f"c{i} {kind}" for i, (kind, _, _) in enumerate(kinds))
    lab.psql(
        f"CREATE TABLE {table} (id int PRIMARY KEY, {declared},"
        " updated_at timestamptz NOT NULL DEFAULT now())"
    )
    most = max(len(values) for _, _, values in kinds)
    # One row more than the longest list: NULL in every column.
    for row in range(most + 1):
        given_values = [
            values[row] if row < len(values) else None for _, _, values in kinds
        ]
        marks = ", ".join(f"%s::{kind}" for kind, _, _ in kinds)
        lab.psql(
            f"INSERT INTO {table} (id, {names}) VALUES ({row}, {marks})", *given_values
        )
    expressions = ", ".join(
        f"to_jsonb(c{i})::text" if same is same_json else own_text(f"c{i}")
        for i, (_, same, _) in enumerate(kinds)
    )
    lab.apply({table: {"cursor": "updated_at"}})
    assert lab.sync(table)["kind"] == "snapshot"
    assert_same(lab, table, expressions, kinds)
    # Each row takes the values of another one, and there are new rows.
    others = ", ".join(f"c{i} = o.c{i}" for i in range(len(kinds)))
    lab.psql(
        f"INSERT INTO {table} SELECT id + 1000, {names}, now() FROM {table};"
        f" UPDATE {table} AS t SET {others}, updated_at = now() FROM {table} AS o"
        f" WHERE t.id < 1000 AND o.id = {most} - t.id"
    )
    # The other way of loading, which gives the values their types in another place.
    lab.apply({table: {"cursor": "updated_at", "load_method": "snowpipe"}})
    report = lab.sync(table)
    assert (report["rows_inserted"], report["rows_updated"]) == (most + 1, most + 1)
    assert_same(lab, table, expressions, kinds)


KEYS: list[tuple[str, list[str]]] = [
    ("text", ["", " ", "a", "A", "a ", "ä", "a\u0308", '"', "\\"]),
    ("char(3)", ["", "a", "A"]),
    ("numeric", ["1", "1.5", "-1", "1e30"]),
    ("double precision", ["NaN", "Infinity", "0.1", "-1e300"]),
    ("bytea", ["", r"\x00", r"\x0000"]),
    ("timestamptz", ["2026-01-01", "2026-01-01 00:00:00.000001"]),
    ("uuid", ["00000000-0000-0000-0000-000000000000"]),
    ("boolean", ["t", "f"]),
    ("interval", ["1 day", "25:00:00"]),
    ("integer[]", ["{}", "{1}", "{1,2}"]),
]


@pytest.mark.large
def test_rows_are_found_again_by_a_key_of_any_type(lab: Lab) -> None:
    """A key of two columns each, so that no type is alone in being compared."""
    tables = {}
    for number, (kind, values) in enumerate(KEYS):
        table = lab.name(f"key_{number}")
        lab.psql(
            f"CREATE TABLE {table} (k {kind}, n int, v int NOT NULL DEFAULT 0,"
            " updated_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (k, n))"
        )
        for value in values:
            lab.psql(f"INSERT INTO {table} VALUES (%s, 1), (%s, 2)", value, value)
        tables[table] = len(values)
    lab.apply({table: {"cursor": "updated_at"} for table in tables})
    for table, count in tables.items():
        lab.sync(table)
        lab.psql(f"UPDATE {table} SET v = 1, updated_at = now() WHERE n = 1")
        report = lab.sync(table)
        assert (report["rows_inserted"], report["rows_updated"]) == (0, count), table
        (row,) = lab.query(f"SELECT COUNT(*) AS n, SUM(v) AS v FROM lab.{table}")
        assert (row["N"], row["V"]) == (2 * count, count), table


@pytest.mark.large
def test_documents_of_ten_megabytes_arrive(lab: Lab) -> None:
    table = lab.name("large_documents")
    lab.psql(f"CREATE TABLE {table} (id int PRIMARY KEY, c0 json, c1 jsonb, c2 text)")
    # What CSV and JSON both have to escape.
    document = json.dumps([{"n": n, "text": '"\n\\,' * 1_000} for n in range(1_500)])
    assert len(document) > 10_000_000
    lab.psql(f"INSERT INTO {table} VALUES (1, %s, %s, %s)", *[document] * 3)
    lab.apply({table: {"mode": "full"}})
    lab.sync(table)
    kinds: list[tuple[str, Same, list[str]]]
    kinds = [("json", same_json, []), ("jsonb", same_json, []), ("text", same_text, [])]
    assert_same(lab, table, ", ".join(map(own_text, ("c0", "c1", "c2"))), kinds)


# --- values nobody thought of ---------------------------------------------------------

texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20
)
# A VARIANT has 38 digits, 37 of them after the point.
json_numbers = st.integers(-(10**38) + 1, 10**38 - 1).map(str) | st.builds(
    "{}.{}".format,
    st.integers(-(10**9), 10**9),
    st.from_regex("[0-9]{1,28}", fullmatch=True),
)
json_atoms = st.sampled_from(["null", "true", "false"]) | json_numbers
documents = st.recursive(
    json_atoms | texts.map(json.dumps),
    lambda inner: st.lists(inner, max_size=4).map(lambda items: f"[{', '.join(items)}]")
    | st.dictionaries(texts, inner, max_size=4).map(
        lambda pairs: "{%s}"
        % ", ".join(f"{json.dumps(k)}: {v}" for k, v in pairs.items())
    ),
    max_leaves=12,
)


GENERATED: list[tuple[str, Same, st.SearchStrategy[str]]] = [
    ("bigint", same_number, st.integers(-(2**63), 2**63 - 1).map(str)),
    (
        "numeric",
        same_number,
        st.builds(
            "{}{}e{}".format,
            st.sampled_from(["", "-"]),
            st.integers(0, 10**38 - 1),
            st.integers(-200, 200),
        ),
    ),
    (
        "numeric(38,9)",
        same_number,
        st.integers(-(10**38) + 1, 10**38 - 1).map(lambda n: f"{n}e-9"),
    ),
    ("real", same_float, st.floats(width=32).map(repr)),
    ("double precision", same_float, st.floats().map(repr)),
    ("text", same_text, texts),
    ("bytea", same_bytes, st.binary(max_size=40).map(lambda b: rf"\x{b.hex()}")),
    ("date", same_date, st.dates().map(str)),
    ("time", same_time, st.times().map(str)),
    ("timestamp", same_moment, st.datetimes().map(str)),
    (
        "timestamptz",
        same_moment,
        st.datetimes(datetime.datetime(2, 1, 1), datetime.datetime(9999, 12, 30)).map(
            lambda moment: f"{moment}+05"
        ),
    ),
    ("interval", same_text, st.timedeltas().map(lambda d: f"{d.days} d {d.seconds} s")),
    ("jsonb", same_json, documents),
    ("json", same_json, documents),
    (
        "text[]",
        same_array,
        st.lists(st.none() | texts, min_size=1, max_size=4).map(array_text),
    ),
    ("int4range", same_text, st.integers(-9, 9).map(lambda n: f"[{n},{n + 3})")),
]


def generated_rows() -> st.SearchStrategy[list[tuple[str | None, ...]]]:
    row = st.tuples(*(st.none() | values for _, _, values in GENERATED))
    return st.lists(row, min_size=8, max_size=16)


# Shrinking would sync hundreds of times; the failure names the values anyway.
@settings(
    max_examples=5,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(rows=generated_rows())
def test_generated_values_arrive_too(
    lab: Lab, rows: list[tuple[str | None, ...]]
) -> None:
    kinds = [(kind, same, [""]) for kind, same, _ in GENERATED]
    table = lab.name("generated")
    declared = ", ".join(f"c{i} {kind}" for i, (kind, _, _) in enumerate(kinds))
    lab.psql(f"DROP TABLE IF EXISTS {table}")
    lab.psql(f"CREATE TABLE {table} (id int PRIMARY KEY, {declared})")
    marks = ", ".join(f"%s::{kind}" for kind, _, _ in kinds)
    with lab.source.cursor() as cursor:
        execute_values(
            cursor,
            f"INSERT INTO {table} VALUES %s",
            [(number, *row) for number, row in enumerate(rows)],
            template=f"(%s, {marks})",
        )
    lab.apply({table: {"mode": "full"}})
    lab.sync(table)
    expressions = ", ".join(own_text(f"c{i}") for i in range(len(kinds)))
    assert_same(lab, table, expressions, kinds)
