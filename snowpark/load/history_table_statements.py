"""PURE: the SQL texts that treat a history as a whole: its begin, its end, its rules.

Tested against tests/golden/history/*.sql.
"""

from snowpark.load.history_statements import moment_of
from snowpark.load.statements import Batch
from snowpark.names import (
    DELETED,
    DELETED_AT,
    EXTRACTED_AT,
    IS_CURRENT,
    VALID_FROM,
    VALID_TO,
)
from snowpark.sql import Statement, quote

_FROM, _TO = quote(VALID_FROM), quote(VALID_TO)
_AT = quote(EXTRACTED_AT)
_CURRENT, _DELETED = quote(IS_CURRENT), quote(DELETED)


def first_versions(batch: Batch, flagged: bool) -> Statement:
    """Makes rows of a target without history the first versions of their keys.

    Args:
        flagged: True if the target has a _SYNC_DELETED_AT.
    """
    found = moment_of(batch)
    since, params = found if found else (_AT, ())
    since = f"COALESCE({since}, {_AT})"
    ended, alive = "CAST(NULL AS TIMESTAMP_TZ(6))", "TRUE"
    values = params
    if flagged:
        flag = quote(DELETED_AT)
        alive = f"{flag} IS NULL"
        after = f"GREATEST({flag}, DATEADD('microsecond', 1, {since}))"
        ended = f"IFF({alive}, NULL, {after})"
        values = (*params, *params)
    return Statement(
        f"""\
UPDATE {batch.target}
SET
    {_FROM} = {since},
    {_TO} = {ended},
    {_CURRENT} = {alive},
    {_DELETED} = NOT ({alive})
WHERE {_FROM} IS NULL""",
        values,
    )


def blank_columns(target: str, names: tuple[str, ...]) -> Statement:
    """Takes the values of columns out of every version."""
    sets = ",\n    ".join(f"{quote(name)} = NULL" for name in names)
    return Statement(f"UPDATE {target}\nSET\n    {sets}")


def forget_versions(target: str, days: int) -> Statement:
    """Removes versions that ended long ago."""
    return Statement(
        f"""\
DELETE FROM {target}
WHERE {_TO} < DATEADD('day', ?, CURRENT_TIMESTAMP())""",
        (-days,),
    )


def drop_versions(target: str) -> Statement:
    """Removes all versions that are not current."""
    return Statement(f"DELETE FROM {target}\nWHERE NOT {_CURRENT}")


def create_current_view(view: str, target: str) -> Statement:
    """Creates the view of the current versions with the columns as they are now."""
    return Statement(f"""\
CREATE OR REPLACE VIEW {view}
COPY GRANTS
AS
SELECT *
FROM {target}
WHERE {_CURRENT}""")


def broken_invariants(target: str, key: tuple[str, ...]) -> Statement:
    """Counts versions that no history has, by kind; all zero: the history is right.

    One statement, so that nothing moves in between.
    """
    partition = ", ".join(quote(name) for name in key)
    wrong = {
        "unmarked": "unmarked",
        "empty_intervals": "NOT unmarked AND empty_interval",
        "wrong_flags": "NOT unmarked AND wrong_flags",
        "overlaps": "NOT unmarked AND follows < ended",
        "several_current": "NOT unmarked AND follows IS NOT NULL AND ended IS NULL",
        "gaps": "NOT unmarked AND follows > ended AND NOT by_delete",
        "ends_without_delete": "NOT unmarked AND follows IS NULL"
        " AND ended IS NOT NULL AND NOT by_delete",
    }
    counts = "".join(
        f"    COALESCE(SUM(IFF({condition}, 1, 0)), 0) AS {name},\n"
        for name, condition in wrong.items()
    )
    return Statement(f"""\
SELECT
{counts}    COUNT(*) AS versions
FROM (
    SELECT
        {_TO} AS ended,
        {_DELETED} AS by_delete,
        {_FROM} IS NULL OR {_CURRENT} IS NULL OR {_DELETED} IS NULL AS unmarked,
        {_TO} <= {_FROM} AS empty_interval,
        {_CURRENT} <> ({_TO} IS NULL) OR ({_CURRENT} AND {_DELETED}) AS wrong_flags,
        LEAD({_FROM}) OVER (PARTITION BY {partition} ORDER BY {_FROM}) AS follows
    FROM {target}
) AS versions""")
