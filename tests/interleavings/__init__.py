"""Every order in which the statements of several runs of one table may arrive."""
