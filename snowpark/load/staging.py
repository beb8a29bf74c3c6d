"""From files to committed rows: stage, check, merge, commit."""

from collections.abc import Sequence
from dataclasses import dataclass

from lambda_extract.contract import Column, File
from snowpark import names as snowpark_names
from snowpark.columns.alignment import Rules
from snowpark.columns.column import LoadColumn
from snowpark.errors import LoadError, SnowflakeError, SyncError
from snowpark.load import identity, pipe, statements
from snowpark.load.target import Target
from snowpark.session import Snowflake
from snowpark.settings.table import TableSettings

# COPY INTO takes at most 1000 names in FILES (sql-reference/sql/copy-into-table).
_FILES_PER_COPY = 1000


@dataclass(frozen=True)
class Job:
    """One load: whose it is and where it goes.

    Attributes:
        purpose: Part of the staging table's name.
        reload: True if all rows of the target are replaced.
        rebuild: True if a person asked for that.
        common: Quoted name of a staging table that it shares with the other tables of
            a lane, which come before and after it; whoever runs the lane drops it.
    """

    settings: TableSettings
    run_id: str
    purpose: str = "ROWS"
    reload: bool = False
    rebuild: bool = False
    common: str = ""

    @property
    def target(self) -> Target:
        """The target as this load treats it."""
        rules = Rules.of(self.settings, reload=self.reload, rebuild=self.rebuild)
        return Target(self.settings, self.run_id, rules, may_create=self.reload)

    @property
    def staging(self) -> str:
        """Quoted name of this run's staging table."""
        return self.common or snowpark_names.staging_name(
            self.settings.name, self.run_id, self.purpose
        )


def stage(
    snowflake: Snowflake, job: Job, columns: Sequence[LoadColumn], files: Sequence[File]
) -> None:
    """Loads exactly these files into an empty staging table and checks the count.

    Where the files lie decides who loads them: the configuration may have changed since
    they were asked for.

    Raises:
        LoadError: "load_failed": Snowflake refused a file; "count_mismatch": not the
            rows that the manifest says; "file_replaced": not the files that it says;
            of a pipe, see `pipe.fill_staging`.
    """
    snowflake.run(statements.create_staging(job.staging, columns))
    if pipe.carries(files):
        loaded = pipe.fill_staging(
            snowflake, job.settings, job.run_id, job.staging, columns, files
        )
    else:
        loaded = _copy(snowflake, job, columns, files)
    expected = sum(file.rows for file in files)
    if loaded != expected:
        raise LoadError(
            "count_mismatch",
            f"The manifest has {expected} rows in {len(files)} files, Snowflake loaded"
            f" {loaded}.",
        )
    identity.check_files(snowflake, files)


def _copy(
    snowflake: Snowflake, job: Job, columns: Sequence[LoadColumn], files: Sequence[File]
) -> int:
    loaded = 0
    for i in range(0, len(files), _FILES_PER_COPY):
        batch = files[i : i + _FILES_PER_COPY]
        copy = statements.copy_files(job.staging, columns, batch)
        known = [column.name for column in columns] + [file.path for file in batch]
        try:
            rows = snowflake.run(copy, tell_only=known)
        except SnowflakeError as error:
            raise LoadError("load_failed", error.message) from error
        # A COPY that finds nothing to do answers with a status and no counts.
        loaded += sum(int(row.as_dict().get("rows_loaded", 0)) for row in rows)
    return loaded


def drop_staging(snowflake: Snowflake, job: Job, files: Sequence[File] = ()) -> None:
    """Drops the staging table of the run.

    Args:
        files: Of its last manifest, if all of the run is committed: what a pipe has
            loaded for it goes, too.
    """
    if not job.common:
        snowflake.run(statements.drop_staging(job.staging))
    if pipe.carries(files):
        pipe.forget_rows(snowflake, job.settings, job.run_id, files)


def check_key(reply_key: Sequence[str], columns: Sequence[Column]) -> None:
    """Refuses a manifest whose key is missing or not among its columns.

    Raises:
        SyncError: "reply_invalid".
    """
    names = {column.name for column in columns}
    if not reply_key or not set(reply_key) <= names:
        raise SyncError("reply_invalid", "The key is not among the columns.")
