"""HELP: what can be called, as the deployed procedures themselves say."""

from typing import Any

from snowpark.session import Snowflake
from snowpark.worksheet import statements


def calls(snowflake: Snowflake) -> dict[str, Any]:
    """Returns a sentence and an example for every procedure of the product.

    Raises:
        SnowflakeError: Snowflake refused the statement.
    """
    found = {}
    for row in snowflake.run(statements.show_procedures()):
        does, _, example = str(row["description"]).partition(" CALL ")
        found[str(row["name"])] = {
            "arguments": str(row["arguments"]).partition(" RETURN ")[0],
            "does": does,
            "example": f"CALL {example};" if example else "",
        }
    return {
        "summary": "State: SELECT * FROM SYNC_STATUS; past runs: SELECT * FROM"
        " SYNC_HISTORY; error codes: docs/RUNBOOK.md.",
        "calls": dict(sorted(found.items())),
    }
