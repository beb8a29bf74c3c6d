"""Planning and sending a deployment, with a scripted cursor instead of Snowflake."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from snowflake.connector.errors import ProgrammingError

from scripts.deploy_snowflake import (
    DeployError,
    deploy,
    parse_assignments,
    plan_deployment,
)
from scripts.deploy_variables import VariableError
from scripts.sql_files import SqlFile, read_files

CODE = Path("/tmp/build/snowpark.zip")
FILES = [
    SqlFile("10_account/010_roles.sql", "CREATE ROLE r; GRANT ROLE r TO ROLE s;"),
    SqlFile("20_database/010_database.sql", "CREATE DATABASE <% database %>;"),
    SqlFile("50_procedures/010_a.sql", "CREATE PROCEDURE a;"),
    SqlFile("50_procedures/020_b.sql", "CREATE PROCEDURE b;"),
]
VALUES = {"database": "D"}
ACCOUNT_FILES = [
    SqlFile("10_account/010_roles.sql", "USE ROLE <% admin_role %>;"),
    SqlFile("10_account/030_integrations.sql", "CREATE API INTEGRATION i;"),
    SqlFile("20_database/010_database.sql", "CREATE DATABASE <% database %>;"),
]


class Cursor:
    """Keeps what it is sent; refuses one text."""

    def __init__(
        self, refused: str = "", message: str = "insufficient privileges"
    ) -> None:
        self.sent: list[str] = []
        self.refused = refused
        self.message = message

    def __enter__(self) -> "Cursor":
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def execute(self, text: str) -> None:
        if text == self.refused:
            raise ProgrammingError(self.message)
        self.sent.append(text)


class Connection:
    def __init__(self, cursor: Cursor) -> None:
        self.one = cursor

    def cursor(self) -> Any:
        return self.one


def test_the_code_is_uploaded_once_and_before_the_procedures() -> None:
    cursor, titles = Cursor(), list[str]()
    steps = plan_deployment(FILES, VALUES, CODE)
    assert deploy(Connection(cursor), steps, progress=titles.append) == 6
    assert cursor.sent == [
        "CREATE ROLE r",
        "GRANT ROLE r TO ROLE s",
        "CREATE DATABASE D",
        "PUT 'file:///tmp/build/snowpark.zip' @D.control.code "
        "AUTO_COMPRESS = FALSE OVERWRITE = TRUE",
        "CREATE PROCEDURE a",
        "CREATE PROCEDURE b",
    ]
    assert titles[2] == "upload snowpark.zip"


def test_account_objects_can_be_left_to_an_administrator() -> None:
    steps = plan_deployment(FILES, VALUES, CODE, skip_account_objects=True)
    assert [step.title for step in steps] == [
        "20_database/010_database.sql",
        "upload snowpark.zip",
        "50_procedures/010_a.sql",
        "50_procedures/020_b.sql",
    ]


def test_the_dashboard_is_uploaded_as_the_app_imports_its_modules() -> None:
    files = [SqlFile("80_dashboard/010_a.sql", "CREATE STREAMLIT <% database %>.a;")]
    upload, create = plan_deployment(files, VALUES, CODE)
    targets = {
        text.text.split("'")[1].rpartition("/snowpark/")[2]: text.text.split()[2]
        for text in upload.statements
    }
    app = "@D.control.dashboard/app"
    assert targets["dashboard/streamlit_app.py"] == app
    assert targets["dashboard/environment.yml"] == app
    assert targets["__init__.py"] == f"{app}/snowpark"
    assert targets["dashboard/shaping.py"] == f"{app}/snowpark/dashboard"
    assert create.title == "80_dashboard/010_a.sql"


def test_the_view_of_cost_is_deployed_on_request_only() -> None:
    files = [*FILES, SqlFile("90_cost/010_cost.sql", "CREATE VIEW c;")]
    assert plan_deployment(files, VALUES, CODE) == plan_deployment(FILES, VALUES, CODE)
    last = plan_deployment(files, VALUES, CODE, with_cost=True)[-1]
    assert last.title == "90_cost/010_cost.sql"


def test_a_refusal_names_file_line_and_statement_and_stops() -> None:
    cursor = Cursor(refused="CREATE PROCEDURE a")
    with pytest.raises(DeployError) as caught:
        deploy(Connection(cursor), plan_deployment(FILES, VALUES, CODE))
    message = str(caught.value)
    assert "50_procedures/010_a.sql:1" in message
    assert "CREATE PROCEDURE a" in message
    assert "insufficient privileges" in message
    assert "CREATE PROCEDURE b" not in cursor.sent


LIVE = "ALTER STREAMLIT app ADD LIVE VERSION FROM LAST"


@pytest.mark.parametrize(
    ("text", "message", "goes_on"),
    [
        (LIVE, "There is already a live version.", True),
        (LIVE, "insufficient privileges", False),
        ("CREATE STREAMLIT app", "There is already a live version.", False),
    ],
)
def test_a_live_version_that_is_there_is_no_failure(
    text: str, message: str, goes_on: bool
) -> None:
    """W2: the app is not replaced, so it has one from the second deployment on."""
    cursor = Cursor(text, message)
    files = [SqlFile("60_views/010_a.sql", f"{text}; SELECT 1;")]
    if goes_on:
        deploy(Connection(cursor), plan_deployment(files, VALUES, CODE))
        assert "SELECT 1" in cursor.sent
    else:
        with pytest.raises(DeployError):
            deploy(Connection(cursor), plan_deployment(files, VALUES, CODE))


def test_every_value_is_checked_before_anything_is_sent() -> None:
    with pytest.raises(VariableError, match="database has an unusable value"):
        plan_deployment(FILES, {"database": "D; DROP DATABASE E"}, CODE)


def test_assignments() -> None:
    assert parse_assignments(["a=b", "c = d=e"]) == {"a": "b", "c": "d=e"}
    with pytest.raises(VariableError, match="NAME=VALUE"):
        parse_assignments(["database"])


@pytest.mark.large
def test_a_dry_run_shows_every_statement_and_needs_no_account() -> None:
    root = Path(__file__).resolve().parents[3]
    assignments = {
        "landing_url": "s3://bucket/landing/",
        "storage_role_arn": "arn:aws:iam::123456789012:role/storage",
        "api_role_arn": "arn:aws:iam::123456789012:role/api",
        "api_url": "https://a.execute-api.eu-central-1.amazonaws.com/prod/extract",
    }
    command = [sys.executable, "-m", "scripts.deploy_snowflake", "--dry-run"]
    command += ["--with-cost"]
    for name, value in assignments.items():
        command += ["--set", f"{name}={value}"]
    result = subprocess.run(
        command, cwd=root, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    for file in read_files():
        assert f"-- {file.name}" in result.stdout
    assert "<%" not in result.stdout
    assert "s3://bucket/landing/" in result.stdout
    assert "/snowpark.zip' @AURORA_SYNC.control.code" in result.stdout


@pytest.mark.parametrize(("environment", "ending"), [("", ""), ("dev", "_DEV")])
def test_notification_integrations_that_exist_are_granted(
    environment: str, ending: str
) -> None:
    given = {
        **VALUES,
        "environment": environment,
        "notification_integrations": "AURORA_SYNC_ALERTS,MAIL",
    }
    steps = plan_deployment(ACCOUNT_FILES, given, CODE)
    titles = [step.title for step in steps]
    at = titles.index("grant notification integrations")
    # The role is there by then; alerts and tasks are not yet.
    assert titles[at - 1] == "10_account/030_integrations.sql"
    assert [one.text for one in steps[at].statements] == [
        "USE ROLE ACCOUNTADMIN",
        f"GRANT USAGE ON INTEGRATION AURORA_SYNC_ALERTS TO ROLE sync_admin{ending}",
        f"GRANT USAGE ON INTEGRATION MAIL TO ROLE sync_admin{ending}",
    ]


def test_nothing_is_granted_without_names_or_account_objects() -> None:
    some = {**VALUES, "notification_integrations": "MAIL"}
    skipped = plan_deployment(ACCOUNT_FILES, some, CODE, skip_account_objects=True)
    none = plan_deployment(ACCOUNT_FILES, VALUES, CODE)
    titles = [step.title for step in (*skipped, *none)]
    assert "grant notification integrations" not in titles


@pytest.mark.parametrize("names", ["A B", "A;B", "A,", "A'"])
def test_an_unusable_integration_is_refused(names: str) -> None:
    given = {**VALUES, "notification_integrations": names}
    with pytest.raises(VariableError, match="notification_integrations"):
        plan_deployment(ACCOUNT_FILES, given, CODE)
