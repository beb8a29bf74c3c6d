"""TO_VARCHAR without a format follows the session, in a procedure its caller's (P1)."""

import json

import pytest

from tests.unit.local.snowflake_server.conftest import Client, Deploy

HANDLERS = """
def shown(session):
    return session.sql("SELECT TO_VARCHAR('2026-01-02'::DATE)").collect()[0][0]
"""
CASES = [
    ("DATE_OUTPUT_FORMAT", "DD/MM/YYYY", "'2026-01-02'::DATE", "02/01/2026"),
    ("DATE_OUTPUT_FORMAT", "YYYYMMDD", "'2026-01-02'::DATE", "20260102"),
    ("TIME_OUTPUT_FORMAT", "HH24.MI", "'01:02:03'::TIME", "01.02"),
    (
        "TIMESTAMP_NTZ_OUTPUT_FORMAT",
        'YYYY-MM-DD"T"HH24:MI:SS',
        "'2026-01-02 03:04:05'::TIMESTAMP_NTZ",
        "2026-01-02T03:04:05",
    ),
    (
        "TIMESTAMP_OUTPUT_FORMAT",
        "DD.MM.YYYY TZHTZM",
        "'2026-01-02 03:04:05+00'::TIMESTAMP_TZ",
        "02.01.2026 +0000",
    ),
]


@pytest.mark.parametrize(("name", "pattern", "value", "text"), CASES)
def test_a_text_follows_the_output_format(
    client: Client, name: str, pattern: str, value: str, text: str
) -> None:
    usual = client.one(f"SELECT TO_VARCHAR({value})")
    client.run(f"ALTER SESSION SET {name} = '{pattern}'")
    assert client.one(f"SELECT TO_VARCHAR({value})") == text
    assert client.one(f"SELECT {value}::VARCHAR") == text
    day = "TO_VARCHAR('2026-01-02'::DATE, 'YYYY-MM-DD')"
    assert client.one(f"SELECT {day}") == "2026-01-02"
    client.run(f"ALTER SESSION UNSET {name}")
    assert client.one(f"SELECT TO_VARCHAR({value})") == usual


def test_a_procedure_has_its_callers_format(client: Client, deploy: Deploy) -> None:
    deploy(HANDLERS, shown="")
    for pattern, text in (
        ("AUTO", "2026-01-02"),
        ("DD/MM/YYYY", "02/01/2026"),
        ("AUTO", "2026-01-02"),
    ):
        client.run(f"ALTER SESSION SET DATE_OUTPUT_FORMAT = '{pattern}'")
        assert json.loads(client.one("CALL shown()")) == text


def test_a_format_that_is_not_known_here_is_refused(client: Client) -> None:
    error = client.fails("ALTER SESSION SET DATE_OUTPUT_FORMAT = 'DD-Q-YYYY'")
    assert "output format" in (error.msg or "")
