"""Prints docs/CONFIGURATION.md from the schema of the configuration, its one source."""

import dataclasses
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from snowpark.settings.groups import AlertTargets, GroupSettings
from snowpark.settings.table import TableSettings

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = ROOT / "config" / "sync_config.schema.json"
DOCUMENT = ROOT / "docs" / "CONFIGURATION.md"
# Sections of the document: title, what it says, and where its settings stand.
_SECTIONS = (
    (
        "The whole",
        "The text is a JSON object, or YAML of one, or a scoped URL of a staged file of"
        " it: `CALL APPLY_CONFIG(BUILD_SCOPED_FILE_URL(@stage, 'sync.yaml'))`;"
        " docs/HOWTO.md has it for Git repositories.",
        None,
    ),
    ("A source", "`sources`: name -> settings.", "source"),
    ("A group", "`groups`: name -> settings.", "group"),
    ("Alerts", "`alerts`: where they go.", "alerts"),
    (
        "A table",
        "`tables`: name -> settings. Those marked with * may stand in `defaults`, too.",
        "table",
    ),
    (
        "A pattern",
        '`patterns`: "schema.table" with `*` and `?` -> settings. What it stands for is'
        " stored and shown as tables that are added; new and vanished ones are in"
        " `SYNC_DISCOVERIES`.",
        "pattern",
    ),
    ("A column", "`columns` of a table: PostgreSQL name -> settings.", "column"),
)
# A value of each setting, as it may stand in a configuration.
EXAMPLES: dict[str, Any] = {
    "$schema": "./sync_config.schema.json",
    "alerts": {"email": {"integration": "SYNC_MAIL"}},
    "backfill_new_columns": True,
    "chunk_rows": 500000,
    "columns": {"email": {"protect": "hash"}},
    "cursor": "updated_at",
    "defaults": {"source": "shop", "target_schema": "SHOP"},
    "delete_action": "hard",
    "delete_check_minutes": 60,
    "delete_column": "deleted_at",
    "deletes": "key_compare",
    "description": "Everything the dashboards read",
    "cluster_by": ["created_at"],
    "comments": False,
    "duplicate_keys": "warn",
    "email": {"integration": "SYNC_MAIL", "recipients": ["team@example.com"]},
    "exclude": ["notes"],
    "file_megabytes": 100,
    "freshness_sla_minutes": 120,
    "group": "hourly",
    "groups": {"hourly": {"schedule": {"every_minutes": 60}}},
    "key": ["tenant_id", "order_id"],
    "load_method": "snowpipe",
    "lookback_seconds": 3600,
    "lookback_values": 1000,
    "margin_seconds": 5,
    "max_delete_percent": 5,
    "max_parallel": 8,
    "max_removed_tables": 10,
    "mode": "full",
    "new_tables": "add",
    "null_cursor": "ignore",
    "patterns": {"erp.*": {"exclude": ["erp.tmp_*"], "new_tables": "add"}},
    "pipe_wait_seconds": 300,
    "primary_key": False,
    "protect": "mask",
    "protected_tag": "GOVERNANCE.TAGS.PERSONAL",
    "readers": ["ANALYST"],
    "reminder_hours": 4,
    "rename": "REMARK",
    "retry_attempts": 1,
    "schedule": {"cron": "5 * * * *", "time_zone": "Europe/Berlin"},
    "schema": "erp",
    "schema_drift": "freeze",
    "serverless_size": "SMALL",
    "settings": {"group": "hourly"},
    "sns": {"integration": "SYNC_TOPIC"},
    "source": "shop",
    "source_changed": "fail",
    "sources": {"shop": {"time_zone": "UTC"}},
    "special_values": "fail",
    "table": "Order Items",
    "tables": {"orders": {}},
    "target_database": "ANALYTICS",
    "target_schema": "SHOP",
    "target_table": "ORDER_ITEMS",
    "time_zone": "Europe/Berlin",
    "timeout_minutes": 55,
    "trim_char": True,
    "type": "NUMBER(12,2)",
    "type_change": "new_column",
    "version": 1,
    "warehouse": "SYNC_WH",
    "webhooks": [{"integration": "SYNC_SLACK"}],
    "where": {"column": "tenant", "operator": "=", "value": 7},
}


def main(
    write: Annotated[bool, typer.Option(help="Write docs/CONFIGURATION.md.")] = False,
) -> None:
    """Prints the document, or writes it."""
    if write:
        DOCUMENT.write_text(document(), encoding="utf-8")
    else:
        print(document(), end="")


def document() -> str:
    """Returns the text of docs/CONFIGURATION.md."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    lines = [
        "# What a configuration may say",
        "",
        "Printed from `config/sync_config.schema.json`, by",
        "`scripts/print_configuration.sh --write`.",
        "`CALL APPLY_CONFIG($$...$$, TRUE)` says what a text would change,",
        "`scripts/check_config.sh FILE --against DEPLOYED` the same offline.",
    ]
    for title, says, part in _SECTIONS:
        found = schema if part is None else schema["$defs"][part]
        lines += ["", f"## {title}", "", says, ""]
        lines += ["| setting | value | default | meaning | example |"]
        lines += ["|---|---|---|---|---|"]
        for name, one in sorted(found["properties"].items()):
            lines.append(_row(schema, part, name, one))
    return "\n".join([*lines, ""])


def _row(
    schema: dict[str, Any], part: str | None, name: str, one: dict[str, Any]
) -> str:
    resolved = {**_resolved(schema, one), **one}
    star = "*" if part == "table" and name in _defaults(schema) else ""
    cells = (
        f"`{name}`{star}",
        _kind(resolved),
        _default(part, name),
        str(resolved.get("description", "")).replace("|", "\\|"),
        _example(name),
    )
    return f"| {' | '.join(cells)} |"


def _example(name: str) -> str:
    if name not in EXAMPLES:
        return ""
    return f"`{json.dumps(EXAMPLES[name], ensure_ascii=False)}`"


def _defaults(schema: dict[str, Any]) -> set[str]:
    return set(schema["$defs"]["defaults"]["properties"])


def _resolved(schema: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in one:
        return one
    found: dict[str, Any] = schema["$defs"][one["$ref"].rpartition("/")[2]]
    return found


def _kind(one: dict[str, Any]) -> str:
    if "const" in one:
        return str(one["const"])
    if "enum" in one:
        return ", ".join(f"`{value}`" for value in one["enum"])
    kind = str(one.get("type", "object"))
    if "minimum" in one and "maximum" in one:
        return f"{kind}, {one['minimum']} to {one['maximum']}"
    if "minimum" in one:
        return f"{kind}, at least {one['minimum']}"
    return {"string": "text", "array": "list"}.get(kind, kind)


def _default(part: str | None, name: str) -> str:
    """Returns the default that the code has; some depend on other settings."""
    kinds: dict[str | None, type] = {
        "table": TableSettings,
        "source": TableSettings,
        "group": GroupSettings,
        "alerts": AlertTargets,
    }
    if part == "table" and name == "max_delete_percent":
        return "10; mode full: 50"
    if part == "table" and name == "file_megabytes":
        return str(TableSettings.file_bytes // 1_000_000)
    for one in dataclasses.fields(kinds[part]) if part in kinds else ():
        if one.name == name and one.default not in (None, "", (), dataclasses.MISSING):
            return f"`{json.dumps(one.default)}`"
    return ""


if __name__ == "__main__":
    typer.run(main)
