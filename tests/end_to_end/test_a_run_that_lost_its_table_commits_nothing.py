"""The fence: whoever lost its table, at whatever moment, changes nothing."""

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
import snowflake.connector

from snowpark.ledger import end_statements
from snowpark.ledger.records import Commit
from snowpark.ledger.run import Run
from snowpark.sql import Statement
from tests.end_to_end.faults import Switchboard
from tests.end_to_end.lab import Lab

THIEF = (
    "UPDATE control.sync_leases SET run_id = 'thief'"
    " WHERE table_name = '{0}' AND run_id IS NOT NULL"
)
# A successor that took the lease, committed a version, and gave the lease back.
SUCCESSOR = (
    "INSERT INTO control.sync_watermarks (table_name, version, run_id, kind, origin,"
    " row_count, recorded_at) SELECT '{0}', MAX(version) + 1, 'successor', 'backfill',"
    " 'x', 1, CURRENT_TIMESTAMP() FROM control.sync_watermarks WHERE table_name = '{0}'"
)
# The two conditions of the one statement that ends a run, in its text.
OWNER = "    AND l.run_id = ?\n"
NEWER = "AND w.version > ?"
# They bind the same values, and are always true.
ANYONE = "    AND ? IS NOT NULL\n"
ANYTHING = "AND w.version > ? + 1000"


@pytest.fixture
def orders(lab: Lab) -> str:
    """A synced table of which a row has changed."""
    table = lab.name("orders")
    lab.orders_table(table, 3)
    lab.apply({table: {"cursor": "updated_at"}})
    lab.sync(table)
    lab.psql(f"UPDATE {table} SET note = 'late', updated_at = now() WHERE id = 1")
    return table


def content(lab: Lab, table: str) -> list[str]:
    return sorted(map(repr, lab.query(f"SELECT * FROM lab.{table}")))


def test_a_run_whose_lease_was_taken_over_cannot_commit(lab: Lab, orders: str) -> None:
    """The thief commits before the transaction begins, and keeps what it took."""
    before, rows = lab.watermark(orders), content(lab, orders)
    thief = THIEF.format(orders)
    with lab.before_statement("^BEGIN", lambda other: other.query(thief)):
        error = lab.fail("SYNC_TABLE", orders)
    assert "[lease_lost]" in error
    assert lab.watermark(orders) == before
    assert content(lab, orders) == rows
    assert lab.lease_owner(orders) == "thief"
    lab.expire_lease(orders)
    lab.sync(orders)
    lab.assert_equal(orders)


@pytest.mark.parametrize("what", [THIEF, SUCCESSOR], ids=["lease", "version"])
def test_nor_one_that_lost_it_between_its_write_and_its_end(
    lab: Lab, faults: Switchboard, orders: str, what: str
) -> None:
    """The target is locked by then, leases and ledgers are not."""
    before, rows = lab.watermark(orders), content(lab, orders)
    faults.snowflake(
        {
            "match": "^INSERT ALL",
            "action": "slip_in",
            "statement": what.format(orders),
            "procedure": "SYNC_TABLE",
        }
    )
    before_it = len(lab.statements())
    error = lab.fail("SYNC_TABLE", orders)
    faults.clear()
    texts = [s["text"].split("(")[0] for s in lab.statements()[before_it:]]
    sent = [
        t.split()[0] for t in texts if t.startswith(("MERGE", "INSERT ALL", "ROLL"))
    ]
    assert sent == ["MERGE", "INSERT", "ROLLBACK"]
    assert "[lease_lost]" in error
    assert lab.watermark(orders) == before
    assert content(lab, orders) == rows
    assert lab.last_run(orders)["LAST_RUN_STATUS"] == "failed"
    lab.sync(orders)
    lab.assert_equal(orders)


@pytest.fixture
def session(lab: Lab) -> Iterator[Any]:
    """A session of its own, within a transaction that is rolled back."""
    parameters = lab.stack.endpoints.snowflake.parameters
    with contextlib.closing(
        snowflake.connector.connect(**parameters, paramstyle="qmark")
    ) as connection:
        cursor = connection.cursor()
        cursor.execute("BEGIN")
        yield cursor
        cursor.execute("ROLLBACK")


def without(statement: Statement, condition: str, other: str) -> Statement:
    assert statement.text.count(condition) == 1
    return dataclasses.replace(statement, text=statement.text.replace(condition, other))


def test_each_condition_of_the_end_stops_what_it_is_for(
    lab: Lab, orders: str, session: Any
) -> None:
    """Without it the end of a run that lost its table is appended."""
    run = Run("late", orders, "2026-01-02T03:04:05+00:00")
    commit = Commit(2, "increment", None, None, 1)
    end = end_statements.insert_end(run, "o", commit, based_on=1, statements=9)

    def appended(statement: Statement) -> tuple[int, ...]:
        session.execute(statement.text, statement.params)
        (counts,) = session.fetchall()
        return tuple(counts)

    def leased_by(owner: str) -> None:
        session.execute(
            "UPDATE control.sync_leases SET run_id = ? WHERE table_name = ?",
            (owner, orders),
        )

    leased_by("thief")
    assert appended(end) == (0, 0)
    assert appended(without(end, OWNER, ANYONE)) == (1, 1)
    # What has just been appended is the version of a successor.
    leased_by("late")
    assert appended(end) == (0, 0)
    assert appended(without(end, NEWER, ANYTHING)) == (1, 1)
