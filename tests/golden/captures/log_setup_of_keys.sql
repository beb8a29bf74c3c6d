-- Parameter group: rds.logical_replication = 1 (elsewhere wal_level = logical), then a reboot.
GRANT rds_replication TO "<role that reads the log>"; -- elsewhere: ALTER ROLE ... REPLICATION
-- Before that, this must return no row, or UPDATE and DELETE of the application fail:
SELECT p.relid::regclass
FROM (VALUES ('"public"."orders"'::regclass, ARRAY['id', 'a"b']::name[])) AS w (relation, published)
CROSS JOIN LATERAL (
    SELECT w.relation AS relid
    UNION
    SELECT t.relid FROM pg_partition_tree(w.relation) AS t
) AS p
JOIN pg_class AS c ON c.oid = p.relid AND c.relkind = 'r'
WHERE c.relreplident NOT IN ('d', 'i') OR NOT EXISTS (
    SELECT 1
    FROM pg_index AS i
    WHERE i.indrelid = c.oid
        AND CASE c.relreplident WHEN 'd' THEN i.indisprimary ELSE i.indisreplident END
        AND NOT EXISTS (
            SELECT 1
            FROM pg_attribute AS a
            WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
                AND a.attname <> ALL (w.published)
        )
);
CREATE PUBLICATION "publication" FOR TABLE "public"."orders" ("id", "a""b") WITH (publish_via_partition_root = true);
-- A table that is added later: ALTER PUBLICATION "publication" ADD TABLE ... (<columns of its key>);
-- Every table needs a primary key: without one the publication makes UPDATE and DELETE of the application fail.
-- The publication has key columns alone (PostgreSQL 15 or newer): REPLICA IDENTITY FULL or another primary key, set later, makes UPDATE and DELETE of the application fail until the table is published anew.;
