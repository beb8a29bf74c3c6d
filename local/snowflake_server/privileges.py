"""What a statement of words needs: CREATE, ALTER, DROP, USE, COPY, LIST, EXECUTE.

Queries and DML find out while they are translated (sql/translate.py), GRANT has rules
of its own (objects/rights.py), CALL looks at its procedure (code/procedures.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from local.snowflake_server.core.access import OF_ACCOUNT, OWNERSHIP, Need, Parts
from local.snowflake_server.core.scan import Scanner
from local.snowflake_server.core.statement import Statement
from local.snowflake_server.engine import Account
from local.snowflake_server.objects import stages

_NOISE = ("TRANSIENT", "TEMPORARY", "TEMP", "SCOPED", "SECURE")
_TWO_WORDS = ("FILE", "EXTERNAL", "STORAGE", "API", "NOTIFICATION")
# Besides ownership.
_ALTERS = {
    "DATABASE": ("MODIFY",),
    "SCHEMA": ("MODIFY",),
    "WAREHOUSE": ("MODIFY",),
    "PIPE": ("OPERATE",),
}
_SWITCHED = ("TASK", "ALERT")  # OPERATE is enough to resume and to suspend


def check(account: Account, statement: Statement, word: str) -> None:
    """Fail unless the session's role holds what the statement needs.

    Raises:
        SnowflakeError: It does not.
    """
    find = _FINDERS.get(word)
    if find is None:
        return
    scanner = Scanner(statement.text[len(word) :])
    access = account.catalog.access
    for need in find(account, statement, scanner):
        access.demand(statement.session.role, need)


def _kind(scanner: Scanner) -> str:
    kind = scanner.peek()
    if kind in _TWO_WORDS:
        scanner.word()
        second = scanner.peek()
        kind = "FILE FORMAT" if kind == "FILE" else f"{kind} {second}"
        kind = "INTEGRATION" if second == "INTEGRATION" else kind
    if not scanner.done:
        scanner.word()
    return kind


def _place(account: Account, statement: Statement, kind: str, path: Parts) -> Parts:
    if kind in OF_ACCOUNT or kind == "DATABASE":
        return path[:1]
    if kind == "SCHEMA":
        return path if len(path) == 2 else (statement.session.database or "", *path)
    return account.existing_name(statement.session, path).parts


def _created(
    account: Account, statement: Statement, scanner: Scanner
) -> Iterator[Need]:
    changed = scanner.take("OR", "REPLACE") or scanner.take("OR", "ALTER")
    temporary = False
    while scanner.peek() in _NOISE:
        temporary = scanner.word() in ("TEMPORARY", "TEMP") or temporary
    kind = _kind(scanner)
    scanner.take("IF", "NOT", "EXISTS")
    name = _place(account, statement, kind, scanner.path())
    of = "FUNCTION" if kind == "EXTERNAL FUNCTION" else kind
    if of not in OF_ACCOUNT and of not in ("DATABASE", "SCHEMA"):
        yield from _made_in_schema(account, statement, kind, name, temporary)
    elif of == "SCHEMA":
        yield Need((f"CREATE {kind}",), "DATABASE", name[:1])
    else:
        yield Need((f"CREATE {kind}",), "ACCOUNT", ())
    if changed and account.catalog.object(of, name) is not None:
        yield Need((), of, name)
    yield from _used(account, scanner)


def _made_in_schema(
    account: Account, statement: Statement, kind: str, name: Parts, temporary: bool
) -> Iterator[Need]:
    if account.catalog.object("SCHEMA", name[:2]) is None:
        return  # it says itself that there is none
    if temporary:
        yield Need(("USAGE", f"CREATE {kind}"), "SCHEMA", name[:2])
    else:
        yield Need((f"CREATE {kind}",), "SCHEMA", name[:2])


def _used(account: Account, scanner: Scanner) -> Iterator[Need]:
    """Integrations and warehouses that a new object names."""
    while not scanner.done:
        for kind, option in (
            ("INTEGRATION", "STORAGE_INTEGRATION"),
            ("INTEGRATION", "API_INTEGRATION"),
            ("INTEGRATION", "ERROR_INTEGRATION"),
            ("WAREHOUSE", "WAREHOUSE"),
            ("WAREHOUSE", "QUERY_WAREHOUSE"),
        ):
            if scanner.take(option, "="):
                name = (scanner.identifier(),)
                if account.catalog.object(kind, name) is not None:
                    yield Need(("USAGE",), kind, name)
                break
        else:
            scanner.skip()


def _altered(
    account: Account, statement: Statement, scanner: Scanner
) -> Iterator[Need]:
    kind = _kind(scanner)
    if kind == "SESSION":
        return
    scanner.take("IF", "EXISTS")
    name = _place(account, statement, kind, scanner.path())
    if account.catalog.object(kind, name) is None:
        return  # it says itself that there is none, or that it does not matter
    privileges = _ALTERS.get(kind, ())
    if kind in _SWITCHED and scanner.peek() in ("RESUME", "SUSPEND"):
        privileges = ("OPERATE",)
    yield Need(privileges, kind, name)
    yield from _used(account, scanner)


def _dropped(
    account: Account, statement: Statement, scanner: Scanner
) -> Iterator[Need]:
    kind = _kind(scanner)
    scanner.take("IF", "EXISTS")
    name = _place(account, statement, kind, scanner.path())
    if account.catalog.object(kind, name) is not None:
        yield Need((OWNERSHIP,), kind, name)


def _executed(
    account: Account, statement: Statement, scanner: Scanner
) -> Iterator[Need]:
    kind = _kind(scanner)
    name = _place(account, statement, kind, scanner.path())
    yield Need(("OPERATE",), kind, name)


def _copied(account: Account, statement: Statement, scanner: Scanner) -> Iterator[Need]:
    if not scanner.take("INTO") or scanner.peek() == "@":
        return
    name = account.existing_name(statement.session, scanner.path())
    yield Need(("INSERT",), "TABLE", name.parts)
    yield from _stage(account, statement, "READ")
    while not scanner.done:
        if scanner.take("FORMAT_NAME", "="):
            path = scanner.path_or_string()
            chosen = account.name(statement.session, path)
            yield Need(("USAGE",), "FILE FORMAT", chosen.parts)
        else:
            scanner.skip()
    account.permit_warehouse(statement.session)


def _stage(account: Account, statement: Statement, privilege: str) -> Iterator[Need]:
    """An external stage is used, an internal one read or written."""
    location = stages.location_in(statement.text)
    if location.startswith("@"):
        stage, _ = stages.find(account, statement, location)
        yield Need(("USAGE" if stage.url else privilege,), "STAGE", stage.name.parts)


def _listed(account: Account, statement: Statement, _: Scanner) -> Iterator[Need]:
    """LIST asks for the stage's integration as well (sql-reference/sql/list)."""
    yield from _stage(account, statement, "READ")
    location = stages.location_in(statement.text)
    stage, _path = stages.find(account, statement, location)
    if stage.integration is not None:
        yield Need(("USAGE",), "INTEGRATION", (stage.integration,))


def _written(account: Account, statement: Statement, _: Scanner) -> Iterator[Need]:
    yield from _stage(account, statement, "WRITE")


_FINDERS = {
    "CREATE": _created,
    "ALTER": _altered,
    "DROP": _dropped,
    "EXECUTE": _executed,
    "COPY": _copied,
    "LIST": _listed,
    "LS": _listed,
    "PUT": _written,
    "REMOVE": _written,
    "RM": _written,
}
