"""PURE: what an alert says: which table, what, since when, what to do."""

from collections.abc import Sequence

from snowpark.alerts.statements import TableProblem

# SNS takes 256 KB; a person reads less.
_MOST_TABLES = 30
_LONGEST_LINE = 600


def subject(problems: Sequence[TableProblem]) -> str:
    """Returns one line that names the tables, as far as there is room."""
    names = [problem.table for problem in problems]
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    verb = "table needs" if len(names) == 1 else "tables need"
    return f"Aurora sync: {len(names)} {verb} attention ({shown})"


def text(problems: Sequence[TableProblem]) -> str:
    """Returns a short paragraph for each table."""
    lines = [_line(problem) for problem in problems[:_MOST_TABLES]]
    more = len(problems) - _MOST_TABLES
    if more > 0:
        names = ", ".join(problem.table for problem in problems[_MOST_TABLES:])
        lines.append(f"And {more} more: {names}"[:10_000])
    lines.append(
        "All of them: SELECT * FROM CONTROL.SYNC_PROBLEMS. See docs/RUNBOOK.md."
    )
    return "\n\n".join(lines)


def _line(problem: TableProblem) -> str:
    group = f" (group {problem.group})" if problem.group else ""
    what = f"{problem.table}{group} {problem.kind} since {problem.since}"
    message = problem.message
    if len(message) > _LONGEST_LINE:
        message = message[:_LONGEST_LINE] + " ..."
    return f"{what}: [{problem.code}] {message} {problem.hint}".rstrip()
