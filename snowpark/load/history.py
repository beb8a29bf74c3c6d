"""From staged rows to versions: what a target with history is told to do."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from snowpark.columns.alignment import Alignment
from snowpark.columns.column import LoadColumn
from snowpark.columns.shape import KnownColumn, Shape
from snowpark.errors import UsageError
from snowpark.ledger.run import Counts
from snowpark.load import history_statements as statements
from snowpark.load import history_table_statements as table_statements
from snowpark.load.statements import Batch, Versions
from snowpark.session import Snowflake
from snowpark.settings.table import TableSettings


def versions(
    settings: TableSettings,
    aligned: Alignment,
    by_source: Mapping[str, LoadColumn],
    key: Sequence[str],
) -> Versions | None:
    """Returns how rows become versions; None without history.

    Args:
        by_source: Columns that reach the target.
        key: Source columns.

    Raises:
        UsageError: "history_needs_key", "history_column_missing".
    """
    if not settings.history:
        return None
    if not key:
        raise UsageError(
            "history_needs_key", "Rows without a key cannot have a history."
        )
    tracked = _tracked(settings, aligned, by_source)
    since = {c.target: c.since for c in aligned.shape.columns if c.since}
    chosen = [c for c in tracked if c.source.name not in key]
    cursor = by_source.get(settings.cursor or "")
    return Versions(
        tracked=tuple(c for c in chosen if c.name not in since),
        late=tuple((c, since[c.name]) for c in chosen if c.name in since),
        cursor=(
            cursor if settings.history_time == "cursor" and _is_time(cursor) else None
        ),
        time_zone=settings.time_zone,
    )


def _tracked(
    settings: TableSettings, aligned: Alignment, by_source: Mapping[str, LoadColumn]
) -> list[LoadColumn]:
    if not settings.history_columns:
        return list(by_source.values())
    known = {c.name for c in aligned.shape.columns} | by_source.keys()
    missing = [name for name in settings.history_columns if name not in known]
    if missing:
        raise UsageError(
            "history_column_missing",
            f"The source has no column {', '.join(missing[:3])}, which history_columns"
            " names.",
        )
    return [by_source[n] for n in settings.history_columns if n in by_source]


def _is_time(cursor: LoadColumn | None) -> bool:
    return cursor is not None and statements.moment(cursor, "") is not None


def dated(aligned: Alignment, before: Shape | None, extracted_at: str) -> Alignment:
    """Notes since when the target knows its new columns, or others' values.

    Args:
        before: Of the latest commit; None: nothing is altered.
        extracted_at: Of the rows that are about to be written.
    """
    if before is None or aligned.create:
        return aligned
    other = aligned.fresh | _protected_anew(before, aligned.shape)
    if not other:
        return aligned
    columns = tuple(
        dataclasses.replace(c, since=extracted_at) if c.target in other else c
        for c in aligned.shape.columns
    )
    shape = dataclasses.replace(aligned.shape, columns=columns)
    if shape.generation == before.generation:
        shape = before.followed_by(shape.relation_id, shape.key, columns)
    return dataclasses.replace(aligned, shape=shape)


def _protected_anew(before: Shape, after: Shape) -> set[str]:
    was = {c.target: c.protection for c in before.columns if c.state == "loaded"}
    return {
        c.target
        for c in after.columns
        if c.state == "loaded" and was.get(c.target, c.protection) != c.protection
    }


def uncovered(before: Shape, after: Shape) -> tuple[str, ...]:
    """Returns target columns that hold values which are protected from now on.

    Those that were left behind, because the protected ones have another type, as well.
    """
    was = {c.name: c.protection for c in before.columns if c.state == "loaded"}
    now = {
        c.name
        for c in after.columns
        if c.state == "loaded"
        and c.protection
        and was.get(c.name, c.protection) != c.protection
    }
    return tuple(c.target for c in after.columns if _holds(c) and c.name in now)


def _holds(column: KnownColumn) -> bool:
    return column.state in ("loaded", "dropped")


def prepare(snowflake: Snowflake, rows: Batch) -> None:
    """Makes all rows of the target versions, and takes out what nobody may see."""
    if rows.versions.begins:
        snowflake.run(
            table_statements.first_versions(rows, rows.versions.flagged), tell_only=()
        )
    if rows.versions.blanked:
        blanked = table_statements.blank_columns(rows.target, rows.versions.blanked)
        snowflake.run(blanked, tell_only=rows.versions.blanked)


def prepared(rows: Batch) -> Batch:
    """Returns the rows of a target that was made ready."""
    ready = dataclasses.replace(rows.versions, begins=False, blanked=())
    return dataclasses.replace(rows, history=ready)


def merge_versions(
    snowflake: Snowflake, rows: Batch, bounds: tuple[str, str] | None
) -> Counts:
    """Merges the staged rows into the history, inside the current transaction.

    Returns:
        Versions that began as inserted, those that ended or took values as updated.
    """
    prepare(snowflake, rows)
    merged = statements.merge_versions(rows, bounds)
    (row,) = snowflake.run(merged, tell_only=[column.name for column in rows.columns])
    changed = row.as_dict()
    if rows.versions.forget_days is not None:
        forget = table_statements.forget_versions(
            rows.target, rows.versions.forget_days
        )
        snowflake.run(forget, tell_only=())
    return Counts(
        inserted=int(changed.get("number of rows inserted", 0)),
        updated=int(changed.get("number of rows updated", 0)),
    )


def replace_versions(snowflake: Snowflake, rows: Batch) -> Counts:
    """Merges the rows of the whole source; current versions of others are closed."""
    prepare(snowflake, rows)
    closed = close_gone(snowflake, rows)
    merged = merge_versions(snowflake, prepared(rows), None)
    return Counts(merged.inserted, merged.updated, closed.deleted)


def close_gone(snowflake: Snowflake, rows: Batch) -> Counts:
    """Closes the current versions of keys that are not staged."""
    closing = statements.close_gone(rows)
    return Counts(deleted=snowflake.changed_rows(closing, tell_only=()))


# --- is the history right? ------------------------------------------------------------


@dataclass(frozen=True)
class Soundness:
    """What the invariants of a history say.

    Attributes:
        versions: Of all keys.
        broken: Number of versions by what is wrong with them; empty: nothing is.
    """

    versions: int
    broken: dict[str, int]

    def __str__(self) -> str:
        """Returns it as a person reads it."""
        if not self.broken:
            return f"{self.versions} versions without gap or overlap"
        told = ", ".join(f"{n} {kind}" for kind, n in self.broken.items())
        return f"{told} in {self.versions} versions"


def look_at(snowflake: Snowflake, target: str, key: Sequence[str]) -> Soundness:
    """Asks a history for its invariants, by one statement.

    Raises:
        SnowflakeError: The target has no history yet, or cannot be read.
    """
    asked = table_statements.broken_invariants(target, tuple(key))
    (row,) = snowflake.run(asked, tell_only=())
    counts = {
        name.lower().replace("_", " "): int(n) for name, n in row.as_dict().items()
    }
    versions_seen = counts.pop("versions")
    return Soundness(versions_seen, {kind: n for kind, n in counts.items() if n})
