"""Deploys to the local stack exactly what a real account gets, with the same code."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from local.stack import Endpoints
from scripts.deploy_snowflake import deploy, plan_deployment
from scripts.package_snowpark import package_snowpark
from scripts.snowflake_connection import connect
from scripts.sql_files import read_files

# Nobody checks these here; they only have to look like the real ones.
ROLE_ARN = "arn:aws:iam::000000000000:role/local"


def local_variables(endpoints: Endpoints) -> dict[str, str]:
    """Returns the value of every placeholder for the local stack."""
    return {
        "database": endpoints.snowflake.database,
        "landing_url": endpoints.landing.url,
        "storage_role_arn": ROLE_ARN,
        "api_role_arn": ROLE_ARN,
        "api_url": endpoints.gateway_url,
    }


def deploy_local(
    endpoints: Endpoints,
    *,
    given: Mapping[str, str] | None = None,
    progress: Callable[[str], None] = lambda message: None,
) -> int:
    """Deploys snowflake/ and snowpark/; returns the number of statements sent.

    Args:
        given: Values that are not those of the stack: of another environment.

    Raises:
        DeployError: A statement was refused.
        SqlFileError, VariableError: A SQL file or a value is not usable.
    """
    variables = {**local_variables(endpoints), **(given or {})}
    with tempfile.TemporaryDirectory() as folder:
        code = package_snowpark(Path(folder))
        steps = plan_deployment(read_files(), variables, code)
        connection = connect(endpoints.snowflake.parameters)
        try:
            return deploy(connection, steps, progress=progress)
        finally:
            connection.close()
