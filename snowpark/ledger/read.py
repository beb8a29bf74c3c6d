"""State in Snowflake: the lease, the watermark ledger, the run ledger, the parts."""

import difflib
import json
import time
from collections.abc import Mapping

from lambda_extract.contract import CursorValue, Overlap, PendingBound
from snowpark.columns.shape import Shape
from snowpark.errors import LeaseError, SyncError, UsageError
from snowpark.ledger import statements
from snowpark.ledger.lease import (
    LEASE_SECONDS,
    note_held,
    release_lease,
    require_commits,
)
from snowpark.ledger.records import (
    Ledger,
    TableState,
    identity_of,
    log_identity_of,
)
from snowpark.session import Snowflake
from snowpark.settings.table import TableSettings
from snowpark.settings.targets import Declared

_NAMES_SHOWN = 50


def take_lease(snowflake: Snowflake, table: str, run_id: str) -> TableState:
    """Makes this run the owner of the table and returns what it needs to know.

    The state is read after the lease is taken: read before, the watermark could be that
    of a run which commits in between.

    Raises:
        UsageError: "unknown_table", "table_paused", "date_input_formats",
            "open_transaction".
        LeaseError: "lease_held": another run is at work.
    """
    sent_at = time.monotonic()
    taken = snowflake.changed_rows(statements.take_lease(table, run_id, LEASE_SECONDS))
    try:
        found = _state_of_owned(snowflake, table, run_id, owned=taken == 1)
        note_held(snowflake, table, sent_at)
        return found
    except SyncError as error:
        # It is another run's by now, or was given back with the caller's transaction.
        if taken and error.code not in ("lease_held", "open_transaction"):
            release_lease(snowflake, table, run_id)
        raise


def _state_of_owned(
    snowflake: Snowflake, table: str, run_id: str, *, owned: bool
) -> TableState:
    rows = snowflake.run(statements.read_state(table))
    if not rows:
        raise _unknown(snowflake, table)
    require_commits(
        snowflake,
        rows[0]["OPEN_TRANSACTION"],
        lambda: release_lease(snowflake, table, run_id),
    )
    if not owned or rows[0]["LEASE_RUN_ID"] != run_id:
        raise _held(snowflake, table)
    check_dates(rows[0])
    state = state_of(rows[0])
    check_target(state)
    if state.previous_run_id:
        snowflake.run(statements.insert_abandoned_run(table, state.previous_run_id))
    if state.paused:
        raise UsageError("table_paused", "The table is paused; nothing was done.")
    return state


def read_state(snowflake: Snowflake, table: str) -> TableState:
    """Returns the state of a table without taking its lease.

    Raises:
        UsageError: "unknown_table".
    """
    rows = snowflake.run(statements.read_state(table))
    if not rows:
        raise _unknown(snowflake, table)
    return state_of(rows[0])


def last_error(snowflake: Snowflake, table: str) -> str | None:
    """Returns the error code of a table's last run; None if that went well."""
    rows = snowflake.run(statements.read_last_error(table))
    return None if not rows or rows[0][0] is None else str(rows[0][0])


def check_target(state: TableState) -> None:
    """Refuses a target that the deployment does not declare, whatever was configured.

    Raises:
        UsageError: "target_not_allowed".
    """
    if state.refusal:
        raise UsageError("target_not_allowed", state.refusal)


def check_dates(row: Mapping[str, object]) -> None:
    """Refuses a session that would read dates in another way than they are written.

    COPY and casts follow DATE_INPUT_FORMAT, TIME_INPUT_FORMAT and
    TIMESTAMP_INPUT_FORMAT, which an account, a user or a session may set; days and
    months could change places in silence.

    Raises:
        UsageError: "date_input_formats".
    """
    if row["DATES_READ_AS"] != statements.DATES_READ_RIGHT:
        raise UsageError(
            "date_input_formats",
            "Dates or times in PostgreSQL's notation are read wrongly in this session.",
        )


def state_of(row: Mapping[str, object]) -> TableState:
    """Returns the state in a row of `statements.state_columns`."""

    def text(name: str) -> str | None:
        value = row[name]
        return None if value is None else str(value)

    captured = text("CAPTURE_VERSION")
    checked = text("MINUTES_SINCE_KEY_CHECK")
    counted = text("TARGET_ROWS")
    ledger = None
    if row["VERSION"] is not None:
        watermark, kind = text("WATERMARK"), text("WATERMARK_TYPE")
        pending, seen_at = text("PENDING_VALUE"), text("PENDING_SEEN_AT")
        digest = text("OVERLAP_DIGEST")
        ledger = Ledger(
            version=int(str(row["VERSION"])),
            origin=str(row["ORIGIN"]),
            watermark=CursorValue(watermark, kind) if watermark and kind else None,
            pending_bound=(
                PendingBound(pending, seen_at) if pending and seen_at else None
            ),
            overlap=(
                Overlap(int(str(row["OVERLAP_ROWS"])), digest) if digest else None
            ),
            columns_sha256=text("COLUMNS_SHA256"),
            source_identity=identity_of(text("SOURCE_IDENTITY")),
            refined_at=text("REFINED_AT"),
            capture_version=int(captured) if captured is not None else None,
            log_identity=log_identity_of(text("LOG_IDENTITY")),
            target_rows=int(counted) if counted is not None else None,
        )
    settings = TableSettings.from_json(str(row["SETTINGS"]))
    shape = text("SHAPE")
    declared = Declared.of(row["OWN_DATABASE"], row["ALLOWED_TARGETS"])
    return TableState(
        settings=settings,
        ledger=ledger,
        previous_run_id=text("PREVIOUS_RUN_ID"),
        paused=bool(row["PAUSED"]),
        refusal=declared.refusal(settings.target_database, settings.target_schema),
        minutes_since_key_check=int(checked) if checked is not None else None,
        shape=(Shape.from_json(shape) if shape else Shape()).of(settings.route),
    )


def _unknown(snowflake: Snowflake, table: str) -> UsageError:
    names = [str(row[0]) for row in snowflake.run_list(statements.list_tables())]
    near = difflib.get_close_matches(table, names, n=1)
    meant = f" Did you mean {near[0]}?" if near else ""
    known = ", ".join(names[:_NAMES_SHOWN]) or "none yet; call APPLY_CONFIG first"
    more = len(names) - _NAMES_SHOWN
    return UsageError(
        "unknown_table",
        f"There is no table {json.dumps(table[:100])}.{meant} Configured: {known}"
        f"{f' and {more} more' if more > 0 else ''}.",
    )


def _held(snowflake: Snowflake, table: str) -> LeaseError:
    rows = snowflake.run(statements.read_lease(table))
    if rows and rows[0]["RUN_ID"]:
        row = rows[0]
        return LeaseError(
            "lease_held",
            f"Run {row['RUN_ID']} is syncing the table since {row['ACQUIRED_AT']};"
            f" its lease ends at {row['EXPIRES_AT']}.",
        )
    return LeaseError("lease_held", "Another run was syncing the table just now.")
