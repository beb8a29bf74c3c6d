"""Roles: what a role may do is what it owns, was granted, and inherits."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import snowflake.connector

from .conftest import Account, Client, Deploy

_NUMBERS = itertools.count(1)


@pytest.fixture
def role(client: Client) -> str:
    """A role that holds nothing but the warehouse."""
    name = f"ROLE_{next(_NUMBERS)}"
    client.run(f"CREATE ROLE {name}")
    client.run(f"GRANT USAGE ON WAREHOUSE compute_wh TO ROLE {name}")
    return name


@pytest.fixture
def guest(account: Account, client: Client, role: str) -> Iterator[Client]:
    """A user of their own, who has that role alone."""
    client.run(f"CREATE USER u_{role} PASSWORD = 'any' DEFAULT_ROLE = {role}")
    client.run(f"GRANT ROLE {role} TO USER u_{role}")
    with connect(account, f"u_{role}") as connection:
        yield Client(connection)


def connect(account: Account, user: str, **settings: Any) -> Any:

    return snowflake.connector.connect(
        host="127.0.0.1",
        port=account.port,
        protocol="http",
        account="local",
        user=user,
        password=settings.pop("password", "any"),
        paramstyle="qmark",
        **settings,
    )


def open_up(client: Client, database: str, role: str) -> None:
    client.run(f"GRANT USAGE ON DATABASE {database} TO ROLE {role}")
    client.run(f"GRANT USAGE ON SCHEMA {database}.PUBLIC TO ROLE {role}")


def test_nothing_is_seen_without_database_schema_and_table(
    client: Client, guest: Client, database: str, role: str
) -> None:
    client.run("CREATE TABLE t (a INT)")
    read = f"SELECT a FROM {database}.PUBLIC.t"
    for grant in (
        f"SELECT ON TABLE {database}.PUBLIC.t",
        f"USAGE ON DATABASE {database}",
        f"USAGE ON SCHEMA {database}.PUBLIC",
    ):
        error = guest.fails(read)
        assert error.errno == 2003 and "does not exist or not authorized" in error.msg
        client.run(f"GRANT {grant} TO ROLE {role}")
    assert guest.run(read) == []
    client.run(f"REVOKE USAGE ON SCHEMA {database}.PUBLIC FROM ROLE {role}")
    assert guest.fails(read).errno == 2003


@pytest.mark.parametrize(
    ("statement", "privileges"),
    [
        ("INSERT INTO {t} VALUES (1)", "INSERT"),
        ("INSERT OVERWRITE INTO {t} SELECT 1", "INSERT, DELETE"),
        ("UPDATE {t} SET a = 2", "UPDATE, SELECT"),
        ("DELETE FROM {t}", "DELETE, SELECT"),
        ("TRUNCATE TABLE {t}", "TRUNCATE"),
        (
            "MERGE INTO {t} USING (SELECT 1 AS b) AS s ON a = b"
            " WHEN MATCHED THEN UPDATE SET a = 3"
            " WHEN NOT MATCHED THEN INSERT (a) VALUES (b)",
            "SELECT, INSERT, UPDATE",
        ),
        ("SELECT COUNT(*) FROM {t} AS x JOIN {t} AS y ON x.a = y.a", "SELECT"),
        ("CREATE TABLE {d}.PUBLIC.copied AS SELECT a FROM {t}", "SELECT"),
    ],
)
def test_each_privilege_that_a_statement_needs(
    client: Client,
    guest: Client,
    database: str,
    role: str,
    statement: str,
    privileges: str,
) -> None:
    table = f"{database}.PUBLIC.t"
    text = statement.format(t=table, d=database)
    client.run("CREATE TABLE t (a INT)")
    open_up(client, database, role)
    client.run(f"GRANT CREATE TABLE ON SCHEMA {database}.PUBLIC TO ROLE {role}")
    client.run(f"GRANT REFERENCES ON TABLE {table} TO ROLE {role}")
    for privilege in privileges.split(", "):
        assert guest.fails(text).errno == 3001
        client.run(f"GRANT {privilege} ON TABLE {table} TO ROLE {role}")
    guest.run(text)


def test_a_view_reads_as_its_owner(
    client: Client, guest: Client, database: str, role: str
) -> None:
    client.run("CREATE TABLE t (a INT)")
    client.run("CREATE VIEW v AS SELECT a FROM t")
    open_up(client, database, role)
    client.run(f"GRANT SELECT ON VIEW {database}.PUBLIC.v TO ROLE {role}")
    assert guest.run(f"SELECT a FROM {database}.PUBLIC.v") == []
    assert guest.fails(f"SELECT a FROM {database}.PUBLIC.t").errno == 2003
    client.run(f"GRANT OWNERSHIP ON VIEW v TO ROLE {role} COPY CURRENT GRANTS")
    assert guest.fails(f"SELECT a FROM {database}.PUBLIC.v").errno == 2003


def test_a_procedure_works_with_its_owners_rights(
    client: Client, guest: Client, deploy: Deploy, database: str, role: str
) -> None:
    code = """
    def count(session):
        return session.sql("SELECT COUNT(*) FROM t").collect()[0][0]
    """
    deploy(code, count="")
    client.run("CREATE TABLE t (a INT)")
    open_up(client, database, role)
    call = f"CALL {database}.PUBLIC.count()"
    assert guest.fails(call).errno == 2003
    client.run(f"GRANT USAGE ON PROCEDURE count() TO ROLE {role}")
    assert guest.one(call) == "0"
    assert guest.fails(f"SELECT a FROM {database}.PUBLIC.t").errno == 2003
    client.run(f"GRANT OWNERSHIP ON PROCEDURE count() TO ROLE {role}")
    assert "does not exist or not authorized" in guest.fails(call).msg


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE {d}.PUBLIC.n (a INT)",
        "CREATE VIEW {d}.PUBLIC.n AS SELECT 1 AS a",
        "CREATE STAGE {d}.PUBLIC.n",
        "CREATE SCHEMA {d}.n",
        "CREATE DATABASE n",
        "CREATE ROLE n",
        "CREATE WAREHOUSE n",
        "ALTER TABLE {d}.PUBLIC.t ADD COLUMN b INT",
        "CREATE OR REPLACE TABLE {d}.PUBLIC.t (a INT)",
        "DROP TABLE {d}.PUBLIC.t",
        "DROP SCHEMA {d}.PUBLIC",
        "DROP DATABASE {d}",
        "ALTER DATABASE {d} SET COMMENT = 'x'",
        "ALTER WAREHOUSE compute_wh SET AUTO_SUSPEND = 1",
        "LIST @{d}.PUBLIC.s",
        "REMOVE @{d}.PUBLIC.s",
        "EXECUTE TASK {d}.PUBLIC.k",
        "ALTER TASK {d}.PUBLIC.k SUSPEND",
        "DROP TASK {d}.PUBLIC.k",
        "GRANT SELECT ON TABLE {d}.PUBLIC.t TO ROLE {r}",
        "GRANT OWNERSHIP ON TABLE {d}.PUBLIC.t TO ROLE {r}",
        "GRANT USAGE ON DATABASE {d} TO ROLE {r}",
        "GRANT CREATE DATABASE ON ACCOUNT TO ROLE {r}",
        "GRANT ROLE sysadmin TO ROLE {r}",
        "USE ROLE accountadmin",
    ],
)
def test_what_a_reader_may_not_do(
    client: Client, guest: Client, database: str, role: str, statement: str
) -> None:
    client.run("CREATE TABLE t (a INT)")
    client.run("CREATE STAGE s")
    client.run("CREATE TASK k SCHEDULE = '60 MINUTE' AS SELECT 1")
    open_up(client, database, role)
    client.run(f"GRANT SELECT ON ALL TABLES IN SCHEMA PUBLIC TO ROLE {role}")
    error = guest.fails(statement.format(d=database, r=role))
    assert error.errno in (2003, 3001), error.msg


def test_a_list_of_an_external_stage_needs_its_integration_too(
    client: Client, guest: Client, s3: Any, database: str, role: str
) -> None:
    """Whoever may use the stage alone may COPY from it and cannot look into it."""
    url = f"s3://landing/{database}/"
    client.run(
        "CREATE OR REPLACE STORAGE INTEGRATION listed TYPE = EXTERNAL_STAGE "
        "STORAGE_PROVIDER = 'S3' ENABLED = TRUE STORAGE_AWS_ROLE_ARN = 'arn:x' "
        f"STORAGE_ALLOWED_LOCATIONS = ('{url}')"
    )
    client.run(f"CREATE STAGE outside URL = '{url}' STORAGE_INTEGRATION = listed")
    s3.put_object(Bucket="landing", Key=f"{database}/a.csv", Body=b"1")
    open_up(client, database, role)
    client.run(f"GRANT USAGE ON STAGE outside TO ROLE {role}")
    look = f"LIST @{database}.PUBLIC.outside"
    assert guest.fails(look).errno in (2003, 3001)
    client.run(f"GRANT USAGE ON INTEGRATION listed TO ROLE {role}")
    ((name, size, *_),) = guest.run(look)
    assert (name, int(size)) == (f"s3://landing/{database}/a.csv", 1)


def test_future_grants_hold_for_what_comes_later_alone(
    client: Client, guest: Client, database: str, role: str
) -> None:
    open_up(client, database, role)
    client.run("CREATE TABLE before (a INT)")
    future = "SELECT ON FUTURE TABLES IN SCHEMA PUBLIC"
    client.run(f"GRANT {future} TO ROLE {role}")
    client.run("CREATE TABLE after (a INT)")
    assert guest.run(f"SELECT a FROM {database}.PUBLIC.after") == []
    assert guest.fails(f"SELECT a FROM {database}.PUBLIC.before").errno == 2003
    shown = client.run("SHOW FUTURE GRANTS IN SCHEMA PUBLIC")
    assert [g[1:4] for g in shown] == [
        ("SELECT", "TABLE", f"{database}.PUBLIC.<TABLE>")
    ]
    client.run(f"REVOKE {future} FROM ROLE {role}")
    client.run("CREATE TABLE last (a INT)")
    assert guest.fails(f"SELECT a FROM {database}.PUBLIC.last").errno == 2003


def test_show_lists_what_a_role_holds(
    client: Client, guest: Client, database: str, role: str
) -> None:
    client.run("CREATE TABLE t (a INT)")
    client.run("CREATE TABLE u (a INT)")
    assert guest.run("SHOW DATABASES") == []
    open_up(client, database, role)
    client.run(f"GRANT SELECT ON TABLE t TO ROLE {role}")
    shown = guest.run(f"SHOW TABLES IN DATABASE {database}")
    assert [row[1] for row in shown] == ["T"]
    shown = client.run("SHOW GRANTS ON TABLE t")
    assert [g[1] for g in shown] == ["OWNERSHIP", "SELECT"]
    assert shown[0][5] == "ACCOUNTADMIN"


def test_privileges_are_inherited_and_users_take_their_roles_alone(
    account: Account, client: Client, database: str, role: str
) -> None:
    client.run("CREATE TABLE t (a INT)")
    open_up(client, database, role)
    client.run(f"GRANT SELECT ON TABLE t TO ROLE {role}")
    client.run(f"CREATE ROLE above_{role}")
    client.run(f"GRANT ROLE {role} TO ROLE above_{role}")
    client.run(f"CREATE USER {role} PASSWORD = 'p' DEFAULT_ROLE = above_{role}")
    client.run(f"GRANT ROLE above_{role} TO USER {role}")
    with connect(account, role, password="p") as connection:
        above = Client(connection)
        assert above.run(f"SELECT a FROM {database}.PUBLIC.t") == []
        above.run(f"USE ROLE {role}")
        assert above.fails("USE ROLE sysadmin").errno == 3001
    for wrong in ({"password": "q"}, {"password": "p", "role": "SYSADMIN"}):
        with pytest.raises(Exception, match="390100|390189|Incorrect|not granted"):
            connect(account, role, **wrong)


def test_a_query_needs_a_warehouse(
    client: Client, guest: Client, database: str, role: str
) -> None:
    client.run("CREATE TABLE t (a INT)")
    open_up(client, database, role)
    client.run(f"GRANT SELECT ON TABLE t TO ROLE {role}")
    client.run(f"REVOKE USAGE ON WAREHOUSE compute_wh FROM ROLE {role}")
    assert guest.fails(f"SELECT a FROM {database}.PUBLIC.t").errno == 606


def test_grants_go_with_a_table_that_is_swapped(
    client: Client, guest: Client, database: str, role: str
) -> None:
    open_up(client, database, role)
    client.run("CREATE TABLE t AS SELECT 1 AS a")
    client.run("CREATE TABLE u AS SELECT 2 AS a")
    client.run(f"GRANT SELECT ON TABLE t TO ROLE {role}")
    client.run("ALTER TABLE t SWAP WITH u")
    assert guest.one(f"SELECT a FROM {database}.PUBLIC.u") == 1
    assert guest.fails(f"SELECT a FROM {database}.PUBLIC.t").errno == 2003
