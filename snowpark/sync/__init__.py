"""One table is brought up to date: increments, snapshots, keys, backfills."""
