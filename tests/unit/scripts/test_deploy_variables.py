"""Values for the placeholders."""

import json
from pathlib import Path

import pytest

from scripts.deploy_variables import (
    VARIABLES,
    VariableError,
    read_variables,
    resolve_variables,
)

GOOD = {
    "environment": "dev_2",
    "admin_role": "ACCOUNTADMIN",
    "warehouse": "LOAD_WH",
    "database": "aurora_sync_2",
    "landing_url": "s3://my-bucket/landing/prod/",
    "storage_role_arn": "arn:aws:iam::123456789012:role/sync/storage",
    "api_role_arn": "arn:aws-cn:iam::123456789012:role/api",
    "api_url": "https://a1b2.execute-api.eu-central-1.amazonaws.com/prod/extract",
    "pipe_sns_topic_arn": "arn:aws:sns:eu-central-1:123456789012:aurora-sync-landing",
    "targets": "AURORA_SYNC.*,ANALYTICS.RAW_*",
    "notification_integrations": "AURORA_SYNC_ALERTS_DEV,AURORA_SYNC_EMAIL_DEV",
    "python_version": "3.12",
}


def test_every_variable_has_a_good_example() -> None:
    assert set(GOOD) == set(VARIABLES)
    assert resolve_variables(dict.fromkeys(GOOD, "f"), GOOD) == GOOD


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("environment", "a b"),
        ("database", "x'y"),
        ("database", 'a"b'),
        ("database", "a; DROP TABLE b"),
        ("database", "a\n"),
        ("database", ""),
        ("database", "1st"),
        ("landing_url", "s3://bucket/prefix"),
        ("landing_url", "s3://bucket/it's/"),
        ("landing_url", "https://bucket/prefix/"),
        ("storage_role_arn", "arn:aws:iam::1234:role/x"),
        ("storage_role_arn", "arn:aws:iam::123456789012:user/x"),
        ("api_url", "https://example.com/prod/extract"),
        ("api_url", "http://a.execute-api.eu-central-1.amazonaws.com/prod"),
        ("api_url", "http://localhost.evil:1/x"),
        ("pipe_sns_topic_arn", "arn:aws:sns:eu-central-1:123456789012:a'b"),
        ("pipe_sns_topic_arn", "arn:aws:sqs:eu-central-1:123456789012:a"),
        ("targets", "AURORA_SYNC"),
        ("targets", "A.B,"),
        ("targets", "A.B'"),
        ("notification_integrations", "A,"),
        ("notification_integrations", "A TO ROLE B"),
        ("python_version", "3"),
    ],
)
def test_a_malformed_value_is_refused(name: str, value: str) -> None:
    with pytest.raises(VariableError, match=f"{name} has an unusable value"):
        resolve_variables({name: "f"}, {name: value})


def test_every_problem_is_reported_at_once() -> None:
    with pytest.raises(VariableError) as caught:
        resolve_variables(
            {"api_url": "a.sql", "database": "b.sql", "nobody_knows": "c.sql"},
            {"database": "-", "databse": "X"},
        )
    problems = str(caught.value)
    assert "unknown variable 'databse'" in problems
    assert "database has an unusable value" in problems
    assert "api_url is missing: URL of" in problems
    assert "c.sql uses <% nobody_knows %>" in problems


def test_defaults_fill_what_is_not_given() -> None:
    values = resolve_variables({"database": "f", "warehouse": "f"}, {"database": "D"})
    assert values == {"database": "D", "warehouse": "AURORA_SYNC"}


def test_values_come_from_terraform_outputs(tmp_path: Path) -> None:
    file = tmp_path / "outputs.json"
    outputs = {
        "api_url": {"sensitive": False, "type": "string", "value": GOOD["api_url"]},
        "something_else": {"type": ["list", "string"], "value": ["x"]},
        # An option that is switched off.
        "storage_role_arn": {"type": "string", "value": None},
    }
    file.write_text(json.dumps(outputs))
    assert read_variables(file) == {"api_url": GOOD["api_url"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "not a JSON object"),
        ("{", "not JSON"),
        ('{"database": 1}', "not a text"),
    ],
)
def test_a_malformed_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "values.json"
    file.write_text(text)
    with pytest.raises(VariableError, match=message):
        read_variables(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(VariableError, match="nowhere.json: No such file"):
        read_variables(tmp_path / "nowhere.json")
