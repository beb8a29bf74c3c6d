"""Deploys the SQL files of snowflake/ and the zip of snowpark/; repeatable.

The same command serves a real account and the local stack. See --help.
"""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from snowflake.connector.errors import Error as SnowflakeError

from scripts import environments
from scripts.deploy_variables import (
    VARIABLES,
    VariableError,
    read_variables,
    resolve_variables,
)
from scripts.package_snowpark import dashboard_files, package_snowpark
from scripts.print_check import print_check
from scripts.snowflake_connection import (
    ConnectionSettingsError,
    connect,
    read_settings,
)
from scripts.sql_files import (
    SqlFile,
    SqlFileError,
    Statement,
    placeholders,
    read_files,
    statements,
)

ACCOUNT_FOLDER = "_account"  # roles, warehouse, integrations
INTEGRATIONS_FILE = "10_account/030_integrations.sql"
CODE_BEFORE = "_procedures"  # CREATE PROCEDURE reads the zip
CODE_STAGE = "control.code"
DASHBOARD_BEFORE = "_dashboard"  # CREATE STREAMLIT copies the app's files
DASHBOARD_STAGE = "control.dashboard/app"
DATABASE = VARIABLES["database"].default or ""
COST_FOLDER = "_cost"  # reads the account's usage, which not every role may
app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


class DeployError(RuntimeError):
    """Snowflake refused a statement; names the file, the line and the statement."""


@dataclass(frozen=True)
class Step:
    """One thing that the deployment does: a file, or the upload of the code.

    Attributes:
        title: For progress messages.
        statements: What is sent, in order.
    """

    title: str
    statements: tuple[Statement, ...]


def plan_deployment(
    files: list[SqlFile],
    given: Mapping[str, str],
    code: Path,
    *,
    skip_account_objects: bool = False,
    with_cost: bool = False,
) -> list[Step]:
    """Returns every step, with all values filled in and checked.

    Args:
        files: SQL files in deploy order.
        given: Values for placeholders.
        code: Zip of the procedures.
        skip_account_objects: Leave out what an account administrator has created.
        with_cost: Deploy the view that reads the account's usage, too.

    Raises:
        SqlFileError: A file is malformed.
        VariableError: A value is missing, unknown or malformed.
    """
    if skip_account_objects:
        files = [file for file in files if not file.folder.endswith(ACCOUNT_FOLDER)]
    if not with_cost:
        files = [file for file in files if not file.folder.endswith(COST_FOLDER)]
    used = {**placeholders(files), "notification_integrations": "the deployment"}
    values = resolve_variables(used, environments.complete(given))
    ending = environments.suffix(given)
    notifications = values["notification_integrations"]
    uploads = {
        CODE_BEFORE: ("snowpark.zip", {code: CODE_STAGE}),
        DASHBOARD_BEFORE: ("the dashboard", _dashboard_uploads()),
    }
    steps: list[Step] = []
    for file in files:
        for folder in [end for end in uploads if file.folder.endswith(end)]:
            title, sources = uploads.pop(folder)
            steps.append(_upload_step(title, sources, values["database"]))
        sent = (
            replace(one, text=environments.renamed(one.text, ending))
            for one in statements(file, values)
        )
        steps.append(Step(file.name, tuple(sent)))
        if notifications and file.name == INTEGRATIONS_FILE:
            steps.append(_grant_step(notifications, values["admin_role"], ending))
    return steps


def _grant_step(notifications: str, admin_role: str, ending: str) -> Step:
    """Lets alerts use integrations that were made before the role was."""
    title = "grant notification integrations"
    texts = [f"USE ROLE {admin_role}"]
    texts += [
        f"GRANT USAGE ON INTEGRATION {name} TO ROLE sync_admin{ending}"
        for name in notifications.split(",")
    ]
    return Step(title, tuple(Statement(title, 1, text) for text in texts))


def _dashboard_uploads() -> dict[Path, str]:
    """Returns file -> folder on the stage, laid out as the app imports its modules."""
    return {
        path: "/".join([DASHBOARD_STAGE, *Path(name).parent.parts])
        for name, path in dashboard_files().items()
    }


def _upload_step(title: str, sources: Mapping[Path, str], database: str) -> Step:
    # The connector wants forward slashes and a quoted URL on every system.
    title = f"upload {title}"
    return Step(
        title,
        tuple(
            Statement(
                title,
                1,
                f"PUT 'file://{path.as_posix()}' @{database}.{stage} "
                "AUTO_COMPRESS = FALSE OVERWRITE = TRUE",
            )
            for path, stage in sources.items()
        ),
    )


def deploy(
    connection: Any,
    steps: list[Step],
    *,
    progress: Callable[[str], None] = lambda message: None,
) -> int:
    """Sends every statement and returns how many were sent.

    Args:
        connection: Open connection of the Snowflake connector.
        steps: From plan_deployment.
        progress: Told about each step.

    Raises:
        DeployError: Snowflake refused a statement; nothing after it was sent.
    """
    sent = 0
    with connection.cursor() as cursor:
        for step in steps:
            progress(step.title)
            for statement in step.statements:
                _send(cursor, statement)
                sent += 1
    return sent


def _send(cursor: Any, statement: Statement) -> None:
    try:
        cursor.execute(statement.text)
    except SnowflakeError as error:
        if _done_before(statement.text, error):
            return
        raise DeployError(
            f"{statement.place}: Snowflake refused\n\n{statement.text}\n\n{error}\n\n"
            "Every statement may be repeated: correct the cause and deploy again."
        ) from error


def _done_before(text: str, error: SnowflakeError) -> bool:
    """Whether an earlier deployment has done it; the statement has no IF NOT EXISTS."""
    words = " ".join(text.split()).upper()
    return (
        words.startswith("ALTER STREAMLIT ")
        and words.endswith(" ADD LIVE VERSION FROM LAST")
        and "already a live version" in str(error).lower()
    )


def parse_assignments(assignments: list[str]) -> dict[str, str]:
    """Parses NAME=VALUE texts.

    Raises:
        VariableError: A text has no equals sign.
    """
    values: dict[str, str] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals:
            raise VariableError(f"--set takes NAME=VALUE, not {assignment!r}")
        values[name.strip()] = value.strip()
    return values


@app.command()
def _main(
    connection_file: Annotated[
        Path | None,
        typer.Option(help="connections.json of the local stack, or connections.toml."),
    ] = None,
    connection_name: Annotated[
        str | None, typer.Option(help="Connection of connections.toml.")
    ] = None,
    account: Annotated[str | None, typer.Option(help="SNOWFLAKE_ACCOUNT")] = None,
    user: Annotated[str | None, typer.Option(help="SNOWFLAKE_USER")] = None,
    role: Annotated[str | None, typer.Option(help="SNOWFLAKE_ROLE")] = None,
    private_key_file: Annotated[
        str | None,
        typer.Option(help="Key pair; its password: SNOWFLAKE_PRIVATE_KEY_FILE_PWD."),
    ] = None,
    authenticator: Annotated[
        str | None, typer.Option(help="For example externalbrowser.")
    ] = None,
    variables_file: Annotated[
        Path | None,
        typer.Option(
            "--variables-file",
            "--terraform-outputs",
            help="JSON with values, or the text of `terraform output -json`.",
        ),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", help="NAME=VALUE for a placeholder; may be repeated."),
    ] = None,
    environment: Annotated[
        str | None,
        typer.Option(
            help="One of several in the account: dev makes AURORA_SYNC_DEV,"
            " SYNC_ADMIN_DEV, ... As --set environment=dev."
        ),
    ] = None,
    skip_account_objects: Annotated[
        bool,
        typer.Option(
            "--skip-account-objects",
            help="Roles, warehouse and integrations exist (administrator, Terraform).",
        ),
    ] = False,
    with_cost: Annotated[
        bool,
        typer.Option(
            "--with-cost",
            help="SYNC_COST, too; the admin role must see SNOWFLAKE.ACCOUNT_USAGE.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show every statement, send none.")
    ] = False,
) -> None:
    """Deploys the Snowflake side: every file of snowflake/ in order, and the code.

    Passwords and tokens come from SNOWFLAKE_PASSWORD or SNOWFLAKE_TOKEN or the file.
    """
    console = Console(stderr=dry_run)
    try:
        given = read_variables(variables_file) if variables_file else {}
        given.update(parse_assignments(assignments or []))
        if environment is not None:
            given["environment"] = environment
        given = environments.complete(given)
        with tempfile.TemporaryDirectory() as folder:
            code = package_snowpark(Path(folder))
            steps = plan_deployment(
                read_files(),
                given,
                code,
                skip_account_objects=skip_account_objects,
                with_cost=with_cost,
            )
            if dry_run:
                _print_steps(steps)
                return
            settings = read_settings(
                file=connection_file,
                name=connection_name,
                options={
                    "account": account,
                    "user": user,
                    "role": role,
                    "private_key_file": private_key_file,
                    "authenticator": authenticator,
                },
            )
            connection = connect(settings)
            try:
                sent = deploy(
                    connection,
                    steps,
                    progress=lambda title: console.print(f"  {title}", style="dim"),
                )
                print_check(console, connection, given.get("database", DATABASE))
            finally:
                connection.close()
    except (
        ConnectionSettingsError,
        DeployError,
        SqlFileError,
        VariableError,
    ) as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        raise typer.Exit(1) from None
    console.print(f"Deployed: {sent} statements. Next: CALL APPLY_CONFIG($$...$$);")


def _print_steps(steps: list[Step]) -> None:
    for step in steps:
        print(f"-- {step.title}")
        for statement in step.statements:
            print(f"{statement.text};\n")


if __name__ == "__main__":
    app()
