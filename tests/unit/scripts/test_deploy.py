"""The whole chain as one command, and the document that tells of it."""

import re
import shlex
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from scripts import deploy, deploy_snowflake
from scripts.deploy import Step, StepError, run, steps
from scripts.deploy_variables import VARIABLES
from scripts.snowflake_connection import _ENVIRONMENT

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT = (ROOT / "docs" / "DEPLOYMENT.md").read_text(encoding="utf-8")
# Of Terraform's provider, which has names of its own (its documentation).
PROVIDER = {
    "SNOWFLAKE_ORGANIZATION_NAME",
    "SNOWFLAKE_ACCOUNT_NAME",
    "SNOWFLAKE_USER",
    "SNOWFLAKE_AUTHENTICATOR",
    "SNOWFLAKE_PRIVATE_KEY",
    "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE",
    "SNOWFLAKE_JWT",  # A value.
}


def commands() -> list[str]:
    """The indented lines of the document, continued ones as one."""
    text = DOCUMENT.replace("\\\n", " ")
    lines = re.findall(r"^    (\S.*)$", text, re.M)
    return [" ".join(line.split("#")[0].split()) for line in lines]


def test_the_document_has_the_commands_of_the_chain_in_their_order() -> None:
    told = commands()
    places = [told.index(step.text) for step in steps("production.tfvars")]
    assert places == sorted(places)


def test_every_script_and_file_of_the_document_exists() -> None:
    for name in set(
        re.findall(r"(?:scripts|terraform|config|docs)/[\w./]+\w", DOCUMENT)
    ):
        made = {"terraform/production.tfvars", "terraform/backend.tf"}
        assert name in made or (ROOT / name).exists(), name


def test_every_variable_of_the_environment_is_read_by_somebody() -> None:
    named = set(re.findall(r"\bSNOWFLAKE_[A-Z_]+\b", DOCUMENT))
    assert named - PROVIDER <= set(_ENVIRONMENT), named - PROVIDER - set(_ENVIRONMENT)
    assert {"SNOWFLAKE_PRIVATE_KEY_FILE_PWD", "SNOWFLAKE_ACCOUNT"} <= named


def test_every_variable_of_terraform_is_declared() -> None:
    declared = set()
    for file in (ROOT / "terraform").glob("variables*.tf"):
        declared |= set(re.findall(r'^variable "(\w+)"', file.read_text(), re.M))
        declared |= set(re.findall(r"^\s+(\w+)\s+= ", file.read_text(), re.M))
    known = declared | set(VARIABLES)
    for name in (
        *("front_concurrency", "worker_concurrency", "given_endpoints", "new_vpc"),
        *("manage_api_gateway_logging", "aurora_security_group_id", "vpc_id"),
        *("private_subnet_ids", "alarm_emails", "pipes", "alerts_by_sns"),
        *("alert_emails", "snowflake_vpc_ids", "hash_key_path", "owners", "secret_id"),
        *("hash_key_secret_id", "resource_id", "snowflake_admin_role", "admin_role"),
    ):
        assert f"`{name}`" in DOCUMENT or f"`{name} = " in DOCUMENT, name
        assert name in known, name


def options(app: typer.Typer) -> set[str]:
    return {option for p in typer.main.get_command(app).params for option in p.opts}


def test_every_option_of_the_document_is_an_option() -> None:
    apps = {"deploy": deploy.app, "deploy_snowflake": deploy_snowflake.app}
    for script, app in apps.items():
        for command in commands():
            if command.startswith(f"scripts/{script}.sh"):
                used = {w for w in shlex.split(command) if w.startswith("--")}
                assert used <= options(app), command
    named = set(re.findall(r"`(--[a-z-]+)", DOCUMENT.partition("## Costs")[0]))
    assert {"--with-cost", "--skip-account-objects", "--set", "--dry-run"} <= named
    assert named <= options(deploy.app) | options(deploy_snowflake.app), named


def test_the_roles_and_calls_of_the_document_are_deployed() -> None:
    text = "\n".join(
        path.read_text(encoding="utf-8").upper()
        for path in sorted((ROOT / "snowflake").glob("*/*.sql"))
    )
    for role in re.findall(
        r"\bSYNC_(?:ADMIN|OPERATOR|CONFIGURATOR|READER)\b", DOCUMENT
    ):
        assert f"CREATE ROLE IF NOT EXISTS {role}" in text
    calls = set(re.findall(r"CALL (?:AURORA_SYNC\.CONTROL\.)?([A-Z_]+)\(", DOCUMENT))
    assert {"APPLY_CONFIG", "CHECK_SYNC", "SYNC_TABLE", "APPLY_TASKS"} <= calls
    for call in calls:
        assert f"PROCEDURE {call}(" in text, call
        assert f"GRANT USAGE ON PROCEDURE CONTROL.{call}(" in text, call
    for role in ("SYNC_ADMIN", "SYNC_OPERATOR", "SYNC_CONFIGURATOR", "SYNC_READER"):
        assert re.search(rf"ON WAREHOUSE <% WAREHOUSE %> TO ROLE {role}", text), role


def test_a_dry_run_shows_every_command_and_runs_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(step: Step) -> None:
        raise AssertionError(step)

    monkeypatch.setattr(deploy, "run", never)
    arguments = ["--var-file", "x.tfvars", "--dry-run", "--", "--with-cost"]
    told = CliRunner().invoke(deploy.app, arguments)
    assert told.exit_code == 0
    expected = [f"== {s.text}" for s in steps("x.tfvars", more=("--with-cost",))]
    assert told.output.splitlines() == expected
    assert "-auto-approve" in steps("x", auto_approve=True)[2].command


def test_a_step_that_fails_ends_the_deployment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = Step((sys.executable, "-c", "print('{}')"), "build/outputs.json")
    run(written, tmp_path)
    assert (tmp_path / "build/outputs.json").read_text() == "{}\n"
    broken = Step((sys.executable, "-c", "print('half'); exit(3)"), written.into)
    with pytest.raises(StepError, match="may be repeated"):
        run(broken, tmp_path)
    assert (tmp_path / "build/outputs.json").read_text() == "{}\n"
    with pytest.raises(StepError, match="no-such-program"):
        run(Step(("no-such-program",)), tmp_path)
    ran: list[Step] = []

    def first_fails(step: Step) -> None:
        ran.append(step)
        raise StepError("no")

    monkeypatch.setattr(deploy, "run", first_fails)
    told = CliRunner().invoke(deploy.app, ["--var-file", "x.tfvars"])
    assert told.exit_code == 1 and len(ran) == 1
