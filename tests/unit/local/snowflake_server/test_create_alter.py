"""CREATE, ALTER, DROP, DESCRIBE, SHOW of tables and views."""

import pytest

from .conftest import Client


def test_a_table_is_described_as_it_was_created(client: Client) -> None:
    client.run(
        "CREATE TRANSIENT TABLE t (id NUMBER(10,0) NOT NULL COMMENT 'key', "
        "\"b c\" VARCHAR(10) DEFAULT 'q', tz TIMESTAMP_TZ(6), a ARRAY, d DECFLOAT, "
        "PRIMARY KEY (id)) DATA_RETENTION_TIME_IN_DAYS = 0 COMMENT = 'hi'"
    )
    described = client.run("DESC TABLE t")
    assert [(d[0], d[1], d[3]) for d in described] == [
        ("ID", "NUMBER(10,0)", "N"),
        ("b c", "VARCHAR(10)", "Y"),
        ("TZ", "TIMESTAMP_TZ(6)", "Y"),
        ("A", "ARRAY", "Y"),
        ("D", "DECFLOAT", "Y"),
    ]
    client.run("INSERT INTO t (id) VALUES (1), (1)")  # PRIMARY KEY is not enforced
    assert client.run('SELECT DISTINCT "b c" FROM t') == [("q",)]
    assert client.run(
        "SELECT column_name, data_type, numeric_precision "
        "FROM information_schema.columns WHERE table_name = 'T' "
        "ORDER BY ordinal_position LIMIT 2"
    ) == [("ID", "NUMBER", 10), ("b c", "TEXT", None)]
    assert [row[1] for row in client.run("SHOW TABLES LIKE 't%'")] == ["T"]


def test_columns_are_added_widened_renamed_and_dropped(client: Client) -> None:
    client.run("CREATE TABLE t (a NUMBER(3,0), b VARCHAR(2))")
    client.run("INSERT INTO t VALUES (1, 'x')")
    client.run("ALTER TABLE t ADD COLUMN c VARCHAR(5) DEFAULT 'new'")
    client.run("ALTER TABLE t ADD COLUMN IF NOT EXISTS c INT")
    client.run("ALTER TABLE t ALTER COLUMN a SET DATA TYPE NUMBER(10,0)")
    client.run("ALTER TABLE t ALTER COLUMN b SET DATA TYPE VARCHAR(10)")
    client.run("ALTER TABLE t RENAME COLUMN b TO d")
    client.run("INSERT INTO t (a, d) VALUES (1000000, 'long text')")
    found = client.run("SELECT a, d, c FROM t ORDER BY a")
    assert found == [(1, "x", "new"), (1000000, "long text", "new")]
    client.run("ALTER TABLE t DROP COLUMN c")
    assert len(client.run("DESC TABLE t")) == 2


@pytest.mark.parametrize(
    "change",
    ["VARCHAR(1)", "NUMBER(5,2)", "FLOAT", "NUMBER(2,0)"],
)
def test_other_changes_of_type_are_refused(client: Client, change: str) -> None:
    client.run("CREATE TABLE t (a NUMBER(5,0))")
    client.run("INSERT INTO t VALUES (12345)")
    text = f"ALTER TABLE t ALTER COLUMN a SET DATA TYPE {change}"
    assert client.fails(text).errno == 40054


def test_swap_rename_clone_and_like(client: Client) -> None:
    client.run("CREATE TABLE a AS SELECT 'a' AS v")
    client.run("CREATE TABLE b AS SELECT 'b' AS v")
    client.run("ALTER TABLE a SWAP WITH b")
    assert client.one("SELECT v FROM a") == "b"
    client.run("ALTER TABLE a RENAME TO c")
    client.run("CREATE TABLE d CLONE c")
    client.run("CREATE TABLE e LIKE c")
    assert client.run("SELECT v FROM d") == [("b",)]
    assert client.run("SELECT v FROM e") == []
    assert client.fails("SELECT v FROM a").errno == 2003


def test_a_view_follows_its_tables(client: Client) -> None:
    client.run("CREATE TABLE t (a NUMBER(3,0))")
    client.run("CREATE VIEW v (x) COMMENT = 'c' AS SELECT MAX(a) FROM t")
    client.run("CREATE VIEW w AS SELECT x, CURRENT_TIMESTAMP() AS now FROM v")
    client.run("ALTER TABLE t ALTER COLUMN a SET DATA TYPE NUMBER(9,0)")
    client.run("INSERT INTO t VALUES (123456)")
    assert client.run("SELECT w.x FROM w WHERE w.now IS NOT NULL") == [(123456,)]
    assert client.fails("CREATE VIEW u AS SELECT nothing FROM t").errno == 904


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE t (a INT) NONSENSE = 1",
        "CREATE TABLE t (a INT CHECK (a > 1))",
        "CREATE TABLE t (a INT, a INT)",
        "CREATE TABLE t (a HUGEINT)",
        "CREATE TABLE t (a NUMBER(39,0))",
        'CREATE TABLE t ("CURRENT_DATE" DATE)',
        "CREATE SEQUENCE s",
        "CREATE FILE FORMAT f TYPE = CSV NONSENSE = 1",
        "CREATE FILE FORMAT f TYPE = PARQUET",
        "GRANT NONSENSE ON DATABASE d TO ROLE sysadmin",
        "GRANT USAGE ON DATABASE no_such TO ROLE sysadmin",
        "USE ROLE no_such",
        "ALTER SESSION SET nonsense = 1",
    ],
)
def test_unknown_options_are_refused(client: Client, text: str) -> None:
    client.fails(text)
    assert client.run("SHOW TABLES") == []


def test_roles_grants_and_warehouses(client: Client, database: str) -> None:
    client.run("CREATE ROLE IF NOT EXISTS some_role COMMENT = 'x'")
    client.run("CREATE WAREHOUSE IF NOT EXISTS wh WAREHOUSE_SIZE = 'XSMALL'")
    client.run(f"GRANT USAGE, MONITOR ON DATABASE {database} TO ROLE some_role")
    client.run("GRANT EXECUTE MANAGED TASK ON ACCOUNT TO ROLE some_role")
    granted = client.run("SHOW GRANTS TO ROLE some_role")
    shown = {g[1:4] for g in granted}
    assert shown >= {
        ("USAGE", "DATABASE", database),
        ("EXECUTE MANAGED TASK", "ACCOUNT", "LOCAL"),
    }
    client.run("USE ROLE some_role")
    assert client.one("SELECT CURRENT_ROLE()") == "SOME_ROLE"


def test_temporary_tables_end_with_the_session(client: Client, second: Client) -> None:
    client.run("CREATE TEMPORARY TABLE t AS SELECT 1 AS a")
    assert client.one("SELECT a FROM t") == 1
    assert second.fails("SELECT a FROM t").errno == 2003


def test_future_grants_need_managed_access_or_the_right(
    client: Client, database: str
) -> None:
    """D1: GRANT <privileges>, access control requirements."""
    client.run("CREATE ROLE IF NOT EXISTS builder")
    client.run(f"GRANT CREATE SCHEMA ON DATABASE {database} TO ROLE builder")
    client.run("USE ROLE builder")
    client.run("CREATE SCHEMA plain")
    future = "GRANT MONITOR ON FUTURE TASKS IN SCHEMA {} TO ROLE builder"
    assert client.fails(future.format("plain")).errno == 3001
    client.run("ALTER SCHEMA plain ENABLE MANAGED ACCESS")
    client.run(future.format("plain"))
    client.run("CREATE SCHEMA managed WITH MANAGED ACCESS")
    client.run(future.format("managed"))
    client.run("USE ROLE accountadmin")
    client.run(future.format("plain"))


def test_who_grants_on_an_object_of_another_owner(
    client: Client, database: str
) -> None:
    """D2: the schema's owner under managed access, the object's owner elsewhere."""
    client.run("CREATE ROLE IF NOT EXISTS builder")
    client.run("CREATE ROLE IF NOT EXISTS guest")
    for role in ("builder", "guest"):
        client.run(f"GRANT USAGE ON DATABASE {database} TO ROLE {role}")
        client.run(f"GRANT USAGE ON WAREHOUSE compute_wh TO ROLE {role}")
    client.run(f"GRANT CREATE SCHEMA ON DATABASE {database} TO ROLE builder")
    client.run("USE ROLE builder")
    client.run("CREATE SCHEMA shared")
    client.run("GRANT CREATE VIEW, USAGE ON SCHEMA shared TO ROLE guest")
    client.run("USE ROLE guest")
    client.run("CREATE VIEW shared.v AS SELECT 1 AS a")
    one, every = (
        f"GRANT SELECT ON {what} TO ROLE guest"
        for what in ("VIEW shared.v", "ALL VIEWS IN SCHEMA shared")
    )
    client.run("USE ROLE builder")
    assert client.fails(one).errno == client.fails(every).errno == 3001
    client.run("ALTER SCHEMA shared ENABLE MANAGED ACCESS")
    client.run(one)
    client.run(every)
    client.run("USE ROLE guest")
    assert client.fails(one).errno == 3001


def test_what_is_replaced_loses_its_grants(client: Client, database: str) -> None:
    """W2: COPY GRANTS keeps them."""
    client.run("CREATE ROLE IF NOT EXISTS viewer")
    client.run("CREATE VIEW seen AS SELECT 1 AS a")
    client.run("GRANT SELECT ON VIEW seen TO ROLE viewer")
    found = f"SHOW GRANTS ON VIEW {database}.PUBLIC.SEEN"
    client.run("CREATE OR REPLACE VIEW seen COPY GRANTS AS SELECT 2 AS a")
    assert [g[1] for g in client.run(found)] == ["OWNERSHIP", "SELECT"]
    client.run("CREATE OR REPLACE VIEW seen AS SELECT 3 AS a")
    assert [g[1] for g in client.run(found)] == ["OWNERSHIP"]


def test_w3_a_table_has_no_other_collation_than_none(client: Client) -> None:
    client.run("CREATE TABLE t (k VARCHAR) DEFAULT_DDL_COLLATION = ''")
    client.fails("CREATE TABLE u (k VARCHAR) DEFAULT_DDL_COLLATION = 'en-ci'")


@pytest.mark.parametrize("kind", ["TIME(3)", "TIMESTAMP_TZ(0)", "TIMESTAMP_NTZ(5)"])
def test_v12_types_of_time_that_would_cut_are_refused(
    client: Client, kind: str
) -> None:
    assert "fewer digits" in str(client.fails(f"CREATE TABLE short (at {kind})"))
    client.run("CREATE TABLE short (at TIME(6), b TIMESTAMP_NTZ, c TIMESTAMP_TZ(9))")
