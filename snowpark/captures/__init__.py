"""Mode log: the chain of captures of each source, and the calls about it."""
