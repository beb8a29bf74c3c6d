"""PAUSE_TABLE and RESUME_TABLE: a person says whether a table is synced at all."""

from typing import Any

from snowpark import arguments
from snowpark.errors import SyncError
from snowpark.ledger import read
from snowpark.session import Snowflake
from snowpark.worksheet import statements

_LONGEST_REASON = 16_000


def pause_table(
    snowflake: Snowflake, table_name: object, reason: object = None
) -> dict[str, Any]:
    """Keeps a table from being synced until it is resumed; a running sync goes on.

    Args:
        reason: Shown in SYNC_CURRENT_PAUSES.

    Raises:
        UsageError: "unknown_table", "invalid_argument".
    """
    said = arguments.text_or_null(
        reason, "reason", longest=_LONGEST_REASON, hint="Pass a text, or NULL."
    )
    return _change(snowflake, table_name, paused=True, reason=said)


def resume_table(snowflake: Snowflake, table_name: object) -> dict[str, Any]:
    """Lets a table be synced again; the next sync goes on from its watermark.

    Raises:
        UsageError: "unknown_table", "invalid_argument".
    """
    return _change(snowflake, table_name, paused=False, reason=None)


def _change(
    snowflake: Snowflake, table_name: object, *, paused: bool, reason: str | None
) -> dict[str, Any]:
    table = arguments.table_name(table_name)
    try:
        found = read.read_state(snowflake, table)
        # Whoever says why is heard, although it is paused already.
        changed = found.paused != paused
        if changed or reason is not None:
            snowflake.run(statements.insert_pause(table, paused, reason))
    except SyncError as error:
        raise error.about(table, None)
    what = "paused" if paused else "not paused"
    return {
        "table": table,
        "paused": paused,
        "changed": changed,
        "summary": f"{table}: {what}{'' if changed else ' already'}.",
    }
