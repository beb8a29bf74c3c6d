"""The runner of probes/: asks the platforms whether they do what is assumed of them."""
