"""Procedures: handlers from a zip, in a real Snowpark session."""

import json

import pytest

from .conftest import Account, Client, Deploy

HANDLERS = """
def greet(session, name, times=2):
    text = "SELECT ? AS a, CURRENT_SCHEMA() AS s"
    row = session.sql(text, params=[name]).collect()[0]
    return {"hello": row["A"], "schema": row["S"], "times": times}

def outer(session):
    return session.sql("CALL greet('nested')").collect()[0][0]

def broken(session):
    raise ValueError("it broke")

def wrong(session):
    session.sql("SELECT nothing FROM log").collect()

def write(session, end):
    session.sql("BEGIN").collect()
    session.sql("INSERT INTO log VALUES ('inside')").collect()
    if end:
        session.sql(end).collect()

def plain(session):
    session.sql("INSERT INTO log VALUES ('plain')").collect()

def send(session, text):
    session.sql(text).collect()

def careful(session):
    try:
        session.sql("SELECT 'die'").collect()
    except Exception:
        session.sql("INSERT INTO log VALUES ('except')").collect()
    finally:
        session.sql("INSERT INTO log VALUES ('finally')").collect()
"""


def test_arguments_by_place_by_name_and_by_default(
    client: Client, deploy: Deploy
) -> None:
    deploy(HANDLERS, greet="name VARCHAR, times NUMBER DEFAULT 2")
    want = {"hello": "ann", "schema": "PUBLIC", "times": 2}
    assert json.loads(client.one("CALL greet('ann')")) == want
    assert json.loads(client.one("CALL GREET(times => 5, name => ?)", "ann")) == {
        **want,
        "times": 5,
    }
    assert client.fails("CALL greet()").errno == 2140
    assert client.fails("CALL no_such()").errno == 2003


TYPED = """
def typed(session, *values):
    return [f"{type(one).__name__}:{one}" for one in values]
"""


def test_arguments_are_cast_to_their_declared_types(
    client: Client, deploy: Deploy
) -> None:
    """O07, P5: the text 'false' would be true for Python."""
    deploy(TYPED, typed="a NUMBER(5,2), b FLOAT, c BOOLEAN, d VARCHAR, e NUMBER")
    found = json.loads(client.one("CALL typed('1.5', '2', 'false', 7, '8')"))
    assert found == ["Decimal:1.50", "float:2.0", "bool:False", "str:7", "int:8"]
    found = json.loads(client.one("CALL typed(NULL, 1.25, TRUE, ?, 9)", "x"))
    assert found == ["NoneType:None", "float:1.25", "bool:True", "str:x", "int:9"]
    for wrong in (
        "'x', 1, TRUE, 'd', 1",
        "1, 1, 'perhaps', 'd', 1",
        "1e9, 1, TRUE, 'd', 1",
    ):
        client.fails(f"CALL typed({wrong})")


def test_a_new_zip_is_imported_afresh(client: Client, deploy: Deploy) -> None:
    deploy("def f(session): return 1", f="")
    assert client.one("CALL f()") == "1"
    deploy("def f(session): return 2")
    assert client.one("CALL f()") == "2"


def test_nested_calls(client: Client, deploy: Deploy) -> None:
    deploy(HANDLERS, greet="name VARCHAR, times NUMBER DEFAULT 2", outer="")
    inner = json.loads(json.loads(client.one("CALL outer()")))
    assert inner["hello"] == "nested"


def test_errors_name_what_happened(client: Client, deploy: Deploy) -> None:
    deploy(HANDLERS, broken="", wrong="")
    client.run("CREATE TABLE log (x VARCHAR)")
    error = client.fails("CALL broken()")
    assert error.errno == 100357 and "ValueError: it broke" in error.msg
    assert "handlers/main.py" in error.msg, "the traceback shows the handler's lines"
    assert "snowflake_server" not in error.msg, "and none of the server's"
    error = client.fails("CALL wrong()")
    assert error.errno == 100357 and "invalid identifier 'NOTHING'" in error.msg


def test_a_transaction_ends_where_it_began(client: Client, deploy: Deploy) -> None:
    deploy(HANDLERS, write="e VARCHAR", plain="")
    client.run("CREATE TABLE log (x VARCHAR)")
    client.run("CALL write('COMMIT')")
    client.run("CALL write('ROLLBACK')")
    assert client.fails("CALL write('')").errno == 90235
    assert client.one("SELECT COUNT(*) FROM log") == 1
    client.run("BEGIN")
    client.run("CALL plain()")
    client.run("ROLLBACK")
    assert client.one("SELECT COUNT(*) FROM log") == 1


def test_owners_rights(client: Client, deploy: Deploy) -> None:
    deploy(HANDLERS, send="t VARCHAR")
    for text in (
        "ALTER SESSION SET QUERY_TAG = 'x'",
        "SHOW PARAMETERS",
        "SHOW PARAMETERS IN SESSION",
        "SHOW GRANTS",
        "SHOW LOCKS",
        "USE ROLE sysadmin",
        "PUT file:///tmp/x @code",
        "CREATE TEMPORARY TABLE t (a INT)",
    ):
        error = client.fails("CALL send(?)", text)
        assert "Unsupported statement type" in error.msg, text
    for text in (
        "CREATE TRANSIENT TABLE t (a INT)",
        "SHOW PARAMETERS IN ACCOUNT",
        "SHOW PARAMETERS LIKE 'DEFAULT_DDL_COLLATION' IN SCHEMA public",
        "SHOW GRANTS TO ROLE sysadmin",
    ):
        client.run("CALL send(?)", text)


def test_a_killed_procedure_sends_nothing_more(
    account: Account, client: Client, deploy: Deploy
) -> None:
    deploy(HANDLERS, careful="", write="e VARCHAR")
    client.run("CREATE TABLE log (x VARCHAR)")
    account.faults({"match": "'die'", "action": "kill_procedure"})
    assert client.fails("CALL careful()").errno == 300005
    account.faults({"match": "INSERT", "action": "kill_procedure", "when": "after"})
    assert client.fails("CALL write('COMMIT')").errno == 300005
    assert client.one("SELECT COUNT(*) FROM log") == 0


def test_the_history_tells_who_sent_what(
    account: Account, client: Client, deploy: Deploy
) -> None:
    deploy(HANDLERS, greet="name VARCHAR, times NUMBER DEFAULT 2")
    client.run("CALL greet('history')")
    client.fails("SELECT 1 / 0")
    lines = [json.loads(line) for line in account.queries.read_text().splitlines()]
    inside, outside, failed = lines[-3:]
    assert inside["procedure"] == "GREET" and inside["rows"] == 1
    assert outside["procedure"] is None and outside["text"] == "CALL greet('history')"
    assert failed["error"] == "Division by zero" and failed["milliseconds"] > 0


@pytest.mark.large
def test_k4_no_value_to_or_from_a_procedure_is_larger_than_16_mb(
    client: Client, deploy: Deploy
) -> None:
    code = """
def doubled(session, text):
    return text * 2

def read(session, size):
    return len(session.sql(f"SELECT REPEAT('x', {size})").collect()[0][0])
"""
    deploy(code, doubled="text VARCHAR", read="size NUMBER")
    assert len(client.one("CALL doubled(?)", "x" * 1000)) > 2000
    assert int(client.one("CALL read(16777216)")) == 1 << 24
    for text in (
        "CALL read(16777217)",
        "CALL doubled(REPEAT('x', 8388608))",
        "CALL doubled(REPEAT('x', 16777217))",
    ):
        assert "Max LOB size" in str(client.fails(text))
    # A client reads larger ones.
    assert client.one("SELECT LENGTH(REPEAT('x', 16777217))") == 16777217
