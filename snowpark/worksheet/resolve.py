"""Patterns of the configuration: what they stand for, and what is new in the source."""

from collections.abc import Iterator, Mapping
from typing import Any

from lambda_extract.contract import FoundTable
from snowpark.session import Snowflake
from snowpark.settings import patterns
from snowpark.worksheet import discovery, proposal
from snowpark.worksheet.discoveries import Discovery
from snowpark.worksheet.proposal import Proposal, SourceFacts


def resolved(
    snowflake: Snowflake, new: Mapping[str, Any], old: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns a configuration with what its patterns stand for now.

    A table that a pattern had before keeps its name and entry, so that nothing changes
    because an index has come or gone; one that is no longer in the source goes.

    Raises:
        LambdaError: A source is unknown or cannot be asked.
    """
    config = {**new, "resolved": {}}
    for pattern in new.get("patterns", {}):
        before = _before(new, old, pattern)
        known = _places(new, before)
        entries = dict[str, Any]()
        config["resolved"] = {**config["resolved"], pattern: entries}
        facts, matches = _matches(snowflake, config, pattern)
        there = {f"{one.schema}.{one.relation}" for one in matches}
        # Known ones first, so that their names and targets are taken.
        entries |= {n: e for n, e in before.items() if known[n] in there}
        for one in proposal.propose(matches, facts, config):
            if one.entry:
                entries[one.name] = dict(one.entry)
    return config


def _before(
    new: Mapping[str, Any], old: Mapping[str, Any], pattern: str
) -> dict[str, Any]:
    """Returns the entries that a pattern had; none if they would mean others now."""
    same = old.get("defaults", {}) == new.get("defaults", {})
    if not same or pattern not in old.get("patterns", {}):
        return {}
    if patterns.source_of(old, pattern) != patterns.source_of(new, pattern):
        return {}
    found: dict[str, Any] = old.get("resolved", {}).get(pattern, {})
    return found


def _places(config: Mapping[str, Any], entries: Mapping[str, Any]) -> dict[str, str]:
    defaults = {"schema": "public", **config.get("defaults", {})}
    merged = {name: {**defaults, **entry} for name, entry in entries.items()}
    return {n: f"{e['schema']}.{e.get('table', n)}" for n, e in merged.items()}


def _matches(
    snowflake: Snowflake, config: Mapping[str, Any], pattern: str
) -> tuple[SourceFacts, list[FoundTable]]:
    """Returns what a pattern matches and no entry of its own configures."""
    source = patterns.source_of(config, pattern)
    found = discovery.discover(snowflake, source, [pattern], config)
    return found.facts, [
        one.found
        for one in found.proposals
        if one.state != "configured"
        and not patterns.is_excluded(config, pattern, one.place)
    ]


def discoveries(snowflake: Snowflake, config: Mapping[str, Any]) -> Iterator[Discovery]:
    """Yields what the source has and the configuration not, and the other way round.

    Raises:
        LambdaError: A source is unknown or cannot be asked.
    """
    for pattern, said in config["patterns"].items():
        source = patterns.source_of(config, pattern)
        policy = said.get("new_tables", "tell")
        entries = config.get("resolved", {}).get(pattern, {})
        bare = {**config, "resolved": {**config.get("resolved", {}), pattern: {}}}
        facts, matches = _matches(snowflake, bare, pattern)
        there = {f"{one.schema}.{one.relation}" for one in matches}
        known = _places(config, entries)
        for name, place in known.items():
            if place not in there:
                yield Discovery("vanished", source, place, name, policy)
        if policy == "ignore":
            continue
        for one in proposal.propose(matches, facts, config):
            if one.entry:
                yield Discovery("new", source, one.place, one.name, policy)
            elif one.state == "blocked" and not _is_no_table(one):
                yield Discovery("blocked", source, one.place, one.name, policy)


def _is_no_table(one: Proposal) -> bool:
    """A view is added by its name alone, so that a pattern does not tell of it."""
    return any(misfit.code == "not_a_table" for misfit in one.misfits)
