"""Errors of PostgreSQL that a reader meets name the thing itself."""

import contextlib

import psycopg2.extensions
import pytest
from psycopg2 import errorcodes

from lambda_extract import contract
from lambda_extract.errors import CODES, ExtractError
from lambda_extract.source import database
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


# Classes that a session cannot meet that logs in, reads its catalog, locks, reads and
# copies: they end as "source_error", which is tried again.
NOT_MET = {
    "00": "success",
    "01": "a warning",
    "02": "no data, a warning",
    "03": "embedded SQL: no SQL statement is open",
    "09": "a trigger, and nothing is written",
    "0A": "a feature that is not supported: the statements are our own",
    "0B": "begins a transaction inside another",
    "0F": "large objects",
    "0L": "GRANT",
    "0P": "SET ROLE",
    "0Z": "GET STACKED DIAGNOSTICS",
    "10": "XQuery",
    "20": "CASE of PL/pgSQL",
    "24": "cursors of SQL",
    "25": "transaction states; those of time-outs are decided one by one",
    "26": "prepared statements",
    "27": "triggers",
    "2B": "DROP",
    "2D": "ends a transaction inside a function",
    "2F": "functions in SQL that break their own rules",
    "34": "cursors of SQL",
    "3B": "savepoints",
    "40": "serialization; retried",
    "44": "WITH CHECK OPTION",
    "54": "limits; 54000 is decided",
    "55": "states of objects; decided one by one",
    "58": "errors of the system; retried",
    "72": "a snapshot too old; retried",
    "F0": "the server's configuration",
    "HV": "foreign tables; the other server may come back",
    "XX": "internal; corruption is decided one by one",
    "28": "decided one by one",
    "3D": "decided one by one",
    "3F": "decided one by one",
    "42": "statements against a changed schema; decided one by one",
}


def test_every_class_of_postgresql_has_a_decision() -> None:
    """A new class, in a newer psycopg2, has to be decided, too."""
    classes = {
        code[:2]
        for name, code in vars(errorcodes).items()
        if name.isupper() and isinstance(code, str) and len(code) == 5
    }
    assert len(classes) > 30
    assert classes - set(database._BY_CLASS) == set(NOT_MET) & classes
    assert not set(NOT_MET) & set(database._BY_CLASS)
    states = {value for value in vars(errorcodes).values() if isinstance(value, str)}
    assert set(database._BY_STATE) <= states | {"25P04"}
    for code, _ in [*database._BY_STATE.values(), *database._BY_CLASS.values()]:
        assert code in CODES
