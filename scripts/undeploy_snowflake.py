"""Removes the sync from a Snowflake account. The targets, with their rows, stay.

The schemas CONTROL and STAGING hold everything of the sync: configuration, history,
procedures, tasks, pipes, the dashboard. They go, then the integrations; roles and
warehouse go only if that is asked for, because SYNC_ADMIN owns the targets and others
may use the warehouse. The database stays.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from snowflake.connector.errors import Error as ConnectorError

from scripts.deploy_variables import VariableError, read_variables, resolve_variables
from scripts.snowflake_connection import (
    ConnectionSettingsError,
    connect,
    read_settings,
)

ROLES = ("sync_reader", "sync_operator", "sync_configurator", "sync_admin")
console = Console(highlight=False, soft_wrap=True)


def statements(
    values: Mapping[str, str], *, integrations: bool, roles: bool
) -> list[str]:
    """Returns what is sent, in order.

    Args:
        values: Of the deployment: database, warehouse, admin_role.
        integrations: Drop the storage and the API integration.
        roles: Drop the roles and the warehouse; the targets go to whoever drops them.
    """
    found = [
        f"USE ROLE {ROLES[-1]}",
        f"DROP SCHEMA IF EXISTS {values['database']}.control",
        f"DROP SCHEMA IF EXISTS {values['database']}.staging",
    ]
    if integrations or roles:
        found.append(f"USE ROLE {values['admin_role']}")
    if integrations:
        found += [
            "DROP INTEGRATION IF EXISTS aurora_sync_api",
            "DROP INTEGRATION IF EXISTS aurora_sync_storage",
        ]
    if roles:
        found.append(f"DROP WAREHOUSE IF EXISTS {values['warehouse']}")
        found += [f"DROP ROLE IF EXISTS {role}" for role in ROLES]
    return found


def main(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show every statement, send none.")
    ] = False,
    connection_file: Annotated[
        Path | None, typer.Option(help="A connections.toml of Snowflake.")
    ] = None,
    connection_name: Annotated[str, typer.Option(help="Section of it.")] = "default",
    variables_file: Annotated[
        Path | None, typer.Option(help="The values of the deployment.")
    ] = None,
    integrations: Annotated[
        bool, typer.Option("--integrations", help="Drop the integrations, too.")
    ] = False,
    roles: Annotated[
        bool, typer.Option("--roles", help="Drop roles and warehouse, too.")
    ] = False,
) -> None:
    """Shows or sends the statements; without --dry-run it asks before."""
    try:
        given = read_variables(variables_file) if variables_file else {}
        used = dict.fromkeys(("admin_role", "database", "warehouse"), "this command")
        values = resolve_variables(used, given)
        todo = statements(
            values,
            integrations=integrations,
            roles=roles,
        )
        for text in todo:
            console.print(f"{text};", markup=False)
        if dry_run:
            return
        typer.confirm("Configuration and history are lost. Go on?", abort=True)
        settings = read_settings(file=connection_file, name=connection_name, options={})
        connection = connect(settings)
        try:
            for text in todo:
                connection.cursor().execute(text)
        finally:
            connection.close()
    except (VariableError, ConnectionSettingsError, ConnectorError) as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None
    console.print("The sync is removed; the targets are as they were.")


if __name__ == "__main__":
    typer.run(main)
