"""What VALIDATE_TABLE tells: its state, its numbers, and what to do."""

import dataclasses
from typing import Any

import pytest

from lambda_extract.contract import Partition
from snowpark.columns.column import load_columns
from snowpark.ledger.run import Run
from snowpark.load.history import Soundness
from snowpark.validate.compare import Subject, Suspects
from snowpark.validate.differences import Difference, Kind
from snowpark.validate.report import Settled, add_history, add_repair, report_of
from snowpark.validate.statements import Digested
from tests.unit.snowpark.samples import COLUMNS, RUN_ID, cursor_value, state

RUN = Run(RUN_ID, "orders", "2026-01-02T03:04:05+00:00")
LOADED = load_columns(COLUMNS[:3])
SUSPECTS = Suspects((), source_rows=7, target_rows=8, beyond=3, complete=True)
MORE = dataclasses.replace(SUSPECTS, complete=False)
NONE = Settled((), (), (), state())
REPAIRS = "CALL VALIDATE_TABLE with TRUE repairs these rows."
AGAIN = (
    "More rows differ than the 1000 that one call looks at: CALL VALIDATE_TABLE with"
    " TRUE again until it is complete, or RESYNC_TABLE."
)


def _settled(
    real: tuple[Difference, ...],
    moving: tuple[Difference, ...],
    unknown: tuple[Difference, ...],
) -> Settled:
    return Settled(real, moving, unknown, state())


def difference(kind: Kind = "different", *columns: str) -> Difference:
    return Difference("k", ("1", None), kind, columns, "h")


def report(
    settled: Settled = NONE,
    suspects: Suspects = SUSPECTS,
    named: bool = True,
    **changes: Any,
) -> dict[str, Any]:
    """The report on a table with the key (id, note)."""
    subject = Subject(
        found=state(**changes),
        run_id=RUN_ID,
        digested=Digested("t", LOADED, LOADED[:2], False, names_keys=named),
        partitions=(Partition("p"),),
        estimated_rows=7,
        not_compared={"other": "the target has no such column"},
        upto=cursor_value(2) if changes.get("cursor", "c") else None,
    )
    return report_of(RUN, subject, suspects, settled)


def test_equal_sides_need_nothing() -> None:
    assert report() == {
        "table": "orders",
        "status": "equal",
        "summary": "orders: no difference in 7 rows.",
        "run_id": RUN_ID,
        "source_rows": 7,
        "target_rows": 8,
        "counts": {},
        "differences": [],
        "not_compared": {"other": "the target has no such column"},
        "complete": True,
        "compared_up_to": cursor_value(2).value,
        "rows_beyond": 3,
    }


def test_differences_are_counted_and_named() -> None:
    real = (
        difference("missing_in_target"),
        difference("different", "details"),
        difference("different", "note", "details"),
    )
    found = report(_settled(real, (), ()))
    assert found["status"] == "different"
    assert found["summary"] == "orders: 2 different, 1 missing in target in 7 rows."
    assert found["counts"] == {"different": 2, "missing_in_target": 1}
    key = {"id": "1", "note": None}
    assert found["differences"] == [
        {"kind": "missing_in_target", "key": key},
        {"kind": "different", "key": key, "columns": ["details"]},
        {"kind": "different", "key": key, "columns": ["note", "details"]},
    ]
    assert found["hint"] == REPAIRS
    assert "in_flight" not in found


def test_k4_long_keys_are_shortened() -> None:
    real = dataclasses.replace(difference("different"), key=("k" * 1001, None))
    (named,) = report(_settled((real,), (), ()))["differences"]
    assert named["key"] == {"id": "k" * 1000 + "...", "note": None}


def test_rows_in_flight_leave_it_incomplete() -> None:
    found = report(_settled((), (difference("different", "note"),), ()))
    assert found["status"] == "incomplete"
    assert found["in_flight"] == [
        {"kind": "different", "key": {"id": "1", "note": None}, "columns": ["note"]}
    ]
    assert found["hint"] == "Rows in flight changed in every round: call again."


def test_more_than_can_be_named_is_said() -> None:
    found = report(suspects=MORE)
    assert (found["status"], found["complete"]) == ("incomplete", False)
    assert found["hint"] == AGAIN
    found = report(_settled((difference(),), (), ()), MORE)
    assert found["status"] == "different"
    assert found["hint"] == f"{AGAIN} {REPAIRS}"


def test_values_that_cannot_be_compared_are_counted_by_column() -> None:
    unknown = (difference("incomparable", "details"),) * 2
    found = report(_settled((), (), unknown))
    assert found["status"] == "equal"
    assert found["not_compared"]["details"].startswith("2 row(s): a document that is")
    assert len(found["not_compared"]) == 2


@pytest.mark.parametrize(
    ("deletes", "kind", "hint"),
    [
        ("none", "extra_in_target", 'the source: "deletes" is "none".'),
        ("key_compare", "extra_in_target", "comparison of keys: CONFIRM_DELETES."),
        ("soft_column", "extra_in_target", REPAIRS),
        ("none", "different", REPAIRS),
        ("key_compare", "different", REPAIRS),
    ],
)
def test_extra_rows_have_their_own_hint(deletes: str, kind: Kind, hint: str) -> None:
    found = report(
        _settled((difference(kind), difference("different")), (), ()), deletes=deletes
    )
    assert found["hint"].startswith(REPAIRS)
    assert found["hint"].endswith(hint)


def test_a_full_table_is_compared_as_a_whole() -> None:
    real = _settled((difference(),), (), ())
    found = report(real, mode="full", cursor=None)
    assert not {"compared_up_to", "rows_beyond"} & set(found)
    first, _, rest = found["hint"].partition(": CALL SYNC_TABLE. ")
    assert first == "The source may have changed since the last reload"
    assert rest == REPAIRS


@pytest.mark.parametrize(
    ("suspects", "left", "status"),
    [
        (SUSPECTS, 0, "repaired"),
        (MORE, 0, "incomplete"),
        (SUSPECTS, 1, "different"),
    ],
)
def test_a_repair_says_what_it_did(suspects: Suspects, left: int, status: str) -> None:
    found = report(_settled((difference(),) * 3, (), ()), suspects)
    add_repair(found, 3, left)
    assert (found["repaired"], found["status"]) == (3 - left, status)
    assert found["summary"].endswith(f" Repaired: {3 - left}.")


def test_s2_keys_are_named_only_if_the_configuration_and_the_source_let_it() -> None:
    told = report(_settled((difference("different", "note"),), (), ()), named=False)
    assert told["differences"] == [{"kind": "different", "columns": ["note"]}]
    assert '"keys_in_messages"' in told["hint"]


def test_a_history_that_is_right_is_told_and_changes_nothing() -> None:
    found = report()
    add_history(found, Soundness(9, {}))
    assert found["history"] == {"versions": 9, "broken": {}}
    assert found["summary"].endswith(" History: 9 versions without gap or overlap.")
    assert found["status"] == "equal" and "hint" not in found


def test_a_history_that_is_broken_is_a_difference() -> None:
    found = report()
    add_history(found, Soundness(9, {"gaps": 2}))
    assert found["status"] == "different" and found["hint"]
    assert found["summary"].endswith(" History: 2 gaps in 9 versions.")
    assert found["history"] == {"versions": 9, "broken": {"gaps": 2}}
    hinted = report() | {"hint": "Before."}
    add_history(hinted, Soundness(9, {"gaps": 2}))
    assert hinted["hint"] == f"Before. {found['hint']}"
