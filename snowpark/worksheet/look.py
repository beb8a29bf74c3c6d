"""What a run of a group does beside its tables: it looks for new and vanished ones."""

import json
from typing import Any

from snowpark.errors import SyncError
from snowpark.session import Snowflake
from snowpark.worksheet import apply_config, resolve, statements
from snowpark.worksheet.discoveries import Discovery


def look(snowflake: Snowflake) -> dict[str, Any]:
    """Looks, at most once an hour, for tables that are new or have vanished.

    Nothing of it fails the run of the group that it is part of.

    Returns:
        What is told beside the group's own report.
    """
    told = dict[str, Any]()
    try:
        rows = snowflake.run(statements.read_patterns_to_look_at())
        if not rows:
            return told
        config = json.loads(str(rows[0][0]))
        found = list(resolve.discoveries(snowflake, config))
        if found:
            told["discoveries"] = [_told(one) for one in found]
        # Noted first: what fails now is not tried again by each run of this hour.
        noted = [*found, Discovery("looked")]
        for statement in statements.insert_discoveries(noted):
            snowflake.run(statement)
        if any(one.what == "new" and one.policy == "add" for one in found):
            # The patterns are resolved again, under the lease of the configuration.
            apply_config.edit_config(snowflake, _the_same)
    except SyncError as error:
        told["discoveries_failed"] = str(error)
    return told


def _told(found: Discovery) -> dict[str, str]:
    return {"what": found.what, "table": found.place, "policy": found.policy}


def _the_same(text: str | None) -> str:
    return text or ""
