"""What removes the sync from an account."""

import re

import typer
from typer.testing import CliRunner

from scripts import undeploy_snowflake
from scripts.sql_files import read_files

VALUES = {"database": "DB", "warehouse": "WH", "admin_role": "ADMIN"}


def test_targets_and_the_database_stay() -> None:
    found = undeploy_snowflake.statements(VALUES, integrations=True, roles=True)
    assert not any("DATABASE" in text or "TABLE" in text for text in found)
    assert found.index("DROP SCHEMA IF EXISTS DB.control") < found.index(
        "DROP ROLE IF EXISTS sync_admin"
    )
    few = undeploy_snowflake.statements(VALUES, integrations=False, roles=False)
    assert few == [
        "USE ROLE sync_admin",
        "DROP SCHEMA IF EXISTS DB.control",
        "DROP SCHEMA IF EXISTS DB.staging",
    ]


def test_every_role_that_is_deployed_goes() -> None:
    text = "".join(f.text for f in read_files() if f.folder.endswith("_account"))
    made = set(re.findall(r"CREATE ROLE IF NOT EXISTS (\w+)", text))
    made |= set(re.findall(r"(aurora_sync_\w+)\n", text))
    found = undeploy_snowflake.statements(VALUES, integrations=True, roles=True)
    gone = {text.split()[-1] for text in found if text.startswith("DROP")}
    assert made and made <= gone


def test_an_environment_takes_its_own_names_away() -> None:
    values = VALUES | {"environment": "dev"}
    found = undeploy_snowflake.statements(values, integrations=True, roles=True)
    assert found[0] == "USE ROLE sync_admin_DEV"
    assert "DROP INTEGRATION IF EXISTS aurora_sync_api_DEV" in found
    dropped = [t for t in found if t.startswith(("DROP ROLE", "DROP INTEGRATION"))]
    assert len(dropped) == 6 and all(text.endswith("_DEV") for text in dropped)


def test_whatever_a_deployment_makes_in_the_account_is_dropped() -> None:
    text = "".join(file.text for file in read_files()).upper()
    made = re.findall(
        r"CREATE (?:STORAGE |API )?(ROLE|INTEGRATION) IF NOT EXISTS (\w+)", text
    )
    found = undeploy_snowflake.statements(VALUES, integrations=True, roles=True)
    assert len(made) >= 5
    assert not [
        (kind, name)
        for kind, name in made
        if f"DROP {kind} IF EXISTS {name}" not in [one.upper() for one in found]
    ]


def test_a_dry_run_sends_nothing() -> None:
    app = typer.Typer()
    app.command()(undeploy_snowflake.main)
    done = CliRunner().invoke(app, ["--dry-run", "--roles"])
    assert done.exit_code == 0
    assert "DROP ROLE IF EXISTS sync_admin;" in done.output
    assert "removed" not in done.output
