"""Histories kept by the product's SQL on a local Snowflake, beside a model in Python."""
