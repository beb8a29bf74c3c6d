"""PURE: what an alert says: which table, what, since when, what to do."""

import re
from collections.abc import Sequence

from snowpark.alerts.statements import RECOVERED, TableProblem

# SNS takes 256 KB; a person reads less.
_MOST_CAUSES = 30
_LONGEST_NAMES = 10_000
_LONGEST_LINE = 600
# PagerDuty takes 1,024 characters as summary, and a chat shows no more without a click.
_LONGEST_SHORT = 1000
_SHORT_NAMES = 200
_LOOK = "All of them: SELECT * FROM CONTROL.SYNC_PROBLEMS. See docs/RUNBOOK.md."
_SHORT_LOOK = "SELECT * FROM CONTROL.SYNC_PROBLEMS"
# Snowflake puts the text into the JSON of the integration's template, and no document
# says whether it escapes it: nothing is left in it that needs that. Slack would take
# <...> as a link or a call for everybody.
_PLAIN = str.maketrans({'"': "'", "\\": "/", "<": "‹", ">": "›"})
# What Snowflake would replace, also inside of a message: by the secret.
_PLACEHOLDER = re.compile(r"SNOWFLAKE_WEBHOOK_\w*", re.IGNORECASE)


def subject(problems: Sequence[TableProblem]) -> str:
    """Returns one line that names the tables, as far as there is room.

    Args:
        problems: All of them problems, or all of them recoveries.
    """
    names = [problem.table for problem in problems]
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    one = len(names) == 1
    if problems[0].kind == RECOVERED:
        verb = "table is in sync again" if one else "tables are in sync again"
    else:
        verb = "table needs attention" if one else "tables need attention"
    return f"Aurora sync: {len(names)} {verb} ({shown})"


def text(problems: Sequence[TableProblem]) -> str:
    """Returns a short paragraph for each cause, with the tables that share it."""
    groups = _by_cause(problems)
    lines = [_line(tables, _LONGEST_NAMES) for tables in groups[:_MOST_CAUSES]]
    rest = [one for tables in groups[_MOST_CAUSES:] for one in tables]
    if rest:
        names = ", ".join(problem.table for problem in rest)
        lines.append(f"And {len(rest)} more: {names}"[:10_000])
    return "\n\n".join([*lines, _LOOK])


def short(problems: Sequence[TableProblem]) -> str:
    """Returns one line for a chat or a pager, with the causes that it has room for."""
    lines = [_line(tables, _SHORT_NAMES) for tables in _by_cause(problems)]
    return plain(" | ".join([subject(problems), *lines]), _SHORT_LOOK)


def plain(line: str, end: str = "") -> str:
    """Returns a text that may stand in any JSON as it is, not too long.

    Args:
        end: Stands behind what was cut.
    """
    clean = "".join(c if c.isprintable() else " " for c in line.translate(_PLAIN))
    clean = _PLACEHOLDER.sub("REDACTED", clean)
    if len(clean) <= _LONGEST_SHORT:
        return clean
    tail = f" ... {end}" if end else " ..."
    return clean[: _LONGEST_SHORT - len(tail)] + tail


def _by_cause(problems: Sequence[TableProblem]) -> list[list[TableProblem]]:
    causes: dict[tuple[str, ...], list[TableProblem]] = {}
    for problem in problems:
        cause = (problem.kind, problem.code, problem.message, problem.hint)
        causes.setdefault(cause, []).append(problem)
    return list(causes.values())


def _line(tables: Sequence[TableProblem], longest_names: int) -> str:
    problem = tables[0]
    groups = sorted({one.group for one in tables if one.group})
    word = "group" if len(groups) == 1 else "groups"
    group = f" ({word} {', '.join(groups)})" if groups else ""
    names = ", ".join(one.table for one in tables)
    if len(names) > longest_names:
        names = names[:longest_names] + " ..."
    since = min(one.since for one in tables)
    if problem.kind == RECOVERED:
        return f"{names}{group} in sync again; told {since}: {problem.code}"
    what = f"{names}{group} {problem.kind} since {since}"
    message = problem.message
    if len(message) > _LONGEST_LINE:
        message = message[:_LONGEST_LINE] + " ..."
    return f"{what}: [{problem.code}] {message} {problem.hint}".rstrip()
