"""Asks the platforms whether they do what the product rests on; see --help.

probes/ holds the questions. Without options they go to a local stack that is started
for them; with a connection they go to an account. Ten minutes are the budget there: no
probe is begun later, four are asked at a time, and no statement may take longer than
two minutes.
"""

import contextlib
import re
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import boto3
import psycopg2
import typer
from rich.console import Console
from snowflake.connector.errors import Error as SnowflakeError

from local.aws import server as aws
from local.stack import Endpoints, Stack, running_stack
from scripts.probes import ask_aws, ask_postgresql, ask_snowflake
from scripts.deploy_local import deploy_local
from scripts.deploy_variables import VariableError, read_variables
from scripts.probes.answers import NOT_RUN, Outcome
from scripts.probes.files import HALVES, Probe, ProbeFileError, read_probes
from scripts.probes.report import print_outcomes, report, write_report
from scripts.probes.ask_snowflake import STATEMENT_SECONDS, Place
from scripts.snowflake_connection import (
    ConnectionSettingsError,
    connect,
    read_settings,
)

BUDGET_SECONDS = 600
AT_A_TIME = 4
FILE = Path(__file__).resolve().parents[1] / ".local" / "probes.json"
app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@dataclass(frozen=True)
class Targets:
    """Which platforms are asked; None: its half is not run, and `why` says why.

    Attributes:
        snowflake: Opens a session; its parameters are Snowflake's connector's.
        settings: The connection's settings, for what must not be told.
        database: The product's database.
        postgresql: Opens a session.
        cloud: What is asked of AWS.
        at_a_time: How many probes are asked of Snowflake at the same time.
    """

    snowflake: Callable[[], Any] | None = None
    settings: Mapping[str, Any] | None = None
    database: str = "AURORA_SYNC"
    postgresql: Callable[[], Any] | None = None
    cloud: ask_aws.Cloud | None = None
    at_a_time: int = 1


_WITHOUT = {
    "snowflake": "needs --connection-file",
    "postgresql": "needs --postgresql-service",
    "aws": "needs --aws-profile and --terraform-outputs",
}


def local_targets(endpoints: Endpoints) -> Targets:
    """The parts of a local stack that the product is deployed to."""
    parameters = endpoints.snowflake.parameters
    cloud = aws.environment(endpoints.landing.endpoint_url)
    session = _LocalSession(
        endpoints.landing.endpoint_url,
        aws_access_key_id=cloud["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=cloud["AWS_SECRET_ACCESS_KEY"],
        region_name=cloud["AWS_REGION"],
    )
    return Targets(
        snowflake=lambda: connect(parameters),
        settings=parameters,
        database=endpoints.snowflake.database,
        postgresql=lambda: psycopg2.connect(endpoints.aurora_dsn),
        cloud=ask_aws.Cloud(
            session,
            endpoints.landing.bucket,
            endpoints.landing.prefix,
            endpoints.gateway_url,
        ),
    )


class _LocalSession(boto3.Session):
    """A boto3 session whose clients talk to the local AWS."""

    def __init__(self, endpoint_url: str, **settings: str) -> None:
        super().__init__(**settings)
        self._endpoint_url = endpoint_url

    def client(self, service: str) -> Any:
        """A client of the local server."""
        return super().client(service, endpoint_url=self._endpoint_url)


def run(
    probes: list[Probe],
    targets: Targets,
    *,
    local: bool,
    told: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """Asks every probe; returns the outcomes in the order of the probes.

    Args:
        probes: The probes.
        targets: Whom to ask.
        local: Leave out what the local stack does not imitate.
        told: Receives each outcome as it comes, from any thread.
    """
    found: dict[str, Outcome] = {}

    def tell(outcome: Outcome) -> None:
        found[outcome.probe.id] = outcome
        told(outcome)

    until = time.monotonic() + BUDGET_SECONDS
    prefix = f"PROBE_{secrets.token_hex(4).upper()}"
    left = []
    for probe in probes:
        if local and probe.local == "not_imitated":
            tell(Outcome(probe, NOT_RUN, "not imitated"))
        else:
            left.append(probe)
    by_half = {half: [p for p in left if p.half == half] for half in HALVES}
    _run_snowflake(by_half["snowflake"], targets, prefix, tell, until)
    if targets.postgresql is not None:
        ask_postgresql.run_probes(
            by_half["postgresql"], targets.postgresql, prefix, tell, until
        )
    if targets.cloud is not None:
        ask_aws.run_probes(by_half["aws"], targets.cloud, tell, until)
    for probe in left:
        if probe.id not in found:
            tell(Outcome(probe, NOT_RUN, _WITHOUT[probe.half]))
    return [found[probe.id] for probe in probes]


def _run_snowflake(
    probes: list[Probe],
    targets: Targets,
    prefix: str,
    tell: Callable[[Outcome], None],
    until: float,
) -> None:
    if targets.snowflake is None or not probes:
        return
    open_session = targets.snowflake

    def connected() -> Any:
        connection = open_session()
        with connection.cursor() as cursor:
            cursor.execute(
                "ALTER SESSION SET STATEMENT_TIMEOUT_IN_SECONDS = "
                f"{STATEMENT_SECONDS}"
            )
        return connection

    place = Place(
        connect=connected,
        database=targets.database,
        prefix=prefix,
        deployed=_is_deployed(open_session, targets.database),
        warehouse=str((targets.settings or {}).get("warehouse", "AURORA_SYNC")),
    )
    with ThreadPoolExecutor(targets.at_a_time) as pool:
        lists = [probes[at :: targets.at_a_time] for at in range(targets.at_a_time)]
        running = [
            pool.submit(ask_snowflake.run_probes, some, place, tell, until)
            for some in lists
        ]
    for future in running:
        future.result()


def _is_deployed(open_session: Callable[[], Any], database: str) -> bool:
    with contextlib.closing(open_session()) as connection:
        with connection.cursor() as cursor:
            try:
                cursor.execute(
                    f"DESCRIBE FUNCTION {database}.control.aurora_extract(VARCHAR)"
                )
            except SnowflakeError:
                return False
    return True


def snowflake_version(targets: Targets) -> str:
    """Snowflake's version; empty if Snowflake is not asked."""
    if targets.snowflake is None:
        return ""
    with contextlib.closing(targets.snowflake()) as connection:
        with connection.cursor() as cursor:
            cursor.execute("SELECT CURRENT_VERSION()")
            return str(cursor.fetchone()[0])


def private_names(targets: Targets) -> list[str]:
    """What must not stand in a report."""
    settings = targets.settings or {}
    names = [
        str(settings[key])
        for key in ("account", "user", "role", "warehouse", "host", "password")
        if settings.get(key)
    ]
    # An account's locator and its organisation stand alone in messages, too.
    names += re.split(r"[.-]", str(settings.get("account", "")))
    names.append(targets.database)
    if targets.cloud is not None:
        cloud = targets.cloud
        names += [cloud.bucket, cloud.prefix.strip("/"), cloud.function_name]
        names += [cloud.api_url, urlsplit(cloud.api_url).hostname or ""]
    return names


@contextlib.contextmanager
def _local_stack(console: Console) -> Iterator[Stack]:
    with tempfile.TemporaryDirectory() as folder:
        with running_stack(Path(folder), progress=console.print) as stack:
            deploy_local(stack.endpoints)
            yield stack


def _account_targets(
    settings: Mapping[str, Any] | None,
    database: str,
    profile: str | None,
    outputs: Path | None,
    service: str | None,
) -> Targets:
    cloud = None
    if profile is not None and outputs is not None:
        values = read_variables(outputs)
        landing = urlsplit(values["landing_url"])
        cloud = ask_aws.Cloud(
            session=boto3.Session(profile_name=profile),
            bucket=landing.netloc,
            prefix=landing.path.lstrip("/"),
            api_url=values["api_url"],
            function_name=values.get("function_name", ""),
        )
    return Targets(
        snowflake=None if settings is None else lambda: connect(settings),
        settings=settings,
        database=database,
        postgresql=(
            None if service is None else lambda: psycopg2.connect(service=service)
        ),
        cloud=cloud,
        at_a_time=AT_A_TIME,
    )


@app.command()
def _main(
    connection_file: Annotated[
        Path | None,
        typer.Option(help="connections.toml: ask the Snowflake account of it."),
    ] = None,
    connection: Annotated[
        str | None, typer.Option(help="Connection of connections.toml.")
    ] = None,
    database: Annotated[
        str, typer.Option(help="Database in which schemas may be created.")
    ] = "AURORA_SYNC",
    role: Annotated[str | None, typer.Option(help="SNOWFLAKE_ROLE")] = None,
    warehouse: Annotated[str | None, typer.Option(help="SNOWFLAKE_WAREHOUSE")] = None,
    aws_profile: Annotated[
        str | None, typer.Option(help="Ask AWS, with this profile's credentials.")
    ] = None,
    terraform_outputs: Annotated[
        Path | None, typer.Option(help="Text of `terraform output -json`, for AWS.")
    ] = None,
    postgresql_service: Annotated[
        str | None,
        typer.Option(help="Ask the Aurora of this service of pg_service.conf."),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Id of a probe; may be repeated.")
    ] = None,
    json_file: Annotated[
        Path, typer.Option(help="Receives what to send in with an issue.")
    ] = FILE,
) -> None:
    """Asks the platforms whether they do what the product rests on.

    Without options: a local stack, started for it. On an account each probe runs in a
    schema of its own, which is dropped; ten minutes at most. Ends with 0 only if
    every answer is the expected one (locally: the one that the probe's file names).
    """
    console = Console()
    asked = (connection_file, aws_profile, postgresql_service)
    local = not any(asked)
    try:
        probes = [p for p in read_probes() if not only or p.id in only]
        with contextlib.ExitStack() as cleanup:
            if local:
                stack = cleanup.enter_context(_local_stack(console))
                targets = local_targets(stack.endpoints)
            else:
                targets = _account_targets(
                    _settings(connection_file, connection, role, warehouse),
                    database,
                    aws_profile,
                    terraform_outputs,
                    postgresql_service,
                )
            version = snowflake_version(targets)
            outcomes = run(probes, targets, local=local)
    except (
        ConnectionSettingsError,
        ProbeFileError,
        VariableError,
        SnowflakeError,
        psycopg2.Error,
    ) as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        raise typer.Exit(2) from None
    print_outcomes(console, outcomes, local=local)
    content = report(
        outcomes, local=local, version=version, names=private_names(targets)
    )
    write_report(json_file, content)
    console.print(f"To send in with an issue: {json_file}")
    raise typer.Exit(0 if all(_good(o, local) for o in outcomes) else 1)


def _settings(
    file: Path | None, name: str | None, role: str | None, warehouse: str | None
) -> dict[str, Any] | None:
    if file is None:
        return None
    options = {"role": role, "warehouse": warehouse}
    return read_settings(file=file, name=name, options=options)


def _good(outcome: Outcome, local: bool) -> bool:
    if local:
        return outcome.as_marked
    return outcome.state in ("as expected", NOT_RUN)


if __name__ == "__main__":
    app()
