"""Stages and file formats: CREATE, DROP, PUT, LIST, REMOVE."""

from __future__ import annotations

import functools
import hashlib
import os
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local.snowflake_server.core.catalog import Thing
from local.snowflake_server.core.errors import (
    SnowflakeError,
    compilation,
    exists,
    missing,
    syntax,
    unsupported,
)
from local.snowflake_server.core.names import Name, shown
from local.snowflake_server.core.results import NUMBER, TEXT, Result, made, status
from local.snowflake_server.core.scan import Scanner, one_of
from local.snowflake_server.core.statement import Statement
from local.snowflake_server.engine import Account

_DONE = "Statement executed successfully."
_STAGE = {
    "URL": Scanner.string,
    "STORAGE_INTEGRATION": Scanner.identifier,
    "DIRECTORY": lambda scanner: scanner.listed(_directory_option),
    "ENCRYPTION": lambda scanner: scanner.listed(_directory_option),
    "COMMENT": Scanner.string,
}


def _directory_option(scanner: Scanner) -> tuple[str, str]:
    key = scanner.word()
    scanner.expect("=")
    return key, scanner.name_or_string()


def _null_if(scanner: Scanner) -> tuple[str, ...]:
    return scanner.strings()


def _delimiter(scanner: Scanner) -> str:
    return scanner.string() if scanner.at_string else scanner.word()


# Options of TYPE = CSV, with Snowflake's defaults.
CSV_DEFAULTS: dict[str, Any] = {
    "TYPE": "CSV",
    "COMPRESSION": "AUTO",
    "RECORD_DELIMITER": "\n",
    "FIELD_DELIMITER": ",",
    "SKIP_HEADER": 0,
    "PARSE_HEADER": False,
    "SKIP_BLANK_LINES": False,
    "MULTI_LINE": True,
    "DATE_FORMAT": "AUTO",
    "TIME_FORMAT": "AUTO",
    "TIMESTAMP_FORMAT": "AUTO",
    "BINARY_FORMAT": "HEX",
    "ESCAPE": "NONE",
    "ESCAPE_UNENCLOSED_FIELD": "\\",
    "TRIM_SPACE": False,
    "FIELD_OPTIONALLY_ENCLOSED_BY": "NONE",
    "NULL_IF": ("\\N",),
    "ERROR_ON_COLUMN_COUNT_MISMATCH": True,
    "REPLACE_INVALID_CHARACTERS": False,
    "EMPTY_FIELD_AS_NULL": True,
    "SKIP_BYTE_ORDER_MARK": True,
    "ENCODING": "UTF8",
}
FORMAT_OPTIONS = {
    "TYPE": one_of("CSV"),
    "COMPRESSION": one_of("AUTO", "ZSTD", "GZIP", "NONE"),
    "RECORD_DELIMITER": _delimiter,
    "FIELD_DELIMITER": _delimiter,
    "SKIP_HEADER": Scanner.number,
    "PARSE_HEADER": Scanner.boolean,
    "SKIP_BLANK_LINES": Scanner.boolean,
    "MULTI_LINE": Scanner.boolean,
    "DATE_FORMAT": one_of("AUTO"),
    "TIME_FORMAT": one_of("AUTO"),
    "TIMESTAMP_FORMAT": one_of("AUTO"),
    "BINARY_FORMAT": one_of("HEX"),
    "ESCAPE": one_of("NONE"),
    "ESCAPE_UNENCLOSED_FIELD": _delimiter,
    "TRIM_SPACE": Scanner.boolean,
    "FIELD_OPTIONALLY_ENCLOSED_BY": _delimiter,
    "NULL_IF": _null_if,
    "ERROR_ON_COLUMN_COUNT_MISMATCH": Scanner.boolean,
    "REPLACE_INVALID_CHARACTERS": Scanner.boolean,
    "EMPTY_FIELD_AS_NULL": Scanner.boolean,
    "SKIP_BYTE_ORDER_MARK": Scanner.boolean,
    "ENCODING": one_of("UTF8", "UTF-8"),
}


@dataclass(frozen=True)
class Stage:
    """A stage: a folder here, or a place in S3."""

    name: Name
    url: str | None = None
    folder: Path | None = None
    integration: str | None = None
    encryption: str = ""
    comment: str = ""
    owner: str = ""
    created: datetime = field(default_factory=lambda: datetime.now(UTC))


def create_stage(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """CREATE STAGE; a URL must lie inside the storage integration's locations."""
    replaced = scanner.take("OR", "REPLACE")
    scanner.expect("STAGE")
    if_not_exists = scanner.take("IF", "NOT", "EXISTS")
    session = statement.session
    name = account.name(session, scanner.path())
    options = scanner.options(_STAGE)
    scanner.end()
    _check_url(account, options)

    def work(_connection: object) -> Result:
        catalog = account.catalog
        catalog.check_schema(name.database, name.schema)
        group = catalog.in_schema["STAGE"]
        if name in group and if_not_exists:
            return status(f"{name.name} already exists, statement succeeded.")
        if name in group and not replaced:
            raise exists(str(name))
        folder = account.settings.home / "stages" / _folder(name)
        group[name] = Stage(
            name=name,
            url=options.get("URL"),
            folder=None if "URL" in options else folder,
            integration=options.get("STORAGE_INTEGRATION"),
            encryption=dict(options.get("ENCRYPTION", ())).get("TYPE", ""),
            comment=options.get("COMMENT", ""),
            owner=session.role,
        )
        return status(f"Stage area {name.name} successfully created.")

    return account.ddl(session, work)


def _folder(name: Name) -> str:
    return hashlib.sha256("\0".join(name.parts).encode()).hexdigest()[:24]


def _check_url(account: Account, options: dict[str, Any]) -> None:
    url, integration = options.get("URL"), options.get("STORAGE_INTEGRATION")
    if url is None:
        return
    if not url.startswith("s3://"):
        raise compilation(f"invalid URL prefix found in: '{url}'", code=1011)
    if integration is None:
        raise unsupported("an external stage without STORAGE_INTEGRATION")
    found = account.catalog.in_account["INTEGRATION"].get(integration)
    if found is None or found.properties["SORT"] != "STORAGE":
        raise missing("Integration", shown(integration))
    locations = found.properties["STORAGE_ALLOWED_LOCATIONS"]
    if not any(place == "*" or url.startswith(place) for place in locations):
        raise SnowflakeError(
            3167,
            "42501",
            f"Location '{url}' is not allowed by integration {integration}. Please use "
            "DESC INTEGRATION to check out allowed and blocked locations.",
        )


def create_file_format(
    account: Account, statement: Statement, scanner: Scanner
) -> Result:
    """CREATE FILE FORMAT, CSV only."""
    replaced = scanner.take("OR", "REPLACE")
    scanner.expect("FILE", "FORMAT")
    if_not_exists = scanner.take("IF", "NOT", "EXISTS")
    session = statement.session
    name = account.name(session, scanner.path())
    options = scanner.options({**FORMAT_OPTIONS, "COMMENT": Scanner.string})
    scanner.end()
    comment = options.pop("COMMENT", "")

    def work(_connection: object) -> Result:
        catalog = account.catalog
        catalog.check_schema(name.database, name.schema)
        group = catalog.in_schema["FILE FORMAT"]
        if name in group and if_not_exists:
            return status(f"{name.name} already exists, statement succeeded.")
        if name in group and not replaced:
            raise exists(str(name))
        properties = {**CSV_DEFAULTS, **options}
        group[name] = Thing(
            name=name.name, properties=properties, owner=session.role, comment=comment
        )
        return status(f"File format {name.name} successfully created.")

    return account.ddl(session, work)


def alter_file_format(
    account: Account, statement: Statement, scanner: Scanner
) -> Result:
    """ALTER FILE FORMAT [IF EXISTS] name SET options; TYPE cannot be changed."""
    scanner.expect("FILE", "FORMAT")
    if_exists = scanner.take("IF", "EXISTS")
    name = account.name(statement.session, scanner.path())
    scanner.expect("SET")
    known = {key: read for key, read in FORMAT_OPTIONS.items() if key != "TYPE"}
    options = scanner.options({**known, "COMMENT": Scanner.string})
    scanner.end()

    def work(_connection: object) -> Result:
        group = account.catalog.in_schema["FILE FORMAT"]
        if if_exists and name not in group:
            return status(_DONE)
        old = account.catalog.thing("FILE FORMAT", name)
        comment = options.pop("COMMENT", old.comment)
        properties = {**old.properties, **options}
        group[name] = replace(old, properties=properties, comment=comment)
        return status(_DONE)

    return account.ddl(statement.session, work)


def alter_stage(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """ALTER STAGE [IF EXISTS] name SET options."""
    scanner.expect("STAGE")
    if_exists = scanner.take("IF", "EXISTS")
    name = account.name(statement.session, scanner.path())
    scanner.expect("SET")
    options = scanner.options(_STAGE)
    scanner.end()
    _check_url(account, options)

    def work(_connection: object) -> Result:
        group = account.catalog.in_schema["STAGE"]
        if if_exists and name not in group:
            return status(_DONE)
        old = account.catalog.thing("STAGE", name)
        if "URL" in options and old.url is None:
            raise compilation("An internal stage cannot become an external one.")
        group[name] = replace(
            old,
            url=options.get("URL", old.url),
            integration=options.get("STORAGE_INTEGRATION", old.integration),
            comment=options.get("COMMENT", old.comment),
        )
        return status(_DONE)

    return account.ddl(statement.session, work)


_LOCATION = re.compile(
    r"""@((?:"[^"]+"|[\w$]+)(?:\.(?:"[^"]+"|[\w$]+))*)((?:/[^\s'()]*)?)"""
)


def find(account: Account, statement: Statement, location: str) -> tuple[Stage, str]:
    """The stage of '@name/path' and the path inside it.

    Raises:
        SnowflakeError: No such stage.
    """
    match = _LOCATION.fullmatch(location)
    if match is None:
        raise syntax(f"invalid stage location '{location}'.")
    parts = Scanner(match[1]).path()
    name = account.name(statement.session, parts)
    return account.catalog.thing("STAGE", name), match[2].lstrip("/")


def location_in(text: str) -> str:
    """The first '@name/path' of a statement."""
    match = re.search(r"'(@[^']*)'", text) or _LOCATION.search(text)
    if match is None:
        raise syntax("a stage location was expected.")
    return match[1] if match[0].startswith("'") else match[0]


def list_files(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """LIST @stage/path."""
    stage, path = find(account, statement, location_in(statement.text))
    rows = sorted(listed(stage, path))
    columns = {"name": TEXT, "size": NUMBER, "md5": TEXT, "last_modified": TEXT}
    return made(columns, rows)


_MOMENT = "%a, %d %b %Y %H:%M:%S GMT"


def listed(stage: Stage, path: str) -> list[tuple[Any, ...]]:
    """Name, size, digest and date of the files whose path starts so."""
    if stage.folder is not None:
        prefix = stage.name.name.lower()
        found = []
        for file in stage.folder.rglob("*") if stage.folder.exists() else ():
            inside = file.relative_to(stage.folder).as_posix()
            if file.is_file() and inside.startswith(path):
                changed = datetime.fromtimestamp(file.stat().st_mtime, UTC)
                digest = hashlib.md5(file.read_bytes()).hexdigest()
                moment = changed.strftime(_MOMENT)
                found.append(
                    (f"{prefix}/{inside}", file.stat().st_size, digest, moment)
                )
        return found
    bucket, key = split_url(stage.url or "", path)
    try:
        pages = (
            s3().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key)
        )
        return [
            (
                f"s3://{bucket}/{item['Key']}",
                item["Size"],
                item["ETag"].strip('"'),
                item["LastModified"].strftime(_MOMENT),
            )
            for page in pages
            for item in page.get("Contents", ())
        ]
    except (ClientError, BotoCoreError) as error:
        raise s3_error(error) from error


def s3() -> Any:
    """An S3 client; AWS_ENDPOINT_URL in the environment leads it to the local S3."""
    return _client(tuple(os.environ.get(name) for name in _S3_SETTINGS))


_S3_SETTINGS = (
    "AWS_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
)


@functools.cache
def _client(settings: tuple[str | None, ...]) -> Any:
    """One client for each S3 that the environment has named: making one takes 0.1 s."""
    # A session of its own: the common one would keep the credentials of an earlier S3.
    session = boto3.session.Session(region_name=settings[0] or "us-east-1")
    return session.client("s3")


def s3_error(error: Exception) -> SnowflakeError:
    """Snowflake's form of a failed access."""
    return SnowflakeError(
        3150,
        "42501",
        f"Failed to access remote file: access denied or not found ({error}). "
        "Please check your credentials.",
    )


def split_url(url: str, path: str) -> tuple[str, str]:
    """Bucket and key of a path under 's3://bucket/prefix/'."""
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    if prefix and not prefix.endswith("/"):
        prefix += "/"
    return bucket, prefix + path


def put(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """PUT: tells the client where to copy its file."""
    statement.session.forbid_in_procedure("PUT_FILES")
    match = re.match(
        r"PUT\s+(?:'file://(?P<quoted>[^']+)'|file://(?P<file>\S+))"
        r"\s+'?(?P<to>@[^'\s]+)'?(?P<rest>.*)",
        statement.text,
        re.IGNORECASE | re.DOTALL,
    )
    if match is None:
        raise syntax("PUT file://... @stage was expected.")
    options = Scanner(match["rest"]).options(
        {
            "AUTO_COMPRESS": Scanner.boolean,
            "OVERWRITE": Scanner.boolean,
            "PARALLEL": Scanner.number,
            "SOURCE_COMPRESSION": Scanner.word,
        }
    )
    stage, path = find(account, statement, match["to"])
    if stage.folder is None:
        raise unsupported("PUT into an external stage")
    folder = stage.folder / path
    if not folder.resolve().is_relative_to(stage.folder.resolve()):
        raise syntax("the path leaves the stage.")
    folder.mkdir(parents=True, exist_ok=True)
    upload = {
        "stageInfo": {"locationType": "LOCAL_FS", "location": str(folder), "creds": {}},
        "src_locations": [match["file"] or match["quoted"]],
        "parallel": options.get("PARALLEL", 4),
        "autoCompress": options.get("AUTO_COMPRESS", True),
        "sourceCompression": options.get("SOURCE_COMPRESSION", "AUTO_DETECT").lower(),
        "overwrite": options.get("OVERWRITE", False),
        "command": "UPLOAD",
    }
    result = status("Statement executed successfully.")
    return Result(
        names=result.names, types=result.types, table=result.table, extra=upload
    )


def remove(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """REMOVE @stage/path, internal stages only."""
    stage, path = find(account, statement, location_in(statement.text))
    if stage.folder is None:
        raise unsupported("REMOVE from an external stage")
    rows = []
    for file in sorted(stage.folder.rglob("*")) if stage.folder.exists() else ():
        inside = file.relative_to(stage.folder).as_posix()
        if file.is_file() and inside.startswith(path):
            file.unlink()
            rows.append((f"{stage.name.name.lower()}/{inside}", "removed"))
    return made({"name": TEXT, "result": TEXT}, rows)
