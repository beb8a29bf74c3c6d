"""PURE: the SQL texts of calls from a worksheet: configuration, pauses, help."""

from collections.abc import Iterator, Sequence

from snowpark.settings.table import TableSettings
from snowpark.sql import Statement, literal, quote, value_rows
from snowpark.worksheet.discoveries import Discovery

_TABLES_PER_INSERT = 500


def show_procedures() -> Statement:
    """Reads the names, arguments and comments of the procedures."""
    return Statement("SHOW PROCEDURES IN SCHEMA control")


def table_of(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns the text of a query that gives these texts, in this order."""
    columns = ", ".join(
        f"column{place} AS {quote(name)}" for place, name in enumerate(names, 1)
    )
    values = ",\n    ".join(f"({', '.join(map(literal, row))})" for row in rows)
    return f"SELECT {columns}\nFROM VALUES\n    {values}"


def insert_pause(table: str, paused: bool, reason: str | None) -> Statement:
    """Appends that a table was paused or resumed."""
    return Statement(
        """\
INSERT INTO control.sync_pauses (table_name, paused, reason, changed_at, changed_by)
SELECT ?, ?, ?, CURRENT_TIMESTAMP(), CURRENT_USER()""",
        (table, paused, reason),
    )


def read_config_version() -> Statement:
    """Reads the version in force; 0 if there is none."""
    return Statement("SELECT COALESCE(MAX(version), 0) FROM control.sync_config")


def read_configured() -> Statement:
    """Reads the settings of the tables in force."""
    return Statement(
        "SELECT settings FROM control.sync_current_tables ORDER BY table_name"
    )


def read_tables_and_shapes() -> Statement:
    """Reads the tables in force with what their last commits knew of their columns."""
    return Statement("""\
SELECT
    t.settings,
    c.shape
FROM control.sync_current_tables AS t
LEFT JOIN control.sync_current_columns AS c ON t.table_name = c.table_name
ORDER BY t.table_name""")


def read_comments(database: str, schemas: Sequence[str]) -> Statement:
    """Reads the comments of tables (their column is empty) and of their columns."""
    marks = ", ".join("?" for _ in schemas)
    return Statement(
        f"""\
SELECT
    t.table_schema,
    t.table_name,
    '' AS column_name,
    t.comment,
    0 AS place
FROM {quote(database)}.information_schema.tables AS t
WHERE t.table_schema IN ({marks}) AND t.comment <> ''
UNION ALL
SELECT
    c.table_schema,
    c.table_name,
    c.column_name,
    c.comment,
    c.ordinal_position AS place
FROM {quote(database)}.information_schema.columns AS c
WHERE c.table_schema IN ({marks}) AND c.comment <> ''
ORDER BY 1, 2, 5""",
        (*schemas, *schemas),
    )


def insert_config(version: int, text: str, sha256: str) -> Statement:
    """Appends the text of a version; from its commit on the version is in force."""
    return Statement(
        """\
INSERT INTO control.sync_config (
    version, config_text, config_sha256, applied_at, applied_by
)
SELECT ?, ?, ?, CURRENT_TIMESTAMP(), CURRENT_USER()""",
        (version, text, sha256),
    )


def insert_tables(version: int, tables: Sequence[TableSettings]) -> Iterator[Statement]:
    """Appends the tables of a version, some hundred at a time."""
    rows = [
        (
            *(version, table.name, table.group, table.target),
            *(table.freshness_sla_minutes, table.to_json()),
        )
        for table in tables
    ]
    types = ["NUMBER", "VARCHAR", "VARCHAR", "VARCHAR", "NUMBER", "VARCHAR"]
    for values in value_rows(types, rows, most_rows=_TABLES_PER_INSERT):
        yield Statement(
            f"""\
INSERT INTO control.sync_tables (
    version, table_name, group_name, target_name, freshness_sla_minutes, settings
)
{values.text}""",
            values.params,
        )


def insert_leases(version: int) -> Statement:
    """Gives every configured table the row that its lease lives in."""
    return Statement(
        """\
INSERT INTO control.sync_leases (table_name)
SELECT t.table_name
FROM control.sync_tables AS t
WHERE
    t.version = ?
    AND NOT EXISTS (
        SELECT 1 FROM control.sync_leases AS l WHERE l.table_name = t.table_name
    )""",
        (version,),
    )


def create_schema(schema: str) -> Statement:
    """Creates a target schema if there is none."""
    return Statement(f"CREATE SCHEMA IF NOT EXISTS {schema}")


def read_patterns_to_look_at() -> Statement:
    """Reads the configuration if it has patterns and nobody looked for an hour."""
    return Statement("""\
SELECT c.config_text
FROM control.sync_config AS c
WHERE
    c.version = (SELECT MAX(m.version) FROM control.sync_config AS m)
    AND CONTAINS(c.config_text, '"patterns"')
    AND NOT EXISTS (
        SELECT 1
        FROM control.sync_discoveries AS d
        WHERE d.recorded_at > DATEADD('hour', -1, CURRENT_TIMESTAMP())
    )""")


def insert_discoveries(found: Sequence[Discovery]) -> Iterator[Statement]:
    """Appends what a look at the sources has found, and that it was taken."""
    types = ["VARCHAR"] * 5
    rows = [(one.what, one.source, one.place, one.name, one.policy) for one in found]
    for values in value_rows(types, rows, most_rows=_TABLES_PER_INSERT):
        yield Statement(
            f"""\
INSERT INTO control.sync_discoveries (
    what, source, source_table, table_name, policy, recorded_at
)
SELECT column1, column2, column3, column4, column5, CURRENT_TIMESTAMP()
FROM {values.text}""",
            values.params,
        )


def grant_usage(kind: str, name: str, role: str) -> Statement:
    """Lets a role use a database or schema; harmless if it may already."""
    return Statement(f"GRANT USAGE ON {kind} {name} TO ROLE {quote(role)}")
