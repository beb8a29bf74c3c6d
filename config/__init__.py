"""The configuration of the sync and its JSON Schema; data files only."""
