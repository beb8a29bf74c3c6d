"""PURE: the rows of CHECK_SYNC, and what is said about what was seen."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lambda_extract.contract import CheckReply, ErrorReply, Reply, release
from snowpark.errors import CODES, SyncError
from snowpark.load.history import Soundness
from snowpark.settings.groups import GroupSettings
from snowpark.settings.table import TableSettings
from snowpark.sql import qualified

State = Literal["ok", "warning", "failed"]
_ORDER: dict[str, int] = {"failed": 0, "warning": 1, "ok": 2}
_OTHER_RELEASE = ("bad_request", "unsupported_version", "reply_invalid")


@dataclass(frozen=True)
class Row:
    """One thing that was looked at.

    Attributes:
        subject: Source, table, schema or object; empty: the account.
        what_to_do: Empty if there is nothing to do.
    """

    check: str
    state: State
    detail: str
    what_to_do: str = ""
    subject: str = ""


def failed(check: str, error: SyncError, subject: str = "", hint: str = "") -> Row:
    """Returns the row of something that a sync would be refused as well."""
    detail = f"[{error.code}] {error.message}"
    return Row(check, "failed", detail, hint or error.hint, subject)


def not_seen(check: str, error: SyncError, subject: str = "") -> Row:
    """Returns the row of a list that was refused, which no sync needs."""
    row = failed(check, error, subject)
    return dataclasses.replace(row, state="warning", detail=f"not seen: {row.detail}")


def report(rows: Sequence[Row]) -> dict[str, Any]:
    """Returns the answer of the call: what is wrong comes first."""
    counts = {state: sum(row.state == state for row in rows) for state in _ORDER}
    ordered = sorted(rows, key=lambda row: _ORDER[row.state])
    keys = ("check", "subject", "state", "detail", "what_to_do")
    return {
        "summary": f"{counts['failed']} failed, {counts['warning']} warnings,"
        f" {counts['ok']} ok.",
        "failed": counts["failed"],
        "warnings": counts["warning"],
        "rows": [
            {key: dataclasses.asdict(row)[key] for key in keys} for row in ordered
        ],
    }


# --- Lambda ---------------------------------------------------------------------------


def of_reply(source: str, reply: Reply) -> tuple[Row, ...]:
    """Returns what the Lambda side says of a source and its tables."""
    if isinstance(reply, ErrorReply):
        error = reply.error
        check = "release" if error.code in _OTHER_RELEASE else "lambda"
        detail = f"[{error.code}] {error.message}"
        return (Row(check, "failed", detail, error.hint, source),)
    if not isinstance(reply, CheckReply):
        hint = CODES["reply_invalid"].hint
        return (Row("release", "failed", "the reply is another one", hint, source),)
    found = [
        Row(f.check, f.state, f.detail, f.hint, f.table or source)
        for f in reply.findings
    ]
    return (_release(source, reply.release), *found)


def _release(source: str, other: str) -> Row:
    here = release()
    if other == here:
        return Row("release", "ok", f"both sides are {here}", subject=source)
    return Row(
        "release",
        "failed",
        f"the procedures are {here}, the Lambda function is {other}",
        CODES["reply_invalid"].hint,
        source,
    )


# --- the account ----------------------------------------------------------------------


def of_session(role: str, warehouse: str | None) -> Row:
    """Returns what the procedure runs as."""
    return Row("session", "ok", f"role {role}, warehouse {warehouse}")


def of_dates(read_as: str, right: str) -> Row:
    """Judges how this session reads dates."""
    if read_as == right:
        return Row("date formats", "ok", "texts of PostgreSQL are read as they are")
    return Row(
        "date formats",
        "failed",
        "this session reads dates or times in another way than PostgreSQL writes them",
        CODES["date_input_formats"].hint,
    )


def of_integration(name: str, properties: Mapping[str, str], check: str) -> Row:
    """Judges an integration that could be described."""
    if properties.get("ENABLED", "").lower() == "true":
        return Row(check, "ok", "usable and enabled", subject=name)
    return Row(
        check,
        "failed",
        "disabled",
        f"ALTER INTEGRATION {name} SET ENABLED = TRUE;",
        name,
    )


def grant_usage(name: str, role: str) -> str:
    """Returns what lets a role use an integration."""
    return f"GRANT USAGE ON INTEGRATION {name} TO ROLE {role};"


# The value that the product needs, and what another one breaks. Sessions begin with
# the account's; a user or session may still have others.
_PARAMETERS: tuple[tuple[str, tuple[str, ...], State, str], ...] = (
    ("AUTOCOMMIT", ("TRUE",), "warning", "calls then break or wait for their own lock"),
    ("DATE_INPUT_FORMAT", ("AUTO",), "warning", "days and months may change places"),
    ("TIME_INPUT_FORMAT", ("AUTO",), "warning", "times may be refused"),
    ("TIMESTAMP_INPUT_FORMAT", ("AUTO",), "warning", "moments may change"),
    ("ROWS_PER_RESULTSET", ("0",), "failed", "lists are cut without a word"),
    (
        "QUOTED_IDENTIFIERS_IGNORE_CASE",
        ("FALSE",),
        "failed",
        "columns that differ in case alone become one",
    ),
    (
        "ERROR_ON_NONDETERMINISTIC_MERGE",
        ("TRUE",),
        "warning",
        "a key that is there twice is not noticed",
    ),
)


def of_parameters(values: Mapping[str, str]) -> tuple[Row, ...]:
    """Judges the account's parameters; those that are not listed are left out."""
    rows = []
    for name, good, state, breaks in _PARAMETERS:
        value = values.get(name)
        if value is None:
            continue
        if value.upper() in good:
            rows.append(Row("parameter", "ok", f"{value}", subject=name))
            continue
        hint = f"ALTER ACCOUNT UNSET {name}; or ALTER USER ... SET {name} = {good[0]};"
        rows.append(Row("parameter", state, f"{value}: {breaks}", hint, name))
    return tuple(rows)


def of_tasks(
    groups: Sequence[GroupSettings],
    graphs: Mapping[str, Sequence[str]],
    states: Mapping[str, str],
) -> tuple[Row, ...]:
    """Judges the tasks of each scheduled group.

    Args:
        graphs: Group -> names of its tasks, the root first.
        states: Task -> "started" or "suspended".
    """
    rows = []
    for group in groups:
        root, *others = graphs[group.name]
        state = states.get(root, "missing").lower()
        idle = [name for name in others if states.get(name, "").lower() != "started"]
        if state != "started":
            detail = f"{state}: group {group.name} does not run by itself"
        elif idle:
            detail = f"started, but these are not: {', '.join(idle)}"
        else:
            rows.append(Row("task", "ok", f"started, {group.schedule}", subject=root))
            continue
        rows.append(Row("task", "warning", detail, "CALL APPLY_TASKS();", root))
    return tuple(rows)


# Roles that people have, and what nobody can do without one of their own.
ROLES = {
    "SYNC_CONFIGURATOR": "call APPLY_CONFIG",
    "SYNC_OPERATOR": "sync and operate",
    "SYNC_READER": "look at views and ledgers",
}


def of_role(name: str, holders: Iterable[tuple[str, str]], suffix: str = "") -> Row:
    """Judges whether somebody has a role; the roles of the sync have each other.

    Args:
        holders: Kind ("USER" or "ROLE") and name of each.
        suffix: Of the roles of this environment.
    """
    own = {f"{role}{suffix}" for role in (*ROLES, "SYNC_ADMIN")}
    does, name = ROLES[name], f"{name}{suffix}"
    given = [who for kind, who in holders if kind == "USER" or who not in own]
    if given:
        return Row("roles", "ok", f"granted to {len(given)}", subject=name)
    return Row(
        "roles",
        "warning",
        f"granted to nobody: none but SYNC_ADMIN{suffix} may {does}",
        f"GRANT ROLE {name} TO USER ...;",
        name,
    )


def of_warehouses(
    groups: Sequence[GroupSettings], seen: Iterable[str], role: str
) -> tuple[Row, ...]:
    """Judges the warehouses that groups name."""
    known = {name.upper() for name in seen}
    wanted = sorted({g.warehouse.upper() for g in groups if g.warehouse})
    rows = []
    for name in wanted:
        if name in known:
            rows.append(Row("warehouse", "ok", "may be used", subject=name))
            continue
        hint = f"GRANT USAGE ON WAREHOUSE {name} TO ROLE {role}; if it exists."
        rows.append(
            Row("warehouse", "failed", f"{role} sees no such warehouse", hint, name)
        )
    return tuple(rows)


def of_account_grants(
    groups: Sequence[GroupSettings], granted: Iterable[str], role: str
) -> tuple[Row, ...]:
    """Judges the rights to run tasks; a right by way of another role is not seen."""
    held = set(granted)
    needed = ["EXECUTE TASK"] if groups else []
    needed += ["EXECUTE MANAGED TASK"] if any(not g.warehouse for g in groups) else []
    rows = []
    for name in needed:
        if name in held:
            rows.append(Row("grant", "ok", f"granted to {role}", subject=name))
            continue
        detail = f"not granted to {role} itself: its tasks fail"
        hint = f"GRANT {name} ON ACCOUNT TO ROLE {role};"
        rows.append(Row("grant", "warning", detail, hint, name))
    return tuple(rows)


# --- targets --------------------------------------------------------------------------


@dataclass(frozen=True)
class Target:
    """A table that stands where a target belongs.

    Attributes:
        ours: A sync has built it.
    """

    owner: str
    ours: bool


def of_target(
    settings: TableSettings, found: Target | None, role: str, refusal: str = ""
) -> Row:
    """Judges a target table.

    Args:
        refusal: Why the deployment does not let it be written; empty: it does.
    """
    name = settings.name
    if refusal:
        code = "target_not_allowed"
        return Row("target", "failed", f"[{code}] {refusal}", CODES[code].hint, name)
    if found is None:
        return Row("target", "ok", "the first sync creates it", subject=name)
    if not found.ours:
        return Row(
            "target",
            "failed",
            f"{settings.target} exists and was not built by this sync",
            CODES["target_exists"].hint,
            name,
        )
    if found.owner != role:
        return Row(
            "target",
            "warning",
            f"{settings.target} is owned by {found.owner}: {role} cannot alter it",
            f"GRANT OWNERSHIP ON TABLE {settings.target} TO ROLE {role}"
            " COPY CURRENT GRANTS;",
            name,
        )
    return Row("target", "ok", f"{settings.target} is owned by {role}", subject=name)


def of_history(table: str, sound: Soundness | None) -> Row:
    """Judges the versions of a table.

    Args:
        sound: None: its rows are no versions yet.
    """
    if sound is None:
        text = "the next sync makes its rows the first versions"
        return Row("history", "ok", text, subject=table)
    if not sound.broken:
        return Row("history", "ok", str(sound), subject=table)
    return Row(
        "history",
        "failed",
        str(sound),
        "Somebody has changed versions by hand: restore the target from before that"
        " (Time Travel), then CALL SYNC_TABLE.",
        table,
    )


def of_schema(
    database: str,
    schema: str,
    *,
    owner: str | None,
    granted: Iterable[str],
    role: str,
) -> Row:
    """Judges a target schema.

    Args:
        owner: None: there is no such schema, or the role does not see it.
        granted: Privileges of the role itself.
    """
    name = qualified(database, schema)
    grants = f"GRANT USAGE, CREATE TABLE ON SCHEMA {name} TO ROLE {role};"
    if owner is None:
        return Row(
            "schema",
            "failed",
            f"{role} sees no such schema",
            f"CALL APPLY_CONFIG again, which creates it; or, if it exists: {grants}",
            name,
        )
    if owner == role or "CREATE TABLE" in set(granted):
        return Row("schema", "ok", f"{role} may create tables", subject=name)
    detail = f"owned by {owner}; CREATE TABLE is not granted to {role} itself"
    return Row("schema", "warning", detail, grants, name)


def of_collation(database: str, schema: str, value: str) -> Row:
    """Judges the collation that new columns of a target schema get."""
    name = qualified(database, schema)
    if not value:
        return Row("collation", "ok", "none", subject=name)
    return Row(
        "collation",
        "failed",
        f"DEFAULT_DDL_COLLATION is {value}: keys that differ may become one",
        f"ALTER SCHEMA {name} SET DEFAULT_DDL_COLLATION = ''; then CALL RESYNC_TABLE"
        " after dropping each target that was created with it.",
        name,
    )
