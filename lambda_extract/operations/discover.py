"""Operation "discover": which tables a source has, and what a sync can use of them.

It reads the catalog alone, in two statements for a page of tables: no row, no code of
the tables' owners, and no table that is not on the allow-list is named.
"""

import json
from typing import Any

from psycopg2 import sql

from lambda_extract import contract
from lambda_extract.contract import DiscoverReply, FoundColumn, FoundTable, Warning
from lambda_extract.credentials import secrets
from lambda_extract.errors import CODES, ExtractError, RequestError
from lambda_extract.operations.connect import connect
from lambda_extract.settings import Settings, Source
from lambda_extract.source import trust
from lambda_extract.source.catalog import quoted
from lambda_extract.source.database import Database, application_name
from lambda_extract.source.tables import find_tables
from lambda_extract.values.mappings import SourceType, cursor_family

# An external function answers with at most 10 MB.
MOST_TABLES = 500
MOST_BYTES = 4_000_000
MOST_PATTERNS = 1000


def discover(
    request: contract.DiscoverRequest, *, settings: Settings, deadline: float
) -> DiscoverReply:
    """Looks for tables.

    Raises:
        RequestError: bad_request, unknown_source.
        ExtractError: The source cannot be reached or asked.
    """
    wrong = [p for p in request.patterns if not all(p.partition(".")) or "\0" in p]
    if wrong or not 0 < len(request.patterns) <= MOST_PATTERNS:
        raise RequestError("bad_request", '/patterns: must be "schema.table".')
    if len(request.after) not in (0, 2):
        raise RequestError("bad_request", "/after: a schema and a table, or nothing.")
    source = settings.source(request.source)
    with connect(
        request.source,
        application_name("discover", request.run_id),
        settings,
        deadline=deadline,
    ) as database:
        proves = _proves(database)
        found, hidden, complete = _pages(database, source, request)
    return DiscoverReply(
        run_id=request.run_id,
        tables=found,
        not_allowed=hidden,
        hashes=bool(secrets.read(source).hash_key),
        proves=proves,
        complete=complete,
        after=() if complete else (found[-1].schema, found[-1].relation),
    )


def _pages(
    database: Database, source: Source, request: contract.DiscoverRequest
) -> tuple[tuple[FoundTable, ...], int, bool]:
    """Returns tables, how many are not allowed, and whether these are all.

    A reply goes on from a table that it names, so it ends behind an allowed one.
    """
    kept = list[FoundTable]()
    hidden, size, after = 0, 0, request.after
    while True:
        rows = find_tables(database, request.patterns, after=after, most=MOST_TABLES)
        allowed = [row for row in rows if _is_allowed(source, row)]
        untrusted = trust.find_untrusted(database, [row[0] for row in allowed])
        for row in allowed:
            table = _table(source, row, untrusted.get(row[0]))
            size += len(json.dumps(contract.to_object(table)))
            if kept and (size > MOST_BYTES or len(kept) == MOST_TABLES):
                return tuple(kept), 0, False
            kept.append(table)
        hidden += len(rows) - len(allowed)
        if len(rows) < MOST_TABLES:
            return tuple(kept), hidden, True
        after = (rows[-1][1], rows[-1][2])


def _is_allowed(source: Source, row: Any) -> bool:
    try:
        source.check_allowed(row[1], row[2])
    except RequestError:
        return False
    return True


def _proves(database: Database) -> bool:
    """True if the role sees open transactions: the writer, by pg_read_all_stats."""
    (proves,) = database.row(
        sql.SQL(
            "SELECT NOT pg_catalog.pg_is_in_recovery()"
            " AND pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')"
        )
    )
    return bool(proves)


def _table(source: Source, row: Any, untrusted: ExtractError | None) -> FoundTable:
    _, schema, relation, kind, rows, size, comment, role, *rest = row
    usable, readable, hidden, primary, key, columns = rest
    place = f"{quoted(schema)}.{quoted(relation)}"
    refused = []
    if not usable:
        hint = f"GRANT USAGE ON SCHEMA {quoted(schema)} TO {quoted(role)};"
        refused.append(
            _refused("permission_denied", "The schema may not be used", hint)
        )
    if not readable:
        hint = f"GRANT SELECT ON {place} TO {quoted(role)};"
        refused.append(_refused("permission_denied", "It may not be read", hint))
    if hidden:
        refused.append(_refused("row_security", "Row level security hides rows"))
    if untrusted is not None:
        refused.append(Warning(untrusted.code, untrusted.message, untrusted.hint))
    return FoundTable(
        schema=schema,
        relation=relation,
        kind=kind,
        rows=rows,
        bytes=size,
        columns=tuple(_column(source, schema, relation, each) for each in columns),
        key=tuple(key),
        primary=primary,
        comment=comment,
        refused=tuple(refused),
    )


def _refused(code: str, message: str, hint: str = "") -> Warning:
    return Warning(code, f"{message}.", hint or CODES[code].hint)


def _column(source: Source, schema: str, relation: str, found: Any) -> FoundColumn:
    name, declared, not_null, comment, readable, *kind, indexed, default, trigger = (
        found
    )
    return FoundColumn(
        name=name,
        type=declared,
        not_null=not_null,
        comment=comment,
        readable=readable,
        cursor_type=cursor_family(SourceType(*kind)) or "",
        indexed=indexed,
        default=default,
        trigger=trigger,
        required_protection=trust.demanded(
            source.required_protection, schema, relation, name
        ),
    )
