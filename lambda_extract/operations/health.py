"""Operation "health": what a source and the landing place answer."""

import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from psycopg2 import sql

from lambda_extract import contract
from lambda_extract.credentials import secrets
from lambda_extract.landing.s3_errors import landing_error
from lambda_extract.log import seconds_since
from lambda_extract.operations.connect import connect
from lambda_extract.settings import Settings
from lambda_extract.source.database import application_name


def health(
    request: contract.HealthRequest, *, settings: Settings, s3: Any
) -> contract.HealthReply:
    started = time.monotonic()
    secrets.forget(settings.source(request.source))
    secrets.read(settings.source(request.source))
    credentials_seconds = seconds_since(started)
    started = time.monotonic()
    name = application_name("health", request.run_id)
    deadline = started + settings.budget_seconds
    with connect(request.source, name, settings, deadline=deadline) as database:
        (version,) = database.row(sql.SQL("SHOW server_version"))
    postgres_seconds = seconds_since(started)
    started = time.monotonic()
    _try_landing(settings, s3)
    return contract.HealthReply(
        run_id=request.run_id,
        server_version=version,
        credentials_seconds=credentials_seconds,
        postgres_seconds=postgres_seconds,
        landing_seconds=seconds_since(started),
        release=contract.release(),
    )


def _try_landing(settings: Settings, s3: Any) -> None:
    target = {
        "Bucket": settings.landing_bucket,
        "Key": f"{settings.landing_prefix}health/probe",
    }
    try:
        s3.put_object(**target, Body=b"ok")
        s3.get_object(**target)["Body"].read()
    except (ClientError, BotoCoreError) as error:
        raise landing_error(error, "writing and reading a probe") from error
