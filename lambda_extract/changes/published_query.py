"""PURE: the one query that tells whether the log has all changes of tables."""

import json
from collections.abc import Sequence

from psycopg2 import sql

from lambda_extract.contract import CaptureTable, LogSpec


def published_query(log: LogSpec, tables: Sequence[CaptureTable]) -> sql.Composable:
    """Returns the query of what the catalog says of tables; one row for each found.

    The columns are those that `published._look` takes apart.
    """
    return sql.SQL("""
        WITH wanted AS (
            SELECT w.place, w.schema, w.relation, d.value AS key
            FROM ROWS FROM (
                pg_catalog.unnest({schemas}::text[]),
                pg_catalog.unnest({relations}::text[])
            ) WITH ORDINALITY AS w (schema, relation, place)
            JOIN pg_catalog.json_array_elements({keys}::json)
                WITH ORDINALITY AS d (value, place) ON d.place = w.place
        ), found AS (
            SELECT
                w.place,
                c.oid,
                c.relkind,
                c.relpersistence,
                c.relreplident,
                COALESCE(
                    NULLIF(
                        ARRAY(SELECT pg_catalog.json_array_elements_text(w.key)),
                        ARRAY[]::text[]
                    ),
                    ARRAY(
                        SELECT a.attname::text
                        FROM pg_catalog.pg_index AS i
                        CROSS JOIN LATERAL pg_catalog.unnest(i.indkey)
                            WITH ORDINALITY AS k (attnum, place)
                        JOIN pg_catalog.pg_attribute AS a
                            ON a.attrelid = i.indrelid AND a.attnum = k.attnum
                        WHERE i.indrelid = c.oid
                            AND i.indisprimary
                            AND k.place <= i.indnkeyatts
                        ORDER BY k.place
                    )
                ) AS key,
                n.nspname,
                c.relname
            FROM wanted AS w
            JOIN pg_catalog.pg_namespace AS n ON n.nspname = w.schema
            JOIN pg_catalog.pg_class AS c
                ON c.relnamespace = n.oid AND c.relname = w.relation
            WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
        )
        SELECT
            (f.place - 1)::int,
            f.oid::bigint,
            f.relkind::text,
            f.relpersistence::text,
            f.relreplident::text,
            f.key,
            -- Attribute numbers of the key's columns that are never NULL.
            ARRAY(
                SELECT a.attnum::int
                FROM pg_catalog.unnest(f.key) WITH ORDINALITY AS k (name, place)
                JOIN pg_catalog.pg_attribute AS a
                    ON a.attrelid = f.oid AND a.attname = k.name AND a.attnotnull
                WHERE NOT a.attisdropped
                ORDER BY k.place
            ),
            -- Columns of the index by which the log identifies a row; not what the
            -- index only carries along (INCLUDE). indkey counts from 0.
            ARRAY(
                SELECT a.attname::text
                FROM pg_catalog.pg_index AS i
                JOIN pg_catalog.pg_attribute AS a
                    ON a.attrelid = i.indrelid
                    AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
                WHERE i.indrelid = f.oid
                    AND CASE f.relreplident
                        WHEN 'd' THEN i.indisprimary
                        WHEN 'i' THEN i.indisreplident
                        ELSE FALSE
                    END
            ),
            EXISTS (
                SELECT 1
                FROM pg_catalog.pg_inherits AS h
                JOIN pg_catalog.pg_class AS c ON c.oid = h.inhrelid
                WHERE h.inhparent = f.oid AND NOT c.relispartition
            ),
            (
                SELECT pg_catalog.to_jsonb(t)
                FROM pg_catalog.pg_publication_tables AS t
                WHERE t.pubname = {publication}
                    AND t.schemaname = f.nspname
                    AND t.tablename = f.relname
                LIMIT 1
            ),
            (
                SELECT pg_catalog.string_agg(
                    r.oid::text || '.' || r.xmin::text, ',' ORDER BY r.oid
                )
                FROM pg_catalog.pg_publication_rel AS r
                JOIN pg_catalog.pg_publication AS p ON p.oid = r.prpubid
                WHERE p.pubname = {publication} AND r.prrelid IN (
                    WITH RECURSIVE above AS (
                        SELECT f.oid
                        UNION
                        SELECT i.inhparent
                        FROM above AS a
                        JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = a.oid
                    )
                    SELECT a.oid FROM above AS a
                )
            ),
            -- A list of columns that lacks some of what identifies a row, of the table
            -- or of a partition: PostgreSQL refuses UPDATE and DELETE.
            EXISTS (
                SELECT 1
                FROM pg_catalog.pg_publication_rel AS r
                JOIN pg_catalog.pg_publication AS p ON p.oid = r.prpubid
                CROSS JOIN LATERAL (
                    -- Before PostgreSQL 15 there is no such list.
                    SELECT ARRAY(
                        SELECT a.attname::text
                        FROM pg_catalog.jsonb_array_elements_text(
                            CASE pg_catalog.jsonb_typeof(
                                pg_catalog.to_jsonb(r) -> 'prattrs'
                            ) WHEN 'array' THEN pg_catalog.to_jsonb(r) -> 'prattrs'
                            END
                        ) AS n (number)
                        JOIN pg_catalog.pg_attribute AS a
                            ON a.attrelid = r.prrelid AND a.attnum = n.number::int2
                    ) AS names
                ) AS l
                JOIN pg_catalog.pg_class AS c
                    ON c.relkind = 'r' AND c.oid IN (
                        SELECT f.oid
                        UNION
                        SELECT t.relid::oid
                        FROM pg_catalog.pg_partition_tree(f.oid) AS t
                    )
                WHERE p.pubname = {publication}
                    AND r.prrelid = f.oid
                    AND l.names <> ARRAY[]::text[]
                    AND (
                        c.relreplident = 'f'
                        OR EXISTS (
                            SELECT 1
                            FROM pg_catalog.pg_index AS i
                            JOIN pg_catalog.pg_attribute AS a
                                ON a.attrelid = i.indrelid
                                AND a.attnum = ANY (
                                    (i.indkey::int2[])[0:i.indnkeyatts - 1]
                                )
                            WHERE i.indrelid = c.oid
                                AND a.attname::text <> ALL (l.names)
                                AND CASE c.relreplident
                                    WHEN 'd' THEN i.indisprimary
                                    WHEN 'i' THEN i.indisreplident
                                    ELSE FALSE
                                END
                        )
                    )
            ),
            EXISTS (
                SELECT 1
                FROM pg_catalog.pg_index AS i
                WHERE i.indrelid = f.oid
                    AND i.indisunique
                    AND i.indisvalid
                    AND i.indimmediate
                    AND i.indpred IS NULL
                    AND NOT EXISTS (
                        SELECT 1
                        FROM pg_catalog.unnest(i.indkey)
                            WITH ORDINALITY AS k (attnum, place)
                        LEFT JOIN pg_catalog.pg_attribute AS a
                            ON a.attrelid = i.indrelid AND a.attnum = k.attnum
                        WHERE k.place <= i.indnkeyatts
                            AND COALESCE(a.attname::text <> ALL (f.key), TRUE)
                    )
            )
        FROM found AS f
        """).format(
        schemas=sql.Literal([table.schema for table in tables]),
        relations=sql.Literal([table.relation for table in tables]),
        keys=sql.Literal(json.dumps([list(table.key) for table in tables])),
        publication=sql.Literal(log.publication),
    )
