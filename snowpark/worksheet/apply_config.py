"""APPLY_CONFIG: from a configuration text to a stored version with all it needs."""

import hashlib
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from snowpark import arguments, sql
from snowpark.errors import SnowflakeError, SyncError, UsageError
from snowpark.groups import apply_tasks, task_statements
from snowpark.ledger import lease
from snowpark.ledger import statements as ledger_statements
from snowpark.ledger.lease import CONFIG_LEASE, take_config_lease
from snowpark.session import Snowflake
from snowpark.settings import changes as settings_changes
from snowpark.settings import parse
from snowpark.settings.changes import Change
from snowpark.settings.table import TableSettings
from snowpark.settings.targets import Declared
from snowpark.settings.text import is_json
from snowpark.worksheet import readers, resolve, staged_text, statements

_MOST_REMOVED = 3
_REMOVED_SHARE = 10
_NAMES_SHOWN = 20

# From the text in force (None: there is none) to the new one.
Edit = Callable[[str | None], str]


@dataclass(frozen=True)
class Plan:
    """A checked configuration beside the one in force.

    Attributes:
        text: As it is stored.
        old: What is in force; {}: nothing.
        own_database: That of the sync itself.
    """

    text: str
    old: Mapping[str, Any]
    new: Mapping[str, Any]
    before: tuple[TableSettings, ...]
    tables: tuple[TableSettings, ...]
    own_database: str = ""

    @property
    def changes(self) -> tuple[Change, ...]:
        """What differs."""
        return settings_changes.compare(self.before, self.tables, self.old, self.new)

    @property
    def removed(self) -> list[str]:
        """Tables that are no longer configured."""
        names = {table.name for table in self.tables}
        return [table.name for table in self.before if table.name not in names]


def apply_config(
    snowflake: Snowflake, text: str, dry_run: object = False, confirm: object = False
) -> dict[str, Any]:
    """Stores a configuration as a new version and does what its changes need.

    Args:
        text: JSON or YAML, or a scoped URL of a file of it.
        dry_run: Only say what would change.
        confirm: Many tables may be removed.

    Raises:
        ConfigError: With every problem; nothing was stored.
        UsageError: "too_many_removed"; "invalid_argument".
        SyncError: Another APPLY_CONFIG is at work, or Snowflake refused something.
    """
    only_told = arguments.flag(dry_run, "dry_run")
    confirmed = arguments.flag(confirm, "confirm")
    text = staged_text.text_of(text)
    if only_told:
        return _told(plan(snowflake, text), confirmed)
    # What is wrong with the text itself is told before anybody is kept waiting.
    parse.checked(text)
    return edit_config(snowflake, lambda _: text, confirmed=confirmed)


def edit_config(
    snowflake: Snowflake, edit: Edit, *, confirmed: bool = False
) -> dict[str, Any]:
    """Stores what an edit makes of the configuration in force.

    Args:
        edit: Called under the lease, so that no other change is lost.
        confirmed: Many tables may be removed.

    Raises:
        ConfigError: With every problem; nothing was stored.
        SyncError: Nothing was stored, but for "schema_not_created".
    """
    run_id = f"config-{uuid.uuid4().hex}"
    take_config_lease(snowflake, run_id)
    try:
        text = _text_in_force(snowflake)
        planned = plan(snowflake, edit(text), text)
        _check_removed(planned, confirmed)
        version = _store(snowflake, run_id, planned)
    finally:
        lease.release_lease(snowflake, CONFIG_LEASE, run_id)
    tasks = _apply_tasks(snowflake, planned)
    _create_schemas(snowflake, planned.tables)
    own = planned.own_database
    admitted = readers.admit(snowflake, planned.before, planned.tables, own)
    report = _report(planned, f"Version {version} is in force", version)
    return report | tasks | admitted


def plan(snowflake: Snowflake, text: str, in_force: str | None = None) -> Plan:
    """Checks a configuration and reads the one that it would follow.

    Args:
        in_force: The text in force, if it was read already.

    Raises:
        ConfigError: With every problem.
        SnowflakeError: Snowflake refused the statement.
    """
    declared = declared_targets(snowflake)
    new = parse.checked(text, declared)
    old_text = in_force if in_force is not None else _text_in_force(snowflake)
    old = json.loads(old_text) if old_text else {}
    if new.get("patterns") or new.get("resolved"):
        new = resolve.resolved(snowflake, new, old)
        text = json.dumps(new, indent=2, ensure_ascii=False)
        parse.checked(text, declared)
    before = [
        TableSettings.from_json(str(row[0]))
        for row in snowflake.run_list(statements.read_configured())
    ]
    return Plan(
        text=text if is_json(text) else json.dumps(new, indent=2, ensure_ascii=False),
        old=old,
        new=new,
        before=tuple(before),
        tables=parse.tables_of(new),
        own_database=declared.database,
    )


def declared_targets(snowflake: Snowflake) -> Declared:
    """Returns where the deployment lets tables be written."""
    (row,) = snowflake.run(ledger_statements.read_declared_targets())
    return Declared.of(row["OWN_DATABASE"], row["ALLOWED_TARGETS"])


def _text_in_force(snowflake: Snowflake) -> str | None:
    rows = snowflake.run(ledger_statements.read_config_text())
    return str(rows[0][0]) if rows else None


# --- what may not happen by mistake ---------------------------------------------------


def _most_removed(planned: Plan) -> int:
    """Returns how many tables may go without a confirmation."""
    said = [c["max_removed_tables"] for c in (planned.old, planned.new) if _says(c)]
    usual = max(_MOST_REMOVED, len(planned.before) // _REMOVED_SHARE)
    return max(said, default=usual)


def _says(config: Mapping[str, Any]) -> bool:
    return "max_removed_tables" in config


def _check_removed(planned: Plan, confirmed: bool) -> None:
    """Refuses a configuration that forgets many tables: perhaps it is an old file.

    Raises:
        UsageError: "too_many_removed".
    """
    removed, most = planned.removed, _most_removed(planned)
    if confirmed or len(removed) <= most:
        return
    raise UsageError(
        "too_many_removed",
        f"{len(removed)} of {len(planned.before)} tables would no longer be configured,"
        f" more than {most}: {_listed(removed)}.",
    )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMES_SHOWN])
    more = len(names) - _NAMES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


# --- what is done ---------------------------------------------------------------------


def _store(snowflake: Snowflake, run_id: str, planned: Plan) -> int:
    (row,) = snowflake.run(statements.read_config_version())
    version = int(row[0]) + 1
    digest = hashlib.sha256(planned.text.encode()).hexdigest()
    snowflake.run(sql.BEGIN)
    try:
        for statement in statements.insert_tables(version, planned.tables):
            snowflake.run(statement)
        snowflake.run(statements.insert_leases(version))
        snowflake.run(statements.insert_config(version, planned.text, digest))
        lease.hold_lease(snowflake, CONFIG_LEASE, run_id)
        snowflake.run(sql.COMMIT)
    except SyncError:
        snowflake.run(sql.ROLLBACK)
        raise
    return version


def _apply_tasks(snowflake: Snowflake, planned: Plan) -> dict[str, Any]:
    """Brings task graphs up to date, if somebody has called APPLY_TASKS before.

    What fails leaves every schedule as it was; the configuration is in force already.
    """
    if _graphs(planned.old, planned.before) == _graphs(planned.new, planned.tables):
        return {}
    try:
        tasks = snowflake.run_list(task_statements.show_tasks())
        if any(
            task_statements.read_comment(str(row["comment"] or "")) for row in tasks
        ):
            return {"tasks": apply_tasks.apply_tasks(snowflake)["summary"]}
    except SyncError as error:
        return {
            "tasks": f"The task graphs are as they were: {error}",
            "call": "CALL APPLY_TASKS();",
        }
    if not _graphs(planned.new, planned.tables):
        return {}
    return {"tasks": "No group runs by itself yet.", "call": "CALL APPLY_TASKS();"}


def _graphs(
    config: Mapping[str, Any], tables: Sequence[TableSettings]
) -> dict[str, tuple[str, list[str]]]:
    """Returns what the task graphs of a configuration are made of."""
    found = {}
    for name, group in config.get("groups", {}).items():
        names = [table.name for table in tables if table.group == name]
        if "schedule" in group and names:
            known = {k: v for k, v in group.items() if k != "description"}
            found[name] = (json.dumps(known, sort_keys=True), names)
    return found


def _create_schemas(snowflake: Snowflake, tables: Sequence[TableSettings]) -> None:
    """Creates missing target schemas.

    The very last step: CREATE SCHEMA commits, and makes the new schema the current one.
    """
    schemas = {
        sql.qualified(
            t.target_database and t.target_database.upper(), t.target_schema.upper()
        )
        for t in tables
    }
    for schema in sorted(schemas):
        try:
            snowflake.run(statements.create_schema(schema))
        except SnowflakeError as error:
            raise UsageError(
                "schema_not_created",
                f"The configuration is stored, but schema {schema} is missing."
                f" {error.message}",
            ) from error


# --- what is told ---------------------------------------------------------------------


def _told(planned: Plan, confirmed: bool) -> dict[str, Any]:
    """Returns what the real call would report, and whether it would be refused."""
    report = _report(planned, "Nothing was stored. It would be right", None)
    try:
        _check_removed(planned, confirmed)
    except UsageError as error:
        report["summary"] = f"Nothing was stored. It would be refused: {error}"
        report["refused"] = error.code
    return report


def _report(planned: Plan, begin: str, version: int | None) -> dict[str, Any]:
    names = [table.name for table in planned.tables]
    known = [table.name for table in planned.before]
    found = planned.changes
    calls = list(dict.fromkeys(change.call for change in found if change.call))
    report: dict[str, Any] = {
        "summary": f"{begin}, with {_tables(len(names))}: {_counts(planned, found)}.",
        "version": version,
        "changes": [change.to_json() for change in found],
        "tables": names,
        "added": sorted(set(names) - set(known)),
        "removed": sorted(planned.removed),
    }
    return report | ({"calls": calls} if calls else {})


def _counts(planned: Plan, found: Sequence[Change]) -> str:
    known = {table.name for table in planned.before}
    added = [table for table in planned.tables if table.name not in known]
    changed = {c.subject.partition(".")[0] for c in found} & known - set(
        planned.removed
    )
    parts = [
        f"{len(added)} added" if added else "",
        f"{len(planned.removed)} removed" if planned.removed else "",
        f"{len(changed)} changed" if changed else "",
    ]
    return ", ".join(part for part in parts if part) or "no table changes"


def _tables(number: int) -> str:
    return f"{number} table{'' if number == 1 else 's'}"
