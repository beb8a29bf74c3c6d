"""What a source has: asked page by page, and turned into proposals."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambda_extract.contract import DiscoverReply, FoundTable
from snowpark import arguments
from snowpark.errors import UsageError
from snowpark.extraction import ask, requests
from snowpark.ledger import statements as ledger_statements
from snowpark.session import Snowflake
from snowpark.worksheet import proposal
from snowpark.worksheet.proposal import Proposal, SourceFacts

# The tables of a group without a schedule of its own: see GROUPS.md.
_EVERY_MINUTES = 60


@dataclass(frozen=True)
class Found:
    """What a source has.

    Attributes:
        not_allowed: Tables that match and are not on the allow-list of the source.
        exact: "schema.table" that somebody has named.
    """

    proposals: tuple[Proposal, ...]
    facts: SourceFacts
    not_allowed: int
    exact: frozenset[str] = frozenset()


def source_name(value: object) -> str:
    """Returns the name of a source, as it is spelled.

    Raises:
        UsageError: "invalid_argument".
    """
    hint = "Pass the name of a source: one that the Lambda function knows."
    name = arguments.text_or_null(value, "source", longest=60, hint=hint)
    if name is None:
        raise UsageError("invalid_argument", "The source is NULL.", hint=hint)
    return name.strip()


def patterns(value: object) -> tuple[str, ...]:
    """Returns patterns of "schema.table"; without a schema it is `public`.

    Raises:
        UsageError: "invalid_argument".
    """
    found = arguments.names(value, "patterns of tables")
    return tuple(one if "." in one else f"public.{one}" for one in found)


def read_config(snowflake: Snowflake) -> dict[str, Any] | None:
    """Returns the configuration in force; None if there is none.

    Raises:
        SnowflakeError: Snowflake refused the statement.
    """
    rows = snowflake.run(ledger_statements.read_config_text())
    if not rows:
        return None
    config: dict[str, Any] = json.loads(str(rows[0][0]))
    return config


def first_config(source: str) -> dict[str, Any]:
    """Returns a configuration of no tables yet."""
    return {
        "version": 1,
        "defaults": {"source": source, "group": source},
        "sources": {source: {}},
        "groups": {source: {"schedule": {"every_minutes": _EVERY_MINUTES}}},
        "tables": {},
    }


def discover(
    snowflake: Snowflake,
    source: str,
    wanted: Sequence[str],
    config: Mapping[str, Any],
) -> Found:
    """Asks a source for tables and returns how they would be synced.

    Args:
        config: The configuration in force, or the first one.

    Raises:
        LambdaError: The source is unknown or cannot be asked.
    """
    tables, reply, hidden = _ask(snowflake, source, wanted)
    facts = SourceFacts(
        source,
        time_zone=config.get("sources", {}).get(source, {}).get("time_zone", ""),
        hashes=reply.hashes,
        proves=reply.proves,
    )
    exact = frozenset(one for one in wanted if not set(one) & set("*?"))
    proposals = proposal.propose(tables, facts, config, exact=exact)
    return Found(tuple(proposals), facts, hidden, exact)


def proposed(found: Found, config: Mapping[str, Any]) -> list[Proposal]:
    """Returns the proposals for another configuration. PURE."""
    tables = [one.found for one in found.proposals]
    return proposal.propose(tables, found.facts, config, exact=found.exact)


def _ask(
    snowflake: Snowflake, source: str, wanted: Sequence[str]
) -> tuple[list[FoundTable], DiscoverReply, int]:
    run_id = f"discover-{uuid.uuid4().hex}"
    tables: list[FoundTable] = []
    hidden = 0
    after: tuple[str, ...] = ()
    while True:
        request = requests.discover_request(source, wanted, after, run_id)
        reply = ask.ask(snowflake, request, DiscoverReply)
        tables += reply.tables
        hidden += reply.not_allowed
        if reply.complete:
            return tables, reply, hidden
        after = reply.after


def merged(
    config: Mapping[str, Any], source: str, proposals: Sequence[Proposal]
) -> dict[str, Any]:
    """Returns the configuration with the tables that can be synced. PURE."""
    sources = dict(config.get("sources", {}))
    groups = dict(config.get("groups", {}))
    defaults = config.get("defaults", {})
    group = _group(source, defaults, groups)
    sources.setdefault(source, {})
    if group not in groups:
        groups[group] = {"schedule": {"every_minutes": _EVERY_MINUTES}}
    tables = dict(config.get("tables", {}))
    own = {} if defaults.get("group") == group else {"group": group}
    for one in proposals:
        if one.entry:
            tables[one.name] = {**own, **one.entry}
    return {**config, "sources": sources, "groups": groups, "tables": tables}


def _group(source: str, defaults: Mapping[str, Any], groups: Mapping[str, Any]) -> str:
    """Returns the group of new tables: the usual one, the only one, or a new one."""
    if "group" in defaults:
        return str(defaults["group"])
    if source in groups or len(groups) != 1:
        return source
    return str(next(iter(groups)))
