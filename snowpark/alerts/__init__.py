"""Alerts: what is reported to people, once, and again while it lasts."""
