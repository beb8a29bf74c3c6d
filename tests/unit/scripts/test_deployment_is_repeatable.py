"""Each statement of a deployment may be sent again; none replaces what holds state."""

import re
from pathlib import Path

import pytest

from scripts.deploy_snowflake import plan_deployment
from scripts.sql_files import read_files

VALUES = {
    "landing_url": "s3://bucket/landing/",
    "storage_role_arn": "arn:aws:iam::123456789012:role/storage",
    "api_role_arn": "arn:aws:iam::123456789012:role/api",
    "api_url": "https://a.execute-api.eu-central-1.amazonaws.com/prod/extract",
}
# What holds no state may be replaced, or dropped if it is there; what does is made if
# it is missing. An ALTER sets what it names, a GRANT gives what was
# given before, a REVOKE takes what is not there any more.
REPEATABLE = re.compile(
    r"""
    CREATE\ OR\ REPLACE\ (SECURE\ )?(PROCEDURE|VIEW|EXTERNAL\ FUNCTION|FILE\ FORMAT
        |FUNCTION)\ .+
    | CREATE\ (DATABASE|(TRANSIENT\ )?SCHEMA|TABLE
        |FILE\ FORMAT|STAGE|ROLE|WAREHOUSE|STORAGE\ INTEGRATION
        |API\ INTEGRATION|STREAMLIT|ALERT|TRANSIENT\ TABLE)\ IF\ NOT\ EXISTS\ .+
    | CREATE\ OR\ ALTER\ .+
    | ALTER\ TABLE\ (IF\ EXISTS\ )?\S+\ ADD\ COLUMN\ IF\ NOT\ EXISTS\ .+
    | ALTER\ TABLE\ \S+\ ALTER\ COLUMN\ \S+\ COMMENT\ '[^']+'
    | ALTER\ TABLE\ \S+\ SET\ COMMENT\ =\ '[^']+'
    | ALTER\ SCHEMA\ \S+\ ENABLE\ MANAGED\ ACCESS
    | ALTER\ (?!TABLE).+\ (SET|RESUME|SUSPEND|ADD\ LIVE\ VERSION)\b.*
    | DROP\ ALERT\ IF\ EXISTS\ \w+
    | DROP\ PROCEDURE\ IF\ EXISTS\ \w+\(\w*\)
    | INSERT\ INTO\ .+\ WHERE\ NOT\ EXISTS\ .+
    | GRANT\ .+ | REVOKE\ .+ | USE\ .+ | PUT\ .+\ OVERWRITE\ =\ TRUE
    | COPY\ FILES\ INTO\ .+
    """,
    re.VERBOSE | re.DOTALL,
)


def statements() -> list[str]:
    steps = plan_deployment(
        read_files(), VALUES, Path("/c/snowpark.zip"), with_cost=True
    )
    return [statement.text for step in steps for statement in step.statements]


def test_every_statement_may_be_repeated() -> None:
    for text in statements():
        assert REPEATABLE.fullmatch(" ".join(text.split())), text


def test_two_plans_of_the_same_release_are_the_same() -> None:
    assert statements() == statements()


@pytest.mark.parametrize(
    "text",
    [
        "CREATE OR REPLACE TABLE control.sync_runs (id INT)",
        "CREATE TABLE control.sync_runs (id INT)",
        "CREATE OR REPLACE STAGE control.code",
        "CREATE OR REPLACE SCHEMA control",
        "DROP VIEW control.sync_status",
        "DROP VIEW IF EXISTS control.sync_status",
        "DROP ALERT sync_problem",
        "TRUNCATE TABLE control.sync_runs",
        "ALTER TABLE control.sync_runs DROP COLUMN id",
        "ALTER TABLE control.sync_runs ADD COLUMN id INT",
        "DELETE FROM control.sync_runs",
    ],
)
def test_what_would_lose_state_is_noticed(text: str) -> None:
    assert not REPEATABLE.fullmatch(text)
