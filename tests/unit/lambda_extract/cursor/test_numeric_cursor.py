"""Cursors of type numeric(p,0): whole numbers, exact also beyond 64 bits."""

import psycopg2.extensions
import pytest

from lambda_extract.contract import Bound, CursorSpec, CursorValue, Limits, Window
from lambda_extract.errors import ExtractError
from lambda_extract.values.mappings import SourceType, cursor_family
from tests.unit.lambda_extract.conftest import MakeTable, Reader

COLUMNS = "id int PRIMARY KEY, n numeric(30,0) NOT NULL"
# Doubles that lie here are 2^37 apart.
FAR = 10**27
MANY = (
    f"CREATE INDEX ON {{table}} (n); INSERT INTO {{table}}"
    f" SELECT i, {FAR} + i / 10 FROM generate_series(0, 99) AS i"
)


def add(connection: psycopg2.extensions.connection, reader: Reader, *rows: int) -> None:
    with connection.cursor() as cursor:
        for number in rows:
            cursor.execute(
                f"INSERT INTO {reader.spec.relation} VALUES (%s, %s)",
                (id_of(number), number),
            )


def id_of(number: int) -> int:
    return abs(number) % 9973 + 1000


def number(value: int) -> CursorValue:
    return CursorValue(str(value), "numeric")


@pytest.mark.parametrize(
    ("declared", "family"),
    [
        ((30, 0), "numeric"),
        ((5, -2), "numeric"),
        ((1000, 0), "numeric"),
        ((12, 2), None),
        ((3, 5), None),
    ],
)
def test_a_numeric_without_a_fraction_is_a_cursor(
    declared: tuple[int, int], family: str | None
) -> None:
    precision, scale = declared
    modifier = ((precision << 16) | (scale & 0x7FF)) + 4
    assert cursor_family(SourceType("numeric", modifier=modifier)) == family
    other = SourceType("numeric", schema="app", modifier=modifier)
    assert cursor_family(other) is None


@pytest.mark.parametrize("declared", ["numeric", "numeric(12,2)"])
def test_a_numeric_that_may_have_a_fraction_is_refused(
    make_table: MakeTable, declared: str
) -> None:
    reader = make_table(f"id int PRIMARY KEY, n {declared}")
    with pytest.raises(ExtractError, match="cursor_type_unsupported"):
        reader.sync("n")


def test_windows_end_between_values_beyond_64_bits(make_table: MakeTable) -> None:
    reader = make_table(COLUMNS, MANY)
    window, sizes, ends = Window(), [], []
    while True:
        reply = reader.run(
            cursor=CursorSpec("n"), window=window, limits=Limits(chunk_rows=25)
        )
        sizes.append(reply.rows)
        ends.append(reply.position)
        if reply.complete:
            break
        window = Window(lower=reply.position, upper=reply.end or window.upper)
    assert sizes == [30, 30, 30, 10]
    assert ends == [number(FAR + i) for i in (2, 5, 8, 9)]
    assert reply.warnings == ()


def test_the_watermark_is_exact_and_nothing_new_is_nothing(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table(COLUMNS, MANY)
    first = reader.sync("n")
    assert first.bound and first.bound.watermark == number(FAR + 9)
    second = reader.sync("n", first.bound)
    assert (second.rows, second.unchanged) == (0, True)
    add(owner, reader, FAR + 10)
    assert reader.ids(reader.sync("n", first.bound)) == [str(id_of(FAR + 10))]


def test_negative_numbers_and_none_are_ordinary(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table("id int PRIMARY KEY, n numeric(25,0)")
    assert reader.sync("n").bound == Bound(overlap=reader.sync("n").bound.overlap)
    add(owner, reader, -FAR // 1000, -7)
    first = reader.sync("n")
    assert first.bound and first.bound.watermark == number(-7)
    add(owner, reader, -6, 0)
    second = reader.sync("n", first.bound)
    assert second.rows == 2
    assert second.bound and second.bound.watermark == number(0)


def test_hundreds_are_compared_as_numbers(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table("id int PRIMARY KEY, n numeric(5,-2)")
    add(owner, reader, 900, 10000)
    first = reader.sync("n")
    assert first.bound and first.bound.watermark == number(10000)


def test_a_maximum_is_proven_once_older_transactions_have_ended(
    make_table: MakeTable,
    aurora: object,
    owner: psycopg2.extensions.connection,
) -> None:
    reader = make_table(COLUMNS)
    slow = reader.aurora.connect("shop")
    try:
        slow.cursor().execute("BEGIN")
        add(slow, reader, FAR + 1)
        add(owner, reader, FAR + 2)
        first = reader.sync("n")
        assert first.bound and first.bound.watermark is None
        assert first.bound.pending_bound
        assert first.bound.pending_bound.value == str(FAR + 2)
        slow.cursor().execute("COMMIT")
        second = reader.sync("n", first.bound)
        assert second.rows == 2
        assert second.bound and second.bound.watermark == number(FAR + 2)
    finally:
        slow.close()


def test_a_lookback_reads_values_again(make_table: MakeTable) -> None:
    reader = make_table(COLUMNS, MANY)
    first = reader.sync("n")
    assert first.bound
    state = Bound(watermark=first.bound.watermark)
    assert reader.sync("n", state, lookback_values=2).rows == 20


def test_a_sequence_with_a_cache_is_refused_here_too(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table(COLUMNS)
    table = reader.spec.relation
    owner.cursor().execute(
        f"CREATE SEQUENCE {table}_s CACHE 20 OWNED BY {table}.n;"
        f" ALTER TABLE {table} ALTER n SET DEFAULT nextval('{table}_s')"
    )
    with pytest.raises(ExtractError, match="sequence_cache"):
        reader.sync("n")


@pytest.mark.parametrize("lookback", [None, 5])
def test_a_cursor_that_is_no_number_is_told(
    make_table: MakeTable, lookback: int | None
) -> None:
    reader = make_table(COLUMNS, "INSERT INTO {table} VALUES (1, 5), (2, 'NaN')")
    with pytest.raises(ExtractError, match="NaN"):
        reader.sync("n", lookback_values=lookback)
    with pytest.raises(ExtractError, match="NaN"):
        reader.plan(cursor=CursorSpec("n", lookback_values=lookback))
