"""The target table and its columns: looked at before a load, altered after the COPY."""

import dataclasses
from dataclasses import dataclass

from lambda_extract.contract import ExtractReply, PlanReply
from snowpark import names, sql
from snowpark.columns import column as columns
from snowpark.columns import drift
from snowpark.columns.alignment import Alignment, Rules, Source
from snowpark.columns.shape import Change, Shape
from snowpark.errors import DriftError, SnowflakeError, SyncError
from snowpark.ledger import lease, write
from snowpark.load import history_table_statements, target_statements
from snowpark.session import Snowflake
from snowpark.settings.table import TableSettings


@dataclass(frozen=True)
class Target:
    """One table's target, as one run sees it.

    Attributes:
        rules: How far it follows the source.
        may_create: True if a missing target is made, because all rows follow.
    """

    settings: TableSettings
    run_id: str
    rules: Rules
    may_create: bool = False


def source_of(reply: ExtractReply | PlanReply) -> Source:
    """Returns the columns of a reply.

    Raises:
        DriftError: Two columns have one name in Snowflake, or one has a name it cannot
            take.
    """
    return Source(
        columns.load_columns(reply.columns), tuple(reply.key), reply.relation_id
    )


def find_alignment(
    snowflake: Snowflake, target: Target, source: Source, shape: Shape
) -> Alignment:
    """Looks at the target and says what it needs; nothing is changed.

    Raises:
        DriftError: "target_exists": a table of somebody else is in its place; or see
            `drift.align`. "target_collated": keys that PostgreSQL tells apart could be
            one key there.
        SnowflakeError: "target_missing".
    """
    rows = _described(snowflake, target)
    existing = None if rows is None else {name: kind for name, kind, _ in rows}
    keyed = frozenset(name for name, _, in_key in rows or () if in_key)
    aligned = drift.align(source, existing, shape, target.rules)
    return dataclasses.replace(aligned, keyed=keyed)


def _described(
    snowflake: Snowflake, target: Target
) -> list[tuple[str, str, bool]] | None:
    """Returns name and type of each column, and whether it is in the PRIMARY KEY."""
    name = target.settings.target
    try:
        rows = snowflake.run(target_statements.describe_target(name))
    except SnowflakeError as error:
        if error.code == "target_missing" and target.may_create:
            return None
        raise
    existing = {str(row["name"]): str(row["type"]) for row in rows}
    if names.RUN_ID not in existing:
        raise DriftError(
            "target_exists", f"Table {name} exists and was not built by this sync."
        )
    # docs: collation: DESCRIBE TABLE has it in the type, as VARCHAR(9) COLLATE 'en-ci'.
    collated = [c for c, kind in existing.items() if " COLLATE " in kind.upper()]
    if collated:
        raise DriftError(
            "target_collated",
            f"Table {name} compares {', '.join(map(sql.quote, collated[:3]))} by a"
            f" collation ({len(collated)} of its columns have one).",
        )
    return [
        (str(row["name"]), str(row["type"]), row.as_dict().get("primary key") == "Y")
        for row in rows
    ]


def apply(
    snowflake: Snowflake, target: Target, source: Source, alignment: Alignment
) -> Alignment:
    """Creates or alters the target; returns what is left to be committed.

    DDL commits by itself, so it runs before the transaction. A run that was killed
    after it leaves a target that the next one recognises.

    Raises:
        SyncError: Snowflake refused a statement, or the lease is lost.
    """
    if alignment.create:
        _create(snowflake, target, alignment)
        _show_current(snowflake, target, alignment)
        return alignment
    if alignment.drops_history:
        _drop_history(snowflake, target)
    while alignment.again and alignment.intent is not None:
        _rename(snowflake, target, alignment)
        alignment = find_alignment(snowflake, target, source, alignment.intent)
    _rename(snowflake, target, alignment)
    name = target.settings.target
    for column, kind in alignment.add:
        snowflake.run(target_statements.add_column(name, column, kind))
    for column, kind in alignment.widen:
        snowflake.run(target_statements.widen_column(name, column, kind))
    if alignment.lacks_deleted_at and target.settings.deletes_softly:
        column, kind = target_statements.OWN_TYPES[-1]
        snowflake.run(target_statements.add_column(name, column, kind))
    if alignment.lacks_history and target.settings.history:
        for column, kind in target_statements.HISTORY_TYPES:
            snowflake.run(target_statements.add_column(name, column, kind))
    _show_current(snowflake, target, alignment)
    return alignment


def _show_current(snowflake: Snowflake, target: Target, alignment: Alignment) -> None:
    """Makes the view of the current versions, if it has to have other columns.

    It is made again until its columns are committed: a run may be killed before it.
    """
    settings = target.settings
    if settings.history and settings.current_view:
        view = settings.current_view_name
        snowflake.run(
            history_table_statements.create_current_view(view, settings.target)
        )


def _drop_history(snowflake: Snowflake, target: Target) -> None:
    """Removes all versions but the current ones, and what tells them apart.

    The column that says which are current goes last: a run that was killed goes on.
    """
    name = target.settings.target
    snowflake.run(sql.BEGIN)
    try:
        snowflake.run(history_table_statements.drop_versions(name))
        lease.hold_lease(snowflake, target.settings.name, target.run_id)
        snowflake.run(sql.COMMIT)
    except SyncError:
        snowflake.run(sql.ROLLBACK)
        raise
    for column, _ in reversed(target_statements.HISTORY_TYPES):
        snowflake.run(target_statements.drop_column(name, column))


def _create(snowflake: Snowflake, target: Target, alignment: Alignment) -> None:
    settings = target.settings
    rows = snowflake.run(
        target_statements.create_target(
            settings.target,
            alignment.columns,
            soft_deletes=settings.deletes_softly,
            history=settings.history,
        )
    )
    # What the role may not see is not there for DESCRIBE, but it is for CREATE.
    if rows and "already exists" in str(rows[0][0]):
        raise DriftError(
            "target_exists",
            f"Table {settings.target} exists, and the sync's role may not see it.",
        )


def _rename(snowflake: Snowflake, target: Target, alignment: Alignment) -> None:
    if alignment.intent is not None:
        _announce(snowflake, target, alignment.intent, alignment.told)
    for old, new in alignment.renames:
        statement = target_statements.rename_column(target.settings.target, old, new)
        snowflake.run(statement)


def _announce(
    snowflake: Snowflake, target: Target, intent: Shape, told: tuple[Change, ...]
) -> None:
    """Commits an intent on its own.

    The fence keeps a run that slept through its lease from renaming what its successor
    has named.
    """
    snowflake.run(sql.BEGIN)
    try:
        write.record_shape(snowflake, target.settings.name, target.run_id, intent, told)
        lease.hold_lease(snowflake, target.settings.name, target.run_id)
        snowflake.run(sql.COMMIT)
    except SyncError:
        snowflake.run(sql.ROLLBACK)
        raise
