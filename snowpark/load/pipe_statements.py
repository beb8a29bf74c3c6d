"""PURE: the SQL texts of pipes: their tables, what they load, what they have loaded.

A pipe loads every field as text, into a table that it shares with nobody but the
extractions of its own table. Types come later, with the INSERT into the staging table
of a run: a pipe that cast would need its documentation to say what ON_ERROR does with a
failing cast inside a SELECT, which it does not.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lambda_extract.contract_paths import folder_of
from snowpark.columns.column import LoadColumn
from snowpark.sql import Statement, literal, qualified, quote

# INFORMATION_SCHEMA.COPY_HISTORY keeps 14 days; a manifest is at most as old as the
# longest run of a group (7 days), or as an open snapshot (1 day).
_HISTORY_DAYS = 8
_SCHEMA = "STAGING"
_TEXT = "VARCHAR(134217728)"
# Of METADATA$FILENAME, the path inside the bucket: the part that a manifest names, too.
_TAIL = "REGEXP_SUBSTR(file_path, '[^/]+/[^/]+/[^/]+$')"
_RUN_ID = "SPLIT_PART(file_path, '/', -3)"


@dataclass(frozen=True)
class Pair:
    """A pipe and the table that it fills: one pair per table and number of columns.

    Columns that change their names or types leave the pair alone; their number is part
    of the files' folder, so that no pipe ever sees a row of another width.

    Attributes:
        table: Configured name.
        width: Number of columns.
    """

    table: str
    width: int

    @property
    def stem(self) -> str:
        """What the names of all pairs of the table begin with: A-Z, 0-9 and "_".

        Such a name is the same with and without quotes, whatever a function makes of it
        that takes a name as text.
        """
        digest = hashlib.sha256(self.table.encode()).hexdigest()[:12].upper()
        safe = re.sub(r"[^A-Z0-9_]", "_", self.table.upper())
        return f"P_{safe[:180]}_{digest}__"

    @property
    def pipe(self) -> str:
        """Name of the pipe in schema STAGING, not quoted."""
        return f"{self.stem}PIPE_{self.width}"

    @property
    def landed(self) -> str:
        """Quoted name of the table with the rows of all files."""
        return qualified(_SCHEMA, self._landed)

    @property
    def _landed(self) -> str:
        return f"{self.stem}LANDED_{self.width}"

    def others(self, pipes: Iterable[str]) -> list["Pair"]:
        """Returns the table's other pairs among the names of pipes."""
        found = (re.fullmatch(rf"{self.stem}PIPE_(\d+)", name) for name in pipes)
        pairs = [Pair(self.table, int(match[1])) for match in found if match]
        return [pair for pair in pairs if pair != self]


@dataclass(frozen=True)
class PipeSettings:
    """What the deployment says about pipes.

    Attributes:
        database: The one that everything of the sync lies in.
        topic_arn: SNS topic that announces new files; empty: S3 notifies Snowflake's
            own SQS queue.
    """

    database: str
    topic_arn: str = ""


def show_pipes(pair: Pair) -> Statement:
    """Reads the pipes of the table; "_" matches any character, so others may come."""
    return Statement(
        f"SHOW PIPES LIKE {literal(pair.stem + '%')} IN SCHEMA {_SCHEMA.lower()}"
    )


def read_settings() -> Statement:
    """Reads what the deployment says about pipes."""
    return Statement("SELECT database_name, topic_arn FROM control.sync_pipe_settings")


def create_landed(pair: Pair) -> Statement:
    """Creates the table that the pipe loads into."""
    fields = "".join(f"    {name} {_TEXT},\n" for name in _fields(pair))
    return Statement(f"""\
CREATE TRANSIENT TABLE IF NOT EXISTS {pair.landed} (
{fields}    one_too_many {_TEXT},
    file_path {_TEXT}
)
DATA_RETENTION_TIME_IN_DAYS = 0""")


def create_pipe(pair: Pair, settings: PipeSettings) -> Statement:
    """Creates the pipe; it takes the files that land from then on.

    A COPY with a SELECT ignores the number of fields of a row, so the first field too
    many is kept. Names inside are complete: nobody's session runs the COPY.
    """
    names = ",\n    ".join([*_fields(pair), "one_too_many", "file_path"])
    fields = ",\n        ".join(f"${at + 1}" for at in range(pair.width + 1))
    stage = qualified(settings.database, "CONTROL", "LANDING")
    file_format = qualified(settings.database, "CONTROL", "LANDING_CSV")
    landed = f"{quote(settings.database)}.{pair.landed}"
    topic = (
        f"AWS_SNS_TOPIC = {literal(settings.topic_arn)}\n" if settings.topic_arn else ""
    )
    return Statement(f"""\
CREATE PIPE IF NOT EXISTS {_name(pair)}
AUTO_INGEST = TRUE
{topic}COMMENT = 'Loads the files of one table of the Aurora sync as text'
AS
COPY INTO {landed} (
    {names}
)
FROM (
    SELECT
        {fields},
        METADATA$FILENAME
    FROM @{stage}/{folder_of("snowpipe", pair.table, pair.width)}
)
FILE_FORMAT = (FORMAT_NAME = {literal(file_format)})
ON_ERROR = SKIP_FILE""")


def refresh_pipe(pair: Pair, run_id: str) -> Statement:
    """Tells the pipe of a run's files; those that it knows are not loaded again."""
    return Statement(
        f"ALTER PIPE {_name(pair)} REFRESH PREFIX = {literal(run_id + '/')}"
    )


def pipe_status(pair: Pair) -> Statement:
    """Reads the state of the pipe, as JSON text."""
    return Statement(f"SELECT SYSTEM$PIPE_STATUS({literal(_name(pair))}) AS status")


def copy_history(pair: Pair, run_ids: Sequence[str]) -> Statement:
    """Reads what became of the files of some runs.

    Not FIRST_ERROR_MESSAGE, which may quote a row value.
    """
    of_runs = " OR ".join(["CONTAINS(file_name, ?)"] * len(run_ids))
    return Statement(
        f"""\
SELECT
    file_name,
    status,
    row_count,
    file_size,
    error_count
FROM TABLE(information_schema.copy_history(
    TABLE_NAME => {literal(f"{_SCHEMA}.{pair._landed}")},
    START_TIME => DATEADD('day', -{_HISTORY_DAYS}, CURRENT_TIMESTAMP())
))
WHERE {of_runs}""",
        tuple(f"{run_id}/" for run_id in run_ids),
    )


def fill_staging(
    staging: str, columns: Sequence[LoadColumn], pair: Pair, tails: Sequence[str]
) -> Statement:
    """Takes exactly the rows of these files, and gives them their types.

    A row with a field too many is left behind: the count then shows it.
    """
    names = ",\n    ".join(quote(c.name) for c in columns)
    values = ",\n    ".join(
        _typed(field, c.staging_type)
        for field, c in zip(_fields(pair), columns, strict=True)
    )
    marks = ", ".join("?" * len(tails))
    return Statement(
        f"""\
INSERT INTO {staging} (
    {names}
)
SELECT
    {values}
FROM {pair.landed}
WHERE
    one_too_many IS NULL
    AND {_TAIL} IN ({marks})""",
        tuple(tails),
    )


def forget_rows(pair: Pair, run_id: str) -> Statement:
    """Deletes the rows of a run that has committed, and of all runs before it.

    Run ids sort by time, and no manifest of an earlier run is good for anything once a
    later one has committed. A file that lands later waits for the next such call.
    """
    return Statement(f"DELETE FROM {pair.landed} WHERE {_RUN_ID} <= ?", (run_id,))


def drop_landed(pair: Pair) -> Statement:
    """Drops the table of a pair; before its pipe, whose name is how it is found."""
    return Statement(f"DROP TABLE IF EXISTS {pair.landed}")


def drop_pipe(pair: Pair) -> Statement:
    """Drops the pipe of a pair."""
    return Statement(f"DROP PIPE IF EXISTS {_name(pair)}")


def _name(pair: Pair) -> str:
    return qualified(_SCHEMA, pair.pipe)


def _fields(pair: Pair) -> list[str]:
    return [f"field_{at + 1}" for at in range(pair.width)]


def _typed(field: str, kind: str) -> str:
    """Returns a field as its type; a text stays as it is.

    A cast to VARCHAR(n) would cut a longer text silently, an INSERT refuses it.
    """
    if kind.startswith("VARCHAR"):
        return field
    if kind.startswith("BINARY"):
        return f"TO_BINARY({field}, 'HEX')"
    return f"{field}::{kind}"
