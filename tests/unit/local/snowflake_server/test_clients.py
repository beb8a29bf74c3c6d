"""Real clients: Snowpark over HTTP, long statements, logins."""

import json
import urllib.error
import urllib.request

import pytest
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


def test_a_change_slips_into_a_transaction_that_has_written(
    account: Account, client: Client
) -> None:
    """As if another session had committed it between two of its statements."""
    client.run("CREATE TABLE t (a INT)")
    client.run("CREATE TABLE u (a INT)")
    slip = {"match": "^select count", "statement": "INSERT INTO u VALUES (7)"}
    client.run("BEGIN")
    client.run("INSERT INTO t VALUES (1)")
    account.faults(slip | {"action": "slip_in"})
    assert client.one("SELECT COUNT(*) FROM u") == 1
    assert client.one("SELECT COUNT(*) FROM u") == 1, "it slips in once"
    client.run("ROLLBACK")
    account.faults()
    assert client.one("SELECT COUNT(*) FROM u") == 0
    for wrong in ({"action": "hold"}, {"action": "slip_in", "statement": ""}):
        with pytest.raises(urllib.error.HTTPError):
            account.faults(slip | wrong)


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
