"""PURE: what an alert says: which table, what, since when, what to do."""

from collections.abc import Sequence

from snowpark.alerts.statements import Trouble

# SNS takes 256 KB; a person reads less.
_MOST_TABLES = 30
_LONGEST_LINE = 600


def subject(troubles: Sequence[Trouble]) -> str:
    """Returns one line that names the tables, as far as there is room."""
    names = [trouble.table for trouble in troubles]
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    verb = "table needs" if len(names) == 1 else "tables need"
    return f"Aurora sync: {len(names)} {verb} attention ({shown})"


def text(troubles: Sequence[Trouble]) -> str:
    """Returns a short paragraph for each table."""
    lines = [_line(trouble) for trouble in troubles[:_MOST_TABLES]]
    more = len(troubles) - _MOST_TABLES
    if more > 0:
        names = ", ".join(trouble.table for trouble in troubles[_MOST_TABLES:])
        lines.append(f"And {more} more: {names}"[:10_000])
    lines.append(
        "All of them: SELECT * FROM CONTROL.SYNC_TROUBLES. See docs/RUNBOOK.md."
    )
    return "\n\n".join(lines)


def _line(trouble: Trouble) -> str:
    group = f" (group {trouble.group})" if trouble.group else ""
    what = f"{trouble.table}{group} {trouble.kind} since {trouble.since}"
    message = trouble.message
    if len(message) > _LONGEST_LINE:
        message = message[:_LONGEST_LINE] + " ..."
    return f"{what}: [{trouble.code}] {message} {trouble.hint}".rstrip()
