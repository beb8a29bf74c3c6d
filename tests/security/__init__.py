"""Attacks, one file for each attacker: what each of them may not get."""
