"""PROPOSE_CONFIG: what of a source can be synced, how, and what a person should see."""

from collections.abc import Sequence
from typing import Any

from lambda_extract.contract import Warning
from snowpark.session import Snowflake
from snowpark.sql import literal
from snowpark.worksheet import discovery
from snowpark.worksheet.discovery import Found
from snowpark.worksheet.proposal import Proposal

_STATES = ("blocked", "look", "ready", "configured")


def propose_config(
    snowflake: Snowflake, source: object, pattern: object
) -> dict[str, Any]:
    """Returns a row for each table that matches, and a configuration; stores nothing.

    Args:
        pattern: "schema.table" with `*` and `?`, or several of them.

    Raises:
        UsageError: "invalid_argument".
        LambdaError: The source is unknown or cannot be asked.
    """
    name = discovery.source_name(source)
    wanted = discovery.patterns(pattern)
    config = discovery.read_config(snowflake) or discovery.first_config(name)
    found = discovery.discover(snowflake, name, wanted, config)
    report = {
        "summary": summary(found),
        "next": _next(name, wanted, found),
        "tables": rows(found.proposals),
        "config": discovery.merged(config, name, found.proposals),
    }
    return report | ({"warnings": source_warnings(found)} if found.proposals else {})


def summary(found: Found) -> str:
    """Returns what was found, in a sentence."""
    count = {s: sum(p.state == s for p in found.proposals) for s in _STATES}
    parts = [
        f"{count['ready']} can be synced as they are",
        f"{count['look']} can be synced, and a person should look",
        f"{count['blocked']} cannot be synced",
        f"{count['configured']} are configured already",
    ]
    said = [part for part in parts if not part.startswith("0 ")]
    if found.not_allowed:
        said.append(f"{found.not_allowed} are not on the source's allow-list")
    number = len(found.proposals)
    return f"{number} table{'s' if number != 1 else ''} found: {'; '.join(said)}."


def rows(proposals: Sequence[Proposal]) -> list[dict[str, Any]]:
    """Returns the tables as a person reads them: what needs one comes first."""
    ordered = sorted(proposals, key=lambda p: (_STATES.index(p.state), p.place))
    return [_row(one) for one in ordered]


def _row(one: Proposal) -> dict[str, Any]:
    row: dict[str, Any] = {"table": one.place, "name": one.name, "state": one.state}
    if one.entry:
        row |= {
            "mode": "incremental" if one.cursor else "full",
            "key": list(one.key),
            "cursor": one.cursor.column.name if one.cursor else None,
            "evidence": one.cursor.evidence if one.cursor else None,
        }
    known = one.found
    row |= {
        "rows_estimated": known.rows if known.rows >= 0 else None,
        "bytes_estimated": known.bytes if known.bytes >= 0 else None,
        "comment": known.comment or None,
        "misfits": [told(misfit) for misfit in one.misfits],
    }
    return row


def told(misfit: Warning) -> dict[str, str]:
    """Returns what does not fit, and what to do."""
    return {
        "code": misfit.code,
        "what": misfit.message,
        "what_to_do": misfit.hint,
    }


def source_warnings(found: Found) -> list[dict[str, str]]:
    """Returns what is true of every table of the source."""
    if found.facts.proves:
        return []
    return [
        {
            "code": "cannot_see_transactions",
            "what": "Open transactions cannot be seen: increments are refused.",
            "what_to_do": "GRANT pg_read_all_stats to the reader role, use the writer's"
            ' endpoint, or set "lookback_seconds" of each table.',
        }
    ]


def _next(source: str, wanted: Sequence[str], found: Found) -> str:
    if not any(one.entry for one in found.proposals):
        return ""
    names = ", ".join(literal(one) for one in wanted)
    return f"CALL ADD_TABLES({literal(source)}, [{names}]);"
