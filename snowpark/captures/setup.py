"""PURE: what the owner of a database runs before its log is read (PostgreSQL)."""

from snowpark import sql
from snowpark.captures.records import LogSource

# A column list has to have all that identifies a row: else PostgreSQL refuses UPDATE
# and DELETE of the application (documentation of CREATE PUBLICATION, "column list").
_NOT_COVERED = """\
-- Before that, this must return no row, or UPDATE and DELETE of the application fail:
SELECT p.relid::regclass
FROM (VALUES {tables}) AS w (relation, published)
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
            WHERE a.attrelid = i.indrelid
                AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
                AND a.attname <> ALL (w.published)
        )
);"""


def statements(source: LogSource) -> list[str]:
    """Returns the statements in their order; what is a comment is for the reader."""
    publication = sql.quote(source.log.publication)
    relations = _relations(source)
    keys = source.publish == "keys"
    members = ", ".join(
        (
            f"{relation} ({', '.join(sql.quote(name) for name in key)})"
            if keys
            else relation
        )
        for relation, key in relations.items()
    )
    made = [
        "-- Parameter group: rds.logical_replication = 1 (elsewhere wal_level ="
        " logical), then a reboot.",
        'GRANT rds_replication TO "<role that reads the log>";'
        " -- elsewhere: ALTER ROLE ... REPLICATION",
        f"CREATE PUBLICATION {publication} FOR TABLE {members}"
        " WITH (publish_via_partition_root = true);",
        f"-- A table that is added later: ALTER PUBLICATION {publication} ADD TABLE"
        f" ...{' (<columns of its key>)' if keys else ''};",
        "-- Every table needs a primary key: without one the publication makes UPDATE"
        " and DELETE of the application fail.",
    ]
    if not keys:
        return made
    return [
        *made[:2],
        _NOT_COVERED.format(tables=", ".join(map(_row, relations.items()))),
        *made[2:],
        "-- The publication has key columns alone (PostgreSQL 15 or newer): REPLICA"
        " IDENTITY FULL or another primary key, set later, makes UPDATE and DELETE of"
        " the application fail until the table is published anew.",
    ]


def _relations(source: LogSource) -> dict[str, tuple[str, ...]]:
    """Returns each relation once, with all columns of its keys.

    PostgreSQL refuses a table that is named twice with lists of columns.
    """
    found: dict[str, tuple[str, ...]] = {}
    for table in source.tables:
        relation = f"{sql.quote(table.schema)}.{sql.quote(table.relation)}"
        found[relation] = tuple(dict.fromkeys((*found.get(relation, ()), *table.key)))
    return found


def _row(member: tuple[str, tuple[str, ...]]) -> str:
    relation, key = member
    names = ", ".join(map(_text, key))
    return f"({_text(relation)}::regclass, ARRAY[{names}]::name[])"


def _text(value: str) -> str:
    """Returns a literal of PostgreSQL, to which a backslash is a character."""
    doubled = value.replace("'", "''")
    return f"'{doubled}'"
