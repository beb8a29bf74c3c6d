"""Who may grant on what: the one right that the local Snowflake enforces."""

from __future__ import annotations

from local.snowflake_server.core.errors import SnowflakeError, compilation
from local.snowflake_server.core.names import Name
from local.snowflake_server.core.statement import Statement
from local.snowflake_server.engine import Account
from local.snowflake_server.objects.schemas import MANAGED


def _may_grant_all(account: Account, role: str) -> bool:
    """Whether a role has MANAGE GRANTS."""
    return role in ("ACCOUNTADMIN", "SECURITYADMIN") or any(
        grant[1:4] == ("MANAGE GRANTS", "ACCOUNT", role)
        for grant in account.catalog.grants
    )


def _refuse(what: str) -> SnowflakeError:
    return compilation(
        "SQL access control error:\nInsufficient privileges to operate on " f"{what}.",
        code=3001,
        state="42501",
    )


def check(account: Account, statement: Statement, kind: str, name: Name) -> None:
    """Refuse a grant on one object by who is not its owner.

    In a schema with managed access it is the schema's owner who grants, not the
    object's (GRANT <privileges>, access control requirements).
    """
    role = statement.session.role
    catalog = account.catalog
    schema = catalog.schemas[name.database, name.schema]
    if schema.properties.get(MANAGED):
        owner = schema.owner
    elif kind in ("TABLE", "VIEW"):
        owner = catalog.relation(name).owner
    else:
        owner = catalog.thing(kind, name).owner
    if owner not in (role, "") and not _may_grant_all(account, role):
        raise _refuse(f"{kind.lower()} '{name.name}'")


def check_on_all(
    account: Account,
    statement: Statement,
    everything: str,
    kind: str,
    place: tuple[str, ...],
) -> None:
    """Refuse ON FUTURE and ON ALL if the role may not grant on each object.

    Future grants take MANAGE GRANTS, or the ownership of a schema with managed access.
    """
    role = statement.session.role
    catalog = account.catalog
    if _may_grant_all(account, role):
        return
    if len(place) == 2:
        catalog.check_schema(*place)
        schema = catalog.schemas[place[0], place[1]]
        if schema.properties.get(MANAGED) and schema.owner == role:
            return
    if everything == "FUTURE":
        raise _refuse(f"future grants in '{'.'.join(place)}'")
    of_relations = kind in ("TABLE", "VIEW")
    group = catalog.relations if of_relations else catalog.in_schema.get(kind, {})
    for name, thing in list(group.items()):
        wanted = not of_relations or type(thing).__name__.upper() == kind
        if wanted and name.parts[: len(place)] == place:
            check(account, statement, kind, name)
