"""The mutation run: small changes of the product that a test has to notice."""
