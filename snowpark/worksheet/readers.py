"""What readers of targets need beside SELECT: to use the database and the schema."""

from collections.abc import Sequence
from typing import Any

from snowpark.errors import SnowflakeError
from snowpark.session import Snowflake
from snowpark.settings.table import TableSettings
from snowpark.sql import qualified
from snowpark.worksheet import statements

# Kind of object, its quoted name, the role.
Admission = tuple[str, str, str]


def admit(
    snowflake: Snowflake,
    before: Sequence[TableSettings],
    after: Sequence[TableSettings],
    own_database: str,
) -> dict[str, Any]:
    """Lets new readers use the databases and schemas of their targets.

    A sync gives them SELECT. What only another owner may grant is told, not refused:
    perhaps it has long been granted.

    Returns:
        What could not be granted, for the report; empty if there is nothing to tell.
    """
    known = set(_admissions(before, own_database))
    refused = []
    for kind, name, role in _admissions(after, own_database):
        if (kind, name, role) in known:
            continue
        try:
            statement = statements.grant_usage(kind, name, role)
            snowflake.run(statement, tell_only=[role])
        except SnowflakeError as error:
            refused.append(f"USAGE ON {kind} {name} TO ROLE {role}: {error.message}")
    if not refused:
        return {}
    return {
        "warnings": refused,
        "hint": "If these roles cannot read yet, the owner has to grant it.",
    }


def _admissions(
    tables: Sequence[TableSettings], own_database: str
) -> dict[Admission, None]:
    """Returns what is to be granted, each once, databases first."""
    found: dict[Admission, None] = {}
    places = {
        ((t.target_database or own_database).upper(), t.target_schema.upper(), role)
        for t in tables
        for role in t.readers
    }
    for database, _, role in sorted(places):
        found["DATABASE", qualified(database), role] = None
    for database, schema, role in sorted(places):
        found["SCHEMA", qualified(database, schema), role] = None
    return found
