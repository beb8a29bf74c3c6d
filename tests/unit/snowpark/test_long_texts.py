"""No text is longer than what takes it: an error is never lost by its own length."""

import dataclasses
from collections.abc import Callable

import pytest

from lambda_extract.contract import ErrorDetail, TableChanges
from snowpark.captures import statements as capture_statements
from snowpark.errors import SyncError
from snowpark.groups import set_statements
from snowpark.groups import steps as groups_steps
from snowpark.groups.statements import GroupStep
from snowpark.ledger import statements as ledger_statements
from snowpark.ledger.run import Run
from snowpark.load.pipe_statements import Pair
from snowpark.names import staging_name
from tests.unit.snowpark.captures.samples import captured
from tests.unit.snowpark.samples import RUN_ID

LONGEST = 16_000
RUN = Run(RUN_ID, "orders", "2026-01-02T03:04:05+00:00")
STEP = GroupStep(RUN_ID, "hourly", "graph", "extract", "succeeded", "orders")


def of_run(error: SyncError) -> tuple[object, ...]:
    statement = ledger_statements.insert_run(
        RUN, status="failed", statements=1, error=error
    )
    return (*statement.params, "")


def of_failed_runs(error: SyncError) -> tuple[object, ...]:
    (one,) = set_statements.insert_failed_runs([(RUN, error)], statements=1)
    return tuple(one.params)


def of_step(error: SyncError) -> tuple[object, ...]:
    return dataclasses.astuple(groups_steps.failed(STEP, error))


def of_capture(error: SyncError) -> tuple[object, ...]:
    detail = ErrorDetail(error.code, error.message, error.retryable, error.hint)
    refused = captured(TableChanges("orders", refused=detail))
    (one,) = capture_statements.insert_capture_tables("shop", 5, refused)
    return tuple(one.params)


@pytest.mark.parametrize("told", [of_run, of_failed_runs, of_step, of_capture])
@pytest.mark.parametrize("length", [LONGEST - 1, LONGEST, LONGEST + 1, 3 * LONGEST])
def test_an_error_is_recorded_as_far_as_there_is_room(
    told: Callable[[SyncError], tuple[object, ...]], length: int
) -> None:
    values = told(SyncError("internal_error", "m" * length, hint="Wait."))
    (message,) = [v for v in values if str(v).startswith("mmm")]
    assert message == "m" * min(length, LONGEST) and "Wait." in values


@pytest.mark.parametrize("told", [of_failed_runs, of_step, of_capture])
def test_a_hint_is_recorded_as_far_as_there_is_room(
    told: Callable[[SyncError], tuple[object, ...]],
) -> None:
    values = told(SyncError("internal_error", "No.", hint="h" * (LONGEST + 1)))
    assert "h" * LONGEST in values


@pytest.mark.parametrize("length", [1, 60, 181, 1000])
def test_names_made_of_a_tables_name_are_names_in_snowflake(length: int) -> None:
    """docs: identifiers: at most 255 characters; two tables never share one.

    A configured name has at most 60.
    """
    one, other = "t" * length, "t" * (length - 1) + "u"
    names = [Pair(one, 5).pipe, Pair(one, 5).landed.split('"')[-2]]
    names += [staging_name(one, RUN_ID, "ROWS").split('"')[-2]]
    assert all(len(name) <= 255 for name in names)
    assert Pair(one, 5).pipe != Pair(other, 5).pipe
    if length <= 60:
        assert staging_name(one, RUN_ID, "ROWS") != staging_name(other, RUN_ID, "ROWS")
