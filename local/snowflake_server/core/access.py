"""Who may do what: roles in roles, what was granted, what is owned.

No role is above the others (security-access-control-overview): ACCOUNTADMIN may do what
it owns, what was granted to it, and what roles granted to it may.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from local.snowflake_server.core.errors import SnowflakeError, compilation, missing
from local.snowflake_server.core.names import shown

Parts = tuple[str, ...]
OWNERSHIP = "OWNERSHIP"
OF_ACCOUNT = ("ACCOUNT", "INTEGRATION", "ROLE", "WAREHOUSE", "USER")
ALL = "ALL"
# Roles that every account has, and the roles that are granted to each.
SYSTEM_ROLES = {
    "ACCOUNTADMIN": ("SYSADMIN", "SECURITYADMIN"),
    "SYSADMIN": (),
    "SECURITYADMIN": ("USERADMIN",),
    "USERADMIN": (),
    "PUBLIC": (),
}
# What the system roles hold in the account from the start.
_OF_SYSTEM_ROLES = {
    "CREATE DATABASE": "SYSADMIN",
    "CREATE WAREHOUSE": "SYSADMIN",
    "CREATE ROLE": "USERADMIN",
    "CREATE USER": "USERADMIN",
    "MANAGE GRANTS": "SECURITYADMIN",
    "CREATE INTEGRATION": "ACCOUNTADMIN",
    "EXECUTE TASK": "ACCOUNTADMIN",
    "EXECUTE MANAGED TASK": "ACCOUNTADMIN",
    "EXECUTE ALERT": "ACCOUNTADMIN",
    "EXECUTE MANAGED ALERT": "ACCOUNTADMIN",
}


@dataclass(frozen=True)
class Grant:
    """One privilege on one object, or on those that will be made in a place.

    Attributes:
        kind: Of the object; "ROLE" with privilege USAGE: the role itself was granted.
        name: Empty for the account.
        signature: Types of a procedure's or function's arguments, for display.
        place: Of a future grant: database, or database and schema; `name` is empty.
        to_user: The grantee is a user.
    """

    privilege: str
    kind: str
    name: Parts
    grantee: str
    granted_by: str
    signature: str = ""
    place: Parts = ()
    to_user: bool = False
    option: bool = False
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def same(self) -> tuple[Any, ...]:
        """What a second grant has in common with the first one."""
        return (self.privilege, self.kind, self.name, self.place, self.grantee,
                self.to_user)  # fmt: skip


class Objects(Protocol):
    """Where objects are found: the catalog."""

    def object(self, kind: str, name: Parts) -> Any:
        """The object; None if there is none."""

    def objects(self) -> Iterator[tuple[str, Parts, Any]]:
        """All of them: kind, name, object."""


@dataclass(frozen=True)
class Need:
    """A statement needs any one of these privileges on an object.

    Attributes:
        role: Whose privilege it must be; empty: that of the session's role.
    """

    privileges: tuple[str, ...]
    kind: str
    name: Parts
    role: str = ""


class Access:
    """All grants of an account."""

    def __init__(self, objects: Objects) -> None:
        """The system roles and what they hold."""
        self._objects = objects
        self.grants: list[Grant] = [
            Grant(privilege, "ACCOUNT", (), role, "")
            for privilege, role in _OF_SYSTEM_ROLES.items()
        ]
        self.grants += [
            Grant("USAGE", "ROLE", (inner,), role, "")
            for role, inners in SYSTEM_ROLES.items()
            for inner in inners
        ]
        self._build()

    def _build(self) -> None:
        self._by_object: dict[tuple[str, Parts], list[Grant]] = {}
        self._future: dict[tuple[str, Parts], list[Grant]] = {}
        self._inner: dict[str, list[str]] = {}
        self._closure: dict[str, frozenset[str]] = {}
        for grant in self.grants:
            if grant.to_user:
                continue
            if grant.place:
                self._future.setdefault((grant.kind, grant.place), []).append(grant)
            elif grant.kind == "ROLE" and grant.privilege == "USAGE":
                self._inner.setdefault(grant.grantee, []).append(grant.name[0])
            else:
                key = (grant.kind, grant.name)
                self._by_object.setdefault(key, []).append(grant)

    def give(self, grants: list[Grant]) -> None:
        """Grant; what was granted before is not granted twice."""
        known = {grant.same for grant in self.grants}
        self.grants += [grant for grant in grants if grant.same not in known]
        self._build()

    def take(self, grants: list[Grant]) -> None:
        """Revoke."""
        gone = {grant.same for grant in grants}
        self.grants = [grant for grant in self.grants if grant.same not in gone]
        self._build()

    def forget(self, kind: str, name: Parts) -> None:
        """The object is dropped or replaced: what was granted on it is gone."""
        kept = [g for g in self.grants if (g.kind, g.name) != (kind, name) or g.place]
        if len(kept) != len(self.grants):
            self.grants = kept
            self._build()

    def forget_inside(self, place: Parts) -> None:
        """A database or schema is dropped, with everything in it."""
        width = len(place)
        self.grants = [
            g
            for g in self.grants
            if (g.kind in OF_ACCOUNT or g.name[:width] != place)
            and g.place[:width] != place
        ]
        self._build()

    def rename(self, kind: str, names: dict[Parts, Parts]) -> None:
        """Objects have other names: what was granted on them goes with them."""
        self.grants = [
            (
                replace(g, name=names[g.name])
                if g.kind == kind and g.name in names
                else g
            )
            for g in self.grants
        ]
        self._build()

    def roles(self, role: str) -> frozenset[str]:
        """The role, PUBLIC, and every role that it inherits."""
        found = self._closure.get(role)
        if found is None:
            reached, ahead = {role, "PUBLIC"}, [role]
            while ahead:
                for inner in self._inner.get(ahead.pop(), ()):
                    if inner not in reached:
                        reached.add(inner)
                        ahead.append(inner)
            found = self._closure[role] = frozenset(reached)
        return found

    def roles_of_user(self, user: str) -> frozenset[str]:
        """Every role that a user may take on."""
        given = [g.name[0] for g in self.grants if g.to_user and g.grantee == user]
        return frozenset().union(*(self.roles(role) for role in ("PUBLIC", *given)))

    def on(self, kind: str, name: Parts) -> list[Grant]:
        """What is granted on an object, by future grants too; its ownership first."""
        found = self._objects.object(kind, name)
        listed = list(self._by_object.get((kind, name), ()))
        if found is None:
            return listed
        owner = Grant(OWNERSHIP, kind, name, found.owner, found.owner, option=True,
                      created=found.created)  # fmt: skip
        future = [
            grant
            for place in (name[:1], name[:2])
            for grant in self._future.get((kind, place), ())
            if grant.created <= found.created
        ]
        return [owner, *listed, *future]

    def held(self, role: str, kind: str, name: Parts) -> set[str]:
        """The privileges of a role on an object."""
        roles = self.roles(role)
        return {g.privilege for g in self.on(kind, name) if g.grantee in roles}

    def may(self, role: str, need: Need) -> bool:
        """Whether a role holds what is needed, its parents' privileges aside."""
        held = self.held(role, need.kind, need.name)
        return bool(held & {OWNERSHIP, ALL, *need.privileges})

    def sees(self, role: str, kind: str, name: Parts) -> bool:
        """Whether a role holds any privilege on an object and on those around it."""
        if not self._parents(role, name):
            return False
        return bool(self.held(role, kind, name)) or self.manages_grants(role)

    def _parents(self, role: str, name: Parts) -> bool:
        """At least one privilege on the database and on the schema, if there are."""
        if len(name) > 1 and not self.held(role, "DATABASE", name[:1]):
            return False
        inside = len(name) > 2 and name[1] != "INFORMATION_SCHEMA"
        return not inside or bool(self.held(role, "SCHEMA", name[:2]))

    def manages_grants(self, role: str) -> bool:
        """Whether a role may grant on what others own."""
        return "MANAGE GRANTS" in self.held(role, "ACCOUNT", ())

    def demand(self, role: str, need: Need) -> None:
        """Fail unless the role holds what is needed.

        Raises:
            SnowflakeError: As if the object did not exist, if the role holds nothing
                on it; insufficient privileges, if it holds others.
        """
        acting = need.role or role
        if need.kind == "ACCOUNT" and not self.may(acting, need):
            raise refused("account 'LOCAL'")
        if self._parents(acting, need.name) and self.may(acting, need):
            return
        kind = "Object" if need.kind in ("TABLE", "VIEW") else need.kind.capitalize()
        whole = ".".join(shown(part) for part in need.name)
        if not self.sees(acting, need.kind, need.name):
            raise missing(kind, whole)
        raise refused(f"{need.kind.lower()} '{need.name[-1]}'")

    def demand_any(self, role: str, kind: str, name: Parts) -> None:
        """Fail unless the role holds any privilege on the object."""
        if not self.sees(role, kind, name):
            raise missing(kind.capitalize(), ".".join(shown(part) for part in name))


def check_own_run(access: Access, role: str, *, managed: bool, kind: str) -> None:
    """Fail unless a role may run its own tasks or alerts.

    Args:
        managed: Without a warehouse.
        kind: "TASK" or "ALERT".

    Raises:
        SnowflakeError: It holds no EXECUTE TASK, or no EXECUTE MANAGED TASK.
    """
    wanted = [f"EXECUTE {kind}", *([f"EXECUTE MANAGED {kind}"] if managed else [])]
    for privilege in wanted:
        if not access.may(role, Need((privilege,), "ACCOUNT", ())):
            raise SnowflakeError(
                91089,
                "42501",
                f"Cannot execute {kind.lower()}, {privilege} privilege must be granted "
                "to owner role",
            )


def refused(what: str) -> SnowflakeError:
    """Insufficient privileges."""
    return compilation(
        "SQL access control error:\nInsufficient privileges to operate on " f"{what}.",
        code=3001,
        state="42501",
    )
