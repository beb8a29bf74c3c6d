"""Errors of PostgreSQL that a reader meets name the thing itself."""

import contextlib

import psycopg2.extensions
import pytest

from lambda_extract import contract
from lambda_extract.errors import ExtractError
from local.aurora import Aurora

from tests.unit.lambda_extract.conftest import MakeTable, Reader

WHOLE = contract.Partition("00000")


def failure(reader: Reader) -> ExtractError:
    with pytest.raises(ExtractError) as refused:
        reader.run(partition=WHOLE)
    return refused.value


@pytest.mark.parametrize(
    "relation",
    [
        "CREATE VIEW {name} AS SELECT 1 / (id - id) AS id FROM {table}",
        "CREATE MATERIALIZED VIEW {name} AS SELECT id FROM {table} WITH NO DATA",
        "CREATE FUNCTION {name}_f(int) RETURNS int LANGUAGE plpgsql AS"
        " 'BEGIN RAISE EXCEPTION ''secret''; END';"
        "CREATE VIEW {name} AS SELECT {name}_f(id) AS id FROM {table}",
        "CREATE VIEW {name} AS SELECT (SELECT x FROM generate_series(1, id + 1) AS x)"
        " AS id FROM {table}",
    ],
)
def test_a_relation_that_fails_is_not_tried_again(
    make_table: MakeTable, owner: psycopg2.extensions.connection, relation: str
) -> None:
    reader = make_table("id int PRIMARY KEY", "INSERT INTO {table} VALUES (1)")
    name = f"{reader.spec.relation}_v"
    with owner.cursor() as cursor:
        cursor.execute(relation.format(name=name, table=reader.spec.relation))
        cursor.execute(f"GRANT SELECT ON {name} TO aurora_sync")
    reader.spec = contract.TableSpec("v", "shop", "public", name)
    error = failure(reader)
    assert (error.code, error.retryable) == ("source_cannot_be_read", False)
    assert "secret" not in error.message


def test_row_security_is_named(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table("id int PRIMARY KEY", "INSERT INTO {table} VALUES (1)")
    with owner.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {reader.spec.relation} ENABLE ROW LEVEL SECURITY")
    assert failure(reader).code == "row_security"


@pytest.mark.parametrize(
    ("option", "code"),
    [("LOGIN CONNECTION LIMIT 0", "too_many_connections"), ("NOLOGIN", None)],
)
def test_a_login_that_is_refused_says_why(
    make_table: MakeTable, aurora: Aurora, option: str, code: str | None
) -> None:
    reader = make_table("id int PRIMARY KEY")
    reader.user = f"limited_{reader.spec.relation}"
    with contextlib.closing(aurora.connect("shop")) as owner:
        owner.cursor().execute(f"CREATE ROLE {reader.user} {option}")
    error = failure(reader)
    assert error.code == (code or "source_authentication")
    assert error.retryable == (code is not None)
    assert code is not None or "NOLOGIN" in error.message
