"""What PostgreSQL's catalog tells people about a table: its comments, and its key."""

from psycopg2 import sql

from lambda_extract.contract import ColumnComment, Described
from lambda_extract.source.catalog import SourceTable, key_is_enforced
from lambda_extract.source.database import Database

# Characters of a comment that travel: a catalogue shows no more of it.
LONGEST_COMMENT = 1000


def describe(database: Database, table: SourceTable) -> Described:
    """Returns the comments of a table and its columns, and whether its key is enforced.

    One query: every extraction asks, so that a change costs nothing else.

    Raises:
        SourceError: PostgreSQL failed.
    """
    enforced: sql.Composable = sql.SQL("FALSE")
    if table.key:
        enforced = key_is_enforced(table)
    statement = sql.SQL("""
        SELECT
            {enforced},
            COALESCE(pg_catalog.left(
                pg_catalog.obj_description({oid}, 'pg_class'), {most}
            ), ''),
            COALESCE(pg_catalog.array_agg(a.attname::text ORDER BY a.attnum), '{{}}'),
            COALESCE(pg_catalog.array_agg(
                pg_catalog.left(d.description, {most}) ORDER BY a.attnum
            ), '{{}}')
        FROM pg_catalog.pg_description AS d
        JOIN pg_catalog.pg_attribute AS a
            ON a.attrelid = d.objoid AND a.attnum = d.objsubid
        WHERE d.classoid = 'pg_catalog.pg_class'::regclass
            AND d.objoid = {oid}
            AND d.objsubid > 0
            AND NOT a.attisdropped
        """)
    found, comment, names, texts = database.row(
        statement.format(
            enforced=enforced,
            oid=sql.Literal(table.oid),
            most=sql.Literal(LONGEST_COMMENT),
        )
    )
    read = {column.name for column in table.columns}
    return Described(
        comment=comment,
        columns=tuple(
            ColumnComment(name, text)
            for name, text in zip(names, texts)
            if name in read
        ),
        key_enforced=bool(found),
    )
