"""THE PATH of one sync, top down."""

from typing import Any, Literal

from snowpark import arguments
from snowpark.columns.shape import Change
from snowpark.errors import LambdaError, SyncError
from snowpark.extraction import progress
from snowpark.ledger import read
from snowpark.ledger.records import TableState
from snowpark.ledger.run import Run, now
from snowpark.session import Snowflake
from snowpark.sync import changes as log_changes
from snowpark.sync import increment, keys, snapshot
from snowpark.sync.increment import Extracted
from snowpark.sync.lifecycle import new_run, run_owned

# sync: what is new. reload: the whole table, even if an increment would do.
# confirm_deletes: sync, then compare keys, without the circuit breakers.
Action = Literal["sync", "reload", "confirm_deletes"]
# A new column may ask for a reload; another one may appear while that goes on.
_RELOADS = 2


def sync_table(
    snowflake: Snowflake, table_name: object, action: Action = "sync"
) -> dict[str, Any]:
    """Brings the target of one table up to date and returns a report.

    Args:
        table_name: Configured name, in any case.
        action: What to do beyond an ordinary sync.

    Raises:
        SyncError: With table, run, and what to do. The target and its watermark are as
            they were, or as the last committed window left them.
    """
    run = new_run(arguments.table_name(table_name))
    try:
        found = read.take_lease(snowflake, run.table, run.id)
    except SyncError as error:
        raise error.about(run.table, run.id)
    return run_owned(
        snowflake, found, run, lambda: bring_up_to_date(snowflake, found, run, action)
    )


def bring_up_to_date(
    snowflake: Snowflake,
    found: TableState,
    run: Run,
    action: Action = "sync",
    first: Extracted | None = None,
    captured: bool = False,
) -> None:
    """Does everything that is due for a table whose lease this run has.

    Args:
        first: The first window, if it has been extracted already.
        captured: The log of its source has been captured by this run, if it is read.

    Raises:
        SyncError: Committed windows stay.
    """
    if action == "sync" and progress.has_new_rules(found):
        action = "reload"
    if found.settings.mode == "log":
        log_changes.bring_up_to_date(
            snowflake,
            found,
            run,
            reload=action == "reload",
            confirmed=action == "confirm_deletes",
            captured=captured,
            first=first,
        )
        return
    whole = action == "reload" or progress.needs_snapshot(found)
    changes: tuple[Change, ...] = ()
    for attempt in range(_RELOADS + 1):
        if whole:
            reloaded = _reload(snowflake, found, run, action, changes)
            if reloaded is None:
                return
            found = reloaded
        outcome = increment.run_increment(snowflake, found, run, attempt, first)
        first = None
        found = outcome.state
        if outcome.complete:
            break
        whole = True
        changes = outcome.source_change
        run.forget_or_begin("snapshot", now())
    else:
        raise LambdaError("columns_changed", "Columns change faster than they load.")
    confirmed = action == "confirm_deletes"
    if confirmed or keys.is_due(found):
        run.begin("key_compare", now())
        keys.compare_keys(snowflake, found, run, confirmed=confirmed)


def _reload(
    snowflake: Snowflake,
    found: TableState,
    run: Run,
    action: Action,
    changes: tuple[Change, ...] = (),
) -> TableState | None:
    """Replaces all rows; None if that is all there is to do."""
    of_one_moment = snapshot.run_snapshot(
        snowflake,
        found,
        run,
        rebuild=action == "reload",
        confirmed=action != "sync",
        changes=changes,
    )
    if of_one_moment or found.settings.mode == "full":
        return None
    # Its parts are of different moments, some perhaps of an earlier call: whoever
    # called expects the table as it is now.
    run.begin("increment", now())
    return read.read_state(snowflake, run.table)
