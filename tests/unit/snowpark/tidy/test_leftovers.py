"""What in STAGING belongs to nobody any more, and what only seems so."""

from datetime import datetime, timedelta, timezone

from snowpark.load.pipe_statements import Pair
from snowpark.names import staging_name
from snowpark.tidy import leftovers

NOW = datetime(2026, 1, 3, 12, tzinfo=timezone.utc)
OLD = "20260101T030405-0123456789ab"


def staged(*names: str, owners: tuple[str, ...] = ()) -> list[str]:
    return leftovers.staged(names, owners, NOW, 24)


def of_run(run_id: str, purpose: str = "ROWS", table: str = "orders") -> str:
    return staging_name(table, run_id, purpose).rpartition(".")[2].strip('"')


def test_tables_of_runs_that_are_gone_go() -> None:
    names = [of_run(OLD, purpose) for purpose in ("ROWS", "KEYS", "BACKFILL")]
    assert staged(*names) == sorted(names)
    assert staged(of_run(OLD, table="A__ROWS_B")) == [of_run(OLD, table="A__ROWS_B")]


def test_a_run_that_has_a_lease_keeps_its_table() -> None:
    assert staged(of_run(OLD), owners=(OLD,)) == []


def test_a_run_of_today_keeps_its_table() -> None:
    for hours, gone in ((25, True), (23, False)):
        began = NOW - timedelta(hours=hours)
        run_id = f"{began:%Y%m%dT%H%M%S}-0123456789ab"
        assert bool(staged(of_run(run_id))) is gone


def test_tables_of_others_are_left_alone() -> None:
    pair = Pair("orders", 3)
    landed = pair.landed.rpartition(".")[2].strip('"')
    for name in ("ORDERS", "X__ROWS_2026", landed, f"{of_run(OLD)}_COPY"):
        assert staged(name) == []


def test_pipes_of_tables_that_are_configured_stay() -> None:
    known, gone = Pair("orders", 3), Pair("order", 3)
    names = [known.pipe, gone.pipe, "SOMEBODYS_PIPE", "P_X"]
    assert leftovers.of_pipes(names, ["orders"]) == [gone.pipe]
    assert leftovers.of_pipes(names, []) == sorted([known.pipe, gone.pipe])
