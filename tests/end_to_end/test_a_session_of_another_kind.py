"""What a procedure inherits from its caller: AUTOCOMMIT, a transaction, limits."""

import contextlib
import json
from typing import Any

import pytest
import snowflake.connector

from tests.end_to_end.lab import Lab

pytestmark = pytest.mark.large

CALLS = [
    ("SYNC_TABLE", "'{table}'"),
    ("RESYNC_TABLE", "'{table}'"),
    ("VALIDATE_TABLE", "'{table}'"),
    ("SYNC_GROUP", "'{table}'"),
    ("APPLY_TASKS", ""),
]


def apply(lab: Lab, tables: dict[str, dict[str, Any]], group: str) -> None:
    groups: dict[str, Any] = {group: {}}
    lab.call("APPLY_CONFIG", json.dumps(lab.config(tables) | {"groups": groups}))


@pytest.fixture
def table(lab: Lab) -> str:
    name = lab.name("inherited")
    lab.orders_table(name, 10)
    apply(lab, {name: {"cursor": "updated_at", "group": name}}, name)
    lab.sync(name)
    lab.psql(f"UPDATE {name} SET note = 'new', updated_at = now() WHERE id = 1")
    return name


def refused(lab: Lab, before: list[str], call: str, after: list[str]) -> str:
    """Calls in a session of its own, which is given back as it was."""
    parameters = lab.stack.endpoints.snowflake.parameters
    with contextlib.closing(snowflake.connector.connect(**parameters)) as connection:
        cursor = connection.cursor()
        for statement in before:
            cursor.execute(statement)
        with pytest.raises(Exception) as raised:
            cursor.execute(call)
        for statement in after:
            cursor.execute(statement)
    return str(raised.value)


@pytest.mark.parametrize(("procedure", "argument"), CALLS)
@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
def test_w4_a_call_inside_a_transaction_is_refused_in_words_and_leaves_nothing(
    lab: Lab, table: str, procedure: str, argument: str, end: str
) -> None:
    call = f"CALL {procedure}({argument.format(table=table)})"
    told = refused(lab, ["BEGIN"], call, [end])
    assert "[open_transaction]" in told and "part of a transaction" in told
    # Nobody is locked out, and the next call does what there is to do.
    assert lab.lease_owner(table) is None
    assert lab.sync(table)["rows_extracted"] == 1
    lab.assert_equal(table)


@pytest.mark.parametrize(("procedure", "argument"), CALLS)
def test_w4_without_autocommit_a_call_is_refused_in_words_and_leaves_nothing(
    lab: Lab, table: str, procedure: str, argument: str
) -> None:
    call = f"CALL {procedure}({argument.format(table=table)})"
    told = refused(lab, ["ALTER SESSION SET AUTOCOMMIT = FALSE"], call, ["COMMIT"])
    assert "[open_transaction]" in told and "AUTOCOMMIT" in told
    assert lab.lease_owner(table) is None
    assert lab.sync(table)["rows_extracted"] == 1


def test_p3_a_group_is_not_synced_by_half(lab: Lab) -> None:
    names = [lab.name(f"cut_{number}") for number in range(3)]
    group = lab.name("cut")
    for name in names:
        lab.orders_table(name, 5)
    tables = {name: {"cursor": "updated_at", "group": group} for name in names}
    apply(lab, tables, group)
    cut = "ALTER SESSION SET ROWS_PER_RESULTSET = 2"
    told = refused(lab, [cut], f"CALL SYNC_GROUP('{group}')", [])
    assert "[rows_per_resultset]" in told
    assert lab.call("SYNC_GROUP", group)["succeeded"] == 3
