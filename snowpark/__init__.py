"""The orchestration side: runs inside Snowflake as Python stored procedures."""
