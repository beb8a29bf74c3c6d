"""PURE: what is said about what a check has seen."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from lambda_extract.contract import CursorSpec, Finding, SlotState, TableSpec
from lambda_extract.cursor.column import index_text
from lambda_extract.errors import CODES, ExtractError
from lambda_extract.settings import Reader
from lambda_extract.source.catalog import quoted

# The oldest major that the tests run against, and that Aurora still offers.
OLDEST_MAJOR = 13
_LONGEST = 600


@dataclass(frozen=True)
class SourceFacts:
    """What a session shows of its source.

    Attributes:
        role: The reader role.
        version: As PostgreSQL counts it, e.g. 180004.
        sslmode: Configured.
        tls: This very session is encrypted.
        replica: The server is a reader.
        sees_all: The role may see what other sessions do.
        hidden: A session has track_activities off.
    """

    role: str
    version: int
    sslmode: str
    tls: bool
    replica: bool
    sees_all: bool
    hidden: bool
    superuser: bool


@dataclass(frozen=True)
class Seen:
    """A look that went well; a hint makes it a warning."""

    detail: str
    hint: str = ""


Look = Callable[[], Seen]


def bounded(finding: Finding) -> Finding:
    """Returns the finding with texts that cannot make the reply too large."""
    return dataclasses.replace(
        finding, detail=finding.detail[:_LONGEST], hint=finding.hint[:_LONGEST]
    )


def seen(check: str, table: str, what: Seen) -> Finding:
    """Returns the finding of a look that was not refused."""
    if what.hint:
        return Finding(check, "warning", what.detail, what.hint, table)
    return Finding(check, "ok", what.detail, table=table)


def refused(check: str, error: ExtractError, table: str = "") -> Finding:
    """Returns the finding of what a sync would fail with, too."""
    detail = f"[{error.code}] {error.message}"
    return Finding(check, "failed", detail, error.hint, table)


def place_of(code: str) -> str:
    """Returns what was looked at if a connection fails with this code."""
    if code == "unknown_source":
        return "source"
    credentials = ("credentials_", "secret_", "vault_", "hash_key_")
    return "credentials" if code.startswith(credentials) else "postgresql"


def connected(seconds: float) -> Finding:
    """Returns the finding that the login went well."""
    return Finding("login", "ok", f"credentials and login took {seconds:.1f} s")


def of_source(facts: SourceFacts) -> tuple[Finding, ...]:
    """Judges a source."""
    return (
        _tls(facts),
        _version(facts),
        _server(facts),
        _statistics(facts),
        _role(facts),
    )


def _tls(facts: SourceFacts) -> Finding:
    if not facts.tls:
        return Finding(
            "tls",
            "warning",
            f"this session is not encrypted (sslmode {facts.sslmode})",
            'Set "sslmode" of the source to verify-full.',
        )
    if facts.sslmode != "verify-full":
        return Finding(
            "tls",
            "warning",
            f"encrypted, but sslmode {facts.sslmode} does not prove whose server it is",
            'Set "sslmode" of the source to verify-full.',
        )
    return Finding("tls", "ok", "encrypted; the server's name and CA are verified")


def _version(facts: SourceFacts) -> Finding:
    major = facts.version // 10_000
    detail = f"PostgreSQL {major}.{facts.version % 10_000}"
    if major < OLDEST_MAJOR:
        hint = f"Upgrade to PostgreSQL {OLDEST_MAJOR} or newer: older ones are untried."
        return Finding("version", "warning", detail, hint)
    return Finding("version", "ok", detail)


def _server(facts: SourceFacts) -> Finding:
    if facts.replica:
        return Finding(
            "server",
            "warning",
            "a reader: it does not show the writer's open transactions",
            "Use the writer's endpoint, or set a lookback for every table with a"
            " cursor.",
        )
    return Finding("server", "ok", "the writer")


def _statistics(facts: SourceFacts) -> Finding:
    if not facts.sees_all:
        return Finding(
            "pg_read_all_stats",
            "warning",
            f"role {facts.role!r} does not see others' open transactions",
            f"GRANT pg_read_all_stats TO {quoted(facts.role)};",
        )
    if facts.hidden:
        return Finding(
            "pg_read_all_stats",
            "warning",
            "a session has track_activities off and shows no transaction",
            "Leave track_activities on in every session and role.",
        )
    return Finding("pg_read_all_stats", "ok", "open transactions can be seen")


def _role(facts: SourceFacts) -> Finding:
    if facts.superuser:
        return Finding(
            "role",
            "warning",
            f"role {facts.role!r} is a superuser",
            "Let the source log in as a role that may read and nothing else.",
        )
    return Finding("role", "ok", f"{facts.role} is no superuser")


def of_proof(table: str, facts: SourceFacts, cursor: CursorSpec) -> Finding:
    """Judges whether increments can be proven to miss nothing."""
    if cursor.lookback_seconds is not None or cursor.lookback_values is not None:
        return Finding("proof", "ok", "replaced by a lookback", table=table)
    if facts.sees_all and not facts.replica and not facts.hidden:
        return Finding("proof", "ok", "open transactions bound it", table=table)
    code = "cannot_see_transactions"
    detail = f"[{code}] open transactions cannot be seen, and no lookback is set"
    return Finding("proof", "failed", detail, CODES[code].hint, table)


def follows(reader: Reader, seconds: float) -> Finding:
    """Returns the finding that rows can be read from a replica."""
    detail = f"{reader.host} had all that the writer had done after {seconds:.1f} s"
    return Finding("reader", "ok", detail)


def of_reader(reader: Reader, error: ExtractError) -> Finding:
    """Returns the finding of a replica that cannot be read from."""
    found = refused("reader", error)
    if reader.behind == "fail":
        return found
    detail = f"{found.detail} Rows are read from the writer meanwhile."
    return dataclasses.replace(found, state="warning", detail=detail)


def of_slot(slot: str, state: SlotState) -> Seen:
    """Judges a slot that may be read."""
    kept = state.retained_bytes / 1e6
    detail = f"slot {slot}: {kept:.0f} MB of WAL are kept, {state.wal_status or 'ok'}"
    if state.wal_status == "unreserved":
        return Seen(
            f"{detail}: the server is about to give its WAL up",
            "CALL CAPTURE_LOG with the source now; raise max_slot_wal_keep_size, or let"
            " its group run more often.",
        )
    return Seen(detail)


def of_key(key: tuple[str, ...], *, enforced: bool) -> Seen:
    """Judges a key."""
    detail = f"({', '.join(key)})"
    if enforced:
        return Seen(f"{detail} is unique")
    return Seen(
        f"{detail} is not enforced by PostgreSQL: two rows may have the same key",
        "Make it the primary key, or a unique index over NOT NULL columns.",
    )


def of_index(table: TableSpec, cursor: CursorSpec, *, indexed: bool) -> Seen:
    """Judges whether a cursor's new rows are found without reading all."""
    names = ", ".join(cursor.columns)
    value = f"GREATEST({names})" if cursor.also else names
    if indexed:
        return Seen(f"an index begins with {value}")
    return Seen(
        f"no index begins with {value}: each sync reads the whole table",
        f"CREATE INDEX CONCURRENTLY ON {index_text(table, cursor)};",
    )
