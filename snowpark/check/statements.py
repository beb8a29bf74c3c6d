"""PURE: the SQL texts of CHECK_SYNC: SELECT, SHOW, DESCRIBE and LIST alone.

A procedure with owner's rights may send any SHOW but those that tell of the current
session or user (understanding caller's rights and owner's rights): parameters are asked
of the account and of schemas, grants of a named role or object.
"""

from collections.abc import Sequence

from snowpark.names import RUN_ID
from snowpark.sql import Statement, qualified, quote

# Below the landing prefix; nothing is ever written there.
_NOTHING = "check/nothing/"


def read_tables() -> Statement:
    """Reads the settings of every configured table."""
    return Statement(
        "SELECT settings FROM control.sync_current_tables ORDER BY table_name"
    )


def read_shape(table: str) -> Statement:
    """Reads the columns of a table as its last commit left them."""
    return Statement(
        "SELECT shape FROM control.sync_current_columns WHERE table_name = ?", (table,)
    )


def read_session() -> Statement:
    """Reads what the procedure runs as, where, and in which warehouse."""
    return Statement("""\
SELECT
    CURRENT_ROLE() AS role,
    CURRENT_DATABASE() AS database_name,
    CURRENT_WAREHOUSE() AS warehouse""")


def list_landing() -> Statement:
    """Asks S3, by the storage integration, for files that do not exist."""
    return Statement(f"LIST @control.landing/{_NOTHING}")


def describe_integration(name: str) -> Statement:
    """Reads an integration; it takes USAGE, as using it does."""
    return Statement(f"DESCRIBE INTEGRATION {quote(name.upper())}")


def show_warehouses() -> Statement:
    """Lists the warehouses that the role has a privilege on."""
    return Statement("SHOW WAREHOUSES")


def show_grants_to(role: str) -> Statement:
    """Lists what was granted to a role itself."""
    return Statement(f"SHOW GRANTS TO ROLE {quote(role)}")


def show_grants_of(role: str) -> Statement:
    """Lists whom a role was granted to."""
    return Statement(f"SHOW GRANTS OF ROLE {quote(role)}")


def show_grants_on_schema(database: str, schema: str) -> Statement:
    """Lists who may do what in a schema."""
    return Statement(f"SHOW GRANTS ON SCHEMA {qualified(database, schema)}")


def show_account_parameters() -> Statement:
    """Lists the account's parameters: sessions begin with them."""
    return Statement("SHOW PARAMETERS IN ACCOUNT")


def show_collation(database: str, schema: str) -> Statement:
    """Reads the collation that new text columns of a schema get."""
    return Statement(
        "SHOW PARAMETERS LIKE 'DEFAULT_DDL_COLLATION' IN SCHEMA"
        f" {qualified(database, schema)}"
    )


def read_schemas(database: str, schemas: Sequence[str]) -> Statement:
    """Reads the owners of target schemas."""
    marks = ", ".join("?" for _ in schemas)
    return Statement(
        f"""\
SELECT
    schema_name,
    schema_owner
FROM {quote(database)}.information_schema.schemata
WHERE schema_name IN ({marks})""",
        tuple(schemas),
    )


def read_targets(database: str, schemas: Sequence[str]) -> Statement:
    """Reads the owners of the tables of target schemas, and which are a sync's."""
    marks = ", ".join("?" for _ in schemas)
    return Statement(
        f"""\
SELECT
    t.table_schema,
    t.table_name,
    t.table_owner,
    COUNT(c.column_name) > 0 AS is_ours
FROM {quote(database)}.information_schema.tables AS t
LEFT JOIN {quote(database)}.information_schema.columns AS c
    ON
        t.table_schema = c.table_schema
        AND t.table_name = c.table_name
        AND c.column_name = ?
WHERE t.table_schema IN ({marks})
GROUP BY t.table_schema, t.table_name, t.table_owner""",
        (RUN_ID, *schemas),
    )
