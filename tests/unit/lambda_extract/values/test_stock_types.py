"""Every type that a stock server has, and types of extensions."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2.extensions
import pytest
import sqlglot
from sqlglot import exp

from lambda_extract import contract
from lambda_extract.contract import ColumnSpec, Partition
from lambda_extract.errors import ExtractError
from lambda_extract.landing.stores import FolderStore
from lambda_extract.operations.extract import extract
from local.aurora import Aurora, create_reader, running_aurora

from tests.unit.lambda_extract.conftest import Reader

WHOLE = Partition("00000")
# A value for types that do not take '{}', which every array does.
SAMPLES = {
    **dict.fromkeys(["int2", "int4", "int8", "oid", "xid", "cid", "xid8"], "1"),
    **dict.fromkeys(["float4", "float8", "numeric", "money"], "1"),
    **dict.fromkeys(["bit", "varbit"], "1"),
    **dict.fromkeys(["text", "varchar", "bpchar", "name", "char", "refcursor"], "x"),
    **dict.fromkeys(["json", "jsonb"], '{"a": 1}'),
    **dict.fromkeys(["point"], "(0,0)"),
    **dict.fromkeys(["box", "lseg"], "(0,0),(1,1)"),
    **dict.fromkeys(["path", "polygon"], "((0,0),(1,1))"),
    **dict.fromkeys(["tsvector", "tsquery"], "a"),
    **dict.fromkeys(["txid_snapshot", "pg_snapshot"], "1:1:"),
    **dict.fromkeys(["inet", "cidr"], "10.0.0.1"),
    **dict.fromkeys(["int2vector", "oidvector"], "1 2 3"),
    "aclitem": "=r/postgres",
    "bool": "t",
    "bytea": r"\x00",
    "circle": "<(0,0),1>",
    "date": "2026-01-01",
    "interval": "1 day",
    "jsonpath": "$",
    "line": "{1,2,3}",
    "macaddr": "08:00:2b:01:02:03",
    "macaddr8": "08:00:2b:01:02:03:04:05",
    "pg_lsn": "0/0",
    "regclass": "pg_class",
    "regcollation": '"C"',
    "regconfig": "simple",
    "regdictionary": "simple",
    "regnamespace": "pg_catalog",
    "regoper": "|/",
    "regoperator": "!~~*(text,text)",
    "regproc": "pi",
    "regprocedure": "lower(text)",
    "regrole": "postgres",
    "regtype": "text",
    "tid": "(0,1)",
    "time": "12:00",
    "timestamp": "2026-01-01",
    "timestamptz": "2026-01-01",
    "timetz": "12:00+00",
    "uuid": "00000000-0000-0000-0000-000000000000",
}
# The server refuses any value for these: they exist for the catalog's own columns.
NO_INPUT = {
    "gtsvector",
    "pg_brin_bloom_summary",
    "pg_brin_minmax_multi_summary",
    "pg_dependencies",
    "pg_mcv_list",
    "pg_ndistinct",
    "pg_node_tree",
    # Without libxml, as the embedded server is built.
    "xml",
}


def stock_types(owner: psycopg2.extensions.connection) -> list[tuple[str, str, str]]:
    """Returns (name, typtype, typcategory) of all that a column can have."""
    with owner.cursor() as cursor:
        cursor.execute("""
            SELECT t.typname::text, t.typtype::text, t.typcategory::text
            FROM pg_type AS t
            JOIN pg_namespace AS n ON n.oid = t.typnamespace
            LEFT JOIN pg_type AS e ON e.oid = t.typelem AND t.typcategory = 'A'
            WHERE n.nspname = 'pg_catalog'
                AND COALESCE(e.typtype, t.typtype) <> 'p'
                AND NOT EXISTS (
                    SELECT 1
                    FROM pg_attribute AS a
                    WHERE a.attrelid = COALESCE(e.typrelid, t.typrelid)
                        AND a.attrelid <> 0
                        AND a.atttypid::regtype::text IN (
                            'anyarray', 'cstring[]', 'pg_statistic[]'
                        )
                )
            ORDER BY t.typname
            """)
        return cursor.fetchall()


def sample(name: str, kind: str, category: str) -> str | None:
    if name in SAMPLES:
        return SAMPLES[name]
    if category == "A" or kind == "m":
        return "{}"
    if kind == "r":
        return "empty"
    return None


def test_a_column_of_every_stock_type_is_read(
    aurora: Aurora, owner: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    found = stock_types(owner)
    assert len(found) > 250
    columns: dict[str, contract.Column] = {}
    values: dict[str, str] = {}
    for start in range(0, len(found), 400):
        some = found[start : start + 400]
        declared = ", ".join(f'c{i} "{name}"' for i, (name, *_) in enumerate(some))
        with owner.cursor() as cursor:
            cursor.execute(
                f"DROP TABLE IF EXISTS stock; CREATE TABLE stock ({declared})"
            )
            cursor.execute(
                f"INSERT INTO stock VALUES ({', '.join(['%s'] * len(some))})",
                [sample(*described) for described in some],
            )
            cursor.execute("INSERT INTO stock DEFAULT VALUES")
        spec = contract.TableSpec("stock", "shop", "public", "stock")
        reader = Reader(aurora, tmp_path, spec)
        reply = reader.run(partition=WHOLE)
        first, second = reader.rows(reply)
        assert set(second) == {""}
        assert reader.lines(carefully(reader)) == reader.lines(reply)
        names = [name for name, *_ in some]
        columns |= dict(zip(names, reply.columns, strict=True))
        values |= dict(zip(names, first, strict=True))
    owner.cursor().execute("DROP TABLE stock")
    for name, kind, category in found:
        snowflake_type = columns[name].snowflake_type
        if kind == "c":
            assert snowflake_type == "OBJECT", name
        elif category == "A" and name not in ("int2vector", "oidvector"):
            assert (snowflake_type, values[name]) == ("ARRAY", "[]"), name
        else:
            assert snowflake_type not in ("ARRAY", "OBJECT"), name
            assert values[name] or name in NO_INPUT, name
        tree = sqlglot.parse_one(f"x::{snowflake_type}", dialect="snowflake")
        assert isinstance(tree, exp.Cast), snowflake_type


def carefully(reader: Reader) -> contract.ExtractReply:
    """Reads with a test for each value, which ordinary values must not show."""
    request = contract.ExtractRequest("r1", reader.spec, "careful", partition=WHOLE)
    with reader.database() as database:
        return extract(database, request, FolderStore(reader.folder), careful=True)


# --- a real older server with real extensions, or what has their shape ----------------

SHAPED = r"""
    CREATE TYPE citext;
    CREATE FUNCTION citextin(cstring) RETURNS citext
        AS 'textin' LANGUAGE internal IMMUTABLE STRICT;
    CREATE FUNCTION citextout(citext) RETURNS cstring
        AS 'textout' LANGUAGE internal IMMUTABLE STRICT;
    CREATE TYPE citext (
        INPUT = citextin, OUTPUT = citextout, LIKE = text, CATEGORY = 'S'
    );
    CREATE TYPE hstore;
    CREATE FUNCTION hstore_in(cstring) RETURNS hstore
        AS 'textin' LANGUAGE internal IMMUTABLE STRICT;
    CREATE FUNCTION hstore_out(hstore) RETURNS cstring
        AS 'textout' LANGUAGE internal IMMUTABLE STRICT;
    CREATE TYPE hstore (INPUT = hstore_in, OUTPUT = hstore_out, LIKE = text);
    CREATE CAST (hstore AS text) WITHOUT FUNCTION;
    CREATE FUNCTION hstore_to_json(hstore) RETURNS json LANGUAGE sql IMMUTABLE AS $$
        SELECT ('{' || replace(replace($1::text, '=>', ': '), 'NULL', 'null') || '}')
            ::json
    $$;
    CREATE CAST (hstore AS json) WITH FUNCTION hstore_to_json(hstore)
"""


def debian_programs() -> Path | None:
    """Debian's newest server with contrib, if it is installed."""
    programs = sorted(
        path.parent
        for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")
        if Path(
            f"/usr/share/postgresql/{path.parts[-3]}/extension/hstore.control"
        ).exists()
    )
    return programs[-1] if programs else None


@pytest.fixture(scope="module")
def other(aurora: Aurora, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aurora]:
    """Debian's server with hstore and citext, else the embedded with their shapes."""
    programs = debian_programs()
    with contextlib.ExitStack() as stack:
        server = aurora
        if programs is not None:
            folder = tmp_path_factory.mktemp("debian")
            server = stack.enter_context(running_aurora(folder, programs=programs))
        server.create_database("shop")
        connection = stack.enter_context(contextlib.closing(server.connect("shop")))
        if programs is None:
            connection.cursor().execute(SHAPED)
        else:
            connection.cursor().execute(
                "CREATE EXTENSION hstore; CREATE EXTENSION citext"
            )
            create_reader(server.dsn("shop"), role="aurora_sync")
        yield server
        if programs is None:
            connection.cursor().execute("DROP TYPE hstore, citext CASCADE")


def read(server: Aurora, folder: Path, script: str, **spec: Any) -> tuple[Any, Any]:
    """Makes a table `t`, reads it, and returns the reply and its rows."""
    with contextlib.closing(server.connect("shop")) as connection:
        connection.cursor().execute(f"DROP TABLE IF EXISTS t; {script}")
    table = contract.TableSpec("orders", "shop", "public", "t", **spec)
    reader = Reader(server, folder, table)
    reply = reader.run(partition=WHOLE)
    return reply, reader.rows(reply)


def test_types_of_extensions(other: Aurora, tmp_path: Path) -> None:
    reply, rows = read(
        other,
        tmp_path,
        """CREATE TABLE t (id int PRIMARY KEY, h hstore, c citext);
        INSERT INTO t VALUES (1, '"a"=>"1", "b"=>NULL', 'Mixed Case'), (2, NULL, '')""",
    )
    assert rows == [
        ["1", '{"a": "1", "b": null}', "Mixed Case"],
        ["2", "", ""],
    ]
    kinds = [column.snowflake_type for column in reply.columns]
    assert kinds == ["NUMBER(10,0)", "OBJECT", "VARCHAR(134217728)"]


def test_xml_where_the_server_has_it(other: Aurora, tmp_path: Path) -> None:
    with contextlib.closing(other.connect("shop")) as connection:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_config() WHERE setting ~ 'libxml'")
            (has_xml,) = cursor.fetchone() or (0,)
    text = '<a b="ü">&lt;\n<!-- , " --></a>' if has_xml else None
    value = f"'{text}'" if text else "NULL"
    _, rows = read(
        other,
        tmp_path,
        f"CREATE TABLE t (id int PRIMARY KEY, x xml);"
        f" INSERT INTO t VALUES (1, {value})",
    )
    assert rows == [["1", text or ""]]


def test_an_older_server_finds_the_same(other: Aurora, tmp_path: Path) -> None:
    script = "CREATE TABLE t (id int PRIMARY KEY, j json, h text); INSERT INTO t VALUES"
    _, rows = read(
        other,
        tmp_path,
        f"""{script} (1, '{{"a" : 1, "b": "\\u00e9"}}', 'x'), (2, '[1e5]', NULL)""",
        columns=(ColumnSpec("h", protect="hash"),),
    )
    assert [row[1] for row in rows] == ['{"a" : 1, "b": "\\u00e9"}', "[1e5]"]
    assert len(rows[0][2]) == 64
    with pytest.raises(ExtractError) as caught:
        read(other, tmp_path, f"""{script} (7, '{{"a" : 1, "a": 2}}', 'x')""")
    assert caught.value.code == "value_refused"
    assert "'j'" in caught.value.message and "7" not in caught.value.message
