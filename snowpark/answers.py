"""What a person reads when a call has failed: one sentence, without the way to it.

Snowflake puts the traceback of a handler's exception before its text. What is raised
here has one frame, that of the handler; the others go to the event table.
"""

import functools
import inspect
import logging
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

from snowpark import spans
from snowpark.errors import SyncError

_LOG = logging.getLogger("aurora_sync")
_TABLES_SHOWN = 5
_CAUSES_SHOWN = 10
_SUBJECTS = ("table_name", "group_name", "source_name")
Handler = TypeVar("Handler", bound=Callable[..., Any])


def in_plain_words(handler: Handler) -> Handler:
    """Makes a handler raise its errors without the frames below it."""

    @functools.wraps(handler)
    def called(*values: Any) -> Any:
        told: SyncError
        try:
            with spans.span(handler.__name__, subject=_subject(handler, values)):
                return handler(*values)
        except SyncError as error:
            # Frames name files and lines alone; the text is that of the error.
            frames = "".join(traceback.format_tb(error.__traceback__))
            _LOG.error("%s\n%s", error, frames)
            told = error
        told.__cause__ = told.__context__ = None
        raise told.with_traceback(None)

    return called  # type: ignore[return-value]


def _subject(handler: Callable[..., Any], values: tuple[Any, ...]) -> str | None:
    """The table, group or source that a call is about; no other argument."""
    names = list(inspect.signature(handler).parameters)[1:2]
    named = bool(names) and names[0] in _SUBJECTS
    return str(values[1]) if named and len(values) > 1 else None


def of_group(report: dict[str, Any]) -> dict[str, Any]:
    """Returns the report of a group, or fails if not one table is in sync.

    Whoever schedules the call elsewhere sees a failure only by an error.

    Raises:
        SyncError: "group_failed", with each cause once.
    """
    failed = report["failed"]
    if report["succeeded"] or not failed:
        return report
    causes: dict[tuple[str, str, str], list[str]] = {}
    for table, one in failed.items():
        cause = (one["code"], one["message"], one["hint"])
        causes.setdefault(cause, []).append(table)
    lines = "".join(
        f"\n  {_names(tables)}: [{code}] {message} {hint}"
        for (code, message, hint), tables in list(causes.items())[:_CAUSES_SHOWN]
    )
    raise SyncError(
        "group_failed",
        f"{report['summary']}{lines}\n",
        retryable=all(one["retryable"] for one in failed.values()),
    )


def _names(tables: list[str]) -> str:
    more = len(tables) - _TABLES_SHOWN
    shown = ", ".join(tables[:_TABLES_SHOWN])
    return f"{shown} and {more} more" if more > 0 else shown
