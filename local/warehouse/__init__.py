"""A small, strict Snowflake for one machine: DuckDB behind Snowflake's HTTP protocol.

The real Snowflake connector, Snowpark and the Snowflake CLI connect to it. What it does
not imitate is listed in docs/LOCAL_STACK.md.
"""
