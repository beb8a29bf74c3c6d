"""Code that runs: procedures, functions in Python, external functions."""
