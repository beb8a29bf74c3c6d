"""Rows on the way out: wire, conditions, parts, COPY."""
