"""Several environments in one account: what lies outside the database carries a suffix.

Roles, warehouse, integrations and the database of the environment "dev" end with _DEV.
What lies in the database is named as ever: no call in it names another database.
"""

import re
from collections.abc import Mapping

from scripts.deploy_variables import VARIABLES, VariableError

ROLES = ("sync_reader", "sync_operator", "sync_configurator", "sync_admin")
INTEGRATIONS = ("aurora_sync_api", "aurora_sync_storage")
# Placeholders whose default carries the suffix; a value that is given stays as it is.
_NAMED = ("database", "warehouse")
_OF_ACCOUNT = re.compile(rf"\b({'|'.join((*ROLES, *INTEGRATIONS))})\b")


def suffix(given: Mapping[str, str]) -> str:
    """Returns what names of the account end with; empty without an environment.

    Raises:
        VariableError: The environment's name is unusable.
    """
    name = given.get("environment", "")
    rule = VARIABLES["environment"]
    if not re.fullmatch(rule.pattern, name):
        raise VariableError(
            f"environment has an unusable value, {name!r}: expected {rule.meaning}"
        )
    return f"_{name.upper()}" if name else ""


def complete(given: Mapping[str, str]) -> dict[str, str]:
    """Returns the values with the database and the warehouse of the environment."""
    ending = suffix(given)
    own = {name: f"{VARIABLES[name].default}{ending}" for name in _NAMED}
    return {**(own if ending else {}), **given}


def renamed(text: str, ending: str) -> str:
    """Returns a statement with the environment's names of roles and integrations."""
    return _OF_ACCOUNT.sub(rf"\g<1>{ending}", text) if ending else text
