"""The PostgreSQL and the worker's code that the attacks are made against."""

from tests.unit.lambda_extract.conftest import aurora, make_table, owner

__all__ = ["aurora", "make_table", "owner"]
