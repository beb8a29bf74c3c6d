"""Views, partitions, generated columns, odd names, one column and 1,600 columns."""

import pytest

from tests.end_to_end.lab import TARGET_SCHEMA, Lab

# 63 bytes; "İ" is longer in lower case, "ß" in upper case.
LONGEST = "n" * 61 + "é"
ODD_NAMES = [
    'with "quotes" and "',
    "white  space\t",
    "MixedCase",
    "select",
    "100%",
    "%s {c} {{x}} $1 ?",
    "semi;colon--/*",
    "back\\slash",
    "it's",
    "straße",
    "名前 🦊",
    "a.b",
    LONGEST,
    "_sync",
]
UNUSABLE = {"_sync_run_id": "their_run_id", "current_date": "day"}


def test_columns_of_any_name_arrive(lab: Lab) -> None:
    table = lab.name("odd_names")
    names = [*ODD_NAMES, *UNUSABLE]
    quoted = ['"' + name.replace('"', '""') + '"' for name in names]
    columns = ", ".join(f"{name} text" for name in quoted)
    lab.psql(f"CREATE TABLE {table} ({columns}, PRIMARY KEY ({quoted[0]}))")
    lab.psql(
        f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(names))})",
        *(f"value of {name}" for name in names),
    )
    columns_config = {name: {"rename": new} for name, new in UNUSABLE.items()}
    lab.apply({table: {"mode": "full"}})
    assert "[column_name_unusable]" in lab.fail("SYNC_TABLE", table)
    lab.apply({table: {"mode": "full", "columns": columns_config}})
    lab.sync(table)
    lab.assert_equal(table, renames={n: new.upper() for n, new in UNUSABLE.items()})


@pytest.mark.large
def test_names_that_are_one_in_upper_case_need_another(lab: Lab) -> None:
    table = lab.name("cases")
    lab.psql(f'CREATE TABLE {table} (id int PRIMARY KEY, a text, "A" text)')
    lab.psql(f"INSERT INTO {table} VALUES (1, 'small', 'large')")
    lab.apply({table: {"mode": "full"}})
    assert "[column_collision]" in lab.fail("SYNC_TABLE", table)
    renamed = {"A": {"rename": "a_large"}}
    lab.apply({table: {"mode": "full", "columns": renamed}})
    lab.sync(table)
    lab.assert_equal(table, renames={"A": "A_LARGE"})


@pytest.mark.large
@pytest.mark.parametrize("count", [1, 200, pytest.param(1600, marks=pytest.mark.large)])
def test_tables_of_one_and_of_very_many_columns(lab: Lab, count: int) -> None:
    table = lab.name(f"wide_{count}")
    kinds = ["numeric(6,2)", "date", "text", "boolean"]
    columns = ", ".join(f"c{i} {kinds[i % 4]}" for i in range(count))
    lab.psql(f"CREATE TABLE {table} ({columns})")
    # NaN and infinity: the careful wire keeps books for each of the columns.
    values = ["1.5", "2026-01-01", "x", "t"], ["NaN", "infinity", "", "f"]
    for row in values:
        items = ", ".join(f"'{row[i % 4]}'" for i in range(count))
        lab.psql(f"INSERT INTO {table} VALUES ({items})")
    lab.psql(f"INSERT INTO {table} DEFAULT VALUES")
    lab.apply({table: {"mode": "full"}})
    assert lab.sync(table)["rows_inserted"] == 3
    lab.assert_equal(table)
    altered = lab.query(
        "SELECT COUNT(*) AS n FROM control.sync_altered_values WHERE table_name = %s",
        table,
    )
    assert altered[0]["N"] == (count + 3) // 4 + (count + 2) // 4


@pytest.mark.large
def test_generated_and_identity_columns_arrive(lab: Lab) -> None:
    table = lab.name("generated_columns")
    lab.psql(f"""
        CREATE TABLE {table} (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            price numeric(8,2) NOT NULL,
            stored numeric(10,2) GENERATED ALWAYS AS (price * 2) STORED,
            virtual numeric(10,2) GENERATED ALWAYS AS (price * 3) VIRTUAL,
            gone text,
            updated_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX ON {table} (updated_at);
        INSERT INTO {table} (price) SELECT i FROM generate_series(1, 20) AS i;
        ALTER TABLE {table} DROP COLUMN gone
        """)
    lab.apply({table: {"cursor": "updated_at"}})
    lab.sync(table)
    lab.psql(f"UPDATE {table} SET price = price + 0.5, updated_at = now()")
    lab.sync(table)
    lab.assert_equal(table)


def test_a_partitioned_table_is_one_table(lab: Lab) -> None:
    table = lab.name("partitioned")
    lab.psql(f"""
        CREATE TABLE {table} (
            id int, region text, updated_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (region, id)
        ) PARTITION BY LIST (region);
        CREATE INDEX ON {table} (updated_at);
        CREATE TABLE {table}_eu PARTITION OF {table} FOR VALUES IN ('eu');
        CREATE TABLE {table}_us (extra int, updated_at timestamptz NOT NULL,
            region text NOT NULL, id int NOT NULL);
        ALTER TABLE {table}_us DROP COLUMN extra;
        ALTER TABLE {table} ATTACH PARTITION {table}_us DEFAULT;
        INSERT INTO {table} SELECT i, (ARRAY['eu', 'us', 'asia'])[i % 3 + 1]
        FROM generate_series(1, 90) AS i
        """)
    lab.apply({table: {"cursor": "updated_at"}})
    lab.sync(table)
    lab.assert_equal(table)
    lab.psql(f"UPDATE {table} SET region = 'eu', updated_at = now() WHERE id = 1")
    lab.psql(f"INSERT INTO {table} VALUES (1000, 'us')")
    lab.sync(table)
    # An update that moves a row to another key leaves the old one behind: no delete.
    assert lab.query(f"SELECT COUNT(*) AS n FROM lab.{table}")[0]["N"] == 92


@pytest.mark.large
@pytest.mark.parametrize("kind", ["VIEW", "MATERIALIZED VIEW"])
def test_views_are_read_like_tables(lab: Lab, kind: str) -> None:
    base, view = lab.name("base"), lab.name(kind.split(" ", maxsplit=1)[0].lower())
    lab.orders_table(base, 40)
    lab.psql(
        f"CREATE {kind} {view} AS SELECT id, upper(note) AS note, amount * 2 AS"
        f" doubled, updated_at FROM {base}"
    )
    lab.psql(f"GRANT SELECT ON {view} TO PUBLIC")
    lab.apply({view: {"cursor": "updated_at", "key": ["id"]}})
    lab.sync(view)
    lab.assert_equal(view, key=["id"])
    lab.psql(f"UPDATE {base} SET amount = 7, updated_at = now() WHERE id < 10")
    lab.psql(f"INSERT INTO {base} (note) VALUES ('new')")
    if kind != "VIEW":
        lab.psql(f"REFRESH {kind} {view}")
    report = lab.sync(view)
    assert (report["rows_inserted"], report["rows_updated"]) == (1, 9)
    lab.assert_equal(view, key=["id"])


@pytest.mark.large
def test_a_column_keeps_its_configured_name_and_type(lab: Lab) -> None:
    table = lab.name("configured")
    lab.psql(f"""
        CREATE TABLE {table} (
            id int PRIMARY KEY, price numeric, huge numeric, doc json,
            updated_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX ON {table} (updated_at);
        INSERT INTO {table} VALUES
            (1, 1.50, 1e60, '{{"a": 1, "a": 2}}'), (2, NULL, NULL, NULL)
        """)
    lab.apply(
        {
            table: {
                "cursor": "updated_at",
                "columns": {
                    "price": {"type": "NUMBER(12, 2)", "rename": "net price"},
                    "huge": {"type": "VARCHAR"},
                    "doc": {"type": "VARCHAR"},
                },
            }
        }
    )
    lab.sync(table)
    row, empty = lab.query(
        f'SELECT "NET PRICE", huge, doc FROM lab.{table} ORDER BY id'
    )
    assert str(row["NET PRICE"]) == "1.50"
    assert (row["HUGE"], row["DOC"]) == ("1" + "0" * 60, '{"a": 1, "a": 2}')
    assert set(empty.values()) == {None}
    described = lab.query(f"DESCRIBE TABLE {TARGET_SCHEMA}.{table.upper()}")
    kinds = {column["name"]: column["type"] for column in described}
    assert kinds["NET PRICE"] == "NUMBER(12,2)"
    lab.psql(f"UPDATE {table} SET price = 1.505, updated_at = now() WHERE id = 2")
    text = lab.fail("SYNC_TABLE", table)
    assert "[value_refused]" in text
    assert "'price'" in text and '{"id": 2}' in text


@pytest.mark.large
def test_the_hint_for_a_refused_value_leads_on(lab: Lab) -> None:
    table = lab.name("hinted")
    lab.psql(f"""
        CREATE TABLE {table} (
            id int PRIMARY KEY, n numeric, doc jsonb,
            updated_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX ON {table} (updated_at);
        INSERT INTO {table} VALUES (1, 1.5, '[1]')
        """)
    lab.apply({table: {"cursor": "updated_at"}})
    lab.sync(table)
    lab.psql(f"INSERT INTO {table} VALUES (2, 1e50 + 1, '{'9' * 50}')")
    text = lab.fail("SYNC_TABLE", table)
    assert "[value_refused]" in text and '"type": "VARCHAR"' in text
    kinds = {"n": {"type": "VARCHAR"}, "doc": {"type": "VARCHAR"}}
    lab.apply({table: {"cursor": "updated_at", "columns": kinds}})
    text = lab.fail("SYNC_TABLE", table)
    assert "[type_changed]" in text and "RESYNC_TABLE" in text
    lab.call("RESYNC_TABLE", table)
    rows = lab.query(f"SELECT n, doc FROM lab.{table} ORDER BY id")
    assert rows == [
        {"N": "1.5", "DOC": "[1]"},
        {"N": "1" + "0" * 49 + "1", "DOC": "9" * 50},
    ]
    lab.psql(f"UPDATE {table} SET n = n + 1, updated_at = now()")
    assert lab.sync(table)["rows_updated"] == 2
