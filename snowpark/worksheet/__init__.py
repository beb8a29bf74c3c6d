"""Calls from a worksheet that are no sync."""
