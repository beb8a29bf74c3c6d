"""Every call about a table, as a new user mistypes it: an error, and no trace."""

import pytest

from tests.end_to_end.lab import Lab

pytestmark = pytest.mark.large

CALLS = {
    "SYNC_TABLE": (),
    "PLAN_SYNC": (),
    "RESYNC_TABLE": (),
    "CONFIRM_DELETES": (),
    "PAUSE_TABLE": ("why",),
    "RESUME_TABLE": (),
    "BACKFILL_TABLE": ("2026-01-01", None),
    "VALIDATE_TABLE": (True,),
}
NO_TABLE = {
    None: "invalid_argument",
    "": "invalid_argument",
    " ": "invalid_argument",
    "no such table": "unknown_table",
    "orders'; DROP TABLE control.sync_runs; --": "unknown_table",
    "ordérs\u202e🦊": "unknown_table",
    "x" * 5000: "unknown_table",
}


@pytest.mark.parametrize("call", CALLS)
def test_what_is_no_table_is_told(lab: Lab, call: str) -> None:
    for name, code in NO_TABLE.items():
        text = lab.fail_with(call, name, *CALLS[call])
        assert f"[{code}]" in text, (name, text)


def test_validating_twice_at_once_tells_the_second(lab: Lab) -> None:
    table = lab.name("orders")
    lab.orders_table(table, 5)
    lab.apply({table: {"cursor": "updated_at"}})
    lab.sync(table)

    def again(other: Lab) -> None:
        assert "[lease_held]" in other.fail_with("VALIDATE_TABLE", table, False)

    with lab.before_statement("LEFT\\(key_hash", again):
        lab.query("CALL VALIDATE_TABLE(%s)", table)
    assert "[invalid_argument]" in lab.fail_with("VALIDATE_TABLE", table, None)
    assert lab.lease_owner(table) is None
