"""S5: targets are declared at deployment, under their whole names."""

import json
from typing import Any

import pytest

from snowpark.errors import ConfigError
from snowpark.settings import parse
from snowpark.settings.targets import Declared

DECLARED = Declared.of("aurora_sync", "AURORA_SYNC.*,analytics.raw_*")


@pytest.mark.parametrize(
    ("database", "schema", "allowed"),
    [
        (None, "shop", True),
        ("Aurora_Sync", "SHOP", True),
        ("ANALYTICS", "raw_shop", True),
        ("analytics", "RAW_", True),
        ("ANALYTICS", "FINANCE", False),
        ("ANALYTICS2", "RAW_SHOP", False),
        ("OTHER", "SHOP", False),
        (None, "control", False),
        ("AURORA_SYNC", "CONTROL", False),
        ("aurora_sync", "Staging", False),
        ("ANALYTICS", "INFORMATION_SCHEMA", False),
    ],
)
def test_where_a_table_may_be_written(
    database: str | None, schema: str, allowed: bool
) -> None:
    assert (DECLARED.refusal(database, schema) == "") is allowed


@pytest.mark.parametrize("patterns", ["", None, ","])
def test_a_declaration_of_nothing_allows_nothing(patterns: Any) -> None:
    assert "none" in Declared.of("D", patterns).refusal(None, "SHOP")


def test_the_control_schema_of_another_database_is_a_schema_like_others() -> None:
    assert Declared.of("D", "*.*").refusal("OTHER", "CONTROL") == ""
    assert Declared.of("D", "*.*").refusal("D", "CONTROL") != ""


def problems(**tables: dict[str, Any]) -> dict[str, str]:
    data = {
        "version": 1,
        "sources": {"shop": {}},
        "defaults": {"source": "shop", "target_schema": "SHOP"},
        "tables": tables,
    }
    with pytest.raises(ConfigError) as raised:
        parse.parse(json.dumps(data), DECLARED)
    return {problem.pointer: problem.message for problem in raised.value.problems}


def test_a_configuration_cannot_name_the_product_s_own_schemas_or_others() -> None:
    found = problems(
        a={"target_database": "aurora_sync", "target_schema": "control"},
        b={"target_database": "HR", "target_schema": "PAY"},
    )
    assert "belongs to the sync itself" in found["/tables/a/target_schema"]
    assert "HR.PAY is not among the targets" in found["/tables/b/target_schema"]


def test_one_target_under_two_spellings_is_one_target() -> None:
    found = problems(
        a={"target_table": "t"},
        b={"target_database": "Aurora_Sync", "target_table": "T"},
    )
    assert "Has the same target" in found["/tables/b"]
