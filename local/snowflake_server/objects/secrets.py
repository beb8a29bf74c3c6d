"""Secrets of type GENERIC_STRING, and what webhook integrations make of them."""

from __future__ import annotations

import json
import re
from typing import Any

from local.snowflake_server.core.access import Need
from local.snowflake_server.core.catalog import Thing
from local.snowflake_server.core.errors import compilation, exists
from local.snowflake_server.core.names import Name
from local.snowflake_server.core.results import Result, status
from local.snowflake_server.core.scan import Scanner, one_of
from local.snowflake_server.core.statement import Statement
from local.snowflake_server.engine import Account

SECRET = "SNOWFLAKE_WEBHOOK_SECRET"
MESSAGE = "SNOWFLAKE_WEBHOOK_MESSAGE"
# sql-reference/sql/create-notification-integration-webhooks: no other systems, no port.
_URL = re.compile(
    r"https://(hooks\.slack\.com/services/\S+"
    r"|[a-z0-9.-]+\.logic\.azure\.com/workflows/\S+"
    r"|default[a-z0-9.-]+\.environment\.api\.powerplatform\.com"
    r"/powerautomate/automations/direct/workflows/\S+"
    r"|events\.pagerduty\.com/v2/enqueue"
    r"|api-private\.atlassian\.com/automation/webhooks/jira/\S+"
    r"|[a-z0-9-]+\.service-now\.com/\S+)"
)
_SECRET = {
    "TYPE": one_of("GENERIC_STRING"),
    "SECRET_STRING": Scanner.string,
    "COMMENT": Scanner.string,
}


def create(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """CREATE [OR REPLACE] SECRET [IF NOT EXISTS] name TYPE = GENERIC_STRING ..."""
    replaced = scanner.take("OR", "REPLACE")
    scanner.expect("SECRET")
    if_not_exists = scanner.take("IF", "NOT", "EXISTS")
    name = account.name(statement.session, scanner.path())
    options = scanner.options(_SECRET)
    scanner.end()
    for key in ("TYPE", "SECRET_STRING"):
        if key not in options:
            raise compilation(f"Missing option(s): [{key}]", code=2029)
    group = account.catalog.in_schema["SECRET"]

    def work(_: object) -> Result:
        account.catalog.check_schema(name.database, name.schema)
        if name in group and if_not_exists:
            return status(f"{name.name} already exists, statement succeeded.")
        if name in group and not replaced:
            raise exists(str(name))
        group[name] = Thing(
            name=name.name,
            properties=options,
            owner=statement.session.role,
            comment=options.get("COMMENT", ""),
        )
        return status(f"Secret {name.name} successfully created.")

    return account.ddl(statement.session, work)


# --- webhooks -------------------------------------------------------------------------

WEBHOOK = {
    "WEBHOOK_URL": Scanner.string,
    "WEBHOOK_SECRET": Scanner.path,
    "WEBHOOK_BODY_TEMPLATE": Scanner.string,
    "WEBHOOK_HEADERS": lambda scanner: dict(scanner.listed(_header)),
}


def _header(scanner: Scanner) -> tuple[str, str]:
    name = scanner.string()
    scanner.expect("=")
    return name, scanner.string()


def check(account: Account, statement: Statement, given: dict[str, Any]) -> None:
    """Refuse a webhook integration that Snowflake would not make; complete its secret.

    Raises:
        SnowflakeError: Another system than those that Snowflake calls, a template
            without the message or its type, or a secret that the role may not use.
    """
    if not _URL.fullmatch(given["WEBHOOK_URL"]):
        raise compilation("The WEBHOOK_URL is not one of an allowed system.")
    template = given.get("WEBHOOK_BODY_TEMPLATE")
    if template is not None:
        if MESSAGE not in template:
            raise compilation(
                f"WEBHOOK_BODY_TEMPLATE must contain message placeholder {MESSAGE}."
            )
        if "content-type" not in {h.lower() for h in given.get("WEBHOOK_HEADERS", {})}:
            raise compilation("WEBHOOK_BODY_TEMPLATE needs a header Content-Type.")
    if "WEBHOOK_SECRET" in given:
        name = account.name(statement.session, given["WEBHOOK_SECRET"])
        account.catalog.thing("SECRET", name)
        need = Need(("USAGE", "READ"), "SECRET", name.parts)
        account.catalog.access.demand(statement.session.role, need)
        given["WEBHOOK_SECRET"] = name


def request(
    account: Account, role: str, given: dict[str, Any], message: str
) -> dict[str, Any]:
    """The HTTP request of a notification: placeholders replaced, wherever they are.

    Nothing is escaped: the message stands in the body as it is.

    Raises:
        SnowflakeError: The role may not read the secret; or the body is no JSON though
            it says so, which the other side would refuse later.
    """
    secret = ""
    name: Name | None = given.get("WEBHOOK_SECRET")
    if name is not None:
        need = Need(("READ",), "SECRET", name.parts)
        account.catalog.access.demand(role, need)
        secret = account.catalog.thing("SECRET", name).properties["SECRET_STRING"]
    template = given.get("WEBHOOK_BODY_TEMPLATE", MESSAGE)
    body = template.replace(MESSAGE, message).replace(SECRET, secret)
    headers = {
        key: value.replace(SECRET, secret)
        for key, value in given.get("WEBHOOK_HEADERS", {}).items()
    }
    kinds = {
        value.lower() for key, value in headers.items() if key.lower()[:8] == "content-"
    }
    if any("json" in kind for kind in kinds):
        try:
            json.loads(body)
        except ValueError:
            raise compilation("The body of the webhook is no JSON.") from None
    return {
        "url": given["WEBHOOK_URL"].replace(SECRET, secret),
        "body": body,
        "headers": headers,
    }
