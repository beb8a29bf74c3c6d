"""Errors of PostgreSQL that a reader meets name the thing itself."""

import contextlib
import re
from pathlib import Path

import psycopg2.extensions
import pytest
from psycopg2 import sql

from lambda_extract import contract
from lambda_extract.errors import CODES, AuthenticationError, ExtractError
from lambda_extract.settings import Source
from lambda_extract.source import sqlstates
from lambda_extract.source.logins import refusal
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


# What may be another time: everything else has to be mended by somebody.
A_RETRY_MAY_HELP = {
    *("08000 08001 08003 08004 08006 08007 08P01".split()),
    *("25P03 25P04".split()),
    *("25P02".split()),
    *("40000 40001 40002 40003 40P01".split()),
    *("53000 53100 53200 53300 53400".split()),
    *("55006 55P02 55P03 55P04".split()),
    *("57000 57014 57P01 57P02 57P03 57P05".split()),
    *("58000 58030 58P02 58P03".split()),
    *("F0000 F0001".split()),
    "XX000",
}
NO_ERRORS = {"00", "01", "02"}
# snapshot_too_old, which 17 took away with its setting; Aurora still has older majors.
GONE = {"72000"}


def states_of_postgresql() -> list[str]:
    """SQLSTATEs of errors in PostgreSQL's own list, as of version 18."""
    text = (Path(__file__).parent / "errcodes.txt").read_text(encoding="utf-8")
    found = re.findall(r"^(\w{5})\s+[EWS]\s+ERRCODE_", text, flags=re.MULTILINE)
    return sorted({state for state in found if state[:2] not in NO_ERRORS})


def test_every_class_of_postgresql_has_a_decision() -> None:
    states = states_of_postgresql()
    assert len(states) > 240
    gone = {state[:2] for state in GONE}
    assert {state[:2] for state in states} | gone == set(sqlstates.BY_CLASS)
    assert set(sqlstates.BY_STATE) <= {*states, *GONE}
    assert {state for state, _, _ in sqlstates.BY_PHRASE} <= set(states)


def test_every_state_of_postgresql_says_whether_a_retry_helps() -> None:
    decided = {state: sqlstates.decide(state) for state in states_of_postgresql()}
    retried = {state for state, told in decided.items() if CODES[told.code].retryable}
    foreign = {state for state in decided if state.startswith("HV")}
    assert retried == A_RETRY_MAY_HELP | foreign
    for told in decided.values():
        assert told.message.endswith(".")
        assert told.code != "internal_error"


@pytest.mark.parametrize("state", ["MY001", "ZZZZZ", "P0123", "99999"])
def test_a_state_that_a_function_made_up_is_not_tried_again(state: str) -> None:
    told = sqlstates.decide(state)
    assert told.code == "source_cannot_be_read"
    assert sqlstates.decide("").code == "source_error"


@pytest.mark.parametrize(
    ("state", "text", "code"),
    [
        (
            "42501",
            'query would be affected by row-level security policy for table "t"',
            "row_security",
        ),
        ("42501", "permission denied for table t", "permission_denied"),
        (
            "57014",
            "canceling statement due to statement timeout",
            "window_too_large",
        ),
        ("57014", "canceling statement due to user request", "source_error"),
        ("57014", "storniere Anfrage wegen Zeitüberschreitung", "window_too_large"),
    ],
)
def test_one_state_with_two_reasons(state: str, text: str, code: str) -> None:
    assert sqlstates.decide(state, text).code == code


@pytest.mark.parametrize(
    ("text", "code", "retryable"),
    [
        (
            "FATAL:  unsupported startup parameter: options",
            "pooler_refused",
            False,
        ),
        (
            "FATAL:  unsupported startup parameter in options: statement_timeout",
            "pooler_refused",
            False,
        ),
        (
            "FATAL:  Feature not supported: RDS Proxy currently doesn\u2019t support"
            " command-line options.",
            "pooler_refused",
            False,
        ),
        ('FATAL:  role "lease_1" does not exist', "source_authentication", False),
        ("FATAL:  invalid role OID: 16397", "source_authentication", False),
        (
            'FATAL:  role "r" is not permitted to log in',
            "source_authentication",
            False,
        ),
        (
            'FATAL:  permission denied for database "shop"\nDETAIL:  User does not'
            " have CONNECT privilege.",
            "permission_denied",
            False,
        ),
        ('FATAL:  database "shop" does not exist', "database_not_found", False),
        (
            'FATAL:  database "shop" is not currently accepting connections',
            "database_not_found",
            False,
        ),
        ('FATAL:  too many connections for role "r"', "too_many_connections", True),
        (
            'FATAL:  too many connections for database "shop"',
            "too_many_connections",
            True,
        ),
        (
            "FATAL:  remaining connection slots are reserved for roles with the"
            " SUPERUSER attribute",
            "too_many_connections",
            True,
        ),
        ("FATAL:  sorry, too many clients already", "too_many_connections", True),
        (
            "FATAL:  no more connections allowed (max_client_conn)",
            "too_many_connections",
            True,
        ),
        ("FATAL:  the database system is starting up", "source_unreachable", True),
        (
            'could not translate host name "db" to address: Name or service not known',
            "source_unreachable",
            True,
        ),
        ("Connection refused", "source_unreachable", True),
    ],
)
def test_a_failed_login_names_its_reason(text: str, code: str, retryable: bool) -> None:
    error = refusal(text, Source("shop", "db", "shop", {}))
    assert (error.code, error.retryable) == (code, retryable)
    assert isinstance(error, AuthenticationError) == (code == "source_authentication")
    assert "FATAL" not in error.message


def test_a_refused_login_is_told_in_whole_sentences() -> None:
    source = Source("shop", "db", "shop", {})
    pooler = refusal("FATAL:  unsupported startup parameter: options", source)
    assert pooler.message == (
        "Source 'shop' (db:5432) is a pooler that refuses the settings of a session."
    )
    missing = refusal('FATAL:  database "shop" does not exist', source)
    assert missing.message == (
        "PostgreSQL of source 'shop' (db:5432) has no database 'shop' that takes"
        " connections."
    )


def test_of_two_attempts_a_missing_right_is_told_before_a_lack_of_connections() -> None:
    """With sslmode prefer, libpq tries a second time and gives the texts of both.

    To wait for a connection would end in the refusal of the other attempt.
    """
    full = "FATAL:  sorry, too many clients already"
    denied = 'FATAL:  permission denied for database "shop"'
    for text in (f"{full}\n{denied}", f"{denied}\n{full}"):
        error = refusal(text, Source("shop", "db", "shop", {}))
        assert (error.code, error.retryable) == ("permission_denied", False)


def test_timeouts_of_the_role_end_nothing(
    make_table: MakeTable, aurora: Aurora
) -> None:
    """Each setting of the role that ends sessions is taken back (E5).

    It holds until then: a statement that takes a setting back has to end in time.
    """
    reader = make_table("id int PRIMARY KEY", "INSERT INTO {table} VALUES (1)")
    reader.user = f"hasty_{reader.spec.relation}"
    with contextlib.closing(aurora.connect("shop")) as owner, owner.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {reader.user} LOGIN IN ROLE aurora_sync")
        for name in (
            "statement_timeout",
            "lock_timeout",
            "idle_in_transaction_session_timeout",
            "idle_session_timeout",
            "transaction_timeout",
        ):
            cursor.execute(f"ALTER ROLE {reader.user} SET {name} = '400ms'")
    with reader.database() as database:
        database.begin_snapshot()
        database.row(sql.SQL("SELECT pg_catalog.pg_sleep(0.6)::text"))
        database.end_snapshot()
    assert len(reader.rows(reader.run(partition=WHOLE))) == 1


def test_a_function_that_writes_is_named(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table("id int PRIMARY KEY", "INSERT INTO {table} VALUES (1)")
    name = f"{reader.spec.relation}_v"
    with owner.cursor() as cursor:
        cursor.execute(
            f"CREATE SEQUENCE {name}_s; GRANT USAGE ON SEQUENCE {name}_s TO aurora_sync"
        )
        cursor.execute(
            f"CREATE VIEW {name} AS SELECT nextval('public.{name}_s') AS id;"
            f"GRANT SELECT ON {name} TO aurora_sync"
        )
    reader.spec = contract.TableSpec("v", "shop", "public", name)
    error = failure(reader)
    assert (error.code, error.retryable) == ("source_cannot_be_read", False)
    assert "READ ONLY" in error.message


@pytest.mark.parametrize(
    ("columns", "exclude", "code", "words"),
    [
        ("", (), "column_not_found", "has no columns at all"),
        ("id int, v int", ("id", "v"), "bad_request", '"exclude" names all of them'),
    ],
)
def test_a_table_with_nothing_to_read_says_why(
    make_table: MakeTable,
    columns: str,
    exclude: tuple[str, ...],
    code: str,
    words: str,
) -> None:
    error = failure(make_table(columns, exclude=exclude))
    assert error.code == code
    assert words in error.message
    assert "deploy" not in error.hint.lower()
