"""SQL of ledger: texts and bound values to the letter (golden.py)."""

import pytest

from lambda_extract.contract import (
    AlteredValue,
    Bound,
    CursorValue,
    LogIdentity,
    LogLeaf,
    Overlap,
    PendingBound,
)
from snowpark.columns.shape import Change, KnownColumn, Shape
from snowpark.errors import SyncError
from snowpark.ledger import end_statements
from snowpark.ledger import statements as ledger_statements
from snowpark.ledger.records import Commit
from snowpark.ledger.run import Run, Tally
from snowpark.sql import Statement
from tests.unit.snowpark import golden
from tests.unit.snowpark.samples import RUN_ID, cursor_value

RUN = Run(RUN_ID, "orders", "2026-01-02T03:04:05+00:00", Tally(windows=1, rows=2))
COMMIT = Commit(
    version=8,
    kind="increment",
    bound=Bound(
        watermark=cursor_value(2),
        pending_bound=PendingBound("41", "2026-01-02 00:00:00+00"),
        overlap=Overlap(3, "99"),
    ),
    columns_sha256="c0ffee",
    rows=2,
)
OF_LOG = Commit(
    version=9,
    kind="increment",
    bound=Bound(watermark=CursorValue("0/16B3748", "pg_lsn")),
    columns_sha256="c0ffee",
    rows=2,
    capture_version=12,
    log_identity=LogIdentity(7, "5.6", "d", ("1:id",), (LogLeaf(7, 8, "p"),)),
)
CHANGES = (
    Change("created", "id", 1, "ID", None, "bigint", None, "NUMBER(19,0)"),
    Change("renamed", "note", 2, "NOTE", "remark", "text", "VARCHAR(9)", "VARCHAR(9)"),
)
SHAPE = Shape(
    generation=2,
    route="[]",
    relation_id=16384,
    key=("id",),
    columns=(KnownColumn(1, "id", "ID", "ID", "NUMBER(19,0)"),),
)
ALTERED = (AlteredValue("paid_at", 2, ('{"id": 1}', '{"id": 2}')),)

CASES: dict[str, Statement] = {
    "take_lease": ledger_statements.take_lease("orders", RUN_ID, 900),
    "hold_lease": ledger_statements.hold_lease("orders", RUN_ID, 900),
    "release_lease": ledger_statements.release_lease("orders", RUN_ID),
    "read_declared_targets": ledger_statements.read_declared_targets(),
    "read_dates": ledger_statements.read_dates(),
    "read_lease": ledger_statements.read_lease("orders"),
    "read_fence": ledger_statements.read_fence("orders", 7),
    "insert_touch": ledger_statements.insert_touch(
        "orders", RUN_ID, Commit(8, "key_compare", None, None, 3)
    ),
    "read_state": ledger_statements.read_state("orders"),
    "list_tables": ledger_statements.list_tables(),
    "insert_watermark": ledger_statements.insert_watermark(
        "orders", RUN_ID, "o", COMMIT
    ),
    "insert_watermark_of_a_log": ledger_statements.insert_watermark(
        "orders", RUN_ID, "[]", OF_LOG
    ),
    "insert_end": end_statements.insert_end(
        RUN, "public.orders", COMMIT, based_on=7, statements=9
    ),
    "insert_run": ledger_statements.insert_run(
        RUN, status="failed", statements=9, error=SyncError("lease_lost", "gone")
    ),
    "read_last_error": ledger_statements.read_last_error("orders"),
    "insert_abandoned_run": ledger_statements.insert_abandoned_run("orders", RUN_ID),
    "insert_schema_changes": next(
        ledger_statements.insert_schema_changes("orders", RUN_ID, CHANGES)
    ),
    "insert_shape": ledger_statements.insert_shape("orders", RUN_ID, SHAPE),
    "insert_altered_values": next(
        ledger_statements.insert_altered_values("orders", RUN_ID, ALTERED)
    ),
    "read_config_text": ledger_statements.read_config_text(),
}


@pytest.mark.parametrize("name", CASES)
def test_the_statement_is_the_golden_one(name: str) -> None:
    golden.check("ledger", name, CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_an_independent_parser_understands_the_text(name: str) -> None:
    golden.check_by_parser(CASES[name])


def test_no_golden_file_is_left_over() -> None:
    golden.check_left_over("ledger", CASES)
