"""Alerts: what people are told, once and again while it lasts."""
