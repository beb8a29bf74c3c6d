"""A small, strict Snowflake for one machine: DuckDB behind Snowflake's protocol."""
