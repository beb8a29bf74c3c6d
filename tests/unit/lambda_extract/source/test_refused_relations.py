"""Relations that are not read: of whom, in which schema, and what their code did."""

import dataclasses
from collections.abc import Iterator

import psycopg2.extensions
import pytest
from psycopg2 import sql

from lambda_extract.contract import Partition
from lambda_extract.errors import ExtractError, SourceError
from lambda_extract.source.trust import check_owners, find_untrusted
from tests.unit.lambda_extract.conftest import MakeTable, Reader

WHOLE = Partition("p")


def oid_of(reader: Reader) -> int:
    with reader.database() as database:
        (oid,) = database.row(
            sql.SQL("SELECT {}::regclass::oid::bigint").format(
                sql.Literal(f"public.{reader.spec.relation}")
            )
        )
    return int(oid)


def test_a_relation_of_a_role_that_nobody_trusts_is_not_read(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table("id int PRIMARY KEY")
    oid = oid_of(reader)
    with reader.database() as database:
        check_owners(database, oid)
        assert find_untrusted(database, [oid]) == {}
    with owner.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {reader.spec.relation} OWNER TO unprivileged")
        cursor.execute(f"GRANT SELECT ON {reader.spec.relation} TO {reader.user}")
    with reader.database() as database:
        with pytest.raises(SourceError) as refused:
            check_owners(database, oid)
        (found,) = find_untrusted(database, [oid]).values()
    assert refused.value.code == found.code == "owner_not_trusted"
    assert f"{reader.spec.relation!r} belongs to role 'unprivileged'" in found.message
    assert refused.value.message == found.message
    with pytest.raises(ExtractError, match="owner_not_trusted"):
        reader.run(partition=WHOLE)


@pytest.fixture
def closed_schema(owner: psycopg2.extensions.connection) -> Iterator[str]:
    with owner.cursor() as cursor:
        cursor.execute("CREATE SCHEMA closed")
        cursor.execute("CREATE TABLE closed.t (id int PRIMARY KEY)")
        cursor.execute("GRANT SELECT ON closed.t TO aurora_sync")
        yield "closed"
        cursor.execute("DROP SCHEMA closed CASCADE")


def test_a_schema_that_the_role_may_not_use_is_named_with_its_grant(
    make_table: MakeTable, closed_schema: str
) -> None:
    reader = make_table("id int PRIMARY KEY")
    reader.spec = dataclasses.replace(reader.spec, schema=closed_schema, relation="t")
    with pytest.raises(ExtractError) as refused:
        reader.run(partition=WHOLE)
    assert refused.value.code == "permission_denied"
    assert "may not use schema 'closed'" in refused.value.message
    assert refused.value.hint == 'GRANT USAGE ON SCHEMA "closed" TO "aurora_sync";'


def test_code_of_a_relation_that_changes_its_session_is_found(
    make_table: MakeTable,
) -> None:
    """What it read before and after would be written in two ways."""
    reader = make_table("id int PRIMARY KEY")

    def ended(statement: str) -> None:
        with reader.database() as database:
            database.begin_snapshot()
            database.row(sql.SQL(statement))
            database.end_snapshot()

    ended("SELECT 1")
    with pytest.raises(SourceError) as refused:
        ended("SELECT pg_catalog.set_config('DateStyle', 'German', FALSE)")
    assert refused.value.code == "source_cannot_be_read"
    assert "datestyle" in refused.value.message
