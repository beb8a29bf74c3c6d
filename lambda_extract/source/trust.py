"""Whose relations are read, and what of them must be protected.

Both live in the settings of the Lambda function, which nobody can change from
Snowflake. A plain SELECT runs code of the relation's owner as the reader role
(session.py), so a relation is read only if everybody who can put code into it is
trusted: the owners of it, of its partitions and children, of what a view reads, and of
the functions and types that belong to them. Superusers need no trust.
"""

import fnmatch

from psycopg2 import sql

from lambda_extract.contract import TableSpec
from lambda_extract.errors import SourceError
from lambda_extract.settings import Protection
from lambda_extract.source.database import Database

# What shows less stands for what shows more.
_STRENGTH = {"": 0, "hash": 1, "mask": 2, "exclude": 3}


def check_owners(database: Database, oid: int) -> None:
    """Refuses a relation if somebody who can put code into it is not trusted.

    Only the catalog is read, before any statement is planned that names the relation.

    Raises:
        SourceError: owner_not_trusted.
    """
    found = database.rows(_first_untrusted(database, sql.Literal(oid)))
    if found:
        raise _untrusted(*found[0])


def find_untrusted(database: Database, oids: list[int]) -> dict[int, SourceError]:
    """Returns what `check_owners` would refuse each of these relations with."""
    statement = sql.SQL(
        "SELECT asked.oid::bigint, u.* FROM pg_catalog.unnest({}::oid[]) AS asked (oid)"
        " CROSS JOIN LATERAL ({}) AS u"
    )
    query = statement.format(
        sql.Literal(oids), _first_untrusted(database, sql.SQL("asked.oid"))
    )
    found = database.rows(query) if oids else []
    return {oid: _untrusted(*names) for oid, *names in found}


def _first_untrusted(database: Database, oid: sql.Composable) -> sql.Composable:
    # Each step looks its rows up by an index of the catalog, through LATERAL: the
    # planner expects a million rows of a recursive query and would read the catalog as
    # a whole for them, which costs 100 ms for each table of a sync. Of an array it
    # expects ten: what a recursive query has found is handed on as one, or PostgreSQL
    # clears hash tables for millions of rows, which takes longer than all the rest.
    statement = sql.SQL("""
        WITH RECURSIVE relations AS (
            SELECT {oid}::oid AS oid
            UNION
            SELECT n.oid
            FROM relations AS r
            CROSS JOIN LATERAL (
                SELECT h.inhrelid AS oid
                FROM pg_catalog.pg_inherits AS h
                WHERE h.inhparent = r.oid
                UNION ALL
                -- What a view reads.
                SELECT d.refobjid
                FROM pg_catalog.pg_rewrite AS w
                JOIN pg_catalog.pg_depend AS d
                    ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
                        AND d.objid = w.oid
                WHERE w.ev_class = r.oid
                    AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
            ) AS n
        ), types AS (
            SELECT n.oid
            FROM pg_catalog.unnest(ARRAY(SELECT r.oid FROM relations AS r)) AS r (oid)
            CROSS JOIN LATERAL (
                SELECT a.atttypid AS oid
                FROM pg_catalog.pg_attribute AS a
                WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
                OFFSET 0
            ) AS n
            UNION
            SELECT n.oid
            FROM types AS s
            CROSS JOIN LATERAL (
                SELECT t.typelem, t.typbasetype, t.typrelid
                FROM pg_catalog.pg_type AS t
                WHERE t.oid = s.oid
                OFFSET 0
            ) AS t
            CROSS JOIN LATERAL (
                -- Elements of arrays, domains' bases, ranges, fields of composites.
                SELECT t.typelem AS oid
                UNION ALL
                SELECT t.typbasetype
                UNION ALL
                SELECT g.rngsubtype
                FROM pg_catalog.pg_range AS g
                WHERE g.rngtypid = s.oid
                UNION ALL
                SELECT f.atttypid
                FROM pg_catalog.pg_attribute AS f
                WHERE f.attrelid = t.typrelid AND f.attnum > 0 AND NOT f.attisdropped
            ) AS n
            WHERE n.oid <> 0
        ), carriers AS (
            SELECT n.class, n.oid
            FROM pg_catalog.unnest(ARRAY(SELECT r.oid FROM relations AS r)) AS r (oid)
            CROSS JOIN LATERAL (
                SELECT
                    'pg_catalog.pg_class'::pg_catalog.regclass AS class,
                    i.indexrelid AS oid
                FROM pg_catalog.pg_index AS i WHERE i.indrelid = r.oid
                UNION ALL
                -- Of the relation itself: the expressions that it is partitioned by.
                SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, r.oid
                UNION ALL
                SELECT 'pg_catalog.pg_attrdef'::pg_catalog.regclass, e.oid
                FROM pg_catalog.pg_attrdef AS e WHERE e.adrelid = r.oid
                UNION ALL
                SELECT 'pg_catalog.pg_rewrite'::pg_catalog.regclass, w.oid
                FROM pg_catalog.pg_rewrite AS w WHERE w.ev_class = r.oid
                UNION ALL
                SELECT 'pg_catalog.pg_policy'::pg_catalog.regclass, y.oid
                FROM pg_catalog.pg_policy AS y WHERE y.polrelid = r.oid
                UNION ALL
                -- Planned with every query of the relation, as indexes are.
                SELECT 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass, x.oid
                FROM pg_catalog.pg_statistic_ext AS x WHERE x.stxrelid = r.oid
                UNION ALL
                -- A CHECK is, to leave out children and partitions.
                SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, k.oid
                FROM pg_catalog.pg_constraint AS k WHERE k.conrelid = r.oid
            ) AS n
            UNION ALL
            SELECT n.class, n.oid
            FROM pg_catalog.unnest(ARRAY(SELECT s.oid FROM types AS s)) AS s (oid)
            CROSS JOIN LATERAL (
                SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass AS class, k.oid
                FROM pg_catalog.pg_constraint AS k WHERE k.contypid = s.oid
                UNION ALL
                -- How values of a type become text. To a type of their own anybody may
                -- make a cast, which nobody asks for.
                SELECT 'pg_catalog.pg_cast'::pg_catalog.regclass, z.oid
                FROM pg_catalog.pg_cast AS z
                WHERE z.castsource = s.oid
                    -- Planned in no time; a join costs a fifth of the whole query.
                    AND (
                        SELECT t.typnamespace
                        FROM pg_catalog.pg_type AS t
                        WHERE t.oid = z.casttarget
                    ) = 'pg_catalog'::pg_catalog.regnamespace
            ) AS n
        ), owners AS (
            SELECT 'relation' AS what, n.name, n.owner
            FROM pg_catalog.unnest(ARRAY(SELECT r.oid FROM relations AS r)) AS r (oid)
            CROSS JOIN LATERAL (
                SELECT c.relname::text AS name, c.relowner AS owner
                FROM pg_catalog.pg_class AS c
                WHERE c.oid = r.oid
                OFFSET 0
            ) AS n
            UNION ALL
            SELECT 'function', n.name, n.owner
            FROM carriers AS k
            CROSS JOIN LATERAL (
                SELECT d.refclassid, d.refobjid
                FROM pg_catalog.pg_depend AS d
                WHERE d.classid = k.class AND d.objid = k.oid
                OFFSET 0
            ) AS d
            CROSS JOIN LATERAL (
                SELECT p.proname::text AS name, p.proowner AS owner
                FROM pg_catalog.pg_proc AS p
                WHERE p.oid = d.refobjid
                    AND d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
                UNION ALL
                SELECT p.proname::text, p.proowner
                FROM pg_catalog.pg_operator AS o
                JOIN pg_catalog.pg_proc AS p ON p.oid = o.oprcode
                WHERE o.oid = d.refobjid
                    AND d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass
            ) AS n
            UNION ALL
            SELECT 'type', n.name, n.owner
            FROM pg_catalog.unnest(ARRAY(SELECT s.oid FROM types AS s)) AS s (oid)
            CROSS JOIN LATERAL (
                SELECT t.typname::text AS name, t.typowner AS owner
                FROM pg_catalog.pg_type AS t
                WHERE t.oid = s.oid
                OFFSET 0
            ) AS n
        )
        SELECT o.what, o.name, r.rolname::text
        FROM owners AS o
        JOIN pg_catalog.pg_roles AS r ON r.oid = o.owner
        WHERE NOT r.rolsuper AND r.rolname <> ALL ({trusted}::text[])
        ORDER BY o.what = 'relation' DESC, o.what, o.name
        LIMIT 1
        """)
    trusted = sql.Literal(list(database.source.owners))
    return statement.format(oid=oid, trusted=trusted)


def _untrusted(what: str, name: str, owner: str) -> SourceError:
    return SourceError(
        "owner_not_trusted",
        f"The {what} {name!r} belongs to role {owner!r}, whose code the source does not"
        " trust.",
    )


def demanded(
    rules: tuple[Protection, ...], schema: str, relation: str, column: str
) -> str:
    """Returns the strongest protection that is demanded of a column; PURE."""
    found = [
        rule.protect
        for rule in rules
        if fnmatch.fnmatchcase(f"{schema}.{relation}", rule.table)
        and fnmatch.fnmatchcase(column, rule.column)
    ]
    return max(found, key=_STRENGTH.__getitem__, default="")


def check_protection(
    rules: tuple[Protection, ...], spec: TableSpec, columns: tuple[str, ...]
) -> None:
    """Refuses a request that protects a column less than its source demands. PURE.

    Args:
        columns: All columns of the relation, the excluded ones too.

    Raises:
        SourceError: protection_required.
    """
    name = f"{spec.schema}.{spec.relation}"
    configured = {column.name: column.protect for column in spec.columns}
    for rule in rules:
        if not fnmatch.fnmatchcase(name, rule.table):
            continue
        for column in columns:
            if not fnmatch.fnmatchcase(column, rule.column):
                continue
            excluded = column in spec.exclude
            given = "exclude" if excluded else configured.get(column, "")
            if _STRENGTH[given] < _STRENGTH[rule.protect]:
                raise SourceError(
                    "protection_required",
                    f"The source demands that column {column!r} of {name} is protected"
                    f" by {rule.protect!r} or more.",
                )


def check_plain(spec: TableSpec, name: str) -> None:
    """Refuses a column whose values would travel as a cursor or a bound. PURE.

    Raises:
        SourceError: protection_required.
    """
    if any(column.name == name and column.protect for column in spec.columns):
        raise SourceError(
            "protection_required",
            f"Column {name!r} of {spec.schema}.{spec.relation} is protected: it can be"
            " neither a cursor nor the bound of a part.",
            hint="Choose another cursor, or exclude the column.",
        )
