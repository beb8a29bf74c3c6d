"""SYSTEM$SEND_SNOWFLAKE_NOTIFICATION: what is sent is kept for tests."""

from __future__ import annotations

import json
from typing import Any

from local.snowflake_server.core.access import Need
from local.snowflake_server.core.errors import compilation, missing
from local.snowflake_server.core.names import shown
from local.snowflake_server.core.results import SELECT as SELECT_TYPE
from local.snowflake_server.core.results import TEXT, Result, made
from local.snowflake_server.engine import Account
from local.snowflake_server.objects import secrets

_FORMATS = {
    "EMAIL": ("text/plain", "text/html"),
    "QUEUE": ("application/json",),
    "WEBHOOK": ("text/plain",),
}
_EMAIL = {"subject", "toAddress", "ccAddress", "bccAddress"}
_LONGEST_SUBJECT = 256


def send(account: Account, role: str, message: object, targets: object) -> Result:
    """CALL SYSTEM$SEND_SNOWFLAKE_NOTIFICATION(message, integrations).

    Args:
        role: Whose privileges count.

    Raises:
        SnowflakeError: No JSON, an integration that is unknown, disabled or not the
            role's to use, or none that takes the format.
    """
    try:
        messages = _objects(message)
        wanted = _objects(targets)
    except ValueError:
        raise compilation("The arguments must be JSON objects.", code=1003) from None
    for target in wanted:
        for name, options in target.items():
            found = _integration(account, role, name, options)
            sort = str(found["TYPE"])
            taken = [m for m in messages if set(m) & set(_FORMATS[sort])]
            if not taken:
                raise compilation(f"No message has a format that {name} takes.")
            kept = {"integration": name, "options": options, "messages": taken}
            if sort == "WEBHOOK":
                text = taken[0]["text/plain"]
                kept |= secrets.request(account, role, found, text)
            account.notifications.append(kept)
    return made(
        {"SYSTEM$SEND_SNOWFLAKE_NOTIFICATION": TEXT},
        [("Enqueued notifications.",)],
        statement_type=SELECT_TYPE,
    )


def _objects(text: object) -> list[dict[str, Any]]:
    found = json.loads(str(text))
    listed = found if isinstance(found, list) else [found]
    if not all(isinstance(item, dict) for item in listed):
        raise ValueError("no object")
    return listed


def _integration(
    account: Account, role: str, name: str, options: dict[str, Any]
) -> dict[str, Any]:
    place = (name.upper(),)
    found = account.catalog.in_account["INTEGRATION"].get(place[0])
    if found is None or found.properties.get("SORT") != "NOTIFICATION":
        raise missing("Integration", shown(name))
    account.catalog.access.demand(role, Need(("USAGE",), "INTEGRATION", place))
    properties = found.properties
    if not properties["ENABLED"]:
        raise compilation(f"Integration {name} is disabled.")
    unknown = set(options) - (_EMAIL if properties["TYPE"] == "EMAIL" else set())
    if unknown:
        raise compilation(f"Unknown options: {', '.join(sorted(unknown))}.")
    if len(options.get("subject", "")) > _LONGEST_SUBJECT:
        raise compilation(f"The subject has more than {_LONGEST_SUBJECT} characters.")
    allowed = properties.get("ALLOWED_RECIPIENTS", ())
    if allowed and not set(options.get("toAddress", ())) <= set(allowed):
        raise compilation("A recipient is not allowed by the integration.")
    return properties
