"""The log: which keys changed, read from a replication slot, and their rows."""
