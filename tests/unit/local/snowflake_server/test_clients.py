"""Real clients: Snowpark over HTTP, long statements, logins."""

import json
import urllib.request

from snowflake.snowpark import Session

from .conftest import Account, Client


def test_snowpark(account: Account, database: str) -> None:
    connection = account.connect(database=database, schema="PUBLIC")
    session = Session.builder.configs({"connection": connection}).create()
    frame = session.create_dataframe([[1, "a"], [2, None]], schema=["a", "b"])
    assert [tuple(row) for row in frame.collect()] == [(1, "a"), (2, None)]
    many = session.create_dataframe([[n] for n in range(600)], schema=["n"])
    assert many.count() == 600
    assert session.sql("SELECT ? AS x", params=[None]).collect()[0]["X"] is None
    session.close()


def test_faults_delay_and_fail(account: Account, client: Client) -> None:
    account.faults({"match": "^select 1", "action": "error", "nth": 2, "code": 604})
    assert client.one("SELECT 1") == 1
    assert client.fails("SELECT 1").errno == 604
    assert client.one("SELECT 1") == 1


def test_a_long_statement_is_asked_for_again_and_runs_once(
    account: Account, client: Client
) -> None:
    client.run("CREATE TABLE t (a INT)")
    account.faults({"match": "^insert", "action": "delay", "seconds": 1.2})
    client.run("INSERT INTO t VALUES (1)")
    assert client.one("SELECT COUNT(*) FROM t") == 1


def test_an_unknown_session_is_told_so(account: Account, client: Client) -> None:
    address = f"http://127.0.0.1:{account.port}/queries/v1/query-request"
    request = urllib.request.Request(address, data=b"{}", method="POST")
    with urllib.request.urlopen(request, timeout=5) as reply:
        answer = json.load(reply)
    assert answer["success"] is False and answer["code"] == "390111"
