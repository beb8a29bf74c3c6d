"""What COPY writes for each type, by a real PostgreSQL."""

import contextlib
from collections.abc import Iterator

import psycopg2.extensions
import pytest

from lambda_extract.contract import AlteredValue, Partition
from lambda_extract.errors import ExtractError

from tests.unit.lambda_extract.conftest import MakeTable, Reader

WHOLE = Partition("00000")


@pytest.fixture
def own_types(owner: psycopg2.extensions.connection) -> Iterator[None]:
    with owner.cursor() as cursor:
        cursor.execute("""
            CREATE TYPE mood AS ENUM ('sad', 'so "so"');
            CREATE TYPE address AS (street text, number integer);
            CREATE DOMAIN short_price AS numeric(6,2);
            CREATE DOMAIN price AS short_price;
            CREATE DOMAIN tags AS text[]
            """)
    yield
    with owner.cursor() as cursor:
        cursor.execute("DROP DOMAIN price, short_price, tags; DROP TYPE mood, address")


@pytest.mark.usefixtures("own_types")
@pytest.mark.parametrize(
    ("declared", "value", "wire", "snowflake_type"),
    [
        ("boolean", "true", "t", "BOOLEAN"),
        ("money", "12.5", "12.50", "NUMBER(19,2)"),
        ("real", "0.1", "0.1", "FLOAT"),
        ("double precision", "'NaN'", "NaN", "FLOAT"),
        ("double precision", "'-Infinity'", "-inf", "FLOAT"),
        ("real", "'Infinity'", "inf", "FLOAT"),
        ("double precision", "'NaN'", "NaN", "FLOAT"),
        ("numeric(3,-2)", "12345", "12300", "NUMBER(5,0)"),
        ("numeric", "1e37", "1" + "0" * 37, "DECFLOAT"),
        ("price", "1.5", "1.50", "NUMBER(6,2)"),
        ("tags", "'{a,NULL,\"b,c\"}'", '["a",null,"b,c"]', "ARRAY"),
        ("integer[][]", "'{{1,2},{3,4}}'", "[[1,2],[3,4]]", "ARRAY"),
        ("mood", "'so \"so\"'", 'so "so"', "VARCHAR(134217728)"),
        ("mood[]", "'{sad}'", '["sad"]', "ARRAY"),
        ("address", "('x', 1)", '{"street":"x","number":1}', "OBJECT"),
        ("bytea", r"'\x00ff5c'", "00ff5c", "BINARY(67108864)"),
        ("bytea", "''", "", "BINARY(67108864)"),
        ("json", "'{\"a\" : 1}'", '{"a" : 1}', "VARIANT"),
        ("jsonb", "'null'", "null", "VARIANT"),
        ("date", "'0001-01-01'", "0001-01-01", "DATE"),
        ("date", "'9999-12-31'", "9999-12-31", "DATE"),
        ("time", "'23:59:59.999999'", "23:59:59.999999", "TIME(6)"),
        ("timetz", "'12:00+02'", "12:00:00+02", "VARCHAR(134217728)"),
        (
            "timestamptz",
            "'2026-01-01 12:00:00.5+02'",
            "2026-01-01 10:00:00.5+00",
            "TIMESTAMP_TZ(6)",
        ),
        ("interval", "'1 day -2 hours'", "1 day -02:00:00", "VARCHAR(134217728)"),
        ("int4range", "'[1,5)'", "[1,5)", "VARCHAR(134217728)"),
        ("int4multirange", "'{[1,2)}'", "{[1,2)}", "VARCHAR(134217728)"),
        ("inet", "'10.0.0.1/8'", "10.0.0.1/8", "VARCHAR(134217728)"),
        ("bit varying", "B'0101'", "0101", "VARCHAR(134217728)"),
        ("char(3)", "'a'", "a  ", "VARCHAR(3)"),
        ("point", "'(1,2)'", "(1,2)", "VARCHAR(134217728)"),
    ],
)
def test_values_travel_exactly(
    make_table: MakeTable, declared: str, value: str, wire: str, snowflake_type: str
) -> None:
    reader = make_table(
        f"id int PRIMARY KEY, v {declared}",
        f"INSERT INTO {{table}} VALUES (1, {value})",
    )
    reply = reader.run(partition=WHOLE)
    assert reply.columns[1].snowflake_type == snowflake_type
    assert reader.rows(reply) == [["1", wire]]


def test_a_reply_says_which_columns_may_be_null(make_table: MakeTable) -> None:
    reader = make_table("id int PRIMARY KEY, v text NOT NULL, w text")
    columns = reader.run(partition=WHOLE).columns
    assert {column.name: column.nullable for column in columns} == {
        "id": False,
        "v": False,
        "w": True,
    }


TEXTS = [
    "",
    " ",
    "NULL",
    r"\N",
    r"\.",
    "a,b",
    'say "hi"',
    "line\nbreak",
    "carriage\rreturn",
    "both\r\n",
    "back\\slash",
    "emoji 🎉 and ü",
    "NaN",
    "tab\t",
]


@pytest.mark.parametrize("text", TEXTS)
def test_text_travels_byte_for_byte_and_null_stays_apart(
    make_table: MakeTable, owner: psycopg2.extensions.connection, text: str
) -> None:
    reader = make_table("id int PRIMARY KEY, v text, n numeric(5,2)")
    with owner.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {reader.spec.relation} VALUES (1, %s, 1), (2, NULL, 2)",
            [text],
        )
    reply = reader.run(partition=WHOLE)
    assert reader.rows(reply) == [["1", text, "1.00"], ["2", "", "2.00"]]
    assert reader.lines(reply).endswith(b"2,,2.00\n")
    if text == "":
        assert reader.lines(reply).startswith(b'1,"",1.00\n')


def test_a_single_column_gets_a_filler_so_that_no_line_is_blank(
    make_table: MakeTable,
) -> None:
    reader = make_table("v text", r"INSERT INTO {table} VALUES (NULL), (''), ('\.')")
    reply = reader.run(partition=WHOLE)
    assert [column.role for column in reply.columns] == ["source", "filler"]
    assert reader.lines(reply) == b',f\n"",f\n\\.,f\n'


def test_one_megabyte_in_a_value(make_table: MakeTable) -> None:
    reader = make_table(
        "id int PRIMARY KEY, v text",
        "INSERT INTO {table} SELECT i, repeat('ä', 1000000)"
        " FROM generate_series(1, 3) AS i",
    )
    reply = reader.run(partition=WHOLE)
    assert reply.rows == 3
    assert all(row[1] == "ä" * 1_000_000 for row in reader.rows(reply))


SPECIAL = [
    ("date", "'infinity'"),
    ("date", "'-infinity'"),
    ("date", "'0044-03-15 BC'"),
    ("date", "'10000-01-01'"),
    ("timestamp", "'infinity'"),
    ("timestamp", "'10000-01-01'"),
    ("timestamptz", "'0001-12-31 23:00:00+00 BC'"),
    ("time", "'24:00:00'"),
    ("numeric", "'NaN'"),
    ("numeric", "'Infinity'"),
    ("numeric(10,2)", "'NaN'"),
]


@pytest.mark.parametrize(("declared", "value"), SPECIAL)
def test_special_values_become_null_and_are_told(
    make_table: MakeTable, declared: str, value: str
) -> None:
    reader = make_table(
        f'"my key" int PRIMARY KEY, v {declared}',
        f"INSERT INTO {{table}} SELECT i, {value} FROM generate_series(1, 12) AS i",
    )
    reply = reader.run(partition=WHOLE)
    assert {row[1] for row in reader.rows(reply)} == {""}
    (altered,) = reply.altered
    assert (altered.column, altered.rows) == ("v", 12)
    assert altered.sample_keys[0] == '{"my key": 1}'
    assert len(altered.sample_keys) == 10


@pytest.mark.parametrize(("declared", "value"), SPECIAL)
def test_special_values_can_be_refused(
    make_table: MakeTable, declared: str, value: str
) -> None:
    reader = make_table(
        f"id int PRIMARY KEY, v {declared}",
        f"INSERT INTO {{table}} VALUES (7, {value})",
        special_values="fail",
    )
    with pytest.raises(ExtractError) as refused:
        reader.run(partition=WHOLE)
    assert refused.value.code == "special_value_refused"
    assert '{"id": 7}' in refused.value.message
    assert not list(reader.folder.rglob("*.zst"))


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("1" * 38, True),
        ("1" * 39, False),
        ("-" + "1" * 38, True),
        ("0." + "0" * 20 + "1" * 38, True),
        ("0." + "1" * 39, False),
        ("1" + "0" * 100, True),
        ("1e16500", False),
    ],
)
def test_numbers_beyond_38_digits_are_refused(
    make_table: MakeTable, value: str, fits: bool
) -> None:
    reader = make_table(
        "id int PRIMARY KEY, v numeric", f"INSERT INTO {{table}} VALUES (7, {value})"
    )
    if fits:
        assert reader.rows(reader.run(partition=WHOLE)) == [["7", value]]
        return
    with pytest.raises(ExtractError) as refused:
        reader.run(partition=WHOLE)
    assert refused.value.code == "value_refused"
    for name in ("'v'", "'orders'", '{"id": 7}'):
        assert name in refused.value.message


def test_ordinary_rows_beside_special_ones_keep_their_values(
    make_table: MakeTable,
) -> None:
    reader = make_table(
        "id int PRIMARY KEY, d date, n numeric(5,2)",
        "INSERT INTO {table} VALUES (1, 'infinity', 'NaN'), (2, '2026-01-01', 3),"
        " (3, NULL, NULL)",
    )
    reply = reader.run(partition=WHOLE)
    assert reader.rows(reply) == [["1", "", ""], ["2", "2026-01-01", "3.00"]] + [
        ["3", "", ""]
    ]
    assert reply.altered == (
        AlteredValue("d", 1, ('{"id": 1}',)),
        AlteredValue("n", 1, ('{"id": 1}',)),
    )


@pytest.mark.parametrize(
    "columns", ["n numeric(5,2), v text", "v text, n numeric(5,2)", "n numeric(5,2)"]
)
def test_nan_is_found_in_every_place_of_a_line(
    make_table: MakeTable, columns: str
) -> None:
    reader = make_table(columns, "INSERT INTO {table} (n) VALUES ('NaN'), (1)")
    reply = reader.run(partition=WHOLE)
    assert [(a.column, a.rows) for a in reply.altered] == [("n", 1)]
    assert b"NaN" not in reader.lines(reply)


def test_odd_names_are_quoted_everywhere(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table(
        '"a%s" int PRIMARY KEY, "b""q;--" date, "Größe {x}" text',
        "INSERT INTO {table} VALUES (1, 'infinity', 'x')",
    )
    reply = reader.run(partition=WHOLE)
    assert [column.name for column in reply.columns] == ["a%s", 'b"q;--', "Größe {x}"]
    assert reader.rows(reply) == [["1", "", "x"]]
    assert reply.altered[0].sample_keys == ('{"a%s": 1}',)


def test_excluded_columns_never_leave(make_table: MakeTable) -> None:
    reader = make_table(
        "id int PRIMARY KEY, secret text, v text",
        "INSERT INTO {table} VALUES (1, 'hidden', 'x')",
        exclude=("secret",),
    )
    reply = reader.run(partition=WHOLE)
    assert reader.lines(reply) == b"1,x\n"


def test_a_table_without_rows_has_no_file(make_table: MakeTable) -> None:
    reply = make_table("id int PRIMARY KEY").run(partition=WHOLE)
    assert (reply.files, reply.rows, reply.bytes) == ((), 0, 0)


# --- errors that say what to do -------------------------------------------------------


def refusal(reader: Reader) -> ExtractError:
    with pytest.raises(ExtractError) as refused:
        reader.sync("id")
    return refused.value


def test_an_unknown_table_names_similar_ones(make_table: MakeTable) -> None:
    reader = make_table("id int PRIMARY KEY")
    known = reader.spec.relation
    reader.spec = reader.spec.__class__("orders", "shop", "public", known[:-1])
    error = refusal(reader)
    assert error.code == "table_not_found"
    assert known in error.hint


def test_a_missing_grant_is_written_out(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table("id int PRIMARY KEY")
    with owner.cursor() as cursor:
        cursor.execute(f"REVOKE ALL ON {reader.spec.relation} FROM aurora_sync")
    error = refusal(reader)
    assert error.code == "permission_denied"
    assert error.hint == (
        f'GRANT SELECT ON "public"."{reader.spec.relation}" TO "aurora_sync";'
    )


def test_rows_hidden_by_a_policy_are_an_error_not_a_loss(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table("id int PRIMARY KEY", "INSERT INTO {table} VALUES (1)")
    with owner.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {reader.spec.relation} ENABLE ROW LEVEL SECURITY")
    assert refusal(reader).code == "row_security"


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ({}, "no_primary_key"),
        ({"key": ("missing",)}, "column_not_found"),
        ({"exclude": ("missing",)}, "column_not_found"),
        ({"key": ("id",), "exclude": ("id",)}, "bad_request"),
    ],
)
def test_what_the_configuration_gets_wrong(
    make_table: MakeTable, spec: dict[str, tuple[str, ...]], code: str
) -> None:
    assert refusal(make_table("id int NOT NULL, v text", **spec)).code == code


def test_a_table_altered_between_two_looks_is_tried_again(
    make_table: MakeTable,
    owner: psycopg2.extensions.connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from lambda_extract.source.database import Database

    reader = make_table("id int PRIMARY KEY")
    honest = Database.begin_snapshot

    def alter_first(self: Database) -> None:
        with contextlib.closing(owner.cursor()) as cursor:
            cursor.execute(f"ALTER TABLE {reader.spec.relation} ADD COLUMN late text")
        honest(self)

    monkeypatch.setattr(Database, "begin_snapshot", alter_first)
    error = refusal(reader)
    assert (error.code, error.retryable) == ("source_error", True)
