"""What every part of the local Snowflake stands on: names, types, errors, sessions."""
