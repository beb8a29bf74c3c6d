"""PURE: what is configured, checked."""
