"""The tables of mode log of a group: one capture of each source, then first windows.

The captures are in front of the group's extraction, because a window reads the rows of
what they have told. What one window of a table does not say is left to its load.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from snowpark.captures import capture
from snowpark.captures.records import Changed, Link
from snowpark.errors import SyncError
from snowpark.extraction import progress, requests
from snowpark.groups import quiet
from snowpark.groups.asking import Asked
from snowpark.ledger.records import TableState
from snowpark.session import Snowflake
from snowpark.sync import changes, log_plan

_PART = "log-first"


@dataclass(frozen=True)
class First:
    """The first window of a table.

    Attributes:
        upto: Position of the log up to which the target is once it is loaded.
    """

    asked: Asked
    upto: str


# None: the table has to do its whole sync by itself.
Begun = First | SyncError | None


def begin(
    snowflake: Snowflake,
    run_id: str,
    states: Mapping[str, TableState],
    between: Callable[[], None],
) -> dict[str, Begun]:
    """Captures the logs of the tables' sources; returns what each table asks for.

    A log that cannot be captured is the error of its own tables alone.

    Args:
        states: Of tables of mode log, by name.
        between: Called after each source.
    """
    found: dict[str, Begun] = {}
    for source in sorted({state.settings.source for state in states.values()}):
        own = {n: s for n, s in states.items() if s.settings.source == source}
        try:
            log = capture.find_source(snowflake, source)
            link = capture.bring_up_to_date(snowflake, log, run_id)
            found |= _of_source(snowflake, run_id, source, link, own)
        except SyncError as error:
            found |= dict.fromkeys(own, error)
        between()
    return found


def _of_source(
    snowflake: Snowflake,
    run_id: str,
    source: str,
    link: Link,
    states: Mapping[str, TableState],
) -> dict[str, Begun]:
    found: dict[str, Begun] = dict.fromkeys(states)
    after: dict[str, int] = {}
    for name, state in states.items():
        position = log_plan.position(state, link)
        try:
            if not progress.needs_snapshot(state) and position is not None:
                after[name] = position
        except SyncError as error:
            found[name] = error
    pending = capture.read_pending(snowflake, source, link, after)
    for name in after:
        found[name] = _first(run_id, link, states[name], pending[name])
    return found


def _first(
    run_id: str, link: Link, state: TableState, pending: list[Changed]
) -> First | SyncError | None:
    try:
        changes.require_told(pending, link)
    except SyncError as error:
        return error
    due = log_plan.due(state, link, pending)
    if due is None or _has_more_to_do(state, link, due):
        return None
    request = requests.changes_request(
        state.settings,
        run_id,
        _PART,
        files=due.pieces[0].files,
        known=due.known,
        truncated=due.truncated,
        more_keys=due.more_keys,
    )
    asked = Asked(request, quiet.known_columns(state), state.settings.max_parallel)
    return First(asked, due.pieces[0].lsn)


def _has_more_to_do(state: TableState, link: Link, due: log_plan.Due) -> bool:
    """Returns whether a person is asked, or the position is noted now and then."""
    if due.truncated and state.settings.on_truncate == "fail":
        return True
    after = log_plan.position(state, link) or 0
    return link.version - after > changes.CAPTURES_UNNOTED
