"""Pipes as objects: CREATE, ALTER, DROP, SHOW, DESCRIBE, SYSTEM$PIPE_STATUS."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from local.snowflake_server.core.catalog import Table
from local.snowflake_server.core.errors import compilation, exists, unsupported
from local.snowflake_server.core.names import Name
from local.snowflake_server.core.results import MOMENT, TEXT, Result, made, status
from local.snowflake_server.core.scan import Scanner, one_of
from local.snowflake_server.core.statement import Statement
from local.snowflake_server.engine import Account
from local.snowflake_server.objects import stages
from local.snowflake_server.rows import copy_into

_OPTIONS = {
    "AUTO_INGEST": Scanner.boolean,
    "AWS_SNS_TOPIC": Scanner.string,
    "COMMENT": Scanner.string,
}
_COPY_OPTIONS = {
    "FILE_FORMAT": copy_into.format_reference,
    "ON_ERROR": one_of("SKIP_FILE"),
}
_STATUS = re.compile(
    r"SELECT\s+SYSTEM\$PIPE_STATUS\(\s*'((?:[^']|'')*)'\s*\)(?:\s+AS\s+(\w+))?\s*",
    re.IGNORECASE,
)
_DONE = "Statement executed successfully."
FILE_NAME = "METADATA$FILENAME"


@dataclass(frozen=True)
class Pipe:
    """A pipe, its COPY read.

    Attributes:
        table: Where the rows go.
        columns: What the COPY fills, in this order.
        fields: Number of the file's field for each, from 1; 0: the file's name.
        bucket: Of the stage.
        prefix: What the keys of its files begin with.
        format: All options of the file format.
        definition: The COPY, as written.
    """

    name: Name
    table: Name
    columns: tuple[str, ...]
    fields: tuple[int, ...]
    bucket: str
    prefix: str
    format: dict[str, Any]
    definition: str
    options: dict[str, Any]
    paused: bool = False
    owner: str = ""
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    def takes(self, bucket: str, key: str) -> bool:
        """Whether a file lies where the pipe looks."""
        return bucket == self.bucket and key.startswith(self.prefix)


def create(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """CREATE [OR REPLACE] PIPE ... AS COPY INTO ... FROM (SELECT $1, ... FROM @...)."""
    replaced = scanner.take("OR", "REPLACE")
    scanner.expect("PIPE")
    if_not_exists = scanner.take("IF", "NOT", "EXISTS")
    name = account.name(statement.session, scanner.path())
    options = scanner.options(_OPTIONS)
    scanner.expect("AS")
    pipe = _read(account, statement, name, options, scanner.rest())

    def work(_connection: object) -> Result:
        account.catalog.check_schema(name.database, name.schema)
        group = account.catalog.in_schema["PIPE"]
        if name in group and if_not_exists:
            return status(f"{name.name} already exists, statement succeeded.")
        if name in group and not replaced:
            raise exists(str(name))
        group[name] = pipe
        return status(f"Pipe {name.name} successfully created.")

    account.pipes.listen()
    return account.ddl(statement.session, work)


def _read(
    account: Account,
    statement: Statement,
    name: Name,
    options: dict[str, Any],
    text: str,
) -> Pipe:
    scanner = Scanner(text)
    scanner.expect("COPY", "INTO")
    target = account.name(statement.session, scanner.path())
    table = account.catalog.table(target)
    columns = scanner.listed(Scanner.identifier)
    scanner.expect("FROM", "(", "SELECT")
    fields = [_field(scanner)]
    while scanner.take(","):
        fields.append(_field(scanner))
    scanner.expect("FROM")
    stage, path = stages.find(account, statement, stages.location_in(text))
    scanner.skip_to({")"})
    scanner.expect(")")
    given = scanner.options(_COPY_OPTIONS)
    scanner.end()
    _check(table, columns, fields, stage, path)
    bucket, prefix = stages.split_url(stage.url or "", path)
    return Pipe(
        name=name,
        table=target,
        columns=tuple(columns),
        fields=tuple(fields),
        bucket=bucket,
        prefix=prefix,
        format=copy_into.chosen_format(account, statement.session, given),
        definition=text,
        options=options,
        owner=statement.session.role,
    )


def _field(scanner: Scanner) -> int:
    if scanner.take(FILE_NAME):
        return 0
    scanner.expect("$")
    return scanner.number()


def _check(
    table: Table, columns: list[str], fields: list[int], stage: stages.Stage, path: str
) -> None:
    if stage.url is None or not path.endswith("/"):
        raise unsupported("a pipe on anything but a folder of an external stage")
    if len(columns) != len(fields):
        raise compilation("The COPY has not as many columns as its SELECT.")
    for column in columns:
        if table.column(column).type.base != "VARCHAR":
            raise unsupported("a pipe into columns other than VARCHAR")


def alter(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """ALTER PIPE name SET PIPE_EXECUTION_PAUSED = ..., or REFRESH [PREFIX = '...']."""
    scanner.expect("PIPE")
    if_exists = scanner.take("IF", "EXISTS")
    name = account.name(statement.session, scanner.path())
    if if_exists and name not in account.catalog.in_schema["PIPE"]:
        return status(_DONE)
    pipe = account.catalog.thing("PIPE", name)
    if scanner.take("REFRESH"):
        prefix = ""
        if scanner.take("PREFIX", "="):
            prefix = scanner.string()
        scanner.end()
        return _refresh(account, pipe, prefix)
    scanner.expect("SET", "PIPE_EXECUTION_PAUSED", "=")
    paused = scanner.boolean()
    scanner.end()

    def work(_connection: object) -> Result:
        changed = replace(account.catalog.thing("PIPE", name), paused=paused)
        account.catalog.in_schema["PIPE"][name] = changed
        return status(_DONE)

    result = account.ddl(statement.session, work)
    if not paused:
        account.pipes.resumed(name)
    return result


def _refresh(account: Account, pipe: Pipe, prefix: str) -> Result:
    client = stages.s3()
    pages = client.get_paginator("list_objects_v2").paginate(
        Bucket=pipe.bucket, Prefix=pipe.prefix + prefix
    )
    keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
    for key in keys:
        account.pipes.send(pipe.name, key)
    rows = [(key.removeprefix(pipe.prefix), "SENT") for key in keys]
    return made({"File": TEXT, "Status": TEXT}, rows)


def drop(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """DROP PIPE [IF EXISTS] name."""
    scanner.expect("PIPE")
    if_exists = scanner.take("IF", "EXISTS")
    name = account.name(statement.session, scanner.path())
    scanner.end()

    def work(_connection: object) -> Result:
        group = account.catalog.in_schema["PIPE"]
        if name not in group and if_exists:
            return status("Drop statement executed successfully.")
        account.catalog.thing("PIPE", name)
        del group[name]
        account.catalog.forget_grants("PIPE", name)
        return status(f"{name.name} successfully dropped.")

    return account.ddl(statement.session, work)


def show(account: Account, statement: Statement, inside: Any) -> Any:
    """SHOW PIPES."""
    rows = [
        _shown(pipe)
        for name, pipe in account.catalog.in_schema["PIPE"].items()
        if inside(name)
    ]
    return _COLUMNS, rows


_COLUMNS = {"created_on": MOMENT, "name": TEXT, "database_name": TEXT,
            "schema_name": TEXT, "definition": TEXT, "owner": TEXT,
            "notification_channel": TEXT, "comment": TEXT}  # fmt: skip


def _shown(pipe: Pipe) -> tuple[Any, ...]:
    name = pipe.name
    channel = "arn:aws:sqs:local:000000000000:sf-snowpipe"
    return (pipe.created, name.name, name.database, name.schema, pipe.definition,
            pipe.owner, channel if pipe.options.get("AUTO_INGEST") else None,
            pipe.options.get("COMMENT", ""))  # fmt: skip


def describe(account: Account, name: Name) -> Result:
    """DESCRIBE PIPE: its row of SHOW PIPES."""
    return made(_COLUMNS, [_shown(account.catalog.thing("PIPE", name))])


def pipe_status(account: Account, statement: Statement) -> Result | None:
    """SELECT SYSTEM$PIPE_STATUS('name'); None for any other statement."""
    found = _STATUS.fullmatch(statement.text)
    if found is None:
        return None
    path = Scanner(found[1].replace("''", "'")).path()
    pipe = account.catalog.thing("PIPE", account.name(statement.session, path))
    told = {
        "executionState": "PAUSED" if pipe.paused else "RUNNING",
        "pendingFileCount": account.pipes.pending(pipe.name),
    }
    column = (found[2] or "SYSTEM$PIPE_STATUS").upper()
    return made({column: TEXT}, [(json.dumps(told),)])
