"""Errors of the extraction, and the one table of their codes.

    ExtractError
    ├── RequestError       the message or the configuration is wrong
    ├── CredentialsError   the secret could not be read
    ├── SourceError        PostgreSQL refused, failed or was not reached
    │   └── AuthenticationError   it refused the login: read the secret again, once
    ├── LandingError       S3 refused or failed
    └── JobError           the asynchronous machinery failed

A message never carries a row value, an SQL text or a secret, because it ends in ledgers
and logs that many people read. The one exception is `value_refused`, whose purpose is
to name the key of the row that has to be looked at.
"""

import os
import traceback
from dataclasses import dataclass

from lambda_extract import contract


@dataclass(frozen=True)
class Code:
    """What is always true of an error code.

    Attributes:
        retryable: True if the same request may succeed later by itself.
        hint: What to do, unless the place that raises knows better.
    """

    retryable: bool
    hint: str


CODES: dict[str, Code] = {
    "bad_request": Code(
        False, "Correct the named field, or deploy both sides from the same release."
    ),
    "unsupported_version": Code(
        False, "Deploy the procedures and the Lambda function from the same release."
    ),
    "unknown_source": Code(
        False, "Add the source to the SOURCES setting of the Lambda function."
    ),
    "credentials_unavailable": Code(
        True, "Check the secret's path and the Lambda role's right to read it."
    ),
    "credentials_denied": Code(
        False,
        "Give the Lambda role, or its Vault policy, the right to read the secret.",
    ),
    "secret_not_found": Code(
        False, "Correct path, mount and namespace, or the secret id, of the source."
    ),
    "vault_sealed": Code(True, "Unseal Vault, or wait until its cluster has a leader."),
    "reader_behind": Code(
        True,
        "Look at the replica's lag; raise reader_wait_seconds of the source in the"
        ' SOURCES setting, or set reader_behind to "writer".',
    ),
    "table_not_allowed": Code(
        False,
        'Add the table to "tables" of the source in the SOURCES setting of the Lambda'
        " function, if it may leave PostgreSQL.",
    ),
    "owner_not_trusted": Code(
        False,
        'Add the role to "owners" of the source in the SOURCES setting of the Lambda'
        " function, if nobody who can become it may read more than its tables: its"
        " functions run as the reader role.",
    ),
    "protection_required": Code(
        False,
        'Protect the column ("protect") or leave it out ("exclude") in the table\'s'
        " configuration; the demand itself is in the SOURCES setting of the Lambda"
        " function.",
    ),
    "source_unreachable": Code(
        True,
        "Check that PostgreSQL runs, and the Lambda's subnets, security groups and host"
        " name.",
    ),
    "source_authentication": Code(
        False, "Check user and password in the secret, and pg_hba or IAM settings."
    ),
    "database_not_found": Code(
        False, "Correct dbname in the SOURCES setting of the Lambda function."
    ),
    "pooler_refused": Code(
        False, "Set host of the source to the cluster's own endpoint, not to a pooler."
    ),
    "too_many_connections": Code(
        True,
        'Lower "max_parallel" of the source, or raise CONNECTION LIMIT of the reader'
        " role or max_connections of the server.",
    ),
    "row_security": Code(
        False,
        "Row level security hides rows from the reader role: ALTER ROLE ... BYPASSRLS,"
        " or sync a view that shows the rows that are meant.",
    ),
    "source_cannot_be_read": Code(
        False,
        "The relation itself fails when it is read: SELECT all of it in PostgreSQL as"
        " the reader role, and correct the view, function or value that fails.",
    ),
    "permission_denied": Code(
        False, "GRANT USAGE on the schema and SELECT on the table to the reader role."
    ),
    "table_not_found": Code(
        False, "Check schema and table in the configuration (case matters)."
    ),
    "column_not_found": Code(
        False, "Check the column names in the configuration (case matters)."
    ),
    "filter_invalid": Code(
        False,
        'Correct "where" in the table\'s configuration: a value must be written as'
        " PostgreSQL reads it for the type of the column, moments as ISO 8601.",
    ),
    "cursor_not_found": Code(
        False, 'Name an existing column as "cursor", or use mode full.'
    ),
    "cursor_type_unsupported": Code(
        False,
        "Use a column of type timestamp, timestamptz, date, an integer type or"
        " numeric(p,0), or mode full.",
    ),
    "range_empty": Code(
        False, "Pass a first value that is smaller than the second one."
    ),
    "time_zone_missing": Code(
        False,
        'Add "time_zone" to the source in the configuration: the zone in which the'
        ' application writes this column, for example "Europe/Berlin"; "UTC" if it'
        " writes UTC.",
    ),
    "no_primary_key": Code(
        False, 'Add "key" to the table\'s configuration, or use mode full.'
    ),
    "cannot_see_transactions": Code(
        False,
        "GRANT pg_read_all_stats to the reader role, use the writer endpoint, leave"
        ' track_activities on, or set "lookback_seconds" or "lookback_values".',
    ),
    "sequence_cache": Code(
        False, 'ALTER SEQUENCE ... CACHE 1, or set "lookback_values".'
    ),
    "null_cursor": Code(
        False, 'Fill the column, or set "null_cursor" to "load" or "ignore".'
    ),
    "window_too_large": Code(
        True, "Ask for a smaller window; the procedure does so by itself."
    ),
    "special_value_refused": Code(
        False, 'Correct the values, or set "special_values" to "null".'
    ),
    "value_refused": Code(
        False,
        'Correct the value, or set "type": "VARCHAR" for the column, or add it to'
        ' "exclude".',
    ),
    "type_unsupported": Code(False, 'Add the column to "exclude".'),
    "key_masked": Code(
        False, 'Set "protect" to "hash" for the column, or configure another "key".'
    ),
    "hash_key_missing": Code(
        False,
        "Add a random text of at least 32 characters to the secret of the source, in"
        ' its field "hash_key".',
    ),
    "log_not_enabled": Code(
        False,
        "Set wal_level to logical and restart the server; on RDS and Aurora set"
        " rds.logical_replication to 1 in the cluster's parameter group, then reboot.",
    ),
    "log_permission": Code(
        False,
        "GRANT rds_replication to the role that reads the log; on servers of your own:"
        " ALTER ROLE ... REPLICATION.",
    ),
    "source_is_replica": Code(
        False,
        "The log is read from the writer: set host of the source to the cluster"
        " endpoint.",
    ),
    "slot_missing": Code(
        False,
        "It was dropped, or lost in a failover, restore or upgrade. CALL RESYNC_SOURCE"
        " with the source: it makes a new one, and each table is read as a whole once.",
    ),
    "slot_lost": Code(
        False,
        "The server has removed WAL that the slot needed (max_slot_wal_keep_size,"
        " idle_replication_slot_timeout). CALL RESYNC_SOURCE with the source.",
    ),
    "slot_moved": Code(
        False,
        "Somebody else reads this slot: it must be the product's own. CALL"
        " RESYNC_SOURCE with the source once nobody else does.",
    ),
    "slot_foreign": Code(
        False,
        'Set "slot" in "log" of the source to another name, which begins with'
        " aurora_sync; this slot belongs to something else.",
    ),
    "slot_active": Code(
        True,
        "Another session reads the slot. After a worker was lost PostgreSQL notices its"
        " end within a minute; then call again.",
    ),
    "source_replaced": Code(
        False,
        "The server is another one, or stands at an older state (restore, promotion)."
        " CALL RESYNC_SOURCE with the source.",
    ),
    "commit_not_visible": Code(
        True,
        "A commit waits for a synchronous standby that does not answer. Call again when"
        " it does.",
    ),
    "transactions_open": Code(
        True,
        "A table of mode log is read as a whole only after older transactions have"
        " ended: end the transaction, or call again when it has.",
    ),
    "capture_too_large": Code(True, "The procedure asks for less of the log."),
    "not_published": Code(
        False, "CALL LOG_SETUP with the source; it says what the owner has to run."
    ),
    "replica_identity": Code(
        False,
        "Give the table a primary key of the configured key's columns, or ALTER TABLE"
        " ... REPLICA IDENTITY USING INDEX ... of a unique index over them.",
    ),
    "log_key_protected": Code(
        False,
        "A key is written to files of changed keys as it is: configure another key, or"
        " another mode.",
    ),
    "log_unsupported": Code(
        False, "Use another mode for this relation: the log does not tell its changes."
    ),
    "publication_filtered": Code(
        False,
        "The publication must publish insert, update, delete and truncate of all rows,"
        " and partitions by their root. CALL LOG_SETUP with the source.",
    ),
    "changes_expired": Code(
        False, "The keys were kept too short a time. CALL RESYNC_TABLE with the table."
    ),
    "landing_denied": Code(
        False, "Check the Lambda role's rights on the landing bucket and its key."
    ),
    "landing_failed": Code(True, "Try again; see the Lambda log if it stays."),
    "worker_lost": Code(
        True, "Try again; see the Lambda log for the worker's end (memory, time-out)."
    ),
    "reply_too_large": Code(
        False,
        'Lower "chunk_rows" of the table, so that parts are smaller, or report it.',
    ),
    "job_damaged": Code(
        False,
        "Somebody else has written below the landing prefix: look who may, and call"
        " again, which begins a new job.",
    ),
    "worker_start_failed": Code(
        True,
        "Try again; check the Lambda's concurrency and its right to invoke itself.",
    ),
    "source_error": Code(True, "Try again; see PostgreSQL's log for the reason."),
    "internal_error": Code(
        False, "See the Lambda log; this is a fault of the program."
    ),
}


class ExtractError(Exception):
    """A failure that is reported to the caller, with a code from `CODES`."""

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retryable = CODES[code].retryable
        self.hint = hint or CODES[code].hint

    def detail(self) -> contract.ErrorDetail:
        """Returns the error as it travels."""
        return contract.ErrorDetail(
            code=self.code,
            message=self.message,
            retryable=self.retryable,
            hint=self.hint,
        )


class RequestError(ExtractError):
    """The request or the settings it refers to are wrong."""


class CredentialsError(ExtractError):
    """The credentials of a source could not be read."""


class SourceError(ExtractError):
    """PostgreSQL refused, failed or was not reached.

    Attributes:
        sqlstate: PostgreSQL's own code; empty if it told none.
    """

    sqlstate: str = ""


class AuthenticationError(SourceError):
    """PostgreSQL refused the login."""


class LandingError(ExtractError):
    """S3 refused or failed."""


class JobError(ExtractError):
    """The asynchronous machinery failed."""


def error_reply(run_id: str, op: str, error: ExtractError) -> contract.ErrorReply:
    """Returns the reply that reports `error`."""
    return contract.ErrorReply(run_id=run_id, op=op, error=error.detail())


def unforeseen(error: Exception) -> JobError:
    """Returns what is told of an error that nobody has foreseen.

    Its text may hold row values, so its type and place have to do.
    """
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{os.path.basename(place.filename)}:{place.lineno}"
    return JobError("internal_error", f"{type(error).__name__} at {where}.")


class WatchedTextSeen(Exception):
    """Rows hold a value that the quick wire does not test: read them again, carefully.

    Not an error: nobody outside of the extraction ever sees it.
    """
