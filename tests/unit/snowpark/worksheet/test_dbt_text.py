"""The text of a dbt sources.yml, as YAML reads it."""

from typing import Any

import pytest
import yaml

from snowpark.settings.groups import GroupSettings
from snowpark.worksheet import dbt_text
from snowpark.worksheet.dbt_text import Source
from tests.unit.snowpark.samples import settings

GROUPS = (
    GroupSettings("Shop", "30 MINUTES"),
    GroupSettings("nightly", "USING CRON 0 3 * * * UTC"),
)


def read(*sources: Source) -> list[dict[str, Any]]:
    told = yaml.safe_load(dbt_text.text(sources, GROUPS, "aurora_sync"))
    assert told["version"] == 2
    return list(told["sources"])


def one(source: Source) -> dict[str, Any]:
    (schema,) = read(source)
    (table,) = schema["tables"]
    return dict(table)


def source(key: tuple[str, ...] = (), **changes: Any) -> Source:
    named = {"target_schema": "erp", "target_table": "orders", **changes}
    return Source(settings(**named), key)


def test_a_schema_is_a_source_and_its_names_are_quoted() -> None:
    odd = source(name="b", target_table="Order Items")
    away = source(name="c", target_database="other", target_schema="raw")
    ours, other = read(odd, source(), away)
    assert (ours["name"], ours["database"], ours["schema"]) == (
        "erp",
        "AURORA_SYNC",
        "ERP",
    )
    assert ours["quoting"] == dict.fromkeys(("database", "schema", "identifier"), True)
    assert [(t["name"], t["identifier"]) for t in ours["tables"]] == [
        ("order items", "ORDER ITEMS"),
        ("orders", "ORDERS"),
    ]
    assert (other["name"], other["database"]) == ("other_raw", "OTHER")


def test_nothing_configured_is_no_source() -> None:
    assert read() == []


def test_freshness_is_asked_of_the_sync_and_not_of_the_target() -> None:
    query = one(source(name="it's"))["config"]["loaded_at_query"]
    assert '"AURORA_SYNC"."CONTROL"."SYNC_STATUS"' in query
    assert query.endswith("WHERE table_name = 'it''s'")
    # What was never synced has a time, too: dbt fails if there is none.
    assert "COALESCE(MAX(fresh_as_of), TO_TIMESTAMP_TZ('1970-01-01" in query


@pytest.mark.parametrize(
    ("group", "sla", "warn", "error"),
    [
        ("shop", 120, 60, 120),
        ("shop", 60, None, 60),
        ("shop", 30, None, 30),
        ("shop", None, 60, None),
        ("nightly", 1500, None, 1500),
        (None, 45, None, 45),
    ],
)
def test_the_limits_are_two_runs_and_the_sla(
    group: str | None, sla: int | None, warn: int | None, error: int | None
) -> None:
    table = one(source(group=group, freshness_sla_minutes=sla))
    expected = {
        name: {"count": count, "period": "minute"}
        for name, count in (("warn_after", warn), ("error_after", error))
        if count
    }
    assert table["config"]["freshness"] == expected


def test_without_schedule_and_sla_dbt_does_not_check() -> None:
    table = one(source(group=None, freshness_sla_minutes=None))
    assert table["config"]["freshness"] is None


def test_a_key_of_one_column_is_unique_and_not_null() -> None:
    table = one(source(("ID",)))
    assert table["columns"] == [
        {"name": "ID", "quote": True, "data_tests": ["not_null", "unique"]}
    ]
    assert "data_tests" not in table


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        (False, '"TENANT", "ORDER ""NO"""'),
        (True, '"TENANT", "ORDER ""NO""", "_SYNC_VALID_FROM"'),
    ],
)
def test_a_key_of_several_is_unique_as_a_whole(history: bool, expected: str) -> None:
    table = one(source(("TENANT", 'ORDER "NO"'), history=history))
    assert table["data_tests"] == [
        {"unique": {"column_name": f"TO_JSON(ARRAY_CONSTRUCT({expected}))"}}
    ]
    assert {tuple(column["data_tests"]) for column in table["columns"]} == {
        ("not_null",)
    }


def test_versions_of_a_row_share_its_key() -> None:
    table = one(source(("ID",), history=True))
    assert [column["name"] for column in table["columns"]] == ["ID", "_SYNC_VALID_FROM"]
    assert all(column["data_tests"] == ["not_null"] for column in table["columns"])


def test_a_table_without_a_known_key_has_no_tests() -> None:
    assert not {"columns", "data_tests"} & set(one(source()))


@pytest.mark.parametrize(
    "comment",
    [
        "plain",
        "two\nlines: with # and 'quotes' and \"more\"",
        "- a list",
        "\u2028 \U0001f600 ü",
        "null",
    ],
)
def test_comments_arrive_as_they_are(comment: str) -> None:
    told = one(Source(settings(), ("ID",), comment, {"NOTE": comment}))
    assert told["description"] == comment
    columns = {column["name"]: column for column in told["columns"]}
    assert columns["NOTE"]["description"] == comment
    assert "description" not in columns["ID"]


@pytest.mark.parametrize(
    "hostile", ["{{ env_var('SECRET') }}", "{% do x() %}", "{# c #}", "{{{{ a }}", "{"]
)
def test_a_comment_is_no_program_of_dbt(hostile: str) -> None:
    told = one(Source(settings(), (), hostile, {hostile: hostile}))
    (column,) = told["columns"]
    for text in (told["description"], column["name"], column["description"]):
        # dbt gives each brace back as what it is, and finds nothing else to do.
        rest = text.replace("{{ '{' }}", "\0")
        assert not any(begin in rest for begin in ("{{", "{%", "{#"))
        assert rest.replace("\0", "{") == hostile
