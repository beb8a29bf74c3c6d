"""Spans for the event table: one for each call, run and step; without telemetry, none.

Snowflake puts its telemetry beside every Python handler unless a package policy keeps
it away. Spans carry names, counts and seconds: no row value, no SQL text, no message.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

try:
    from opentelemetry import trace as _trace
except ImportError:  # not here: nobody is told
    _trace = None

Value = str | int | float | bool
_PREFIX = "aurora_sync"


class Span:
    """Takes what is told of a step; forgets it if nobody listens."""

    def __init__(self, span: Any) -> None:
        self._span = span

    def tell(self, **values: Value | None) -> None:
        """Adds attributes; None is left out."""
        if self._span is None:
            return
        for name, value in values.items():
            if value is not None:
                self._span.set_attribute(f"{_PREFIX}.{name}", value)


@contextmanager
def span(name: str, **values: Value | None) -> Iterator[Span]:
    """A span around a step, below the one that is open.

    Args:
        name: Of the step, in snake_case.
        values: Its first attributes.
    """
    if _trace is None:
        yield Span(None)
        return
    tracer = _trace.get_tracer(_PREFIX)
    # The exception's text is not recorded: the log line has what may be told of it.
    with tracer.start_as_current_span(
        f"{_PREFIX}.{name}", record_exception=False, set_status_on_exception=False
    ) as opened:
        told = Span(opened)
        told.tell(**values)
        try:
            yield told
        except Exception as error:
            told.tell(error_code=str(getattr(error, "code", type(error).__name__)))
            raise
