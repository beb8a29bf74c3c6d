"""PURE: the SQL texts of a history: one row for each version of a row.

A version is valid from the moment at which it began up to, and without, the moment at
which the next one begins. docs/HISTORY.md has the rules; each MERGE follows them by one
way of thinking:

    what is known     the versions of the staged keys, and their ends by a delete
    what was read     each staged row at the moment its cursor names; and once more as
                      the newest of all, if the target knows of that moment or later
                      ones: it was read just now, so it is what the source holds
    in order          events by key and moment; what repeats its predecessor is none
    written           new versions, and known ones whose end or values are others now

A known version is never taken out and never moves.

Values are bound with question marks. Tested against tests/golden/load/history_*.sql.
"""

from dataclasses import dataclass

from snowpark.columns import keys
from snowpark.columns.column import LoadColumn
from snowpark.load.statements import Batch, gone_condition, newest_first, selections
from snowpark.names import (
    DELETED,
    EXTRACTED_AT,
    IS_CURRENT,
    RUN_ID,
    VALID_FROM,
    VALID_TO,
)
from snowpark.sql import Statement, Value, quote

_MOMENT = "'YYYY-MM-DD HH24:MI:SS.FF6'"
_FROM, _TO = quote(VALID_FROM), quote(VALID_TO)
_AT = quote(EXTRACTED_AT)
_CURRENT, _DELETED = quote(IS_CURRENT), quote(DELETED)


@dataclass(frozen=True)
class _Names:
    """Names of what the query computes: none of them is a column of the source."""

    key: str
    values: str
    known: str
    gone: str
    last: str
    begins: str
    number: str
    moment: str
    print: str
    whole: str
    step: str
    old_to: str
    old_whole: str
    old_known: str
    ends: str
    next_gone: str


def moment(column: LoadColumn, time_zone: str) -> tuple[str, tuple[Value, ...]] | None:
    """Returns the moment that a cursor's value is, and the values bound in it.

    None: the cursor is no time.
    """
    name, kind = quote(column.name), column.source.snowflake_type
    if kind.startswith("TIMESTAMP_TZ"):
        return name, ()
    if not kind.startswith(("TIMESTAMP_NTZ", "DATE")):
        return None
    local = f"CAST({name} AS TIMESTAMP_NTZ(6))"
    utc = f"CONVERT_TIMEZONE(?, 'UTC', {local})"
    text = f"TO_TIMESTAMP_TZ(TO_VARCHAR({utc}, {_MOMENT}) || '+00')"
    return text, (time_zone or "UTC",)


def merge_versions(batch: Batch, bounds: tuple[str, str] | None) -> Statement:
    """Merges staged rows into a history.

    Args:
        bounds: Of the first key column, as constants: Snowflake prunes partitions.
    """
    names = _names(batch)
    bound, bound_values = _bound(batch, bounds)
    query, params = _written(batch, names, bound, bound_values)
    written = [quote(c.name) for c in batch.loaded]
    key = {quote(c.name) for c in batch.key}
    own = [_AT, quote(RUN_ID), _TO, _CURRENT, _DELETED]
    sets = ",\n    ".join(
        f"{name} = source.{name}" for name in [*written, *own] if name not in key
    )
    inserted = [*written, _FROM, *own]
    on = [keys.equal(c) for c in batch.key] + [f"target.{_FROM} = source.{_FROM}"]
    return Statement(
        f"""\
MERGE INTO {batch.target} AS target
USING ({query}
) AS source
ON {" AND ".join([*on, *bound])}
WHEN MATCHED THEN UPDATE SET
    {sets}
WHEN NOT MATCHED THEN INSERT (
    {", ".join(inserted)}
) VALUES (
    {", ".join(f"source.{name}" for name in inserted)}
)""",
        (*params, *bound_values),
    )


def _names(batch: Batch) -> _Names:
    def alias(stem: str) -> str:
        return keys.alias(f"_SYNC_{stem}", batch.columns)

    return _Names(
        key=", ".join(quote(c.name) for c in batch.key),
        values=", ".join(quote(c.name) for c in batch.loaded),
        known=alias("KNOWN"),
        gone=alias("GONE"),
        last=alias("LAST"),
        begins=alias("BEGINS"),
        number=alias("NUMBER"),
        moment=alias("MOMENT"),
        print=alias("PRINT"),
        whole=alias("WHOLE"),
        step=alias("STEP"),
        old_to=alias("OLD_TO"),
        old_whole=alias("OLD_WHOLE"),
        old_known=alias("OLD_KNOWN"),
        ends=alias("ENDS"),
        next_gone=alias("NEXT_GONE"),
    )


def _bound(
    batch: Batch, bounds: tuple[str, str] | None
) -> tuple[list[str], tuple[Value, ...]]:
    if bounds is None:
        return [], ()
    first = batch.key[0]
    value = f"CAST(? AS {first.source.snowflake_type})"
    return [f"target.{quote(first.name)} BETWEEN {value} AND {value}"], bounds


def _written(
    batch: Batch, n: _Names, bound: list[str], bound_values: tuple[Value, ...]
) -> tuple[str, tuple[Value, ...]]:
    """Returns the versions that are new, or not as the target has them."""
    versions, params = _versions(batch, n, bound, bound_values)
    text = f"""
    SELECT
        {n.values},
        {_AT},
        ? AS {quote(RUN_ID)},
        {_FROM},
        {n.ends} AS {_TO},
        {n.ends} IS NULL AS {_CURRENT},
        COALESCE({n.next_gone}, FALSE) AS {_DELETED}
    FROM (
        SELECT
            g.*,
            LEAD({_FROM}) OVER (PARTITION BY {n.key} ORDER BY {_FROM}) AS {n.ends},
            LEAD({n.gone}) OVER (PARTITION BY {n.key} ORDER BY {_FROM}) AS {n.next_gone}
        FROM ({versions}
        ) AS g
    ) AS v
    WHERE
        NOT {n.gone}
        AND (
            NOT {n.old_known}
            OR NOT EQUAL_NULL({n.ends}, {n.old_to})
            OR COALESCE({n.next_gone}, FALSE) <> {_DELETED}
            OR {n.whole} <> {n.old_whole}
        )"""
    return text, (batch.run_id, *params)


def _versions(
    batch: Batch, n: _Names, bound: list[str], bound_values: tuple[Value, ...]
) -> tuple[str, tuple[Value, ...]]:
    """Returns one row for each run of equal events: its first moment, newest values."""
    events, params = _events(batch, n, bound, bound_values)
    repeats, repeat_values = _repeats(batch, n, "LAG")
    follows, follow_values = _repeats(batch, n, "LEAD")
    window = f"(PARTITION BY {n.key}, {n.number} ORDER BY {n.moment})"
    text = f"""
            SELECT
                {n.values},
                {_AT},
                {n.gone},
                {n.whole},
                FIRST_VALUE({n.moment}) OVER {window} AS {_FROM},
                FIRST_VALUE({n.known}) OVER {window} AS {n.old_known},
                FIRST_VALUE({n.old_to}) OVER {window} AS {n.old_to},
                FIRST_VALUE({_DELETED}) OVER {window} AS {_DELETED},
                FIRST_VALUE({n.whole}) OVER {window} AS {n.old_whole}
            FROM (
                SELECT
                    e.*,
                    SUM({n.begins}) OVER (
                        PARTITION BY {n.key} ORDER BY {n.moment}
                        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
                    ) AS {n.number}
                FROM (
                    SELECT
                        d.*,
                        IFF({n.known} OR NOT {repeats}, 1, 0) AS {n.begins}
                    FROM ({events}
                    ) AS d
                    QUALIFY {n.known} OR {n.step} = 2 OR NOT {follows}
                ) AS e
            ) AS r
            QUALIFY ROW_NUMBER() OVER (
                PARTITION BY {n.key}, {n.number} ORDER BY {n.moment} DESC
            ) = 1"""
    return text, (*repeat_values, *params, *follow_values)


def _repeats(batch: Batch, n: _Names, side: str) -> tuple[str, tuple[Value, ...]]:
    """Returns whether an event says what its neighbour says, and the bound values.

    A column that came later counts as equal if one of the two does not know it.
    """

    def other(value: str) -> str:
        return f"{side}({value}) OVER (PARTITION BY {n.key} ORDER BY {n.moment})"

    terms = [f"{other(n.print)} = {n.print}"]
    params: list[Value] = []
    for column, since in batch.versions.late:
        name = f"HASH({quote(column.name)})"
        unknown = f"LEAST({_AT}, {other(_AT)}) < TO_TIMESTAMP_TZ(?)"
        terms.append(f"({other(name)} = {name} OR {unknown})")
        params.append(since)
    same = " AND ".join(terms)
    text = f"COALESCE({other(n.gone)} = {n.gone} AND ({n.gone} OR {same}), FALSE)"
    return text, tuple(params)


def _events(
    batch: Batch, n: _Names, bound: list[str], bound_values: tuple[Value, ...]
) -> tuple[str, tuple[Value, ...]]:
    """Returns what is known and what was read, each with its moment.

    If something is known of a moment, a row that was read names it in vain.
    """
    rows, params = _rows(batch, n, bound, bound_values)
    now = "TO_TIMESTAMP_TZ(?)"
    after = f"DATEADD('microsecond', 1, {n.last})"
    text = f"""
                    SELECT c.*
                    FROM (
                        SELECT
                            u.*,
                            s.{n.step},
                            CASE
                                WHEN u.{n.known} AND s.{n.step} = 1 THEN u.{_FROM}
                                WHEN u.{n.known}
                                    THEN IFF(u.{_DELETED}, u.{n.old_to}, NULL)
                                WHEN s.{n.step} = 1 THEN u.{_FROM}
                                WHEN u.{_FROM} IS NULL OR u.{n.last} >= u.{_FROM}
                                    THEN COALESCE(GREATEST({now}, {after}), {now})
                            END AS {n.moment},
                            IFF(u.{n.known}, s.{n.step} = 2, u.{_DELETED}) AS {n.gone}
                        FROM ({rows}
                        ) AS u
                        CROSS JOIN (
                            SELECT 1 AS {n.step}
                            UNION ALL
                            SELECT 2 AS {n.step}
                        ) AS s
                    ) AS c
                    WHERE c.{n.moment} IS NOT NULL
                    QUALIFY ROW_NUMBER() OVER (
                        PARTITION BY {n.key}, {n.moment}
                        ORDER BY IFF({n.known}, 0, 1), {n.step}
                    ) = 1"""
    return text, (batch.extracted_at, batch.extracted_at, *params)


def _rows(
    batch: Batch, n: _Names, bound: list[str], bound_values: tuple[Value, ...]
) -> tuple[str, tuple[Value, ...]]:
    """Returns the versions of the staged keys from their moments on, and staged rows.

    A version that ended before the moment of its key's row has no say in it.
    """
    staged, staged_values = _staged(batch)
    target = ", ".join(f"target.{quote(c.name)}" for c in batch.loaded)
    tracked = ", ".join(quote(c.name) for c in batch.versions.tracked)
    columns = ", ".join(quote(c.name) for c in batch.loaded)
    on = " AND ".join([*(keys.equal(c) for c in batch.key), *bound])
    text = f"""
                            SELECT
                                a.*,
                                HASH({tracked or "0"}) AS {n.print},
                                HASH({columns}) AS {n.whole},
                                MAX(
                                    IFF(
                                        {n.known}, COALESCE({n.old_to}, {_FROM}), NULL
                                    )
                                ) OVER (PARTITION BY {n.key}) AS {n.last}
                            FROM (
                                SELECT
                                    {target},
                                    target.{_AT},
                                    target.{_FROM},
                                    target.{_TO} AS {n.old_to},
                                    target.{_DELETED},
                                    TRUE AS {n.known}
                                FROM {batch.target} AS target
                                INNER JOIN ({staged}
                                ) AS source ON {on}
                                WHERE
                                    target.{_TO} IS NULL
                                    OR target.{_TO} >= COALESCE(
                                        source.{_FROM}, TO_TIMESTAMP_TZ(?)
                                    )
                                UNION ALL
                                SELECT
                                    {columns},
                                    TO_TIMESTAMP_TZ(?),
                                    {_FROM},
                                    CAST(NULL AS TIMESTAMP_TZ(6)),
                                    {_DELETED},
                                    FALSE
                                FROM ({staged}
                                ) AS read
                            ) AS a"""
    now = batch.extracted_at
    return text, (*staged_values, *bound_values, now, now, *staged_values)


def _staged(batch: Batch) -> tuple[str, tuple[Value, ...]]:
    """Returns the newest staged row of each key, with its moment (NULL: none)."""
    found = moment_of(batch)
    since, params = found if found else ("CAST(NULL AS TIMESTAMP_TZ(6))", ())
    partition = ", ".join(keys.staged(batch.key))
    newest = newest_first(batch.cursors) or partition
    gone = gone_condition("", batch.deleted) if batch.deleted else "FALSE"
    rows = ""
    if batch.gone is not None:
        # Of two spellings of one key the row that is there counts.
        newest = gone = quote(batch.gone.name)
        indent = "\n                                    "
        rows = f"{indent}WHERE NOT {gone}" if batch.keeps_gone else ""
    values = ",\n                                        ".join(
        selections(batch.loaded)
    )
    return (
        f"""
                                    SELECT
                                        {values},
                                        {since} AS {_FROM},
                                        {gone} AS {_DELETED}
                                    FROM {batch.staging}{rows}
                                    QUALIFY ROW_NUMBER() OVER (
                                        PARTITION BY {partition} ORDER BY {newest}
                                    ) = 1""",
        params,
    )


def moment_of(batch: Batch) -> tuple[str, tuple[Value, ...]] | None:
    """Returns the moment that a row names, and the values bound in it."""
    cursor = batch.versions.cursor
    return moment(cursor, batch.versions.time_zone) if cursor else None


# --- what is gone ---------------------------------------------------------------------


def close_gone(batch: Batch) -> Statement:
    """Closes the current versions of keys that are not staged."""
    found = keys.alias("IN_SOURCE", batch.key)
    names = ", ".join(f"target.{quote(c.name)}" for c in batch.key)
    staged = ", ".join(keys.named(batch.key))
    on = " AND ".join(keys.equal(c) for c in batch.key)
    return Statement(
        f"""\
MERGE INTO {batch.target} AS target
USING (
    SELECT {names}
    FROM {batch.target} AS target
    LEFT JOIN (
        SELECT DISTINCT
            {staged},
            TRUE AS {found}
        FROM {batch.staging}
    ) AS source ON {on}
    WHERE source.{found} IS NULL AND target.{_CURRENT}
) AS source
ON {on} AND target.{_CURRENT}
WHEN MATCHED THEN UPDATE SET
    {_closed("target.")},
    {quote(RUN_ID)} = ?""",
        (batch.extracted_at, batch.run_id),
    )


def close_where(
    target: str,
    condition: str,
    values: tuple[Value, ...],
    run_id: str,
    extracted_at: str,
) -> Statement:
    """Closes the current versions that fulfil a condition, as deleted."""
    return Statement(
        f"""\
UPDATE {target}
SET
    {_closed("")},
    {quote(RUN_ID)} = ?
WHERE {_CURRENT} AND {condition}""",
        (extracted_at, run_id, *values),
    )


def _closed(prefix: str) -> str:
    # A cursor may name a moment that is still to come.
    after = f"DATEADD('microsecond', 1, {prefix}{_FROM})"
    return f"""\
{_TO} = GREATEST(TO_TIMESTAMP_TZ(?), {after}),
    {_CURRENT} = FALSE,
    {_DELETED} = TRUE"""
