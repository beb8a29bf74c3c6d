"""From files to committed rows: staging, target, merge, commit."""
