"""Excluded, hashed and masked columns: the plain values are nowhere behind PostgreSQL.

What is planted is looked for in every object of the landing bucket, every table of the
local Snowflake, its query history, and every log of the stack.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from local.stack import HASH_KEY
from tests.end_to_end.lab import Lab

pytestmark = pytest.mark.large

# Long enough to be found by chance nowhere.
PLANTED = [f"planted-{kind}-3f9c1d77b2" for kind in ("hash", "mask", "out", "key")]
SPECIAL_DAY = "infinity"


def hashed(text: str) -> str:
    return hmac.new(HASH_KEY.encode(), text.encode(), hashlib.sha256).hexdigest()


def all_bytes(lab: Lab, table: str) -> Iterator[tuple[str, bytes]]:
    """Yields everything that was written outside of PostgreSQL, by name.

    The files of the table itself are unpacked; those of other tables may have been
    damaged on purpose, and are looked at as far as they can be.
    """
    landing = lab.stack.endpoints.landing
    pages = lab.s3.get_paginator("list_objects_v2").paginate(Bucket=landing.bucket)
    for entry in (e for page in pages for e in page.get("Contents", [])):
        body = lab.s3.get_object(Bucket=landing.bucket, Key=entry["Key"])["Body"].read()
        if entry["Key"].endswith(".zst"):
            body = unpacked(body, strict=table in entry["Key"])
        yield entry["Key"], body
    queries = Path(lab.stack.endpoints.queries)
    for path in sorted(queries.parent.rglob("*")):
        # PostgreSQL's own files hold the values, of course; so does what it is told.
        inside_postgres = "aurora" in path.relative_to(queries.parent).parts
        if path.is_file() and not inside_postgres:
            yield str(path), path.read_bytes()
    tables = lab.query(
        "SELECT table_schema, table_name FROM information_schema.tables"
        " WHERE table_type = 'BASE TABLE' AND table_schema IN ('CONTROL', %s)",
        "LAB",
    )
    for row in tables:
        name = f'"{row["TABLE_SCHEMA"]}"."{row["TABLE_NAME"]}"'
        yield name, repr(lab.query(f"SELECT * FROM {name}")).encode()


def unpacked(body: bytes, *, strict: bool) -> bytes:
    try:
        return zstandard.ZstdDecompressor().decompressobj().decompress(body)
    except zstandard.ZstdError:
        if strict:
            raise
        return body


@pytest.fixture
def people(lab: Lab) -> str:
    """A table whose key and columns are protected, and which has a special value."""
    table = lab.name("people")
    lab.psql(f"""
        CREATE TABLE {table} (
            email text PRIMARY KEY,
            phone text,
            salary numeric(10,2),
            secret text,
            born date,
            updated_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX ON {table} (updated_at)
        """)
    lab.psql(
        f"INSERT INTO {table} VALUES (%s, %s, 17, %s, %s, now())",
        *(PLANTED[3], PLANTED[0], PLANTED[2], SPECIAL_DAY),
    )
    lab.psql(f"INSERT INTO {table} VALUES ('b', NULL, NULL, NULL, NULL, now())")
    lab.apply(
        {
            table: {
                "cursor": "updated_at",
                "exclude": ["secret"],
                "deletes": "key_compare",
                "delete_check_minutes": 0,
                "max_delete_percent": 100,
                "columns": {
                    "email": {"protect": "hash", "rename": "email_hash"},
                    "phone": {"protect": "hash"},
                    "salary": {"protect": "mask"},
                },
            }
        }
    )
    return table


def marks(content: bytes) -> bool:
    return hashed(PLANTED[3]).encode() in content


def rows_of(lab: Lab, table: str) -> list[dict[str, object]]:
    return lab.query(
        "SELECT email_hash, phone, salary, born, _sync_deleted_at IS NOT NULL AS gone"
        f" FROM lab.{table} ORDER BY phone NULLS LAST"
    )


def test_protected_values_never_leave_postgresql(lab: Lab, people: str) -> None:
    lab.sync(people)
    lab.psql(
        f"UPDATE {people} SET phone = %s, updated_at = now() WHERE email = %s",
        *(PLANTED[1], PLANTED[3]),
    )
    lab.sync(people)
    first, second = rows_of(lab, people)
    assert first == {
        "EMAIL_HASH": hashed(PLANTED[3]),
        "PHONE": hashed(PLANTED[1]),
        "SALARY": "***",
        "BORN": None,
        "GONE": False,
    }
    assert second["EMAIL_HASH"] == hashed("b")
    assert (second["PHONE"], second["SALARY"]) == (None, None)
    lab.psql(f"DELETE FROM {people} WHERE email = 'b'")
    lab.sync(people)
    assert [row["GONE"] for row in rows_of(lab, people)] == [False, True]
    (altered,) = lab.query(
        "SELECT sample_keys FROM control.sync_altered_values WHERE table_name = %s"
        " ORDER BY recorded_at LIMIT 1",
        people,
    )
    assert json.loads(altered["SAMPLE_KEYS"]) == [{"email": hashed(PLANTED[3])}]
    looked_at = dict(all_bytes(lab, people))
    for name, content in looked_at.items():
        for text in (*PLANTED, HASH_KEY):
            assert text.encode() not in content, name
    # The search finds what is there: the hash is in a file, a ledger and the target.
    found = [name for name, content in looked_at.items() if marks(content)]
    assert any(name.endswith(".csv.zst") for name in found)
    assert {'"CONTROL"."SYNC_ALTERED_VALUES"', f'"LAB"."{people.upper()}"'} <= set(
        found
    )
    assert any(name.endswith("gateway.log") for name in looked_at)


def test_a_column_protected_later_is_reloaded(lab: Lab, people: str) -> None:
    lab.apply({people: {"cursor": "updated_at"}})
    lab.sync(people)
    lab.apply(
        {people: {"cursor": "updated_at", "columns": {"phone": {"protect": "mask"}}}}
    )
    assert lab.sync(people)["kind"] == "snapshot"
