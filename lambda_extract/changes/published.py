"""Whether the log tells all changes of a table, and what the table is.

The log does not tell that a table was rewritten or swapped, that a partition was
attached, detached or emptied while it was apart, or that the publication lost the table
for a while. The catalog does: `read_identity` is compared with what was read last.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg2 import sql

from lambda_extract.changes.published_query import published_query
from lambda_extract.contract import (
    CaptureTable,
    LogBound,
    LogIdentity,
    LogLeaf,
    LogSpec,
)
from lambda_extract.errors import RequestError, SourceError
from lambda_extract.settings import Source
from lambda_extract.source.catalog import quoted
from lambda_extract.source.database import Database, Row


@dataclass(frozen=True)
class Published:
    """A table whose changes the log tells.

    Attributes:
        oid: pg_class.oid.
        key: Key columns.
        numbers: Their attribute numbers.
        columns: Columns that are published; None: all of them (PostgreSQL 14).
    """

    oid: int
    key: tuple[str, ...]
    numbers: tuple[int, ...]
    published: str
    replica_identity: str
    columns: tuple[str, ...] | None = None


def read_tables(
    database: Database, source: Source, log: LogSpec, tables: Sequence[CaptureTable]
) -> list[Published | SourceError | RequestError]:
    """Looks at tables: for each what it is, or why the log does not tell its changes.

    Raises:
        SourceError: not_published, publication_filtered: of all of them.
    """
    publication = _read_publication(database, log)
    rows = {row[0]: row for row in database.rows(published_query(log, tables))}
    found: list[Published | SourceError | RequestError] = []
    for place, table in enumerate(tables):
        try:
            source.check_allowed(table.schema, table.relation)
            found.append(_look(source, log, table, rows.get(place), publication))
        except (SourceError, RequestError) as error:
            found.append(error)
    return found


def read_identity(database: Database, table: Published) -> LogIdentity:
    """Reads what a table is, in the snapshot in which its rows are read."""
    statement = sql.SQL("""
        WITH RECURSIVE members AS (
            SELECT {oid}::oid AS oid, '' AS linked
            UNION ALL
            SELECT i.inhrelid, m.linked || '/' || i.xmin::text
            FROM members AS m
            JOIN pg_catalog.pg_inherits AS i ON i.inhparent = m.oid
        )
        SELECT
            m.oid::bigint,
            COALESCE(pg_catalog.pg_relation_filenode(m.oid), 0)::bigint,
            c.relpersistence::text,
            m.linked
        FROM members AS m
        JOIN pg_catalog.pg_class AS c ON c.oid = m.oid
        WHERE c.relkind <> 'p'
        ORDER BY m.oid
        """)
    rows = database.rows(statement.format(oid=sql.Literal(table.oid)))
    return LogIdentity(
        relation_id=table.oid,
        published=table.published,
        replica_identity=table.replica_identity,
        key=tuple(
            f"{number}:{name}"
            for name, number in zip(table.key, table.numbers, strict=True)
        ),
        leaves=tuple(LogLeaf(*row) for row in rows),
    )


@dataclass(frozen=True)
class Difference:
    """What has happened to a table that its changed keys do not tell.

    Attributes:
        moved: The table has to be read as a whole; why.
        leaves: These have to be read as a whole.
        compare: Rows may be gone: compare all keys.
    """

    moved: str = ""
    leaves: tuple[int, ...] = ()
    compare: bool = False

    def bound(self, identity: LogIdentity) -> LogBound:
        """Returns what the reply says of it."""
        return LogBound(identity, self.moved, self.compare, len(self.leaves))


def difference(
    known: LogIdentity, now: LogIdentity, *, truncated: bool = False
) -> Difference:
    """Compares what a table was with what it is. Pure.

    A new partition is read as a whole: rows that came with it are in no log. One that
    is gone, or was apart for a while, may have lost rows. So may the table itself.

    Args:
        truncated: The log says that something of it was emptied.
    """
    if known.relation_id != now.relation_id:
        return Difference("relation")
    if known.published != now.published:
        return Difference("publication")
    if known.replica_identity != now.replica_identity or known.key != now.key:
        return Difference("identity")
    if any(leaf.persistence != "p" for leaf in now.leaves):
        return Difference("unlogged")
    before = {leaf.oid: leaf for leaf in known.leaves}
    changed = [leaf for leaf in now.leaves if before.get(leaf.oid) != leaf]
    there = {leaf.oid for leaf in now.leaves}
    gone = [leaf for leaf in known.leaves if leaf.oid not in there]
    own = any(leaf.oid == now.relation_id for leaf in changed)
    if own and not truncated:
        return Difference("rewritten")
    older = any(leaf.oid in before for leaf in changed)
    return Difference(
        leaves=tuple(leaf.oid for leaf in changed), compare=bool(gone) or older
    )


# --- one table ------------------------------------------------------------------------


@dataclass(frozen=True)
class _Publication:
    identity: str
    by_root: bool


def _read_publication(database: Database, log: LogSpec) -> _Publication:
    rows = database.rows(sql.SQL("""
            SELECT
                p.oid::text || '.' || p.xmin::text,
                p.pubviaroot,
                p.puballtables,
                p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate
            FROM pg_catalog.pg_publication AS p
            WHERE p.pubname = {}
            """).format(sql.Literal(log.publication)))
    if not rows:
        raise SourceError(
            "not_published", f"There is no publication {log.publication!r}."
        )
    identity, by_root, all_tables, everything = rows[0]
    if all_tables:
        raise SourceError(
            "publication_filtered",
            f"Publication {log.publication!r} is FOR ALL TABLES: a table without a key"
            " could not be updated any more by the application.",
            hint="CREATE PUBLICATION ... FOR TABLE of the tables that are synced; CALL"
            " LOG_SETUP prints it.",
        )
    if not everything:
        raise SourceError(
            "publication_filtered",
            f"Publication {log.publication!r} leaves out some kind of change.",
            hint=f"ALTER PUBLICATION {quoted(log.publication)}"
            " SET (publish = 'insert, update, delete, truncate');",
        )
    return _Publication(identity, by_root)


def _look(
    source: Source,
    log: LogSpec,
    table: CaptureTable,
    row: Row | None,
    publication: _Publication,
) -> Published:
    name = f"{table.schema}.{table.relation}"
    if row is None:
        raise SourceError("table_not_found", f"PostgreSQL has no table {name}.")
    _, oid, kind, persistence, identity, key, numbers, by, children, *rest = row
    listed, member, stops, unique = rest
    if kind not in ("r", "p") or persistence != "p" or children:
        raise SourceError(
            "log_unsupported",
            f"{name} is a view, a foreign or unlogged table, or has children that"
            " inherit from it.",
        )
    _check_key(source, table, tuple(key))
    # Then its partitions are listed, and it is not.
    one_by_one = kind == "p" and not publication.by_root
    if member is None or (listed is None and not one_by_one):
        raise SourceError(
            "not_published",
            f"Publication {log.publication!r} does not have {name}.",
            hint=f"ALTER PUBLICATION {quoted(log.publication)} ADD TABLE"
            f" {quoted(table.schema)}.{quoted(table.relation)};",
        )
    if one_by_one or listed.get("rowfilter"):
        raise SourceError(
            "publication_filtered",
            f"Publication {log.publication!r} has a row filter on {name}, or publishes"
            " its partitions one by one.",
        )
    if stops:
        raise _stops_writes(log, table)
    columns = listed.get("attnames")
    hidden = columns is not None and not set(key) <= set(columns)
    named = identity == "f" or set(key) <= set(by)
    if not key or hidden or not named or len(numbers) != len(key) or not unique:
        raise SourceError(
            "replica_identity",
            f"The log does not identify rows of {name} by its key"
            f" ({', '.join(key) or 'none'}), or the key is not unique and NOT NULL.",
        )
    return Published(
        oid=oid,
        key=tuple(key),
        numbers=tuple(numbers),
        published=f"{publication.identity};{member}",
        replica_identity=identity,
        columns=None if columns is None else tuple(columns),
    )


def _stops_writes(log: LogSpec, table: CaptureTable) -> SourceError:
    publication = quoted(log.publication)
    name = f"{quoted(table.schema)}.{quoted(table.relation)}"
    return SourceError(
        "replica_identity",
        f"UPDATE and DELETE of the application fail on {table.schema}.{table.relation}"
        f" or on a partition of it: publication {log.publication!r} publishes some of"
        " its columns, but not all that identify a row.",
        hint=f"ALTER PUBLICATION {publication} DROP TABLE {name}; ALTER PUBLICATION"
        f" {publication} ADD TABLE {name}; -- with all columns, or with all of the"
        " replica identity. REPLICA IDENTITY FULL needs all columns.",
    )


def _check_key(source: Source, table: CaptureTable, key: tuple[str, ...]) -> None:
    """Refuses a key that must not be written as it is.

    Raises:
        SourceError: log_key_protected.
    """
    demanded = source.protected_columns(table.schema, table.relation, key)
    hidden = sorted(set(key) & (set(table.protected) | demanded))
    if hidden:
        raise SourceError(
            "log_key_protected",
            f"Column {hidden[0]!r} of {table.schema}.{table.relation} is protected and"
            " part of the key.",
        )
