"""Every error that a procedure raises.

    SyncError
    ├── ConfigError       the configuration text has problems
    ├── UsageError        the call itself is wrong (unknown table, paused, ...)
    ├── LeaseError        another run owns the table, or took it over
    ├── LambdaError      the Lambda side refused or failed; keeps its code
    ├── SnowflakeError    Snowflake refused a statement
    ├── LoadError         files and manifest disagree, or a COPY was refused
    └── DriftError        source columns changed in a way the policy does not follow

The text of an error is what a person reads in a worksheet: code, table, run, what
happened, whether a retry helps, and what to do.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    """What is the same each time an error code is raised.

    Attributes:
        retryable: True if the same call may succeed later without a change.
        hint: What to do.
    """

    retryable: bool
    hint: str


# In the repository; each code has an anchor there (scripts/anchor_runbook.py).
RUNBOOK = "docs/RUNBOOK.md"

CODES: dict[str, Known] = {
    "invalid_config": Known(False, "Correct the listed places and apply again."),
    "group_failed": Known(
        False, "See the causes; SELECT * FROM CONTROL.SYNC_OVERVIEW has each table."
    ),
    "too_many_removed": Known(
        False,
        "If they are meant to go, call again with TRUE as third argument (confirm);"
        ' "max_removed_tables" raises the limit. Their targets stay.',
    ),
    "no_alert_targets": Known(
        False, 'Name integrations under "alerts" of the configuration, and apply it.'
    ),
    "nothing_found": Known(
        False, "CALL PROPOSE_CONFIG with the source and '*.*' to see what there is."
    ),
    "unknown_table": Known(False, "Check the name, or add it with APPLY_CONFIG."),
    "invalid_argument": Known(False, "Pass the name of a configured table."),
    "unknown_group": Known(
        False, 'Check the name, or give tables a "group" with APPLY_CONFIG.'
    ),
    "nothing_extracted": Known(
        False, "CALL SYNC_TABLE with the table, or EXTRACT_GROUP with its group first."
    ),
    "nothing_loaded": Known(
        False, "CALL LOAD_TABLE first; its error says why it did not succeed."
    ),
    "nothing_to_finish": Known(False, "CALL EXTRACT_GROUP or SYNC_GROUP first."),
    "step_lost": Known(
        True, "Nothing to do: the next run starts from the last commit."
    ),
    "lane_failed": Known(
        True, "SYNC_PROBLEMS has each table with its error and what to do."
    ),
    "schema_not_created": Known(
        False,
        "Grant CREATE SCHEMA on its database to the role that owns APPLY_CONFIG"
        " (SYNC_ADMIN and the suffix of the environment), or create it with USAGE"
        " for that role; then apply again.",
    ),
    "unknown_log": Known(
        False, 'Check the name, or give tables of the source "mode": "log".'
    ),
    "log_not_started": Known(
        False,
        "CALL LOG_SETUP with the source, run what it returns, then CALL START_LOG.",
    ),
    "log_too_large": Known(
        False, "CALL RESYNC_SOURCE with the source: each table is read as a whole."
    ),
    "truncated": Known(
        False,
        "If the table was emptied on purpose, CALL CONFIRM_DELETES with the table.",
    ),
    "nothing_to_backfill": Known(
        False, "CALL SYNC_TABLE, or RESYNC_TABLE to read the whole table again."
    ),
    "nothing_to_validate": Known(
        False, "CALL RESYNC_TABLE: its columns are then those of the source."
    ),
    "target_not_allowed": Known(
        False,
        "Choose another target_schema; or let who deploys declare it, with --set"
        " targets=DATABASE.SCHEMA,... (docs/DEPLOYMENT.md).",
    ),
    "table_paused": Known(False, "CALL RESUME_TABLE with the table, then call again."),
    "date_input_formats": Known(
        False,
        "Set DATE_INPUT_FORMAT, TIME_INPUT_FORMAT and TIMESTAMP_INPUT_FORMAT to AUTO,"
        " for the user or the account (SHOW PARAMETERS LIKE '%_INPUT_FORMAT').",
    ),
    "open_transaction": Known(False, "COMMIT or ROLLBACK, then call again."),
    "rows_per_resultset": Known(
        False,
        "ALTER SESSION SET ROWS_PER_RESULTSET = 0, or for the user or the account (SHOW"
        " PARAMETERS LIKE 'ROWS_PER_RESULTSET').",
    ),
    "lease_held": Known(
        True, "Wait for the running sync; SYNC_STATUS shows it. Then call again."
    ),
    "lease_lost": Known(
        True, "Another run took the table over; nothing of this run was kept."
    ),
    "origin_changed": Known(
        False,
        "Call RESYNC_TABLE to reload the target from the newly configured origin.",
    ),
    "target_exists": Known(
        False,
        "Choose another target_table, or drop the existing table if nobody needs it.",
    ),
    "target_collated": Known(
        False,
        "Drop the target, then call RESYNC_TABLE: it is made without a collation.",
    ),
    "target_missing": Known(False, "Call RESYNC_TABLE to build the target again."),
    "column_collision": Known(
        False, 'Give one of the columns another name with "rename", or exclude it.'
    ),
    "column_name_unusable": Known(
        False, 'Give the column another name with "rename", or exclude it.'
    ),
    "columns_changed": Known(
        True, "The source changed while the table was read. Call again."
    ),
    "parts_missing": Known(
        True,
        "Nothing was loaded. Call again: the missing parts are extracted then. If it"
        " stays, report it.",
    ),
    "type_changed": Known(
        False,
        "Call RESYNC_TABLE: it reloads the table with the new type. Or set"
        ' "type_change" to "new_column", or exclude the column.',
    ),
    "schema_drift": Known(
        False, 'Set "schema_drift" to "evolve", or adapt the target by hand.'
    ),
    "rename_conflict": Known(
        False,
        "Drop or rename one of the two columns in the target, then call again.",
    ),
    "source_changed": Known(
        False,
        "CALL RESYNC_TABLE to read the whole table again, or set"
        ' "source_changed" to "reload".',
    ),
    "history_kept": Known(
        False,
        'Set "history": true again. Or set "drop_history": true for the table: the next'
        " sync removes all versions but the current ones. Or choose another"
        " target_table, and keep this one as it is.",
    ),
    "history_needs_key": Known(
        False, 'Configure a "key" that is unique in the source, or take "history" out.'
    ),
    "history_column_missing": Known(
        False, 'Correct "history_columns"; names are as PostgreSQL has them.'
    ),
    "history_key_changed": Known(
        False,
        "Versions are told apart by the key. Choose another target_table: its history"
        " begins anew, and this one stays as it is.",
    ),
    "duplicate_keys": Known(
        False,
        'Configure a "key" that is unique in the source; rows of inheritance children'
        ' need a table of their own. Or set "duplicate_keys" to "warn".',
    ),
    "key_changed": Known(
        False, "Call RESYNC_TABLE: it reloads the table with the new key."
    ),
    "protection_changed": Known(
        False,
        "Call RESYNC_TABLE: it reloads the table, so that equal values have equal"
        " hashes again. If the hash key was changed by mistake, take it back.",
    ),
    "too_many_deletes": Known(
        False,
        "Nothing was deleted. If the rows are really gone, CALL CONFIRM_DELETES with"
        ' the table, or raise "max_delete_percent".',
    ),
    "delete_column_missing": Known(
        False, 'Correct "delete_column" in the configuration.'
    ),
    "count_mismatch": Known(
        True, "Nothing was merged. Call again; the rows are extracted again."
    ),
    "file_replaced": Known(
        False,
        "Nothing was merged. Find out who else may write to the landing bucket, or has"
        " removed the file, then call again: the rows are extracted again.",
    ),
    "load_failed": Known(
        False, "Look at the named file and column; nothing was merged."
    ),
    "pipe_stopped": Known(
        False,
        "ALTER PIPE ... SET PIPE_EXECUTION_PAUSED = FALSE, or set"
        ' "load_method" to "copy"; then call again.',
    ),
    "pipe_file_failed": Known(
        False,
        "COPY_HISTORY of the pipe's table says what is wrong with the file; nothing was"
        " merged. Call again to extract the rows again.",
    ),
    "pipe_timeout": Known(
        True,
        "Nothing was merged; call again. If it lasts, look at the notifications: S3 ->"
        " EventBridge -> SNS topic -> pipe (RUNBOOK.md).",
    ),
    "extract_call_failed": Known(
        True,
        "Check the API integration and API Gateway (RUNBOOK.md), then call again.",
    ),
    "reply_invalid": Known(
        False, "Deploy the same version of the procedures and of the Lambda."
    ),
    "warehouse_error": Known(
        True, "Look up the query id in the query history, then call again."
    ),
}


class SyncError(Exception):
    """An error with everything a person needs to act on it.

    Attributes:
        code: Stable name; docs/RUNBOOK.md has an entry for each.
        message: What happened, without row values or secrets.
        retryable: True if a retry may help.
        hint: What to do.
        table: Configured table name, if there is one.
        run_id: Run, if there is one.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retryable: bool | None = None,
        hint: str | None = None,
    ) -> None:
        known = CODES.get(code, Known(False, ""))
        self.code = code
        self.message = message
        self.retryable = known.retryable if retryable is None else retryable
        self.hint = known.hint if hint is None else hint
        self.table: str | None = None
        self.run_id: str | None = None
        super().__init__(message)

    def about(self, table: str | None, run_id: str | None) -> "SyncError":
        """Adds the table and run if they are not known yet; returns the error."""
        self.table = self.table or table
        self.run_id = self.run_id or run_id
        return self

    def __str__(self) -> str:
        where = [f"table {self.table}"] if self.table else []
        where += [f"run {self.run_id}"] if self.run_id else []
        place = f" ({', '.join(where)})" if where else ""
        retry = "A retry may help." if self.retryable else "A retry does not help."
        told = f"[{self.code}]{place} {self.message} {retry} {self.hint}".rstrip()
        return f"{told} ({RUNBOOK}#{self.code})"


@dataclass(frozen=True)
class Problem:
    """One place of a configuration that is wrong.

    Attributes:
        pointer: JSON pointer (RFC 6901).
        message: A plain sentence.
    """

    pointer: str
    message: str


class ConfigError(SyncError):
    """The configuration has problems; `problems` lists all of them."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        lines = "".join(f"\n  {p.pointer or '/'}: {p.message}" for p in problems)
        count = f"{len(problems)} problem{'s' if len(problems) != 1 else ''}"
        super().__init__("invalid_config", f"The configuration has {count}:{lines}\n")


class UsageError(SyncError):
    """The call itself is wrong."""


class LeaseError(SyncError):
    """Another run owns the table, or took it over."""


class LambdaError(SyncError):
    """The extraction refused or failed; `code` is the Lambda side's."""


class SnowflakeError(SyncError):
    """Snowflake refused a statement.

    Attributes:
        number: Snowflake's error number, if known.
        query_id: To be looked up in the query history.
    """

    def __init__(
        self, code: str, message: str, *, number: int | None, query_id: str | None
    ) -> None:
        super().__init__(code, message)
        self.number = number
        self.query_id = query_id


class LoadError(SyncError):
    """Files and manifest disagree, or a COPY was refused."""


class DriftError(SyncError):
    """Source columns changed in a way that the policy does not follow."""
