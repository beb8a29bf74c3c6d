"""Histories kept by the product on a local Snowflake, beside a model in Python."""
