"""PURE: what another configuration changes, and what that will do."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lambda_extract.contract import ColumnSpec
from snowpark.settings import origin
from snowpark.settings.table import TableSettings

Kind = Literal["removed", "lifted", "changed", "added"]
_ORDER: tuple[Kind, ...] = ("removed", "lifted", "changed", "added")
# What the origin tells of by itself.
_PLACES = {"source", "schema", "relation", "cursor", "mode", "target"}
_EFFECTS = {
    "key": "rows are matched by another key: refused until the table is reloaded",
    "group": "another group runs it",
    "freshness_sla_minutes": "judged from now on",
    "max_parallel": "from the next snapshot on",
    "readers": "SELECT is granted and revoked by the next sync",
    "protected_tag": "columns are tagged by the next sync",
    "comments": "the target's comments follow with the next sync",
    "primary_key": "declared or dropped by the next sync",
    "cluster_by": "the next sync alters the table; clustering costs credits",
    "schema_drift": "from the next sync on",
    "deletes": "from the next sync on",
}
_TOLD = ("subject", "what", "effect", "call", "kind")
# The numbers are the account's and Terraform's; no procedure sees the latter. Staging
# tables have no Time Travel, and go with their run.
_LEFT = (
    "older values stay in the target's Time Travel for its DATA_RETENTION_TIME_IN_DAYS,"
    " then 7 days in Fail-safe, and in files of the landing bucket for the days of"
    " Terraform's landing_retention_days"
)
_STRENGTH = {"": 0, "hash": 1, "mask": 2}


@dataclass(frozen=True)
class Change:
    """One thing that differs.

    Attributes:
        subject: A table or column, "group hourly", "alerts", ...
        what: What it was and what it is.
        effect: What that will do.
        call: What a person has to call for it; empty: nothing.
        table: The table that it is about; empty: none.
    """

    kind: Kind
    subject: str
    what: str
    effect: str
    call: str = ""
    table: str = ""

    def to_json(self) -> dict[str, str]:
        """Returns the change as a person reads it."""
        found = dataclasses.asdict(self)
        return {key: found[key] for key in _TOLD if found[key]}


def compare(
    before: Sequence[TableSettings],
    after: Sequence[TableSettings],
    old: Mapping[str, Any],
    new: Mapping[str, Any],
) -> tuple[Change, ...]:
    """Returns every difference, the most serious first.

    Args:
        old: The configuration in force; {}: none.
        new: The other one.
    """
    were = {table.name: table for table in before}
    are = {table.name: table for table in after}
    found = [_removed(were[name]) for name in sorted(set(were) - set(are))]
    for name in sorted(set(were) & set(are)):
        of_table = _of_table(were[name], are[name])
        found += [dataclasses.replace(change, table=name) for change in of_table]
    found += [_added(are[name]) for name in sorted(set(are) - set(were))]
    found += _of_groups(old.get("groups", {}), new.get("groups", {}))
    found += _of_captures(old.get("sources", {}), new.get("sources", {}))
    if old.get("alerts", {}) != new.get("alerts", {}):
        what = "where alerts go has changed"
        found.append(Change("changed", "alerts", what, "from the next alert on"))
    return tuple(sorted(found, key=lambda change: _ORDER.index(change.kind)))


def _removed(table: TableSettings) -> Change:
    return Change(
        "removed",
        table.name,
        "no longer configured",
        f"it is not synced any more; {table.target} stays as it is",
        table=table.name,
    )


def _added(table: TableSettings) -> Change:
    how = "the whole table with each sync"
    if table.mode == "incremental":
        how = f"all rows once, then those that are new by {table.cursor}"
    if table.mode == "log":
        how = "all rows once, then those that the source's log tells of"
    effect = f"the first sync creates {table.target}; it reads {how}"
    what = f"new, of source {table.source}"
    return Change("added", table.name, what, effect, table=table.name)


def _of_table(was: TableSettings, now: TableSettings) -> Iterator[Change]:
    moves = origin.moves(was.origin, now.origin)
    if moves:
        yield _moved(was, now, moves)
    yield from _of_columns(was, now)
    if was.where != now.where:
        effect = "the next sync reads the whole table again"
        yield Change("changed", now.name, "other rows are meant (where)", effect)
    before, after = dataclasses.asdict(was), dataclasses.asdict(now)
    told = _PLACES | {"name", "columns", "where", "target_schema", "target_table"}
    for setting in sorted(before.keys() - told - {"target_database"}):
        if before[setting] != after[setting]:
            yield _of_setting(now, setting, before[setting], after[setting])


def _moved(was: TableSettings, now: TableSettings, moves: Sequence[str]) -> Change:
    what = "; ".join(moves)
    if now.mode == "full" or was.mode == "full":
        return Change("changed", now.name, what, "the next sync reads the whole table")
    return Change(
        "changed",
        now.name,
        what,
        "syncs are refused (origin_changed) until the table is reloaded",
        f"CALL RESYNC_TABLE('{now.name}');",
    )


def _of_setting(table: TableSettings, name: str, was: object, now: object) -> Change:
    call = f"CALL RESYNC_TABLE('{table.name}');" if name == "key" else ""
    effect = _EFFECTS.get(name, "from the next sync on")
    if name == "trim_char":
        effect = "the next sync reads the whole table again"
    if name == "exclude":
        effect = "columns that are left out are NULL in rows written from now on"
    return Change(
        "changed", table.name, f"{name}: {_text(was)} -> {_text(now)}", effect, call
    )


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return f"({', '.join(map(str, value))})" if value else "none"
    return "none" if value is None else str(value)


def _of_columns(was: TableSettings, now: TableSettings) -> Iterator[Change]:
    before = {column.name: column for column in was.columns}
    after = {column.name: column for column in now.columns}
    for name in sorted(before.keys() | after.keys()):
        old = before.get(name, ColumnSpec(name))
        new = after.get(name, ColumnSpec(name))
        column = f"{now.name}.{name}"
        if old.protect != new.protect:
            yield _protection(column, old.protect, new.protect)
        if old.rename != new.rename:
            what = f"renamed from {old.rename or name.upper()} to"
            what = f"{what} {new.rename or name.upper()}"
            effect = "the next sync renames the column of the target"
            yield Change("changed", column, what, effect)
        if old.type != new.type:
            what = f"type: {old.type or 'its own'} -> {new.type or 'its own'}"
            yield Change(
                "changed",
                column,
                what,
                "if Snowflake cannot give the column this type, syncs are refused"
                " (type_changed) until the table is reloaded",
                f"CALL PLAN_SYNC('{now.name}');",
            )
        if old.trim_char != new.trim_char:
            effect = "the next sync reads the whole table again"
            yield Change("changed", column, "trim_char", effect)


def _protection(column: str, old: str, new: str) -> Change:
    words = {"": "plain", "hash": "hashed", "mask": "masked"}
    what = f"{words[old]} -> {words[new]}"
    effect = "rows are reloaded by the next sync"
    if _STRENGTH[new] < _STRENGTH[old]:
        return Change("lifted", column, what, f"{effect}, and show more than before")
    return Change("changed", column, what, f"{effect}; {_LEFT}")


def _of_groups(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        was, now = old.get(name, {}), new.get(name, {})
        if _runs(was) == _runs(now):
            continue
        subject = f"group {name}"
        if "schedule" in was and "schedule" not in now:
            effect = "it does not run by itself any more"
            yield Change("removed", subject, "its schedule is gone", effect)
            continue
        before, after = schedule_text(was), schedule_text(now)
        what = f"schedule: {before} -> {after}" if before != after else "its tasks"
        yield Change("changed", subject, what, "its tasks are altered")


def _of_captures(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        was, now = (
            sources.get(name, {}).get("log", {}).get("capture_minutes")
            for sources in (old, new)
        )
        if was == now:
            continue
        what = f"capture_minutes: {was or 'none'} -> {now or 'none'}"
        effect = "its task is altered"
        if now is None:
            effect = "its log is captured by the syncs alone: the server keeps more WAL"
        yield Change("changed" if now else "removed", f"source {name}", what, effect)


def _runs(group: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what of a group its tasks are made of."""
    if "schedule" not in group:
        return {}
    return {key: value for key, value in group.items() if key != "description"}


def schedule_text(group: Mapping[str, Any]) -> str:
    """Returns when a group runs, in a few words."""
    schedule = group.get("schedule")
    if not schedule:
        return "none"
    if "cron" in schedule:
        return f"{schedule['cron']} {schedule.get('time_zone', 'UTC')}"
    return f"every {schedule['every_minutes']} minutes"
