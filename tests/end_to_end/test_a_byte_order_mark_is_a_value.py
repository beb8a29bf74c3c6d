"""C1: U+FEFF at the start of a file belongs to the first value of its first row."""

import pytest

from tests.end_to_end.lab import Lab


@pytest.mark.parametrize("method", ["copy", "snowpipe"])
def test_the_first_value_of_a_file_keeps_its_mark(lab: Lab, method: str) -> None:
    table = lab.name(f"marked_{method}")
    lab.psql(f"CREATE TABLE {table} (code text PRIMARY KEY, v int)")
    lab.psql(f"INSERT INTO {table} VALUES (e'\\uFEFFA1', 2), ('A1', 1)")
    lab.apply({table: {"mode": "full", "load_method": method}})
    lab.sync(table)
    lab.assert_equal(table)
