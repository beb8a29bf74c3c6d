"""Snowflake's SQL turned into DuckDB's."""
