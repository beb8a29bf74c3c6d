"""GRANT and REVOKE."""

from __future__ import annotations

from dataclasses import dataclass

from local.snowflake_server.core.access import OF_ACCOUNT, OWNERSHIP, Grant, Parts
from local.snowflake_server.core.errors import missing, syntax, unsupported
from local.snowflake_server.core.names import shown
from local.snowflake_server.core.results import Result, status
from local.snowflake_server.core.scan import Scanner
from local.snowflake_server.core.statement import Statement
from local.snowflake_server.engine import Account
from local.snowflake_server.objects import rights

_DONE = "Statement executed successfully."
_PRIVILEGES = {
    "ALL", "ALL PRIVILEGES", "USAGE", "SELECT", "INSERT", "UPDATE", "DELETE",
    "TRUNCATE", "REFERENCES", "OWNERSHIP", "OPERATE", "MONITOR", "MODIFY", "READ",
    "WRITE", "APPLY",
    "CREATE DATABASE", "CREATE ROLE", "CREATE WAREHOUSE", "CREATE INTEGRATION",
    "CREATE USER",
    "CREATE SCHEMA", "CREATE TABLE", "CREATE VIEW", "CREATE STAGE", "CREATE PIPE",
    "CREATE FILE FORMAT",
    "CREATE PROCEDURE", "CREATE FUNCTION", "CREATE EXTERNAL FUNCTION", "CREATE TASK",
    "CREATE TAG", "CREATE SECRET",
    "CREATE STREAMLIT", "CREATE ALERT", "CREATE SEQUENCE", "EXECUTE TASK",
    "EXECUTE MANAGED TASK", "EXECUTE ALERT", "EXECUTE MANAGED ALERT", "MANAGE GRANTS",
    "IMPORTED PRIVILEGES",
}  # fmt: skip
_ON = {
    "DATABASE", "SCHEMA", "TABLE", "VIEW", "STAGE", "FILE FORMAT", "FUNCTION",
    "PROCEDURE", "TASK", "INTEGRATION", "WAREHOUSE", "STREAMLIT", "ALERT", "PIPE",
    "ROLE", "TAG", "SECRET",
}  # fmt: skip


@dataclass(frozen=True)
class _Targets:
    """What is granted on: objects, or those that will be made in a place."""

    kind: str
    names: tuple[Parts, ...] = ()
    place: Parts = ()
    signature: str = ""


def grant(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """GRANT and REVOKE of privileges, ownership and roles."""
    giving = statement.text[:5].upper() == "GRANT"
    if scanner.take("ROLE"):
        role = scanner.identifier()
        _check_exists(account, statement, "ROLE", (role,))
        privileges, targets = ["USAGE"], _Targets("ROLE", ((role,),))
        rights.check(account, statement.session.role, "ROLE", (role,))
    else:
        privileges = _privileges(scanner)
        scanner.expect("ON")
        targets = _targets(account, statement, scanner)
    scanner.expect("TO" if giving else "FROM")
    kind = scanner.word() if scanner.peek() in ("ROLE", "USER") else "ROLE"
    grantee = scanner.identifier()
    if grantee not in account.catalog.in_account[kind]:
        raise missing(kind.capitalize(), shown(grantee))
    if kind == "USER" and targets.kind != "ROLE":
        raise unsupported("privileges granted to a user")
    option, copied = _tail(scanner)
    session = statement.session
    grants = [
        Grant(privilege, targets.kind, name, grantee, session.role, place=place,
              signature=targets.signature, to_user=kind == "USER", option=option)
        for privilege in privileges
        for name, place in [(n, ()) for n in targets.names]
        + ([((), targets.place)] if targets.place else [])
    ]  # fmt: skip

    def work(_connection: object) -> Result:
        catalog = account.catalog
        if privileges == [OWNERSHIP]:
            for name in targets.names:
                if not copied:
                    catalog.access.forget(targets.kind, name)
                catalog.set_owner(targets.kind, name, grantee)
        elif giving:
            catalog.access.give(grants)
        else:
            catalog.access.take(grants)
        return status(_DONE)

    return account.ddl(session, work)


def _privileges(scanner: Scanner) -> list[str]:
    found: list[str] = []
    words: list[str] = []
    while scanner.peek() not in ("ON", "TO", "FROM", ""):
        if scanner.take(","):
            found.append(" ".join(words))
            words = []
        else:
            words.append(scanner.word())
    found.append(" ".join(words))
    for privilege in found:
        if privilege not in _PRIVILEGES:
            raise syntax(f"unknown privilege '{privilege}'.")
    return [p.removesuffix(" PRIVILEGES") if p[:3] == "ALL" else p for p in found]


def _targets(account: Account, statement: Statement, scanner: Scanner) -> _Targets:
    role = statement.session.role
    if scanner.take("ACCOUNT"):
        rights.check(account, role, "ACCOUNT", ())
        return _Targets("ACCOUNT", ((),))
    everything = scanner.peek() if scanner.peek() in ("ALL", "FUTURE") else ""
    if everything:
        scanner.word()
    kind = scanner.word()
    if kind == "FILE":
        kind = f"{kind} {scanner.word()}"
    if everything and kind.endswith("S"):
        kind = kind[:-1]
    if kind not in _ON:
        raise syntax(f"unexpected '{kind}'.")
    if everything:
        return _many(account, statement, scanner, everything, kind)
    parts = scanner.path()
    signature = ""
    if kind in ("PROCEDURE", "FUNCTION"):
        signature = f"({', '.join(scanner.listed(Scanner.word))})"
    name = _full(account, statement, kind, parts)
    _check_exists(account, statement, kind, name)
    if kind == "TABLE":
        kind = type(account.catalog.object(kind, name)).__name__.upper()
    rights.check(account, role, kind, name)
    return _Targets(kind, (name,), signature=signature)


def _many(
    account: Account, statement: Statement, scanner: Scanner, which: str, kind: str
) -> _Targets:
    scanner.expect("IN")
    scope = scanner.word()
    if scope not in ("SCHEMA", "DATABASE"):
        raise syntax(f"unexpected '{scope}'.")
    place = _full(account, statement, scope, scanner.path())
    _check_exists(account, statement, scope, place)
    role = statement.session.role
    if which == "FUTURE":
        rights.check_future(account, role, place)
        return _Targets(kind, place=place)
    names = tuple(
        name
        for of, name, _ in account.catalog.objects()
        if of == kind and len(name) == 3 and name[: len(place)] == place
    )
    for name in names:
        rights.check(account, role, kind, name)
    return _Targets(kind, names)


def _full(
    account: Account, statement: Statement, kind: str, parts: tuple[str, ...]
) -> Parts:
    if kind in OF_ACCOUNT or kind == "DATABASE":
        return parts
    if kind == "SCHEMA":
        return parts if len(parts) == 2 else (statement.session.database or "", *parts)
    return account.name(statement.session, parts).parts


def _check_exists(
    account: Account, statement: Statement, kind: str, name: Parts
) -> None:
    found = account.catalog.object(kind, name)
    of_kind = kind != "VIEW" or type(found).__name__ == "View"
    if found is None or not of_kind:
        raise missing(kind.capitalize(), ".".join(shown(part) for part in name))


def _tail(scanner: Scanner) -> tuple[bool, bool]:
    """Whether there is a grant option, and whether current grants stay."""
    if scanner.take("WITH", "GRANT", "OPTION"):
        scanner.end()
        return True, False
    copied = scanner.take("COPY", "CURRENT", "GRANTS")
    if not copied:
        scanner.take("REVOKE", "CURRENT", "GRANTS")
    if not scanner.take("CASCADE"):
        scanner.take("RESTRICT")
    scanner.end()
    return False, copied
