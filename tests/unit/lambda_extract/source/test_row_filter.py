"""Only some rows of a table: a filter as structure, and what it must not be able to do.

The filter is asked of PostgreSQL itself, beside the same condition written by hand.
"""

from dataclasses import dataclass

import psycopg2.extensions
import pytest

from lambda_extract.contract import (
    ColumnSpec,
    CursorSpec,
    DigestRequest,
    FilterTerm,
    Limits,
    Partition,
    TableSpec,
    Window,
)
from lambda_extract.errors import ExtractError
from lambda_extract.operations.digest import digest
from lambda_extract.source import row_filter
from lambda_extract.values.mappings import SourceType
from tests.unit.lambda_extract.conftest import MakeTable, Reader

COLUMNS = (
    "id int PRIMARY KEY, tenant int, price numeric(8,2), name varchar(5), code char(4),"
    ' at timestamptz, day date, open boolean, mood mood, tag text, "q"" c" text,'
    " place point, updated_at timestamptz NOT NULL DEFAULT now()"
)
ROWS = """
    INSERT INTO {table} SELECT i, nullif(i % 4, 3), i / 4.0, 'n' || i % 7, 'c' || i % 5,
        timestamptz '2026-01-01' + i * interval '1 hour', date '2026-01-01' + i,
        nullif(i % 3, 2) = 1, (ARRAY['sad','ok','happy'])[1 + i % 3]::mood,
        CASE i % 3 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE 'it''s; -- \\' END,
        'x' || i % 2, point(i, i)
    FROM generate_series(1, 60) AS i;
    CREATE INDEX ON {table} (updated_at);
"""


@pytest.fixture
def reader(make_table: MakeTable, owner: psycopg2.extensions.connection) -> Reader:
    owner.cursor().execute(
        "DO $$ BEGIN CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');"
        " EXCEPTION WHEN duplicate_object THEN NULL; END $$"
    )
    return make_table(COLUMNS, ROWS)


def filtered(reader: Reader, *terms: FilterTerm, **spec: object) -> Reader:
    fields = {**vars(reader.spec), **spec, "where": terms}
    return Reader(reader.aurora, reader.folder, TableSpec(**fields))  # type: ignore


def ids(reader: Reader) -> list[str]:
    reply = reader.run(partition=Partition(part="whole"))
    return reader.ids(reply) if reply.rows else []


def one(operator: str, column: str, *values: str) -> FilterTerm:
    return FilterTerm(operator, column, values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("terms", "by_hand"),
    [
        ((one("=", "tenant", "2"),), "tenant = 2"),
        # A row without a value is neither equal nor different, nor not in a list.
        ((one("!=", "tenant", "2"),), "tenant <> 2"),
        ((one("not in", "tenant", "0", "1"),), "tenant NOT IN (0, 1)"),
        ((one("in", "tenant", "0", "1"),), "tenant IN (0, 1)"),
        ((one("=", "tenant", "2"), FilterTerm("not")), "NOT tenant = 2"),
        ((one("is null", "tenant"),), "tenant IS NULL"),
        ((one("is not null", "tenant"),), "tenant IS NOT NULL"),
        ((one("<", "price", "3.75"),), "price < 3.75"),
        ((one(">=", "at", "2026-01-02T00:00:00Z"),), "at >= '2026-01-02 00:00+00'"),
        ((one("<=", "day", "2026-01-20"),), "day <= '2026-01-20'"),
        ((one("=", "open", "true"),), "open"),
        ((one(">", "mood", "sad"),), "mood > 'sad'"),
        ((one("=", "tag", "it's; -- \\"),), "tag = E'it''s; -- \\\\'"),
        ((one("=", "tag", ""),), "tag = ''"),
        ((one("=", 'q" c', "x1"),), '"q"" c" = \'x1\''),
        # The type of the column has no say in what the value is.
        ((one("=", "name", "n1-and-more"),), "false"),
        ((one("=", "price", "0.251"),), "false"),
        ((one("=", "code", "c1"),), "code = 'c1'"),
        (
            (
                one("is null", "tag"),
                one("=", "tenant", "1"),
                one(">", "id", "30"),
                FilterTerm("and", operands=2),
                FilterTerm("or", operands=2),
            ),
            "tag IS NULL OR (tenant = 1 AND id > 30)",
        ),
        (
            (
                one("=", "tenant", "1"),
                one(">", "id", "30"),
                FilterTerm("not"),
                FilterTerm("and", operands=2),
            ),
            "tenant = 1 AND NOT id > 30",
        ),
        (
            (
                one("=", "tenant", "1"),
                one(">", "id", "30"),
                FilterTerm("and", operands=2),
                one("is null", "tag"),
                one("=", "open", "false"),
                FilterTerm("or", operands=3),
            ),
            "(tenant = 1 AND id > 30) OR tag IS NULL OR NOT open",
        ),
    ],
)
def test_a_filter_leaves_what_the_condition_written_by_hand_leaves(
    reader: Reader,
    owner: psycopg2.extensions.connection,
    terms: tuple[FilterTerm, ...],
    by_hand: str,
) -> None:
    with owner.cursor() as cursor:
        cursor.execute(f"SELECT id FROM {reader.spec.relation} WHERE {by_hand}")
        expected = sorted(row[0] for row in cursor.fetchall())
    assert [int(found) for found in ids(filtered(reader, *terms))] == expected


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ((one("=", "nothing", "1"),), "column_not_found"),
        ((one("=", "tableoid", "1"),), "column_not_found"),
        ((one("=", "name", "secret"),), "protection_required"),
        ((one("=", "tag", "secret"),), "protection_required"),
        ((one("is null", "tag"),), "protection_required"),
        ((one("=", "tenant", "secret"),), "filter_invalid"),
        ((one("=", "tenant", "1) OR (1=1"),), "filter_invalid"),
        ((one("in", "mood", "sad", "secret"),), "filter_invalid"),
        # Another filter every day.
        ((one(">", "at", "yesterday"),), "filter_invalid"),
        ((one(">", "at", "12:00 today"),), "filter_invalid"),
        ((one("in", "at", "2026-01-01", "yesterday"),), "filter_invalid"),
        ((one("=", "place", "(1,1)"),), "filter_invalid"),
        ((one("=", "tenant", "1", "2"),), "filter_invalid"),
        ((one("in", "tenant"),), "filter_invalid"),
        ((one("is null", "tenant", "1"),), "filter_invalid"),
        ((FilterTerm("not"),), "filter_invalid"),
        ((one("=", "tenant", "1"), FilterTerm("and", operands=2)), "filter_invalid"),
        ((one("=", "tenant", "1"), FilterTerm("or", operands=0)), "filter_invalid"),
        ((one("=", "tenant", "1"), FilterTerm("or", operands=-1)), "filter_invalid"),
        ((one("=", "tenant", "1"), one("=", "tenant", "1")), "filter_invalid"),
        ((one("is null", "tenant"),) * 201, "filter_invalid"),
    ],
)
def test_what_is_no_filter_is_refused_without_its_values(
    reader: Reader, terms: tuple[FilterTerm, ...], code: str
) -> None:
    hostile = filtered(
        reader, *terms, exclude=("tag",), columns=(ColumnSpec("name", protect="hash"),)
    )
    with pytest.raises(ExtractError) as caught:
        ids(hostile)
    assert caught.value.code == code
    assert "secret" not in str(caught.value)
    assert "1=1" not in str(caught.value)


@dataclass
class Column:
    name: str = "id"
    base: SourceType = SourceType("int4")


@pytest.mark.parametrize(
    ("terms", "fits"),
    [
        ((*(one("is null", "id"),) * 199, FilterTerm("and", operands=199)), True),
        ((*(one("is null", "id"),) * 200, FilterTerm("and", operands=200)), False),
        ((one("in", "id", *("1",) * 2000),), True),
        ((one("in", "id", *("1",) * 2001),), False),
        (
            (
                one("in", "id", *("1",) * 2000),
                one("=", "id", "1"),
                FilterTerm("or", operands=2),
            ),
            False,
        ),
    ],
)
def test_a_filter_has_200_terms_and_2000_values_at_most(
    terms: tuple[FilterTerm, ...], fits: bool
) -> None:
    spec = TableSpec("orders", "shop", "public", "orders", where=terms)
    if fits:
        assert row_filter.condition(spec, [Column()]) is not None
        return
    with pytest.raises(ExtractError) as caught:
        row_filter.condition(spec, [Column()])
    assert caught.value.code == "filter_invalid"
    assert caught.value.message == (
        "\"where\" of table 'orders' has too many conditions or values."
    )


def test_the_error_names_the_comparison_that_does_not_fit(reader: Reader) -> None:
    terms = (one("=", "id", "1"), one(">=", "open", "no"), one("<", "price", "x"))
    with pytest.raises(ExtractError, match="'price' of type numeric.8,2. by '<'"):
        ids(filtered(reader, *terms, FilterTerm("and", operands=3)))


def test_an_increment_reads_windows_of_the_filtered_rows_alone(
    make_table: MakeTable,
) -> None:
    reader = make_table(
        "id bigint PRIMARY KEY, tenant int, at timestamptz",
        "CREATE INDEX ON {table} (at); INSERT INTO {table} SELECT i, i % 2,"
        " CASE WHEN i % 10 > 1 THEN timestamptz '2026-01-01' + i * interval '1 h' END"
        " FROM generate_series(1, 100) AS i",
    )
    chosen = filtered(reader, one("=", "tenant", "1"))
    window = Window()
    sizes, nulls = [], []
    while True:
        reply = chosen.run(
            cursor=CursorSpec("at"), window=window, limits=Limits(chunk_rows=15)
        )
        sizes.append(reply.rows)
        nulls.append(reply.null_cursor_rows)
        if reply.complete:
            break
        window = Window(lower=reply.position, first=False)
    # 40 rows have a cursor, 10 have none and come with the first window.
    assert (sizes, nulls) == ([25, 15, 10], [10, -1, -1])


def test_other_rows_do_not_make_an_increment_anew(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table(
        "id bigint PRIMARY KEY, tenant int, at timestamptz NOT NULL DEFAULT now()",
        "INSERT INTO {table} SELECT i, i % 2 FROM generate_series(1, 10) AS i",
    )
    chosen = filtered(reader, one("=", "tenant", "1"))
    first = chosen.sync("at")
    assert first.rows == 5
    table = reader.spec.relation
    owner.cursor().execute(f"INSERT INTO {table} VALUES (20, 0)")
    second = chosen.sync("at", first.bound)
    assert (second.rows, second.unchanged) == (0, True)
    owner.cursor().execute(f"INSERT INTO {table} VALUES (21, 1)")
    assert "21" in chosen.ids(chosen.sync("at", second.bound))


def test_a_snapshot_is_planned_and_read_by_the_filtered_rows(
    make_table: MakeTable,
) -> None:
    reader = make_table(
        "id bigint PRIMARY KEY, tenant int",
        "INSERT INTO {table} SELECT i, i % 50 FROM generate_series(1, 20000) AS i;"
        " ANALYZE {table}",
    )
    chosen = filtered(reader, one("=", "tenant", "7"))
    assert len(reader.plan(limits=Limits(chunk_rows=100)).partitions) == 200
    plan = chosen.plan(limits=Limits(chunk_rows=100))
    assert 3 <= len(plan.partitions) <= 5
    assert 300 <= plan.estimated_rows <= 500
    rows = [chosen.run(partition=part).rows for part in plan.partitions]
    assert sum(rows) == 400
    assert max(rows) < 200


def test_a_digest_has_the_filtered_rows_alone(reader: Reader) -> None:
    chosen = filtered(reader, one("=", "tenant", "1"))
    with chosen.database() as database:
        reply = digest(
            database,
            DigestRequest(
                "r1", chosen.spec, Partition(part="whole"), ("id", "tag"), ("id",)
            ),
        )
    assert [bucket.rows for bucket in reply.buckets] == [15]


def test_views_have_filtered_rows_too(
    reader: Reader, owner: psycopg2.extensions.connection
) -> None:
    table = reader.spec.relation
    owner.cursor().execute(f"CREATE VIEW {table}_v AS SELECT id, tenant FROM {table}")
    viewed = filtered(
        reader, one("=", "tenant", "1"), relation=f"{table}_v", key=("id",)
    )
    assert len(ids(viewed)) == 15


def test_every_allowed_type_is_comparable(
    owner: psycopg2.extensions.connection,
) -> None:
    with owner.cursor() as cursor:
        for name in row_filter.TYPES:
            cursor.execute(f"SELECT NULL::{name} OPERATOR(pg_catalog.<) NULL::{name}")
