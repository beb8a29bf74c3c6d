"""How many parts a table is read in."""

import pytest

from lambda_extract import contract
from lambda_extract.operations.plan import plan
from tests.unit.lambda_extract.conftest import MakeTable

LIMITS = contract.Limits(chunk_rows=1000)
MANY = "INSERT INTO {table} SELECT i FROM generate_series(1, 5000) AS i"


@pytest.mark.parametrize(
    ("one_moment", "seconds", "single"),
    [(True, 240.0, True), (True, 0.0001, False), (False, 240.0, False)],
)
def test_c9_one_part_while_a_worker_can_read_it_in_its_time(
    make_table: MakeTable, one_moment: bool, seconds: float, single: bool
) -> None:
    reader = make_table("id int PRIMARY KEY", MANY + "; ANALYZE {table}")
    request = contract.PlanRequest(
        "r1", reader.spec, limits=LIMITS, one_moment=one_moment
    )
    with reader.database() as database:
        reply = plan(database, request, part_seconds=seconds)
    assert (len(reply.partitions) == 1) == single
    assert reply.estimated_rows == 5000
