"""PURE: columns of source and target: names, types, pairs, drift."""
