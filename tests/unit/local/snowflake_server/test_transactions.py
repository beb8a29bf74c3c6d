"""BEGIN, COMMIT, ROLLBACK, and two clients at once."""

import threading
import time

import duckdb
import pytest

from local.snowflake_server.core.errors import SnowflakeError
from local.snowflake_server.core.transactions import Scope, WriteLock

from .conftest import Account, Client


def test_others_see_rows_after_the_commit_only(client: Client, second: Client) -> None:
    client.run("CREATE TABLE t (a INT)")
    client.run("BEGIN")
    client.run("INSERT INTO t VALUES (1)")
    assert second.one("SELECT COUNT(*) FROM t") == 0
    client.run("COMMIT")
    assert second.one("SELECT COUNT(*) FROM t") == 1


def test_tables_are_listed_while_others_create_and_drop_some(
    client: Client, second: Client
) -> None:
    client.run("CREATE TABLE stays (a INT)")
    client.run("INSERT INTO stays VALUES (1), (2)")

    def come_and_go() -> None:
        for _ in range(60):
            second.run("CREATE OR REPLACE TABLE comes (a INT)")
            second.run("DROP TABLE comes")

    other = threading.Thread(target=come_and_go)
    other.start()
    lists = 0
    while other.is_alive():
        listed = client.run("SHOW TABLES")
        assert [row[7] for row in listed if row[1] == "STAYS"] == [2]
        lists += 1
    other.join()
    assert lists > 5
    assert [row[1] for row in client.run("SHOW TABLES")] == ["STAYS"]


def test_a_failed_statement_does_not_end_the_transaction(client: Client) -> None:
    client.run("CREATE TABLE t (a INT)")
    client.run("BEGIN")
    client.run("INSERT INTO t VALUES (1)")
    client.fails("INSERT INTO t VALUES ('x')")
    client.fails("SELECT 'x'::INT FROM t")
    client.run("INSERT INTO t VALUES (2)")
    client.run("COMMIT")
    assert client.run("SELECT a FROM t ORDER BY a") == [(1,), (2,)]


def test_ddl_commits(client: Client) -> None:
    client.run("CREATE TABLE t (a INT)")
    client.run("BEGIN")
    client.run("INSERT INTO t VALUES (1)")
    client.run("CREATE TABLE other (a INT)")
    client.run("ROLLBACK")
    assert client.one("SELECT COUNT(*) FROM t") == 1


def test_reads_in_a_transaction_see_what_others_commit(
    client: Client, second: Client
) -> None:
    client.run("CREATE TABLE t (a INT)")
    client.run("BEGIN")
    assert client.one("SELECT COUNT(*) FROM t") == 0
    second.run("INSERT INTO t VALUES (1)")
    assert client.one("SELECT COUNT(*) FROM t") == 1
    client.run("UPDATE t SET a = 2")
    client.run("COMMIT")
    assert second.one("SELECT a FROM t") == 2


def test_writers_wait_for_each_other(client: Client, second: Client) -> None:
    client.run("CREATE TABLE t (a INT)")
    client.run("INSERT INTO t VALUES (0)")
    client.run("BEGIN")
    client.run("UPDATE t SET a = a + 1")
    waiting = threading.Thread(target=second.run, args=("UPDATE t SET a = a + 1",))
    waiting.start()
    client.run("COMMIT")
    waiting.join()
    assert client.one("SELECT a FROM t") == 2


def test_a_lock_that_does_not_come_is_an_error(client: Client, second: Client) -> None:
    client.run("CREATE TABLE t (a INT)")
    client.run("BEGIN")
    client.run("INSERT INTO t VALUES (1)")
    assert second.fails("INSERT INTO t VALUES (2)").errno == 625
    client.run("ROLLBACK")
    second.run("INSERT INTO t VALUES (2)")


def test_a_closed_session_lets_its_lock_go(
    account: Account, database: str, client: Client
) -> None:
    client.run("CREATE TABLE t (a INT)")
    with account.connect(database=database) as connection:
        leaving = Client(connection)
        leaving.run("BEGIN")
        leaving.run(f"INSERT INTO {database}.public.t VALUES (1)")
    client.run("INSERT INTO t VALUES (2)")
    assert client.run("SELECT a FROM t") == [(2,)]


def test_without_autocommit_a_statement_begins_a_transaction(client: Client) -> None:
    client.run("CREATE TABLE t (a INT)")
    client.connection.autocommit(False)
    client.run("INSERT INTO t VALUES (1)")
    client.connection.rollback()
    assert client.one("SELECT COUNT(*) FROM t") == 0


def test_a_transaction_may_span_databases(client: Client, database: str) -> None:
    client.run(f"CREATE DATABASE {database}_b")
    client.run(f"CREATE TABLE {database}_b.public.t (a INT)")
    client.run(f"CREATE TABLE {database}.public.t (a INT)")
    client.run("BEGIN")
    client.run(f"INSERT INTO {database}_b.public.t VALUES (1)")
    client.run(f"INSERT INTO {database}.public.t VALUES (1)")
    client.run("COMMIT")
    client.run(f"DROP DATABASE {database}_b")


def test_current_transaction_is_null_outside_of_one(client: Client) -> None:
    ask = "SELECT CURRENT_TRANSACTION()"
    client.run("CREATE TABLE t (a INT)")
    assert client.one(ask) is None
    client.run("BEGIN")
    first = client.one(ask)
    assert first and client.one(ask) == first
    client.run("COMMIT")
    assert client.one(ask) is None
    client.run("ALTER SESSION SET AUTOCOMMIT = FALSE")
    assert client.one(ask) is None
    client.run("INSERT INTO t VALUES (1)")
    assert client.one(ask) not in (None, first)
    client.run("ROLLBACK")
    client.run("ALTER SESSION UNSET AUTOCOMMIT")


def test_p3_queries_answer_no_more_rows_than_rows_per_resultset(client: Client) -> None:
    three = "SELECT column1 FROM VALUES (1), (2), (3)"
    client.run("ALTER SESSION SET ROWS_PER_RESULTSET = 2")
    assert len(client.run(three)) == 2
    client.run("CREATE TABLE t (a INT)")
    assert client.run(f"INSERT INTO t {three}") == [(3,)]
    client.run("ALTER SESSION UNSET ROWS_PER_RESULTSET")
    assert len(client.run(three)) == 3


def test_r3_a_21st_waiter_is_refused_at_once() -> None:
    lock = WriteLock(timeout_seconds=30)
    scopes = [Scope(connection=duckdb.connect(), lock=lock) for _ in range(22)]

    def wait(scope: Scope) -> None:
        lock.take(scope)
        lock.release()

    lock.take(scopes[0])
    waiting = [threading.Thread(target=wait, args=(scope,)) for scope in scopes[1:21]]
    for thread in waiting:
        thread.start()
    while lock._waiting < 20:
        time.sleep(0.001)
    with pytest.raises(SnowflakeError) as refused:
        lock.take(scopes[21])
    assert refused.value.code == 625
    lock.release()
    for thread in waiting:
        thread.join()
    lock.take(scopes[21])
    assert lock._waiting == 0
