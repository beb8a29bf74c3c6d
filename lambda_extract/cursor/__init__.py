"""The cursor of an increment: column, proof, bound, window."""
