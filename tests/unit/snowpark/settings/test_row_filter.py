"""The setting "where": what is accepted and refused, and that it is an identity."""

import json
from typing import Any

import pytest

from lambda_extract.contract import FilterTerm
from snowpark.errors import ConfigError
from snowpark.settings import parse
from snowpark.settings.table import TableSettings

COMPARISON = {"column": "tenant", "operator": "=", "value": 7}


def settings(where: Any = None, **table: Any) -> TableSettings:
    if where is not None:
        table["where"] = where
    data = {
        "version": 1,
        "defaults": {"source": "shop", "target_schema": "sales"},
        "sources": {"shop": {}},
        "tables": {"orders": {"cursor": "updated_at", **table}},
    }
    (found,) = parse.parse(json.dumps(data))
    return found


def test_a_filter_travels_with_operands_before_their_operator() -> None:
    where = {
        "or": [
            {"and": [COMPARISON, {"not": {"column": "b", "operator": "is null"}}]},
            {"column": "c", "operator": "in", "values": ["x", True, -1]},
        ]
    }
    assert settings(where).table_spec.where == (
        FilterTerm("=", "tenant", ("7",)),
        FilterTerm("is null", "b"),
        FilterTerm("not"),
        FilterTerm("and", operands=2),
        FilterTerm("in", "c", ("x", "true", "-1")),
        FilterTerm("or", operands=2),
    )


def nested(depth: int) -> dict[str, Any]:
    where: dict[str, Any] = COMPARISON
    for _ in range(depth):
        where = {"not": where}
    return where


@pytest.mark.parametrize(
    ("where", "pointer", "message"),
    [
        ("tenant = 7", "", "an object"),
        ({}, "", "comparison"),
        ([COMPARISON], "", "an object"),
        ({"sql": "tenant = 7"}, "", "comparison"),
        ({"and": []}, "/and", "1 to 100"),
        ({"and": COMPARISON}, "/and", "1 to 100"),
        ({"and": [COMPARISON], "or": [COMPARISON]}, "", "one of"),
        ({"and": [COMPARISON, "x"]}, "/and/1", "an object"),
        ({**COMPARISON, "operator": "like"}, "/operator", "one of"),
        ({**COMPARISON, "operator": "= 1 OR"}, "/operator", "one of"),
        ({**COMPARISON, "operator": ["="]}, "/operator", "one of"),
        ({**COMPARISON, "column": ""}, "/column", "name"),
        ({**COMPARISON, "column": 5}, "/column", "name"),
        ({**COMPARISON, "column": "x" * 64}, "/column", "name"),
        ({"operator": "=", "value": 7}, "/column", "name"),
        ({**COMPARISON, "values": [7]}, "", "no meaning"),
        ({"column": "a", "operator": "in", "value": 7}, "", "no meaning"),
        ({"column": "a", "operator": "in", "values": []}, "/values", "1 to"),
        ({"column": "a", "operator": "in", "values": [None]}, "/values/0", "is null"),
        ({"column": "a", "operator": "is null", "value": 7}, "", "no meaning"),
        ({"column": "a", "operator": "="}, "", 'needs "value"'),
        ({**COMPARISON, "value": None}, "/value", "is null"),
        ({**COMPARISON, "value": 0.1}, "/value", "as text"),
        ({**COMPARISON, "value": 2**60}, "/value", "as text"),
        ({**COMPARISON, "value": {"a": 1}}, "/value", "Must be a text"),
        ({**COMPARISON, "value": "a\0b"}, "/value", "no PostgreSQL text"),
        ({**COMPARISON, "value": "\ud800"}, "/value", "no PostgreSQL text"),
        ({**COMPARISON, "value": "x" * 1001}, "/value", "1000 characters"),
        (nested(8), "/not" * 8, "nested"),
        (nested(900), "/not" * 8, "nested"),
        ({"and": [{"and": [COMPARISON] * 60}] * 2}, "", "more than 100"),
        (
            {"and": [{"column": "a", "operator": "in", "values": [1] * 600}] * 2},
            "",
            "more than 1000",
        ),
    ],
)
def test_what_is_no_filter_is_told_by_its_place(
    where: Any, pointer: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(where)
    problem, *_ = caught.value.problems
    assert problem.pointer == f"/tables/orders/where{pointer}"
    assert message in problem.message


@pytest.mark.parametrize(
    "table",
    [
        {"exclude": ["tenant"]},
        {"columns": {"tenant": {"protect": "hash"}}},
        {"columns": {"tenant": {"protect": "mask"}}},
    ],
)
def test_a_filter_does_not_tell_values_of_a_protected_column(
    table: dict[str, Any],
) -> None:
    with pytest.raises(ConfigError, match="would tell its values"):
        settings({"not": COMPARISON}, **table)


def test_another_filter_is_another_origin() -> None:
    other = {**COMPARISON, "value": 8}
    origins = {settings(where).origin for where in (None, COMPARISON, other)}
    assert len(origins) == 3
    assert settings(COMPARISON).origin == settings(dict(COMPARISON)).origin


def test_a_filter_is_stored_and_read_back() -> None:
    found = settings({"not": COMPARISON})
    assert TableSettings.from_json(found.to_json()) == found
