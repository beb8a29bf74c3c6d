"""Tests of the local Snowflake, as its clients see it."""
