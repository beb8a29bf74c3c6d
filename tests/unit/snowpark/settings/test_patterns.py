"""What patterns of the configuration stand for."""

import json
from typing import Any

import pytest

from snowpark.errors import ConfigError
from snowpark.settings import parse, patterns

CONFIG: dict[str, Any] = {
    "version": 1,
    "defaults": {"source": "shop", "target_schema": "sales"},
    "sources": {"shop": {}},
    "patterns": {
        "erp.*": {"exclude": ["erp.tmp_*", "erp.[x"], "settings": {"chunk_rows": 7}}
    },
    "resolved": {
        "erp.*": {"erp.a": {"schema": "erp", "table": "a", "cursor": "c"}},
    },
    "tables": {"own": {"mode": "full"}},
}


def test_resolved_tables_are_tables_with_the_settings_of_their_pattern() -> None:
    first, second = parse.parse(json.dumps(CONFIG))
    assert (first.name, first.relation, first.chunk_rows) == ("erp.a", "a", 7)
    assert (second.name, second.chunk_rows) == ("own", 1_000_000)


def test_an_entry_of_its_own_wins() -> None:
    own = {**CONFIG, "tables": {"erp.a": {"mode": "full", "schema": "crm"}}}
    (table,) = parse.parse(json.dumps(own))
    assert (table.schema, table.mode) == ("crm", "full")


@pytest.mark.parametrize(
    ("place", "excluded"),
    [("erp.tmp_1", True), ("erp.a", False), ("erp.[x", True), ("erp.TMP_1", False)],
)
def test_what_a_pattern_leaves_out(place: str, excluded: bool) -> None:
    assert patterns.is_excluded(CONFIG, "erp.*", place) == excluded


def test_a_removed_table_is_excluded_or_it_would_come_back() -> None:
    changed = patterns.without(CONFIG, "erp.a")
    assert changed is not None
    assert changed["patterns"]["erp.*"]["exclude"][-1] == "erp.a"
    assert patterns.without(CONFIG, "own") is None
    assert CONFIG["patterns"]["erp.*"]["exclude"][-1] == "erp.[x"


@pytest.mark.parametrize(
    ("pattern", "said", "place"),
    [
        ("orders", {}, "/patterns/orders"),
        ("erp.*", {"source": "crm"}, "/patterns/erp.*/source"),
        ("erp.*", {"settings": {"group": "x"}}, "/patterns/erp.*/settings/group"),
        ("erp.*", {"new_tables": "maybe"}, "/patterns/erp.*/new_tables"),
        ("erp.*", {"exclude": ["a"]}, "/patterns/erp.*/exclude/0"),
        ("erp.*", {"settings": {"chunk_row": 1}}, "/patterns/erp.*/settings/chunk_row"),
    ],
)
def test_what_is_wrong_with_a_pattern_is_told_with_its_place(
    pattern: str, said: dict[str, Any], place: str
) -> None:
    config = {**CONFIG, "patterns": {pattern: said}, "resolved": {}}
    with pytest.raises(ConfigError) as caught:
        parse.parse(json.dumps(config))
    assert {problem.pointer for problem in caught.value.problems} == {place}


def test_a_pattern_needs_a_source() -> None:
    config = {**CONFIG, "defaults": {}, "resolved": {}, "tables": {}}
    with pytest.raises(ConfigError) as caught:
        parse.parse(json.dumps(config))
    (problem,) = caught.value.problems
    assert problem.pointer == "/patterns/erp.*"
