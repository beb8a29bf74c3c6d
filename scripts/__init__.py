"""Commands for people: run locally, test, package, deploy."""
