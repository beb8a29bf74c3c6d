"""What DuckDB holds of a table, beside the catalog: its rows and its loads."""

from __future__ import annotations

import duckdb

from local.snowflake_server.core.catalog import Table
from local.snowflake_server.core.names import Name, quoted


def drop_physical(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Remove a table and what was remembered of its loads."""
    connection.execute(f"DROP TABLE {table.physical}")
    forget_loads(connection, table)


def forget_loads(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Remove what was remembered of a table's loads."""
    for history in ("_loads", "_pipe_loads"):
        statement = f"DELETE FROM {history} WHERE table_number = ?"
        connection.execute(statement, [table.number])


def create_physical_schema(connection: duckdb.DuckDBPyConnection, name: Name) -> None:
    """The DuckDB schema that holds the tables of a Snowflake schema."""
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(name.physical_schema)}")
