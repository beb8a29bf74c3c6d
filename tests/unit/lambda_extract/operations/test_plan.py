"""How many parts a table is read in, and what a plan warns of."""

import pytest

from lambda_extract import contract
from lambda_extract.operations import plan as planning
from lambda_extract.operations.plan import plan
from lambda_extract.rows.parts import BYTES_PER_SECOND, Size
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


@pytest.mark.parametrize(("beyond", "parts"), [(0, 1), (1, 5)])
def test_c9_a_worker_is_expected_to_read_for_240_seconds_unless_told_otherwise(
    make_table: MakeTable, monkeypatch: pytest.MonkeyPatch, beyond: int, parts: int
) -> None:
    reader = make_table("id int PRIMARY KEY", MANY + "; ANALYZE {table}")
    size = Size(5000, 240 * BYTES_PER_SECOND + beyond, 5000)
    monkeypatch.setattr(planning, "read_size", lambda *_: size)
    reply = reader.plan(limits=LIMITS, one_moment=True)
    assert (len(reply.partitions), reply.estimated_bytes) == (parts, size.bytes)


def test_a_plan_without_a_slot_tells_no_position_of_the_log(
    make_table: MakeTable,
) -> None:
    reply = make_table("id int PRIMARY KEY").plan()
    assert reply.log is None
    assert contract.decode_reply(contract.encode(reply)) == reply


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("", ["cursor_not_indexed"]),
        # A second column is found by no index of its own.
        ("CREATE INDEX ON {table} (id, version)", ["cursor_not_indexed"]),
        ("CREATE INDEX ON {table} (version, id)", []),
    ],
)
def test_a_snapshot_warns_of_a_cursor_that_leads_no_index(
    make_table: MakeTable, script: str, told: list[str]
) -> None:
    """Before the increments that follow read the whole table each time."""
    reader = make_table("id int PRIMARY KEY, version bigint NOT NULL", script)
    reply = reader.plan(cursor=contract.CursorSpec("version"))
    assert [warning.code for warning in reply.warnings] == told
    if told:
        assert "'version'" in reply.warnings[0].message
        assert reply.warnings[0].hint == (
            f'CREATE INDEX CONCURRENTLY ON "public"."{reader.spec.relation}"'
            ' ("version");'
        )
