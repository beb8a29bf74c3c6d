"""ADD_TABLES and REMOVE_TABLES: the configuration changes without a file."""

import json
from collections.abc import Sequence
from typing import Any

from snowpark import arguments
from snowpark.errors import UsageError
from snowpark.session import Snowflake
from snowpark.settings import patterns
from snowpark.worksheet import apply_config, discovery, propose_config
from snowpark.worksheet.discovery import Found


def add_tables(snowflake: Snowflake, source: object, tables: object) -> dict[str, Any]:
    """Configures tables of a source as PROPOSE_CONFIG proposes them.

    Args:
        tables: "schema.table", patterns among them.

    Raises:
        UsageError: "nothing_found": none of them can be added; "invalid_argument".
        LambdaError: The source is unknown or cannot be asked.
        SyncError: Another change is at work, or Snowflake refused something.
    """
    name = discovery.source_name(source)
    wanted = discovery.patterns(tables)
    config = discovery.read_config(snowflake) or discovery.first_config(name)
    found = discovery.discover(snowflake, name, wanted, config)
    missing = _missing(wanted, found)
    if not any(one.entry for one in found.proposals):
        raise UsageError("nothing_found", _nothing(found, missing))

    def edit(text: str | None) -> str:
        # Asked again under the lease: names may have been taken meanwhile.
        now = json.loads(text) if text else discovery.first_config(name)
        again = discovery.proposed(found, now)
        return json.dumps(discovery.merged(now, name, again), indent=2)

    report = apply_config.edit_config(snowflake, edit)
    told = {
        "summary": f"{report['summary']} {propose_config.summary(found)}",
        "not_found": missing,
        "tables": propose_config.rows(found.proposals),
    }
    warnings = propose_config.source_warnings(found)
    kept = {k: v for k, v in report.items() if k not in ("summary", "tables")}
    return told | kept | ({"warnings": warnings} if warnings else {})


def _missing(wanted: Sequence[str], found: Found) -> list[str]:
    """Returns the names, patterns aside, that the source does not have or not show."""
    places = {one.place for one in found.proposals}
    return [w for w in wanted if not set(w) & set("*?") and w not in places]


def _nothing(found: Found, missing: Sequence[str]) -> str:
    reasons = [
        f"{one.place}: {one.misfits[0].message} {one.misfits[0].hint}"
        for one in found.proposals[:5]
        if one.misfits
    ]
    known = [one.place for one in found.proposals if one.state == "configured"]
    parts = [
        (
            f"Not there, or not on the allow-list: {', '.join(missing[:20])}."
            if missing
            else ""
        ),
        f"Configured already: {', '.join(known[:20])}." if known else "",
        *reasons,
    ]
    said = " ".join(part for part in parts if part) or "No table matches."
    return f"No table can be added. {said}"


def remove_tables(snowflake: Snowflake, tables: object) -> dict[str, Any]:
    """Takes tables out of the configuration; their targets stay as they are.

    Args:
        tables: Configured names.

    Raises:
        UsageError: "unknown_table", "invalid_argument".
        SyncError: Another change is at work, or Snowflake refused something.
    """
    names = [
        arguments.table_name(one) for one in arguments.names(tables, "names of tables")
    ]

    def edit(text: str | None) -> str:
        config = json.loads(text) if text else {"tables": {}}
        left = []
        for name in names:
            # A pattern would bring it back.
            excluding = patterns.without(config, name)
            config = excluding or config
            left += [] if excluding else [name]
        known = {name.lower(): name for name in config["tables"]}
        unknown = [name for name in left if name not in known]
        if unknown:
            raise UsageError(
                "unknown_table", f"No table is configured as {', '.join(unknown[:20])}."
            )
        gone = {known[name] for name in left}
        kept = {k: v for k, v in config["tables"].items() if k not in gone}
        return json.dumps({**config, "tables": kept}, indent=2)

    # Each was named, so that nobody has to be asked again.
    return apply_config.edit_config(snowflake, edit, confirmed=True)
