"""Are both sides equal? Digests, differences, repair."""
