"""char(n) without its padding: in rows, keys, digests and the names of rows."""

import pytest

from lambda_extract.contract import ColumnSpec, DigestRequest, Limits, Partition
from lambda_extract.errors import ExtractError
from lambda_extract.operations.digest import digest
from tests.unit.lambda_extract.conftest import MakeTable, Reader

COLUMNS = "code char(6) PRIMARY KEY, other char(4), word varchar(6), codes char(3)[]"
ROWS = (
    "INSERT INTO {table} VALUES"
    " ('a', 'x', 'w  ', '{q}'), ('  b', '', ' ', NULL), (E'c\\t', NULL, '', '{}')"
)
WHOLE = Partition(part="whole")


def rows(reader: Reader) -> list[list[str]]:
    return sorted(reader.rows(reader.run(partition=WHOLE)))


def test_without_it_the_padding_is_part_of_the_text(make_table: MakeTable) -> None:
    assert rows(make_table(COLUMNS, ROWS))[1][:2] == ["a     ", "x   "]


def test_blanks_at_the_end_are_trimmed_and_nothing_else(make_table: MakeTable) -> None:
    found = rows(make_table(COLUMNS, ROWS, trim_char=True))
    assert [row[:3] for row in found] == [
        ["  b", "", " "],
        ["a", "x", "w  "],
        ["c\t", "", ""],
    ]
    assert found[1][3] == '["q  "]'


@pytest.mark.parametrize(
    ("table", "column", "expected"),
    [
        (False, True, ["a", "x   "]),
        (True, False, ["a     ", "x"]),
        (True, None, ["a", "x"]),
    ],
)
def test_a_column_says_otherwise(
    make_table: MakeTable, table: bool, column: bool | None, expected: list[str]
) -> None:
    columns = (ColumnSpec("code", trim_char=column),)
    found = rows(make_table(COLUMNS, ROWS, trim_char=table, columns=columns))
    assert found[1][:2] == expected


def test_null_and_blanks_alone_stay_two_things(make_table: MakeTable) -> None:
    reader = make_table(COLUMNS, ROWS, trim_char=True)
    lines = reader.lines(reader.run(partition=WHOLE)).decode().splitlines()
    assert sorted(lines) == ['  b,"", ,', 'a,x,w  ,"[""q  ""]"', 'c\t,,"",[]']


@pytest.mark.parametrize(("wanted", "fits"), [("VARCHAR(3)", True), ("VARCHAR", True)])
def test_a_configured_type_counts_the_trimmed_text(
    make_table: MakeTable, wanted: str, fits: bool
) -> None:
    columns = (ColumnSpec("code", type=wanted),)
    reader = make_table(COLUMNS, ROWS, trim_char=True, columns=columns)
    assert rows(reader)[1][0] == "a"
    with pytest.raises(ExtractError, match="more than 1 characters"):
        rows(
            make_table(
                COLUMNS,
                ROWS,
                trim_char=True,
                columns=(ColumnSpec("code", type="VARCHAR(1)"),),
            )
        )


def test_other_types_have_no_blanks_to_trim(make_table: MakeTable) -> None:
    reader = make_table(COLUMNS, ROWS, columns=(ColumnSpec("word", trim_char=True),))
    with pytest.raises(ExtractError, match="no blanks to trim"):
        rows(reader)


def test_a_domain_of_char_is_trimmed_too(make_table: MakeTable) -> None:
    reader = make_table(
        "id int PRIMARY KEY, code char(2)",
        "CREATE DOMAIN {table}_d AS char(5);"
        " ALTER TABLE {table} ALTER code TYPE {table}_d;"
        " INSERT INTO {table} VALUES (1, 'a')",
        trim_char=True,
    )
    assert rows(reader) == [["1", "a"]]


def test_keys_and_digests_have_the_form_of_the_rows(make_table: MakeTable) -> None:
    char = make_table(COLUMNS, ROWS, trim_char=True)
    text = make_table(
        "code text PRIMARY KEY, other text",
        "INSERT INTO {table} VALUES ('a', 'x'), ('  b', ''), (E'c\\t', NULL)",
    )
    answers = []
    for reader in (char, text):
        with reader.database() as database:
            request = DigestRequest(
                "r1", reader.spec, WHOLE, ("code", "other"), ("code",), step="detail"
            )
            answers.append(sorted(digest(database, request).digests, key=str))
    assert answers[0] == answers[1]


def test_the_key_of_an_altered_row_is_named_trimmed(make_table: MakeTable) -> None:
    reader = make_table(
        "code char(6) PRIMARY KEY, day date",
        "INSERT INTO {table} VALUES ('a', 'infinity')",
        trim_char=True,
    )
    (altered,) = reader.run(partition=WHOLE).altered
    assert "".join(map(str, altered.sample_keys)) == '{"code": "a"}'


def test_bounds_of_parts_serve_trimmed_keys(make_table: MakeTable) -> None:
    reader = make_table(
        "code char(8) PRIMARY KEY",
        "INSERT INTO {table} SELECT i::text FROM generate_series(1, 3000) AS i;"
        " ANALYZE {table}",
        trim_char=True,
    )
    parts = reader.plan(limits=Limits(chunk_rows=500)).partitions
    assert len(parts) > 3
    found = [code for p in parts for code, *_ in reader.rows(reader.run(partition=p))]
    assert sorted(found, key=int) == [str(i) for i in range(1, 3001)]
