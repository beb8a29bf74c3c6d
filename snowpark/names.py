"""Names in Snowflake: the one place that quotes an identifier."""

from snowpark.errors import DriftError
from snowpark.sql import qualified, quote

# Cannot be column names, not even quoted (sql-reference/reserved-keywords).
UNUSABLE_COLUMNS = frozenset(
    {
        "CURRENT_DATE",
        "CURRENT_TIME",
        "CURRENT_TIMESTAMP",
        "CURRENT_USER",
        "LOCALTIME",
        "LOCALTIMESTAMP",
    }
)

# Added to every target by this product.
RUN_ID = "_SYNC_RUN_ID"
EXTRACTED_AT = "_SYNC_EXTRACTED_AT"
DELETED_AT = "_SYNC_DELETED_AT"
# Of a target that keeps history: one row for each version of a row.
VALID_FROM = "_SYNC_VALID_FROM"
VALID_TO = "_SYNC_VALID_TO"
IS_CURRENT = "_SYNC_IS_CURRENT"
DELETED = "_SYNC_DELETED"
OWN_COLUMNS = frozenset(
    {RUN_ID, EXTRACTED_AT, DELETED_AT, VALID_FROM, VALID_TO, IS_CURRENT, DELETED}
)
# Behind the name of a target: the view of its current versions.
CURRENT_SUFFIX = "_CURRENT"


def target_name(*, database: str | None, schema: str, table: str) -> str:
    """Returns the quoted name of a target; Snowflake names are upper case."""
    return qualified(database and database.upper(), schema.upper(), table.upper())


def column_name(source_name: str) -> str:
    """Returns the target column of a source column: upper case, not quoted yet.

    Raises:
        DriftError: Snowflake cannot have a column of that name.
    """
    name = source_name.upper()
    if name in UNUSABLE_COLUMNS or name in OWN_COLUMNS:
        raise DriftError(
            "column_name_unusable",
            f"Snowflake cannot have a column {quote(name)}.",
        )
    return name


def staging_name(table: str, run_id: str, purpose: str) -> str:
    """Returns the quoted name of the staging table of one run.

    One per run, not per table: a run that lost its lease while it slept must not be
    able to touch the rows of its successor. And one per table, because those of a group
    share the id of their run.

    Args:
        table: Configured name: targets of two schemas may have the same one.
    """
    run = run_id.upper().replace("-", "_")
    return qualified("STAGING", f"{table.upper()[:180]}__{purpose}_{run}")
