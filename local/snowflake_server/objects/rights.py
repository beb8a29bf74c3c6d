"""Who may grant on what."""

from __future__ import annotations

from local.snowflake_server.core.access import Parts, refused
from local.snowflake_server.engine import Account
from local.snowflake_server.objects.schemas import MANAGED


def check(account: Account, role: str, kind: str, name: Parts) -> None:
    """Refuse a grant on one object by who is neither its owner nor its manager.

    In a schema with managed access it is the schema's owner who grants, not the
    object's (GRANT <privileges>, access control requirements).

    Raises:
        SnowflakeError: Insufficient privileges.
    """
    catalog = account.catalog
    access = catalog.access
    if access.manages_grants(role):
        return
    if kind == "ACCOUNT":
        raise refused("account 'LOCAL'")
    owner = catalog.object(kind, name).owner
    if len(name) == 3:
        schema = catalog.schemas[name[0], name[1]]
        owner = schema.owner if schema.properties.get(MANAGED) else owner
    if owner not in access.roles(role):
        raise refused(f"{kind.lower()} '{name[-1]}'")


def check_future(account: Account, role: str, place: Parts) -> None:
    """Refuse ON FUTURE without MANAGE GRANTS or an own schema with managed access.

    Raises:
        SnowflakeError: Insufficient privileges.
    """
    access = account.catalog.access
    if access.manages_grants(role):
        return
    if len(place) == 2:
        schema = account.catalog.schemas[place[0], place[1]]
        managed = schema.properties.get(MANAGED)
        if managed and schema.owner in access.roles(role):
            return
    raise refused(f"future grants in '{'.'.join(place)}'")
