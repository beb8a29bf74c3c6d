"""From files to committed rows: stage, check, merge, commit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lambda_extract.contract import Column, File
from snowpark import load_statements, pipe, sql
from snowpark import names as snowpark_names
from snowpark.columns.alignment import Alignment, Rules
from snowpark.columns.column import LoadColumn
from snowpark.errors import LoadError, SyncError, UsageError, WarehouseError
from snowpark.ledger import lease, write
from snowpark.ledger.records import Commit
from snowpark.ledger.run import Counts
from snowpark.load_statements import Batch
from snowpark.settings.table import TableSettings
from snowpark.target import Target
from snowpark.warehouse import Warehouse

# COPY INTO takes at most 1000 names in FILES (sql-reference/sql/copy-into-table).
_FILES_PER_COPY = 1000
_PRUNED_TYPES = ("NUMBER", "VARCHAR", "DATE")


@dataclass(frozen=True)
class Job:
    """One load: whose it is and where it goes.

    Attributes:
        purpose: Part of the staging table's name.
        reload: True where all rows of the target are replaced.
        rebuild: True where a person asked for that.
    """

    settings: TableSettings
    run_id: str
    purpose: str = "ROWS"
    reload: bool = False
    rebuild: bool = False

    @property
    def target(self) -> Target:
        """The target as this load treats it."""
        rules = Rules.of(self.settings, reload=self.reload, rebuild=self.rebuild)
        return Target(self.settings, self.run_id, rules, may_create=self.reload)

    @property
    def staging(self) -> str:
        """Quoted name of this run's staging table."""
        return snowpark_names.staging_name(
            self.settings.name, self.run_id, self.purpose
        )


def stage(
    warehouse: Warehouse, job: Job, columns: Sequence[LoadColumn], files: Sequence[File]
) -> None:
    """Loads exactly these files into an empty staging table and checks the count.

    Where the files lie decides who loads them: the configuration may have changed since
    they were asked for.

    Raises:
        LoadError: "load_failed": Snowflake refused a file; "count_mismatch": not the
            rows that the manifest says; of a pipe, see `pipe.fill_staging`.
    """
    warehouse.run(load_statements.create_staging(job.staging, columns))
    if pipe.carries(files):
        loaded = pipe.fill_staging(
            warehouse, job.settings, job.run_id, job.staging, columns, files
        )
    else:
        loaded = _copy(warehouse, job, columns, files)
    expected = sum(file.rows for file in files)
    if loaded != expected:
        raise LoadError(
            "count_mismatch",
            f"The manifest has {expected} rows in {len(files)} files, Snowflake loaded"
            f" {loaded}.",
        )


def _copy(
    warehouse: Warehouse, job: Job, columns: Sequence[LoadColumn], files: Sequence[File]
) -> int:
    loaded = 0
    for i in range(0, len(files), _FILES_PER_COPY):
        batch = files[i : i + _FILES_PER_COPY]
        copy = load_statements.copy_files(job.staging, columns, batch)
        known = [column.name for column in columns] + [file.path for file in batch]
        try:
            rows = warehouse.run(copy, tell_only=known)
        except WarehouseError as error:
            raise LoadError("load_failed", error.message) from error
        # A COPY that finds nothing to do answers with a status and no counts.
        loaded += sum(int(row.as_dict().get("rows_loaded", 0)) for row in rows)
    return loaded


def drop_staging(warehouse: Warehouse, job: Job, files: Sequence[File] = ()) -> None:
    """Drops the staging table of the run.

    Args:
        files: Of its last manifest, where all of the run is committed: what a pipe has
            loaded for it goes, too.
    """
    warehouse.run(load_statements.drop_staging(job.staging))
    if pipe.carries(files):
        pipe.forget_rows(warehouse, job.settings, job.run_id, files)


def batch(job: Job, aligned: Alignment, key: Sequence[str], extracted_at: str) -> Batch:
    """Returns the staged rows as the statements want them.

    Raises:
        UsageError: "delete_column_missing".
    """
    settings = job.settings
    by_source = {c.source.name: c for c in aligned.columns if c.loaded}
    deleted = None
    if settings.deletes == "soft_column":
        deleted = by_source.get(settings.delete_column or "")
        if deleted is None:
            raise UsageError(
                "delete_column_missing",
                f"The source has no column {settings.delete_column}.",
            )
    return Batch(
        target=settings.target,
        staging=job.staging,
        columns=aligned.columns,
        blanks=aligned.blanks,
        key=tuple(by_source[name] for name in key),
        cursor=by_source.get(settings.cursor or ""),
        deleted=deleted,
        soft_deletes=settings.deletes_softly,
        run_id=job.run_id,
        extracted_at=extracted_at,
    )


def merge_rows(warehouse: Warehouse, rows: Batch) -> Counts:
    """Merges the staged rows into the target, inside the current transaction.

    Raises:
        WarehouseError: Snowflake refused the MERGE.
    """
    bounds = _key_bounds(warehouse, rows.staging, rows.key[0])
    statement = load_statements.merge(rows, bounds)
    known = [column.name for column in rows.columns]
    (row,) = warehouse.run(statement, tell_only=known)
    changed = row.as_dict()
    return Counts(
        inserted=int(changed.get("number of rows inserted", 0)),
        updated=int(changed.get("number of rows updated", 0)),
        deleted=int(changed.get("number of rows deleted", 0)),
    )


def _key_bounds(
    warehouse: Warehouse, staging: str, first: LoadColumn
) -> tuple[str, str] | None:
    kind = first.source.snowflake_type
    if first.source.nullable or not kind.startswith(_PRUNED_TYPES):
        return None
    (row,) = warehouse.run(load_statements.key_bounds(staging, first), tell_only=())
    return (str(row[0]), str(row[1])) if row[0] is not None else None


def overwrite_rows(warehouse: Warehouse, rows: Batch) -> Counts:
    """Replaces the rows of the target, inside the current transaction."""
    known = [column.name for column in rows.columns]
    (row,) = warehouse.run(load_statements.overwrite(rows), tell_only=known)
    return Counts(inserted=int(row[0]))


def commit_rows(
    warehouse: Warehouse,
    job: Job,
    commit: Commit | None,
    change_rows: Callable[[], Counts],
    record: Callable[[Counts], None],
) -> None:
    """Commits target rows, watermark and run together, or nothing at all.

    The fence is the last statement before COMMIT: the lease table is shared by all
    syncs and about 20 statements may wait for one table, so it is locked as briefly as
    can be. A failed statement does not end a transaction in Snowflake, hence the
    ROLLBACK.

    Args:
        commit: The watermark row; None where the watermark does not move.
        change_rows: Sends the MERGE or the reload.
        record: Takes the counts into the run, and appends its row where it is over.

    Raises:
        SyncError: Whatever failed; nothing of it was kept.
    """
    warehouse.run(sql.BEGIN)
    try:
        record(change_rows())
        if commit:
            write.record_commit(warehouse, job.settings, job.run_id, commit)
        lease.hold_lease(warehouse, job.settings.name, job.run_id)
        warehouse.run(sql.COMMIT)
    except SyncError:
        warehouse.run(sql.ROLLBACK)
        raise


def check_key(reply_key: Sequence[str], columns: Sequence[Column]) -> None:
    """Refuses a manifest whose key is missing or not among its columns.

    Raises:
        SyncError: "reply_invalid".
    """
    names = {column.name for column in columns}
    if not reply_key or not set(reply_key) <= names:
        raise SyncError("reply_invalid", "The key is not among the columns.")
