"""The waiting load step: a pipe has the files, the run wants exactly its own.

A pipe loads whatever lands in its folder, whenever it is notified, in any order. What
makes that safe: the rows of all runs lie in a table of the pipe (its landed rows), each
with the path of its file, and a run takes the files of its manifest and no other. A
file that lands after its run has given up is in no later manifest, so it is never
merged.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambda_extract.contract import File
from lambda_extract.contract_paths import is_loaded_by, piped_file
from snowpark.columns.column import LoadColumn
from snowpark.errors import LoadError, SnowflakeError, SyncError
from snowpark.ledger import lease
from snowpark.load import pipe_statements
from snowpark.load.pipe_statements import Pair, PipeSettings
from snowpark.session import Snowflake
from snowpark.settings.table import TableSettings

# A pipe takes 20 seconds and more; the first looks are for files that landed early.
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 10.0
_FILES_PER_INSERT = 1000
_FILES_NAMED = 3
# The only status of COPY_HISTORY that is not the last one of a file; the others beside
# "Loaded" are "Load failed", "Partially loaded" and "Load skipped".
_UNDER_WAY = "load in progress"


@dataclass(frozen=True)
class Delivery:
    """The files of one manifest, on their way through one pipe.

    Attributes:
        files: By the end of their path, as COPY_HISTORY and METADATA$FILENAME have it.
        run_ids: Runs that asked for them; several if a snapshot was resumed.
    """

    settings: TableSettings
    run_id: str
    pair: Pair
    files: Mapping[str, File]
    run_ids: tuple[str, ...]


def carries(files: Sequence[File]) -> bool:
    """Returns whether the files of a manifest are loaded by a pipe."""
    return any(is_loaded_by("snowpipe", file.path) for file in files)


def fill_staging(
    snowflake: Snowflake,
    settings: TableSettings,
    run_id: str,
    staging: str,
    columns: Sequence[LoadColumn],
    files: Sequence[File],
) -> int:
    """Waits until the pipe has loaded exactly these files, and stages their rows.

    Returns:
        Number of rows staged.

    Raises:
        SyncError: "reply_invalid": a path is not one of the table's. "lease_lost".
        LoadError: "pipe_stopped", "pipe_file_failed", "pipe_timeout"; "count_mismatch":
            a file has not the rows or bytes of the manifest; "load_failed": a value
            does not have the type of its column.
    """
    delivery = _delivery(settings, run_id, len(columns), files)
    _prepare(snowflake, delivery)
    _wait(snowflake, delivery)
    tails, staged = list(delivery.files), 0
    known = [column.name for column in columns]
    for i in range(0, len(tails), _FILES_PER_INSERT):
        batch = tails[i : i + _FILES_PER_INSERT]
        insert = pipe_statements.fill_staging(staging, columns, delivery.pair, batch)
        try:
            (row,) = snowflake.run(insert, tell_only=known)
        except SnowflakeError as error:
            raise LoadError("load_failed", error.message) from error
        staged += int(row[0])
    return staged


def forget_rows(
    snowflake: Snowflake, settings: TableSettings, run_id: str, files: Sequence[File]
) -> None:
    """Deletes the landed rows of a run that has committed, and of all before it.

    Args:
        files: Of its last manifest.
    """
    width = _width(settings, files)
    statement = pipe_statements.forget_rows(Pair(settings.name, width), run_id)
    snowflake.run(statement)


def _delivery(
    settings: TableSettings, run_id: str, columns: int, files: Sequence[File]
) -> Delivery:
    if _width(settings, files) != columns:
        raise SyncError("reply_invalid", "The files lie in a folder of other columns.")
    known = [(piped_file(file.path, settings.name), file) for file in files]
    return Delivery(
        settings=settings,
        run_id=run_id,
        pair=Pair(settings.name, columns),
        files={path.tail: file for path, file in known if path},
        run_ids=tuple(sorted({path.run_id for path, _ in known if path})),
    )


def _width(settings: TableSettings, files: Sequence[File]) -> int:
    paths = [piped_file(file.path, settings.name) for file in files]
    widths = {path.width if path else None for path in paths}
    width = widths.pop() if len(widths) == 1 else None
    if width is None:
        raise SyncError("reply_invalid", "The files are not of one folder for pipes.")
    return width


# --- the pipe itself ------------------------------------------------------------------


def _prepare(snowflake: Snowflake, delivery: Delivery) -> None:
    """Makes sure that there is a pipe, and no other of the table.

    The first pipe of a table is made when its first files have landed, because only
    then their columns are known: it has to be notified of them. The run has the lease,
    so nobody needs another pair of the table: its columns have changed.
    """
    pair = delivery.pair
    shown = snowflake.run(pipe_statements.show_pipes(pair))
    pipes = [str(row["name"]) for row in shown]
    for old in pair.others(pipes):
        snowflake.run(pipe_statements.drop_landed(old))
        snowflake.run(pipe_statements.drop_pipe(old))
    if pair.pipe in pipes:
        return
    (row,) = snowflake.run(pipe_statements.read_settings())
    settings = PipeSettings(str(row["DATABASE_NAME"]), str(row["TOPIC_ARN"] or ""))
    snowflake.run(pipe_statements.create_landed(pair))
    snowflake.run(pipe_statements.create_pipe(pair, settings))
    _refresh(snowflake, delivery)


def _refresh(snowflake: Snowflake, delivery: Delivery) -> None:
    for run_id in delivery.run_ids:
        snowflake.run(pipe_statements.refresh_pipe(delivery.pair, run_id))


def _wait(snowflake: Snowflake, delivery: Delivery) -> None:
    """Returns once every file is loaded; a lost notification is made good half-way."""
    table, limit = delivery.settings.name, delivery.settings.pipe_wait_seconds
    started = time.monotonic()
    pause, refreshed = _FIRST_PAUSE_SECONDS, False
    while missing := _missing(snowflake, delivery):
        now = time.monotonic()
        lease.renew_lease(snowflake, table, delivery.run_id)
        if now - started >= limit:
            raise _timeout(snowflake, delivery, missing)
        if now - started >= limit / 2 and not refreshed:
            _check_running(snowflake, delivery)
            _refresh(snowflake, delivery)
            refreshed = True
        time.sleep(pause)
        # A quarter: neither the refresh nor the end of a short limit is slept through.
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS, limit / 4)


def _missing(snowflake: Snowflake, delivery: Delivery) -> list[str]:
    history = pipe_statements.copy_history(delivery.pair, delivery.run_ids)
    rows = snowflake.run(history)
    return missing_files(delivery.files, [row.as_dict() for row in rows])


def missing_files(
    files: Mapping[str, File], history: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Returns the files that the pipe has not loaded yet.

    Args:
        files: By the end of their path.
        history: Rows of COPY_HISTORY; of other files, too.

    Raises:
        LoadError: "pipe_file_failed", "count_mismatch".
    """
    loaded: set[str] = set()
    failed: dict[str, str] = {}
    for row in history:
        tail = "/".join(str(row["FILE_NAME"]).split("/")[-3:])
        status = str(row["STATUS"]).lower()
        if tail not in files:
            continue
        if status == "loaded":
            _check_size(files[tail], row)
            loaded.add(tail)
        elif status != _UNDER_WAY:
            errors = row["ERROR_COUNT"]
            failed[tail] = f"{files[tail].path} ({status}, {errors} rows with errors)"
    bad = [failed[tail] for tail in sorted(failed.keys() - loaded)]
    if bad:
        raise LoadError(
            "pipe_file_failed",
            f"The pipe could not load {len(bad)} of {len(files)} files:"
            f" {', '.join(bad[:_FILES_NAMED])}.",
        )
    return sorted(files.keys() - loaded)


def _check_size(file: File, row: Mapping[str, Any]) -> None:
    for what, expected, name in (
        ("rows", file.rows, "ROW_COUNT"),
        ("bytes", file.bytes, "FILE_SIZE"),
    ):
        if row[name] is not None and int(row[name]) != expected:
            raise LoadError(
                "count_mismatch",
                f"The manifest has {expected} {what} for {file.path}, the pipe loaded"
                f" {row[name]}.",
            )


def _check_running(snowflake: Snowflake, delivery: Delivery) -> str:
    """Returns the state of the pipe, for a person.

    Raises:
        LoadError: "pipe_stopped".
    """
    try:
        (row,) = snowflake.run(pipe_statements.pipe_status(delivery.pair))
        status = json.loads(str(row["STATUS"]))
        found = str(status["executionState"])
        pending = status.get("pendingFileCount", "?")
    except (SnowflakeError, ValueError, KeyError, TypeError) as error:
        # It is asked for a better message alone; the wait ends by itself.
        return f"its state cannot be read ({type(error).__name__})"
    if found != "RUNNING":
        raise LoadError(
            "pipe_stopped",
            f"Pipe STAGING.{delivery.pair.pipe} is {found} with {pending} files"
            " pending; nothing was merged.",
        )
    return f"it is {found} with {pending} files pending"


def _timeout(
    snowflake: Snowflake, delivery: Delivery, missing: Sequence[str]
) -> LoadError:
    found = _check_running(snowflake, delivery)
    return LoadError(
        "pipe_timeout",
        f"Pipe STAGING.{delivery.pair.pipe} has not loaded {len(missing)} of"
        f" {len(delivery.files)} files after {delivery.settings.pipe_wait_seconds} s;"
        f" {found}. The first is {delivery.files[missing[0]].path}.",
    )
