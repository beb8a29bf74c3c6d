"""What PostgreSQL's catalog says about many tables at once: one query, no lock on them.

Functions that open a relation (pg_relation_size, pg_get_expr) would wait for whoever
holds it, so sizes are those of the statistics and defaults are read as they are stored.
"""

from typing import Any

from psycopg2 import sql

from lambda_extract.source.database import Database

_NAMED = sql.SQL(
    "(n.nspname COLLATE \"C\" LIKE {} ESCAPE '!'"
    " AND c.relname COLLATE \"C\" LIKE {} ESCAPE '!')"
)
# now(), transaction_timestamp(), statement_timestamp(), clock_timestamp(), and the
# keywords CURRENT_TIMESTAMP and LOCALTIMESTAMP, as a stored expression has them.
_CLOCK = r":funcid (1299|2647|2648|2649) |SQLVALUEFUNCTION :op [3478] "
# "NEW.name :=" in a function's text, also quoted.
_ASSIGNED = r'new\."?'
_ASSIGNMENT = r'"?\s*:?='
_BEFORE_UPDATE_ROW = 19  # pg_trigger.tgtype: 1 row, 2 before, 16 update


def find_tables(
    database: Database, patterns: tuple[str, ...], *, after: tuple[str, ...], most: int
) -> list[Any]:
    """Returns the tables that match a pattern, in the order of their names.

    Args:
        patterns: "schema.table" with `*` and `?`.
        after: Schema and table; only what comes later.
        most: Tables at once.

    Returns:
        Rows of (oid, schema, relation, kind, rows, bytes, comment, role, may use the
        schema, may read, rows are hidden, primary, key, columns); a column is a list of
        (name, type, not null, comment, readable, type name, its schema, kind, category,
        modifier, indexed, default, trigger).
    """
    named = [
        _NAMED.format(sql.Literal(like(schema)), sql.Literal(like(relation)))
        for schema, _, relation in (pattern.partition(".") for pattern in patterns)
    ]
    later = sql.SQL("TRUE")
    if after:
        later = sql.SQL("(n.nspname, c.relname) > ({}::name, {}::name)").format(
            *map(sql.Literal, after)
        )
    return database.rows(
        sql.SQL(_QUERY).format(
            named=sql.SQL(" OR ").join(named) if named else sql.SQL("FALSE"),
            later=later,
            most=sql.Literal(most),
            clock=sql.Literal(_CLOCK),
            assigned=sql.Literal(_ASSIGNED),
            assignment=sql.Literal(_ASSIGNMENT),
            before_update_row=sql.Literal(_BEFORE_UPDATE_ROW),
        )
    )


def like(pattern: str) -> str:
    """Returns a pattern with `*` and `?` as one of LIKE, whose escape is `!`. PURE."""
    marks = {"*": "%", "?": "_", "%": "!%", "_": "!_", "!": "!!"}
    return "".join(marks.get(character, character) for character in pattern)


_QUERY = r"""
WITH RECURSIVE found AS (
    SELECT c.oid, n.nspname, c.relname, c.relkind, n.oid AS schema_oid
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
        AND NOT c.relispartition
        AND c.relpersistence <> 't'
        AND n.nspname NOT LIKE 'pg!_%' ESCAPE '!'
        AND n.nspname <> 'information_schema'
        AND ({named})
        AND {later}
    ORDER BY n.nspname, c.relname
    LIMIT {most}
), members AS (
    SELECT f.oid AS root, f.oid FROM found AS f
    UNION
    SELECT m.root, i.inhrelid
    FROM members AS m
    JOIN pg_catalog.pg_inherits AS i ON i.inhparent = m.oid
), sizes AS (
    SELECT
        m.root,
        pg_catalog.sum(CASE
            WHEN c.reltuples > 0 THEN c.reltuples::bigint
            ELSE pg_catalog.pg_stat_get_live_tuples(c.oid)
        END)::bigint AS row_count,
        pg_catalog.sum(c.relpages::bigint + COALESCE(t.relpages, 0))::bigint
        * pg_catalog.current_setting('block_size')::bigint AS byte_count
    FROM members AS m
    JOIN pg_catalog.pg_class AS c ON c.oid = m.oid AND c.relkind IN ('r', 'm')
    LEFT JOIN pg_catalog.pg_class AS t ON t.oid = c.reltoastrelid
    GROUP BY m.root
), bases AS (
    -- The modifier of a domain's base type is kept by the domain, at whatever depth.
    SELECT t.oid AS domain, t.typbasetype AS base, t.typtypmod AS modifier
    FROM pg_catalog.pg_type AS t
    WHERE t.typtype = 'd'
    UNION ALL
    SELECT b.domain, t.typbasetype,
        CASE WHEN b.modifier >= 0 THEN b.modifier ELSE t.typtypmod END
    FROM bases AS b
    JOIN pg_catalog.pg_type AS t ON t.oid = b.base AND t.typtype = 'd'
), columns AS (
    SELECT
        a.attrelid,
        pg_catalog.json_agg(pg_catalog.json_build_array(
            a.attname,
            pg_catalog.format_type(a.atttypid, a.atttypmod),
            a.attnotnull,
            COALESCE(pg_catalog.left(
                pg_catalog.col_description(a.attrelid, a.attnum), 200
            ), ''),
            pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'SELECT'),
            t.typname,
            n.nspname,
            t.typtype,
            t.typcategory,
            CASE WHEN a.atttypmod >= 0 THEN a.atttypmod ELSE
                COALESCE(b.modifier, -1) END,
            EXISTS (
                SELECT 1
                FROM pg_catalog.pg_index AS i
                JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
                JOIN pg_catalog.pg_am AS m ON m.oid = x.relam
                WHERE i.indrelid = a.attrelid
                    AND i.indkey[0] = a.attnum
                    AND i.indisvalid
                    AND i.indpred IS NULL
                    AND m.amname = 'btree'
            ),
            CASE
                WHEN a.attidentity <> '' OR EXISTS (
                    SELECT 1
                    FROM pg_catalog.pg_depend AS p
                    JOIN pg_catalog.pg_class AS s
                        ON s.oid = p.refobjid AND s.relkind = 'S'
                    WHERE p.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
                        AND p.objid = d.oid
                        AND p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
                ) THEN 'sequence'
                WHEN d.adbin::text ~ {clock} THEN 'clock'
                ELSE ''
            END,
            CASE WHEN t.typname IN ('timestamptz', 'timestamp') THEN COALESCE((
                SELECT g.tgname::text
                FROM pg_catalog.pg_trigger AS g
                JOIN pg_catalog.pg_proc AS f ON f.oid = g.tgfoid
                WHERE g.tgrelid = a.attrelid
                    AND NOT g.tgisinternal
                    AND g.tgenabled IN ('O', 'A')
                    AND g.tgtype & {before_update_row} = {before_update_row}
                    AND (
                        pg_catalog.lower(f.prosrc) ~ (
                            {assigned} || pg_catalog.regexp_replace(
                                pg_catalog.lower(a.attname::text),
                                '([^a-z0-9_])', '\\\1', 'g'
                            ) || {assignment}
                        )
                        OR f.proname = 'moddatetime'
                            AND pg_catalog.encode(g.tgargs, 'escape')
                                = a.attname::text || '\000'
                    )
                ORDER BY g.tgname
                LIMIT 1
            ), '') ELSE '' END
        ) ORDER BY a.attnum) AS listed
    FROM found AS f
    JOIN pg_catalog.pg_attribute AS a
        ON a.attrelid = f.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_catalog.pg_type AS o ON o.oid = a.atttypid
    LEFT JOIN (
        SELECT r.domain, r.base, r.modifier
        FROM bases AS r
        JOIN pg_catalog.pg_type AS y ON y.oid = r.base AND y.typtype <> 'd'
    ) AS b ON b.domain = o.oid
    JOIN pg_catalog.pg_type AS t ON t.oid = COALESCE(b.base, o.oid)
    JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
    LEFT JOIN pg_catalog.pg_attrdef AS d
        ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    GROUP BY a.attrelid
)
SELECT
    f.oid::bigint,
    f.nspname::text,
    f.relname::text,
    f.relkind::text,
    COALESCE(s.row_count, -1),
    CASE WHEN s.byte_count > 0 OR s.row_count = 0 THEN s.byte_count ELSE -1 END,
    COALESCE(
        pg_catalog.left(pg_catalog.obj_description(f.oid, 'pg_class'), 1000), ''
    ),
    current_user::text,
    pg_catalog.has_schema_privilege(f.schema_oid, 'USAGE'),
    pg_catalog.has_any_column_privilege(f.oid, 'SELECT'),
    pg_catalog.row_security_active(f.oid),
    COALESCE(k.indisprimary, FALSE),
    COALESCE(k.names, '[]'::json),
    COALESCE(c.listed, '[]'::json)
FROM found AS f
LEFT JOIN sizes AS s ON s.root = f.oid
LEFT JOIN columns AS c ON c.attrelid = f.oid
LEFT JOIN LATERAL (
    SELECT
        i.indisprimary,
        (
            SELECT pg_catalog.json_agg(a.attname ORDER BY u.place)
            FROM pg_catalog.unnest(i.indkey) WITH ORDINALITY AS u (attnum, place)
            JOIN pg_catalog.pg_attribute AS a
                ON a.attrelid = i.indrelid AND a.attnum = u.attnum
            WHERE u.place <= i.indnkeyatts
        ) AS names
    FROM pg_catalog.pg_index AS i
    WHERE i.indrelid = f.oid
        AND i.indisunique
        AND i.indisvalid
        AND i.indpred IS NULL
        AND (i.indisprimary OR i.indimmediate)
        AND NOT EXISTS (
            SELECT 1
            FROM pg_catalog.unnest(i.indkey) WITH ORDINALITY AS u (attnum, place)
            LEFT JOIN pg_catalog.pg_attribute AS a
                ON a.attrelid = i.indrelid AND a.attnum = u.attnum
            WHERE u.place <= i.indnkeyatts AND NOT COALESCE(a.attnotnull, FALSE)
        )
    ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid
    LIMIT 1
) AS k ON TRUE
ORDER BY f.nspname, f.relname
"""
