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
def code(owner: psycopg2.extensions.connection) -> Iterator[str]:
    """A schema with a function and an operator of a superuser, whom all trust, and the
    same of a role that nobody trusts."""
    with owner.cursor() as cursor:
        cursor.execute("CREATE SCHEMA code")
        for name, operator in (("ours", "=%="), ("theirs", "=^=")):
            cursor.execute(
                f"CREATE FUNCTION code.{name}(a int, b int) RETURNS boolean"
                " LANGUAGE sql IMMUTABLE AS 'SELECT a = b'"
            )
            cursor.execute(
                f"CREATE OPERATOR code.{operator}"
                f" (LEFTARG = int, RIGHTARG = int, FUNCTION = code.{name})"
            )
        cursor.execute("ALTER FUNCTION code.theirs OWNER TO unprivileged")
        yield "code"
        cursor.execute("DROP SCHEMA code CASCADE")


def test_only_operators_that_a_relation_uses_must_be_trusted(
    make_table: MakeTable, code: str
) -> None:
    """Anybody may make operators: one more must not stop tables of others."""
    trusted, other = (
        make_table(f"id int PRIMARY KEY, CHECK (id OPERATOR({code}.{operator}) id)")
        for operator in ("=%=", "=^=")
    )
    oids = [oid_of(trusted), oid_of(other)]
    with trusted.database() as database:
        check_owners(database, oids[0])
        found = find_untrusted(database, oids)
    assert {oid: error.message for oid, error in found.items()} == {
        oids[1]: "The function 'theirs' belongs to role 'unprivileged', whose code the"
        " source does not trust."
    }


def test_the_relation_is_named_before_its_functions_and_types(
    make_table: MakeTable, owner: psycopg2.extensions.connection, code: str
) -> None:
    """Who trusts its owner has mostly answered for the rest, too."""
    with owner.cursor() as cursor:
        cursor.execute(f"CREATE TYPE {code}.mood AS ENUM ('good')")
        cursor.execute(f"ALTER TYPE {code}.mood OWNER TO unprivileged")
    reader = make_table(
        f"id int PRIMARY KEY, mood {code}.mood, CHECK ({code}.theirs(id, id))",
        "ALTER TABLE {table} OWNER TO unprivileged",
    )
    oid = oid_of(reader)
    with reader.database() as database, pytest.raises(SourceError) as refused:
        check_owners(database, oid)
    assert refused.value.message == (
        f"The relation {reader.spec.relation!r} belongs to role 'unprivileged', whose"
        " code the source does not trust."
    )


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
