"""PURE: what an alert says: which table, what, since when, what to do."""

from collections.abc import Sequence

from snowpark.alerts.statements import TableProblem

# SNS takes 256 KB; a person reads less.
_MOST_CAUSES = 30
_LONGEST_NAMES = 10_000
_LONGEST_LINE = 600


def subject(problems: Sequence[TableProblem]) -> str:
    """Returns one line that names the tables, as far as there is room."""
    names = [problem.table for problem in problems]
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    verb = "table needs" if len(names) == 1 else "tables need"
    return f"Aurora sync: {len(names)} {verb} attention ({shown})"


def text(problems: Sequence[TableProblem]) -> str:
    """Returns a short paragraph for each cause, with the tables that share it."""
    causes: dict[tuple[str, ...], list[TableProblem]] = {}
    for problem in problems:
        cause = (problem.kind, problem.code, problem.message, problem.hint)
        causes.setdefault(cause, []).append(problem)
    groups = list(causes.values())
    lines = [_line(tables) for tables in groups[:_MOST_CAUSES]]
    rest = [one for tables in groups[_MOST_CAUSES:] for one in tables]
    if rest:
        names = ", ".join(problem.table for problem in rest)
        lines.append(f"And {len(rest)} more: {names}"[:10_000])
    lines.append(
        "All of them: SELECT * FROM CONTROL.SYNC_PROBLEMS. See docs/RUNBOOK.md."
    )
    return "\n\n".join(lines)


def _line(tables: Sequence[TableProblem]) -> str:
    problem = tables[0]
    groups = sorted({one.group for one in tables if one.group})
    word = "group" if len(groups) == 1 else "groups"
    group = f" ({word} {', '.join(groups)})" if groups else ""
    names = ", ".join(one.table for one in tables)
    if len(names) > _LONGEST_NAMES:
        names = names[:_LONGEST_NAMES] + " ..."
    since = min(one.since for one in tables)
    what = f"{names}{group} {problem.kind} since {since}"
    message = problem.message
    if len(message) > _LONGEST_LINE:
        message = message[:_LONGEST_LINE] + " ..."
    return f"{what}: [{problem.code}] {message} {problem.hint}".rstrip()
