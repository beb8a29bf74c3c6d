"""Hashes and masks: computed by PostgreSQL, compared with Python's hmac."""

import dataclasses
import hashlib
import hmac
from pathlib import Path

import psycopg2.extensions
import pytest
from psycopg2 import sql

from lambda_extract.contract import ColumnSpec, KeysRequest, Limits, Partition
from lambda_extract.credentials.secrets import Credentials
from lambda_extract.errors import ExtractError
from lambda_extract.landing.stores import FolderStore
from lambda_extract.operations.extract import extract
from lambda_extract.settings import Source
from lambda_extract.source.database import connected
from lambda_extract.values import protect

from tests.unit.lambda_extract.conftest import HASH_KEY, MakeTable, Reader

WHOLE = Partition("00000")


def hashed(text: str, key: str = HASH_KEY) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("declared", "value", "text"),
    [
        ("text", "Ann@example.com", "Ann@example.com"),
        ("text", "", ""),
        ("text", "ü🦊\n\\", "ü🦊\n\\"),
        ("integer", "17", "17"),
        ("bigint", "17", "17"),
        ("numeric(5,2)", "17", "17.00"),
        ("char(4)", "a", "a"),
        ("boolean", "t", "true"),
        ("bytea", r"\x00ff", r"\x00ff"),
        ("timestamptz", "2026-01-01 00:00:00+02", "2025-12-31 22:00:00+00"),
        ("date", "infinity", "infinity"),
        ("jsonb", '{"a":1}', '{"a": 1}'),
        ("text[]", "{a,NULL}", "{a,NULL}"),
    ],
)
def test_a_hash_is_the_hmac_of_the_text(
    make_table: MakeTable,
    owner: psycopg2.extensions.connection,
    declared: str,
    value: str,
    text: str,
) -> None:
    reader = make_table(
        f"id int PRIMARY KEY, v {declared}",
        columns=(ColumnSpec("v", protect="hash"),),
    )
    with owner.cursor() as cursor:
        statement = f"INSERT INTO {reader.spec.relation} VALUES (1, %s), (2, NULL)"
        cursor.execute(statement, [value])
    reply = reader.run(partition=WHOLE)
    assert reader.rows(reply) == [["1", hashed(text)], ["2", ""]]
    assert reply.columns[1].snowflake_type == "VARCHAR(64)"
    assert reply.columns[1].protection == f"hash:{protect.fingerprint(HASH_KEY)}"


@pytest.mark.parametrize("length", [32, 64, 65, 200])
def test_keys_of_any_length_follow_the_standard(
    make_table: MakeTable, length: int
) -> None:
    key = ("k" * length)[:-1] + "é"
    reader = make_table(
        "id int PRIMARY KEY, v text",
        "INSERT INTO {table} VALUES (1, 'x')",
        columns=(ColumnSpec("v", protect="hash"),),
    )
    reader = dataclasses.replace(reader, hash_key=key)
    assert reader.rows(reader.run(partition=WHOLE)) == [["1", hashed("x", key)]]


def test_a_mask_hides_everything_but_null(make_table: MakeTable) -> None:
    reader = make_table(
        "id int PRIMARY KEY, v text, n numeric, p point",
        "INSERT INTO {table} VALUES (1, 'secret', 17, '(1,2)'), (2, '', 'NaN', NULL),"
        " (3, NULL, NULL, NULL)",
        columns=tuple(ColumnSpec(name, protect="mask") for name in "vnp"),
        special_values="fail",
    )
    reply = reader.run(partition=WHOLE)
    assert reader.rows(reply) == [
        ["1", "***", "***", "***"],
        ["2", "***", "***", ""],
        ["3", "", "", ""],
    ]
    assert {column.snowflake_type for column in reply.columns[1:]} == {"VARCHAR(16)"}


def test_a_composite_of_nulls_is_a_value_and_is_hidden(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    owner.cursor().execute("CREATE TYPE pair AS (a int, b int)")
    try:
        reader = make_table(
            "id int PRIMARY KEY, v pair",
            "INSERT INTO {table} VALUES (1, ROW(NULL, NULL)), (2, NULL)",
            columns=(ColumnSpec("v", protect="mask"),),
        )
        reply = reader.run(partition=WHOLE)
        assert reader.rows(reply) == [["1", "***"], ["2", ""]]
    finally:
        owner.cursor().execute("DROP TYPE pair CASCADE")


def hashed_key_table(make_table: MakeTable) -> Reader:
    return make_table(
        "email text PRIMARY KEY, born date",
        "INSERT INTO {table} VALUES ('ann', 'infinity'), ('bob', NULL)",
        columns=(ColumnSpec("email", protect="hash"),),
    )


def test_a_hashed_key_is_hashed_wherever_it_goes(
    make_table: MakeTable, tmp_path: Path
) -> None:
    reader = hashed_key_table(make_table)
    reply = reader.run(partition=WHOLE)
    assert sorted(row[0] for row in reader.rows(reply)) == sorted(
        map(hashed, ["ann", "bob"])
    )
    (altered,) = reply.altered
    assert altered.sample_keys == (f'{{"email": "{hashed("ann")}"}}',)
    with reader.database() as database:
        keys = extract(
            database,
            KeysRequest("r1", reader.spec, "keys", WHOLE),
            FolderStore(reader.folder),
        )
    assert sorted(row[0] for row in reader.rows(keys)) == sorted(
        map(hashed, ["ann", "bob"])
    )


def test_a_refused_value_names_the_hash_of_its_key(make_table: MakeTable) -> None:
    reader = hashed_key_table(make_table)
    reader.spec = dataclasses.replace(reader.spec, special_values="fail")
    with pytest.raises(ExtractError) as caught:
        reader.run(partition=WHOLE)
    assert hashed("ann") in caught.value.message
    assert '"ann"' not in caught.value.message


def test_a_hashed_key_is_no_bound_of_a_part(make_table: MakeTable) -> None:
    reader = hashed_key_table(make_table)
    with reader.aurora.connect("shop") as connection:
        connection.cursor().execute(
            f"INSERT INTO {reader.spec.relation}"
            " SELECT 'p' || i FROM generate_series(1, 5000) AS i;"
            f" ANALYZE {reader.spec.relation}"
        )
    limits = {"limits": Limits(chunk_rows=1000)}
    assert len(reader.plan(**limits).partitions) == 1
    reader.spec = dataclasses.replace(reader.spec, columns=())
    assert len(reader.plan(**limits).partitions) > 1


def test_a_masked_key_is_refused(make_table: MakeTable) -> None:
    reader = make_table(
        "id int PRIMARY KEY", columns=(ColumnSpec("id", "", "", "mask"),)
    )
    with pytest.raises(ExtractError) as caught:
        reader.plan()
    assert caught.value.code == "key_masked"


def test_the_key_is_in_no_statement_no_view_and_no_log(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    """Everything that PostgreSQL shows of the session while it hashes."""
    reader = make_table("id int PRIMARY KEY, v text")
    secrets = [HASH_KEY, *protect.session_settings(HASH_KEY).values()]
    owner.cursor().execute(f"ALTER ROLE {reader.user} SET log_statement = 'all'")
    try:
        with reader.database() as database, owner.cursor() as cursor:
            statement = sql.SQL("SELECT " + protect.HASH_WIRE)
            database.row(statement.format(c=sql.Literal("x")))
            cursor.execute("SELECT to_jsonb(s)::text FROM pg_stat_activity AS s")
            shown = "".join(row[0] for row in cursor.fetchall())
    finally:
        owner.cursor().execute(f"ALTER ROLE {reader.user} RESET log_statement")
    logs = "".join(
        path.read_text(errors="replace")
        for path in reader.aurora.data.parent.glob("*.log")
    )
    assert "aurora_sync.hash_inner" in shown
    assert "aurora_sync.hash_inner" in logs
    assert not [s for s in secrets if s in shown or s in logs]


def test_the_key_is_in_no_error_of_the_login(aurora: object) -> None:
    source = Source("shop", "127.0.0.1", "shop", {}, 1, "disable")
    with pytest.raises(ExtractError) as caught:
        with connected(
            source,
            Credentials("nobody", ""),
            application_name="x",
            budget_seconds=1,
            hash_key=HASH_KEY,
        ):
            pass
    assert caught.value.__cause__ is None
    for secret in (HASH_KEY, *protect.session_settings(HASH_KEY).values()):
        assert secret not in repr(caught.value)
    assert HASH_KEY not in repr(Credentials("u", "p", HASH_KEY))
