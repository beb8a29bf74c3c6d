"""Rows in and out: INSERT, UPDATE, DELETE, MERGE, COPY INTO, pipes."""
