"""HELP: what can be called, as the deployed procedures themselves say."""

from lambda_extract.contract import RELEASE
from snowpark.session import Snowflake
from snowpark.worksheet import statements

# Steps of the task graphs, which nobody calls by hand.
INTERNAL = frozenset(
    {
        "EXTRACT_GROUP",
        "EXTRACT_LANES",
        "FINISH_GROUP",
        "LOAD_LANE",
        "LOAD_TABLE",
        "MERGE_TABLE",
    }
)
_OVERVIEW = "SELECT * FROM CONTROL.SYNC_OVERVIEW;"


def calls(snowflake: Snowflake) -> str:
    """Returns the query of a row for each call: what it does, and an example.

    Raises:
        SnowflakeError: Snowflake refused the statement.
    """
    rows = [
        (
            "(release)",
            f"This is release {RELEASE}. The overview says what needs attention;"
            " docs/RUNBOOK.md has every error code.",
            _OVERVIEW,
        )
    ]
    for row in snowflake.run(statements.show_procedures()):
        name = str(row["name"])
        if name in INTERNAL:
            continue
        does, _, example = str(row["description"]).partition(" CALL ")
        rows.append((name, does, f"CALL {example};" if example else ""))
    return statements.table_of(("CALL", "DOES", "EXAMPLE"), sorted(rows))
