"""CHECK_SYNC: whether everything that a sync needs is there; it writes nothing."""
