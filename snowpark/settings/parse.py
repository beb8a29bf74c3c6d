"""PURE: the configuration, checked completely, and its tables with all defaults.

Two passes: the JSON Schema (config/sync_config.schema.json), then the rules that a
schema cannot say. Every problem is reported, each with its JSON pointer and a plain
sentence.
"""

import difflib
import importlib.resources
import json
from collections.abc import Iterator, Sequence
from typing import Any

from snowpark.errors import ConfigError, Problem
from snowpark.names import CURRENT_SUFFIX, target_name
from snowpark.settings import column_rules, extras, groups, history, log_rules
from snowpark.settings import patterns, row_filter, time_zones
from snowpark.settings.targets import OWN_SCHEMAS, Declared
from snowpark.settings.text import load
from snowpark.settings.validator import VALIDATOR, Violation
from snowpark.settings.table import Mode, TableSettings

_MEGABYTE = 1_000_000
_ENTRIES = ("sources", "tables", "groups", "patterns")


def parse(
    text: str | None, declared: Declared | None = None
) -> tuple[TableSettings, ...]:
    """Checks a configuration and returns its tables, sorted by name.

    Args:
        text: JSON or YAML.
        declared: Where targets may be; None: it is not known here.

    Raises:
        ConfigError: With all problems that were found.
    """
    return tables_of(checked(text, declared))


def checked(text: str | None, declared: Declared | None = None) -> dict[str, Any]:
    """Returns what a configuration says, JSON or YAML, if nothing is wrong with it.

    Args:
        declared: Where targets may be; None: it is not known here.

    Raises:
        ConfigError: With all problems that were found.
    """
    data = load(text)
    problems = list(_schema_problems(data))
    # What the schema refuses is left out, so that the rules find what else is wrong.
    kept = _without(data, problems) if problems else data
    if kept is not None:
        known = {_table_of(p.pointer) for p in problems}
        problems += [
            problem
            for problem in _rule_problems(patterns.expanded(kept), declared)
            # What is missing there may be just what was refused.
            if _table_of(problem.pointer) not in known - {""}
        ]
    if problems:
        raise ConfigError(tuple(problems))
    return data


def tables_of(data: dict[str, Any]) -> tuple[TableSettings, ...]:
    """Returns the tables of a configuration that was checked, sorted by name."""
    whole = patterns.expanded(data)
    return tuple(
        _settings(whole, name) for name in sorted(whole["tables"], key=str.lower)
    )


def _table_of(pointer: str) -> str:
    """Returns the first two steps of a pointer: the entry that a problem is about."""
    steps = pointer.split("/")
    return "/".join(steps[:3]) if len(steps) > 2 else ""


def _without(
    data: dict[str, Any], problems: Sequence[Problem]
) -> dict[str, Any] | None:
    """Returns the configuration without what is refused; None: too little is left."""
    sections = {"defaults", "sources", "groups", "alerts", "tables", "patterns"}
    # What is resolved was written by no person.
    sections |= {"resolved"} if not any(_is_of_patterns(p) for p in problems) else set()
    kept = {name: data[name] for name in sections & data.keys()}
    for problem in problems:
        steps = [_unescaped(step) for step in problem.pointer.split("/")[1:]]
        if len(steps) > 1 and steps[0] in _ENTRIES:
            kept[steps[0]] = _emptied(kept.get(steps[0]), steps[0], steps[1])
        elif steps[:1] == ["defaults"] and len(steps) > 1:
            # Without a default, tables would seem to lack it.
            return None
        elif steps[:1] and steps[0] in sections:
            return None
    sound = isinstance(kept.get("tables"), dict) and isinstance(
        kept.get("sources"), dict
    )
    return kept if sound else None


def _is_of_patterns(problem: Problem) -> bool:
    return problem.pointer.startswith(("/patterns", "/resolved"))


def _unescaped(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~")


def _emptied(section: Any, kind: str, name: str) -> Any:
    """Tables go; sources and groups stay for those that name them."""
    if not isinstance(section, dict):
        return section
    # A pointer shows no more than the beginning of a name.
    kept = {key: value for key, value in section.items() if key[:100] != name}
    if kind in ("tables", "patterns"):
        return kept
    return kept | {key: _bare(section[key]) for key in section.keys() - kept.keys()}


def _bare(entry: Any) -> dict[str, Any]:
    """Whether a source has a log is what its tables have to know."""
    return {"log": {}} if isinstance(entry, dict) and "log" in entry else {}


# --- first pass: the schema -----------------------------------------------------------


def _schema_problems(data: dict[str, Any]) -> Iterator[Problem]:
    text = (
        importlib.resources.files("config")
        .joinpath("sync_config.schema.json")
        .read_text(encoding="utf-8")
    )
    validator = VALIDATOR(json.loads(text))
    errors = sorted(validator.iter_errors(data), key=lambda e: list(map(str, e.path)))
    for error in errors:
        yield from _explained(error)


def _explained(error: Violation) -> Iterator[Problem]:
    pointer = _pointer(*error.absolute_path)
    known = list(error.schema.get("properties", {})) if error.schema else []
    if error.validator == "additionalProperties":
        for name in sorted(set(error.instance) - set(known)):
            yield Problem(
                pointer + _pointer(name),
                f"There is no such setting.{_suggestion(name, known)}",
            )
    elif error.validator == "required":
        for name in error.validator_value:
            if name not in error.instance:
                yield Problem(pointer, f"{_shown(name)} is missing.")
    elif error.parent is None and "propertyNames" in error.absolute_schema_path:
        yield Problem(
            pointer + _pointer(error.instance),
            f"The name cannot be used: {error.schema['description']}.",
        )
    else:
        yield Problem(pointer, _sentence(error))


def _sentence(error: Violation) -> str:
    limit = error.validator_value
    sentences = {
        "type": f"Must be {' or '.join(map(_article, map(str, _listed(limit))))}.",
        "enum": f"Must be one of: {', '.join(map(str, _listed(limit)))}.",
        "const": f"Must be {limit}.",
        "minimum": f"Must be at least {limit}.",
        "maximum": f"Must be at most {limit}.",
        "minLength": "Must not be empty.",
        "maxLength": f"Must have at most {limit} characters.",
        "maxLengthInUpperCase": f"Must have at most {limit} characters in upper case.",
        "minItems": f"Must have at least {limit} item(s).",
        "minProperties": f"Must have at least {limit} entry.",
        "maxItems": f"Must have at most {limit} items.",
        "uniqueItems": "Must not name anything twice.",
    }
    default = f"Is not of the right form: {error.schema.get('description', '')}."
    return sentences.get(str(error.validator), default)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _pointer(*parts: str | int) -> str:
    escaped = (str(p).replace("~", "~0").replace("/", "~1") for p in parts)
    return "".join(f"/{part[:100]}" for part in escaped)


def _shown(name: str) -> str:
    return json.dumps(name[:100])


def _suggestion(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f" Did you mean {_shown(close[0])}?"
    return f" Known here: {', '.join(known)}." if known else ""


# --- second pass: the rules -----------------------------------------------------------


def _rule_problems(
    data: dict[str, Any], declared: Declared | None
) -> Iterator[Problem]:
    yield from _same_name_problems(data["tables"])
    yield from groups.problems(data)
    for name, source in data["sources"].items():
        if found := time_zones.problem(source.get("time_zone", "UTC")):
            yield Problem(_pointer("sources", name, "time_zone"), found)
    yield from _reference_problems(data, data.get("defaults", {}), "/defaults")
    yield from _pattern_problems(data)
    targets: dict[str, str] = {}
    for name, table in data["tables"].items():
        pointer = _pointer("tables", name)
        merged = {**data.get("defaults", {}), **table}
        yield from _reference_problems(data, table, pointer)
        for needed in ("source", "target_schema"):
            if needed not in merged:
                yield Problem(
                    pointer, f"{_shown(needed)} is set neither here nor in defaults."
                )
        yield from _mode_problems(table, merged, pointer)
        yield from _delete_problems(table, merged, pointer)
        yield from history.problems(table, merged, pointer)
        yield from extras.problems(merged, pointer)
        yield from log_rules.problems(data, table, merged, pointer, mode=_mode(merged))
        for place, message in column_rules.problems(table, _cursors(merged)):
            yield Problem(pointer + _pointer("columns", *place), message)
        if "where" in table:
            yield from _filter_problems(table, pointer)
        if "target_schema" in merged:
            problem = _target_problem(merged, declared)
            if problem:
                yield Problem(f"{pointer}/target_schema", problem)
            yield from _same_target_problems(name, merged, pointer, targets, declared)


def _pattern_problems(data: dict[str, Any]) -> Iterator[Problem]:
    for name, pattern in data.get("patterns", {}).items():
        pointer = _pointer("patterns", name)
        yield from _reference_problems(data, pattern, pointer)
        settings = pattern.get("settings", {})
        yield from _reference_problems(data, settings, f"{pointer}/settings")
        if not patterns.source_of(data, name):
            yield Problem(pointer, '"source" is set neither here nor in defaults.')


def _same_name_problems(tables: dict[str, Any]) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for name in tables:
        if name.lower() in seen:
            yield Problem(
                _pointer("tables", name),
                f"Differs from {_shown(seen[name.lower()])} only in case.",
            )
        seen[name.lower()] = name


def _reference_problems(
    data: dict[str, Any], settings: dict[str, Any], pointer: str
) -> Iterator[Problem]:
    for kind, collection in (("source", "sources"), ("group", "groups")):
        known = list(data.get(collection, {}))
        name = settings.get(kind)
        if name is not None and name not in known:
            yield Problem(
                f"{pointer}/{kind}",
                f"There is no {kind} {_shown(name)}.{_suggestion(name, known)}",
            )


def _mode(merged: dict[str, Any]) -> Mode:
    if "mode" in merged:
        mode: Mode = merged["mode"]
        return mode
    return "incremental" if "cursor" in merged else "full"


def _cursors(merged: dict[str, Any]) -> tuple[str, ...]:
    """Returns the cursor columns; none in the modes without."""
    cursor = merged.get("cursor", [])
    if _mode(merged) != "incremental":
        return ()
    return (cursor,) if isinstance(cursor, str) else tuple(cursor)


def _mode_problems(
    table: dict[str, Any], merged: dict[str, Any], pointer: str
) -> Iterator[Problem]:
    excluded = table.get("exclude", [])
    for column in table.get("key", []):
        if column in excluded:
            yield Problem(
                f"{pointer}/exclude", f"Column {_shown(column)} is part of the key."
            )
    mode = _mode(merged)
    if mode != "incremental":
        without = [] if mode == "log" else ["backfill_new_columns"]
        for setting in (
            "cursor",
            "lookback_seconds",
            "lookback_values",
            *without,
        ):
            if setting in table:
                yield Problem(
                    f"{pointer}/{setting}", f'Has no meaning if "mode" is "{mode}".'
                )
        return
    if "cursor" not in merged:
        yield Problem(pointer, 'Mode "incremental" needs a "cursor".')
    elif set(_cursors(merged)) & set(excluded):
        yield Problem(f"{pointer}/exclude", "The cursor column cannot be excluded.")
    if "lookback_seconds" in table and "lookback_values" in table:
        yield Problem(
            f"{pointer}/lookback_values",
            "'lookback_seconds' is for time cursors, 'lookback_values' for integers.",
        )


# A full table changes as it likes, but one that lost most of its rows was emptied.
_MAX_DELETE_PERCENT_OF_A_RELOAD = 50.0
_DELETE_SETTINGS = {
    "delete_column": ("soft_column",),
    "delete_action": ("soft_column", "key_compare", "log"),
    "delete_check_minutes": ("key_compare",),
    "max_delete_percent": ("key_compare", "log"),
}


def _delete_problems(
    table: dict[str, Any], merged: dict[str, Any], pointer: str
) -> Iterator[Problem]:
    deletes = table.get("deletes", log_rules.default_deletes(_mode(merged)))
    if deletes != "none" and _mode(merged) == "full":
        yield Problem(
            f"{pointer}/deletes", "A full reload leaves deleted rows out by itself."
        )
    guarded = {"max_delete_percent"} if _mode(merged) == "full" else set()
    for setting, meant_for in _DELETE_SETTINGS.items():
        if setting in table and deletes not in meant_for and setting not in guarded:
            named = " or ".join(kind for kind in meant_for if kind != "log")
            yield Problem(
                f"{pointer}/{setting}",
                f'Has a meaning only if "deletes" is {named}.',
            )
    if deletes == "soft_column":
        if "delete_column" not in table:
            yield Problem(pointer, '"deletes": "soft_column" needs a "delete_column".')
        elif table["delete_column"] in table.get("exclude", []):
            yield Problem(f"{pointer}/exclude", "The delete column cannot be excluded.")


def _filter_problems(table: dict[str, Any], pointer: str) -> Iterator[Problem]:
    found = list(row_filter.problems(table["where"]))
    for place, message in found:
        yield Problem(pointer + _pointer("where", *place), message)
    if found:
        return
    protected = {n for n, c in table.get("columns", {}).items() if "protect" in c}
    protected |= set(table.get("exclude", []))
    for column in sorted(row_filter.columns(table["where"]) & protected):
        yield Problem(
            f"{pointer}/where",
            f"Column {_shown(column)} is protected or excluded: which rows arrive would"
            " tell its values.",
        )


def _target_problem(merged: dict[str, Any], declared: Declared | None) -> str:
    database, schema = merged.get("target_database"), merged["target_schema"]
    if declared is not None:
        return declared.refusal(database, schema)
    if database is None and schema.upper() in OWN_SCHEMAS:
        return f"Schema {schema.upper()} belongs to the sync itself."
    return ""


def _same_target_problems(
    name: str,
    merged: dict[str, Any],
    pointer: str,
    targets: dict[str, str],
    declared: Declared | None,
) -> Iterator[Problem]:
    """Names are made whole before they are compared: the own database has a name."""
    database = merged.get("target_database") or (declared and declared.database)
    table = merged.get("target_table", merged.get("table", name))
    tables = [table]
    if merged.get("history") and merged.get("current_view"):
        tables.append(f"{table}{CURRENT_SUFFIX}")
    for one in tables:
        target = target_name(
            database=database or None, schema=merged["target_schema"], table=one
        )
        if target in targets:
            yield Problem(
                pointer, f"Has the same target {target} as {_shown(targets[target])}."
            )
        targets[target] = name


# --- the result -----------------------------------------------------------------------


def _settings(data: dict[str, Any], name: str) -> TableSettings:
    merged = {**data.get("defaults", {}), **data["tables"][name]}
    source = data["sources"][merged["source"]]
    relation = merged.get("table", name)
    mode = _mode(merged)
    cursors = _cursors(merged)
    plain = (
        "target_database",
        "group",
        "margin_seconds",
        "lookback_seconds",
        "lookback_values",
        "null_cursor",
        "chunk_rows",
        "special_values",
        "schema_drift",
        "type_change",
        "backfill_new_columns",
        "freshness_sla_minutes",
        "deletes",
        "delete_column",
        "delete_action",
        "delete_check_minutes",
        "max_delete_percent",
        "load_method",
        "pipe_wait_seconds",
        "source_changed",
        "duplicate_keys",
        "keys_in_messages",
        "trim_char",
        "history",
        "history_time",
        "history_days",
        "current_view",
        "drop_history",
        "on_truncate",
        "whole_table_percent",
    )
    optional = {setting: merged[setting] for setting in plain if setting in merged}
    if mode == "full":
        optional.setdefault("max_delete_percent", _MAX_DELETE_PERCENT_OF_A_RELOAD)
    if mode == "log":
        optional = log_rules.settings(merged["source"], source["log"]) | optional
    if "file_megabytes" in merged:
        optional["file_bytes"] = merged["file_megabytes"] * _MEGABYTE
    for setting in ("max_parallel", "time_zone"):
        if setting in source:
            optional[setting] = source[setting]
    return TableSettings(
        name=name.lower(),
        source=merged["source"],
        schema=merged.get("schema", "public"),
        relation=relation,
        target_schema=merged["target_schema"],
        target_table=merged.get("target_table", relation),
        mode=mode,
        cursor=cursors[0] if cursors else None,
        cursor_also=cursors[1:],
        key=tuple(merged.get("key", ())),
        exclude=tuple(merged.get("exclude", ())),
        history_columns=tuple(merged.get("history_columns", ())),
        columns=column_rules.specs(merged),
        where=row_filter.terms(merged["where"]) if "where" in merged else (),
        **extras.values(merged),
        **optional,
    )
