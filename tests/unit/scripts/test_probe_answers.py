"""Answers of platforms: what counts as expected, and what is reported of them."""

import dataclasses
import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from scripts.probes.answers import (
    AS_EXPECTED,
    DIFFERENT,
    NOT_RUN,
    REFUSED,
    Outcome,
    judge_error,
    judge_rows,
    shortened,
    shown,
    without_names,
    worst,
)
from scripts.probes.files import Ask, Probe
from scripts.probes.report import report, summary, what_to_do

PROBE = Probe(
    id="C01",
    half="snowflake",
    title="t",
    known="documented",
    page="p",
    otherwise="rows are lost",
    where=(),
    local="wrong_locally",
    local_reason="no time yet",
    asks=(Ask(sql="SELECT 1", answer=([1],)),),
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "NULL"),
        ("NULL", '"NULL"'),
        ("", '""'),
        (True, "true"),
        (1, "1"),
        ("1", '"1"'),
        (Decimal("1.50"), "1.5"),
        (Decimal("1E+3"), "1000"),
        (100, "100"),
        (float("inf"), '"inf"'),
        (b"\x00\xff", '"00FF"'),
        (date(2026, 1, 2), '"2026-01-02"'),
        (
            datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
            '"2026-01-01 00:00:00+00:00"',
        ),
        (datetime(2026, 1, 1, tzinfo=UTC), '"2026-01-01 00:00:00+00:00"'),
    ],
)
def test_values_that_differ_look_different(value: Any, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize(
    ("rows", "state"),
    [
        ([[1, None, "a"]], AS_EXPECTED),
        ([[Decimal("1.0"), None, "a"]], AS_EXPECTED),
        ([[1, "", "a"]], DIFFERENT),
        ([["1", None, "a"]], DIFFERENT),
        ([[1, None, "a"], [1, None, "a"]], DIFFERENT),
        ([], DIFFERENT),
    ],
)
def test_rows_are_compared_value_by_value(rows: list[Any], state: str) -> None:
    assert judge_rows(Ask(answer=([1, None, "a"],)), rows).state == state


@pytest.mark.parametrize(
    ("rows", "state"),
    [
        ([['{"b": [1], "a": 2}']], AS_EXPECTED),
        ([['{"a": 2}']], DIFFERENT),
        ([["no JSON"]], DIFFERENT),
        ([[None]], DIFFERENT),
        ([], DIFFERENT),
    ],
)
def test_documents_are_compared_as_documents(rows: list[Any], state: str) -> None:
    expected = json.dumps({"a": 2, "b": [1]}, sort_keys=True)
    assert judge_rows(Ask(document=expected), rows).state == state


def test_an_error_is_expected_refused_or_another_one() -> None:
    assert judge_error(Ask(error="100078"), 100078, "too long").state == AS_EXPECTED
    assert judge_error(Ask(error="TOO LONG"), 1, "too\nlong").state == AS_EXPECTED
    assert judge_error(Ask(error="100078"), 1003, "syntax").state == DIFFERENT
    assert judge_error(Ask(answer=([1],)), 1003, "syntax").state == REFUSED


def test_a_long_error_keeps_its_number_and_its_end() -> None:
    told = judge_error(
        Ask(), 100357, "Traceback " + "x" * 5000 + " ValueError: why"
    ).text
    assert told.startswith("error 100357: Traceback") and told.endswith("why")
    assert len(told) < 500
    assert shortened("short") == "short"


def test_the_worst_answer_is_the_state_of_the_probe() -> None:
    assert worst([AS_EXPECTED, DIFFERENT, REFUSED]) == REFUSED
    assert worst([AS_EXPECTED, DIFFERENT]) == DIFFERENT
    assert worst([AS_EXPECTED]) == AS_EXPECTED


@pytest.mark.parametrize(
    "told",
    [
        "Object 'ACME_DB.S.T' of role DATA_ADMIN",
        "acme_db is not there",
        "see https://ab12345.eu-central-1.snowflakecomputing.com/x",
        "host ab12345.eu-central-1.snowflakecomputing.com",
        "role arn:aws:iam::123456789012:role/secret-role",
        "account 123456789012",
        "s3://acme-landing/landing/x",
        "query 01b2c3d4-0000-1111-2222-333344445555 of jane.doe@acme.example",
        "server at 10.1.2.3:5432",
    ],
)
def test_nobody_learns_whose_account_it_was(told: str) -> None:
    names = ["ACME_DB", "DATA_ADMIN", "ab12345"]
    seen = without_names(told, names).lower()
    for private in (
        *("acme", "data_admin", "ab12345", "123456789012", "01b2c3d4"),
        *("jane", "10.1.2.3", "secret-role"),
    ):
        assert private not in seen


def test_what_was_answered_stays_readable() -> None:
    text = 'error 100078: String is too long; 281474976710655, "2026-01-01 00:00:00"'
    assert without_names(text, ["x", ""]) == text


def test_a_report_holds_every_outcome_and_no_name() -> None:
    outcomes = [
        Outcome(PROBE, DIFFERENT, "2 in ACME_DB"),
        Outcome(dataclasses.replace(PROBE, id="C02"), NOT_RUN, "the time was up"),
    ]
    content = report(outcomes, local=False, version="9.1", names=["ACME_DB"])
    text = json.dumps(content)
    assert "ACME" not in text
    assert [item["state"] for item in content["probes"]] == [DIFFERENT, NOT_RUN]
    assert content["probes"][0]["expected"] == "1"
    assert summary(outcomes) == "2 probes: 1 different, 1 not run."


def test_what_to_do_about_an_answer() -> None:
    outcome = Outcome(PROBE, DIFFERENT, "2")
    assert "rows are lost" in what_to_do(outcome, local=False)
    assert "no time yet" in what_to_do(outcome, local=True)
    mended = Outcome(PROBE, AS_EXPECTED, "1")
    assert not what_to_do(mended, local=False)
    assert not mended.as_marked
    other = Outcome(dataclasses.replace(PROBE, local="refused"), DIFFERENT, "2")
    assert "correct local/" in what_to_do(other, local=True)
