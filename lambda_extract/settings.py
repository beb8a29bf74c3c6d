"""Settings of the Lambda function, read from its environment variables."""

import fnmatch
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from lambda_extract.errors import RequestError
from lambda_extract.log import METRIC_LEVELS

# In the package beside this file: the CA certificates of Amazon RDS.
RDS_CA = Path(__file__).with_name("rds_ca.pem")

CREDENTIAL_KINDS = ("environment", "vault", "secrets_manager", "rds_iam")
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
VERIFIED = "verify-full"
# An address that does not leave the machine, or a folder with PostgreSQL's socket.
_THIS_MACHINE = re.compile(r"127\.0\.0\.1|localhost|/[^,]*")
SOURCE_FIELDS = {
    "host",
    "port",
    "dbname",
    "sslmode",
    "sslrootcert",
    "credentials",
    "tables",
    "owners",
    "required_protection",
    "reader",
    "reader_wait_seconds",
    "reader_behind",
    "log",
}
READER_FIELDS = {"host", "port"}
LOG_FIELDS = {"credentials", "slot", "drop_retained_gigabytes"}
LONGEST_WAIT_SECONDS = 200.0
SHORTEST_SIGNING_KEY = 32
PROTECTIONS = ("hash", "mask", "exclude")


@dataclass(frozen=True)
class Protection:
    """What a source demands of every configuration.

    Attributes:
        table: Pattern of "schema.relation", as in the allow-list.
        column: Pattern of a column's name.
        protect: "hash", "mask" or "exclude"; what shows less fulfils it as well.
    """

    table: str
    column: str
    protect: str


@dataclass(frozen=True)
class Reader:
    """A replica of a source, from which rows are read.

    Attributes:
        wait_seconds: How long a request waits until the replica has replayed what the
            writer had done.
        behind: What happens if it has not, or cannot be reached: rows are read from the
            writer, with a warning, or the request fails.
    """

    host: str
    port: int = 5432
    wait_seconds: float = 30.0
    behind: Literal["writer", "fail"] = "writer"


@dataclass(frozen=True)
class Source:
    """Where a configured source lives.

    Attributes:
        credentials: Where its secret is kept: "kind" and what that kind needs; never
            the secret itself (see secrets.py).
        sslrootcert: File of the CA certificates that may have signed the server's.
        tables: Allow-list: patterns of "schema.relation" in which `*` and `?` stand for
            any characters, compared with case. None: the grants of the reader role
            decide alone.
        owners: Roles whose relations are read, beside those of superusers: whoever
            owns a relation can run code in the reader's session (see trust.py).
        required_protection: Columns that leave PostgreSQL protected or not at all.
        reader: From where rows are read; None: from `host`, the writer.
        log_credentials: Where the secret of the role is kept that reads the log: with
            REPLICATION it may read the changes of every table. None: that of
            `credentials` reads it, too.
        log_slot: What the watchdog looks at.
        log_drop_bytes: WAL beyond which the watchdog drops the slot; None: never.
    """

    name: str
    host: str
    dbname: str
    credentials: Mapping[str, Any]
    port: int = 5432
    sslmode: str = VERIFIED
    sslrootcert: str = ""
    tables: tuple[str, ...] | None = None
    owners: tuple[str, ...] = ()
    required_protection: tuple[Protection, ...] = ()
    reader: Reader | None = None
    log_credentials: Mapping[str, Any] | None = None
    log_slot: str = ""
    log_drop_bytes: int | None = None

    @property
    def replica(self) -> "Source":
        """The reader as a server to log in to, with the same login."""
        if self.reader is None:
            raise ValueError("the source has no reader")
        host, port = self.reader.host, self.reader.port
        return replace(self, host=host, port=port)

    @property
    def for_log(self) -> "Source":
        """The source with the login that reads its log; cached under its own name."""
        if self.log_credentials is None:
            return self
        return replace(self, name=f"{self.name}#log", credentials=self.log_credentials)

    def protected_columns(
        self, schema: str, relation: str, columns: tuple[str, ...]
    ) -> set[str]:
        """Returns those of the columns that must not leave PostgreSQL as they are."""
        return {
            column
            for column in columns
            for rule in self.required_protection
            if fnmatch.fnmatchcase(f"{schema}.{relation}", rule.table)
            and fnmatch.fnmatchcase(column, rule.column)
        }

    def check_allowed(self, schema: str, relation: str) -> None:
        """Refuses a table that is not on the allow-list.

        Raises:
            RequestError: table_not_allowed.
        """
        if self.tables is None:
            return
        # A dot is part of a name at most in a quoted one: then no pattern is meant.
        if "." not in schema + relation and any(
            fnmatch.fnmatchcase(f"{schema}.{relation}", pattern)
            for pattern in self.tables
        ):
            return
        raise RequestError(
            "table_not_allowed",
            f"The allow-list of source {self.name!r} does not have this table.",
        )


@dataclass(frozen=True)
class Settings:
    """Everything that the function's environment configures.

    Attributes:
        signing_key: Signs job objects; the functions have it, and nobody who can only
            write to the bucket.
        function_name: The function that is invoked as the worker.
        sources_key: Object of the landing bucket that holds the sources (read by
            handler.py when a worker needs them); empty: they are in SOURCES.
        budget_seconds: One extraction ends within this time or fails.
        worker_timeout_seconds: Lambda's own time-out; it kills the worker.
        start_seconds: A worker that starts later than this after its claim gives up:
            Snowflake stops asking 600 s after the POST.
        proof_wait_seconds: How long a plan waits for open transactions to end, if an
            integer cursor needs it.
        grace_seconds: Added to every deadline before a worker counts as lost.
        call_seconds: After so long a group's reply is given with what is done:
            Snowflake gives its call 600 s.
        silent_seconds: A worker of a group that has said nothing for so long is lost.
        metrics: By what CloudWatch's metrics are told apart: log.METRIC_LEVELS.
    """

    sources: Mapping[str, Source]
    landing_bucket: str
    landing_prefix: str
    function_name: str
    signing_key: str
    budget_seconds: float = 240.0
    worker_timeout_seconds: float = 300.0
    start_seconds: float = 240.0
    grace_seconds: float = 10.0
    proof_wait_seconds: float = 20.0
    sources_key: str = ""
    call_seconds: float = 540.0
    silent_seconds: float = 45.0
    metrics: str = "source"

    def source(self, name: str) -> Source:
        """Returns a source by name.

        Raises:
            RequestError: unknown_source.
        """
        if name not in self.sources:
            known = ", ".join(sorted(self.sources)) or "none"
            raise RequestError(
                "unknown_source",
                f"The Lambda function knows no source {name!r}; it knows: {known}.",
            )
        return self.sources[name]


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Reads the settings.

    Raises:
        RequestError: bad_request, if a variable is missing or malformed.
    """
    prefix = environ.get("LANDING_PREFIX", "").strip("/")
    return Settings(
        sources=parse_sources(environ.get("SOURCES", "{}")),
        landing_bucket=_required(environ, "LANDING_BUCKET"),
        landing_prefix=f"{prefix}/" if prefix else "",
        function_name=environ.get("WORKER_FUNCTION")
        or _required(environ, "AWS_LAMBDA_FUNCTION_NAME"),
        signing_key=_signing_key(environ),
        sources_key=environ.get("SOURCES_KEY", ""),
        budget_seconds=_seconds(environ, "EXTRACT_BUDGET_SECONDS", 240.0),
        worker_timeout_seconds=_seconds(environ, "WORKER_TIMEOUT_SECONDS", 300.0),
        start_seconds=_seconds(environ, "WORKER_START_SECONDS", 240.0),
        grace_seconds=_seconds(environ, "WORKER_GRACE_SECONDS", 10.0),
        proof_wait_seconds=_seconds(environ, "PROOF_WAIT_SECONDS", 20.0),
        call_seconds=_seconds(environ, "CALL_SECONDS", 540.0),
        silent_seconds=_seconds(environ, "WORKER_SILENT_SECONDS", 45.0),
        metrics=_metrics(environ),
    )


def _metrics(environ: Mapping[str, str]) -> str:
    level = environ.get("METRICS") or "source"
    if level not in METRIC_LEVELS:
        raise _wrong("METRICS", f"is none of {', '.join(METRIC_LEVELS)}")
    return level


def _wrong(name: str, reason: str) -> RequestError:
    return RequestError(
        "bad_request",
        f"The Lambda function's environment variable {name} {reason}.",
        hint="Correct the function's environment variables and deploy again.",
    )


def _required(environ: Mapping[str, str], name: str) -> str:
    if not environ.get(name):
        raise _wrong(name, "is not set")
    return environ[name]


def _signing_key(environ: Mapping[str, str]) -> str:
    key = _required(environ, "SIGNING_KEY")
    if len(key) < SHORTEST_SIGNING_KEY:
        raise _wrong("SIGNING_KEY", f"has fewer than {SHORTEST_SIGNING_KEY} characters")
    return key


def _seconds(environ: Mapping[str, str], name: str, default: float) -> float:
    try:
        value = float(environ.get(name) or default)
    except ValueError:
        raise _wrong(name, "is not a number of seconds") from None
    if not 0 < value < 900:
        raise _wrong(name, "must lie between 0 and 900 seconds")
    return value


def parse_sources(text: str) -> dict[str, Source]:
    """Reads the JSON text of all sources.

    Raises:
        RequestError: bad_request, if it is malformed.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise _wrong("SOURCES", "is not JSON text") from None
    if not isinstance(data, dict):
        raise _wrong("SOURCES", "is not a JSON object")
    return {name: _source(name, value) for name, value in data.items()}


def _source(name: str, data: Any) -> Source:
    if not isinstance(data, dict) or not {"host", "dbname", "credentials"} <= set(data):
        raise _wrong("SOURCES", f"lacks host, dbname or credentials for {name!r}")
    unknown = set(data) - SOURCE_FIELDS
    if unknown:
        raise _wrong("SOURCES", f"has unknown fields for {name!r}: {sorted(unknown)}")
    credentials = _credentials(name, data["credentials"])
    log = _log(name, data.get("log"))
    port = _port(name, data)
    logins = [credentials, log.get("log_credentials") or credentials]
    sslmode = _sslmode(name, data, logins)
    return Source(
        name=name,
        host=str(data["host"]),
        dbname=str(data["dbname"]),
        credentials=credentials,
        port=port,
        sslmode=sslmode,
        sslrootcert=str(data.get("sslrootcert") or _default_ca(sslmode)),
        tables=_tables(name, data.get("tables")),
        owners=_owners(name, data.get("owners")),
        required_protection=_protections(name, data.get("required_protection")),
        reader=_reader(name, data),
        **log,
    )


def _sslmode(name: str, data: dict[str, Any], logins: list[Mapping[str, Any]]) -> str:
    """Returns how its servers are verified: a secret store's logins go to no other.

    With anything weaker whoever stands in between is sent the password, the token or
    the hash key. Between two processes of one machine nobody does.
    """
    sslmode = data.get("sslmode", VERIFIED)
    if sslmode not in SSL_MODES:
        raise _wrong("SOURCES", f"has an sslmode unknown to PostgreSQL for {name!r}")
    reader = data.get("reader")
    hosts = [data["host"], *([reader.get("host")] if isinstance(reader, dict) else [])]
    far = any(not _THIS_MACHINE.fullmatch(str(host)) for host in hosts)
    secret = any(one["kind"] != "environment" for one in logins)
    if sslmode != VERIFIED and far and secret:
        raise _wrong(
            "SOURCES", f"needs sslmode {VERIFIED} for {name!r}, which has a secret"
        )
    return str(sslmode)


def _reader(name: str, data: dict[str, Any]) -> Reader | None:
    reader = data.get("reader")
    if reader is None:
        for setting in ("reader_wait_seconds", "reader_behind"):
            if setting in data:
                raise _wrong("SOURCES", f"has {setting} without reader for {name!r}")
        return None
    if not isinstance(reader, dict) or not isinstance(reader.get("host"), str):
        raise _wrong("SOURCES", f"needs a host in the reader of {name!r}")
    unknown = set(reader) - READER_FIELDS
    if unknown:
        fields = sorted(unknown)
        raise _wrong(
            "SOURCES", f"has unknown fields in the reader of {name!r}: {fields}"
        )
    behind = data.get("reader_behind", "writer")
    if behind not in ("writer", "fail"):
        raise _wrong(
            "SOURCES", f'needs "writer" or "fail" as reader_behind of {name!r}'
        )
    seconds = data.get("reader_wait_seconds", 30.0)
    if not _is_number(seconds) or not 0 <= seconds <= LONGEST_WAIT_SECONDS:
        raise _wrong(
            "SOURCES",
            f"needs a reader_wait_seconds from 0 to {LONGEST_WAIT_SECONDS:g} for"
            f" {name!r}",
        )
    return Reader(reader["host"], _port(name, reader), float(seconds), behind)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _port(name: str, data: dict[str, Any]) -> int:
    try:
        port = int(data.get("port", 5432))
    except (TypeError, ValueError, OverflowError):
        raise _wrong("SOURCES", f"has a port that is no number for {name!r}") from None
    if not 0 < port < 65536:
        raise _wrong("SOURCES", f"has a port out of range for {name!r}")
    return port


def _credentials(name: str, credentials: Any) -> Mapping[str, Any]:
    if isinstance(credentials, dict) and credentials.get("kind") in CREDENTIAL_KINDS:
        return credentials
    raise _wrong(
        "SOURCES",
        f"needs a credentials kind for {name!r}, one of " + ", ".join(CREDENTIAL_KINDS),
    )


def _log(name: str, log: Any) -> dict[str, Any]:
    """Returns the fields of a source that are about its log."""
    if log is None:
        return {}
    if (
        not isinstance(log, dict)
        or not {"credentials"} <= set(log) <= LOG_FIELDS
        or not isinstance(log.get("slot", ""), str)
    ):
        raise _wrong(
            "SOURCES",
            f'needs "credentials" in log of {name!r}, and takes slot and'
            " drop_retained_gigabytes beside it",
        )
    most = log.get("drop_retained_gigabytes")
    if most is not None and (not _is_number(most) or not most > 0):
        raise _wrong(
            "SOURCES", f"needs a positive drop_retained_gigabytes in log of {name!r}"
        )
    return {
        "log_credentials": _credentials(name, log["credentials"]),
        "log_slot": log.get("slot") or default_slot(name),
        "log_drop_bytes": None if most is None else int(most * 1_000_000_000),
    }


def default_slot(source: str) -> str:
    """Returns the name of a source's slot unless the configuration names another."""
    return "aurora_sync_" + re.sub(r"[^a-z0-9_]", "_", source.lower())[:51]


def _default_ca(sslmode: str) -> str:
    """With "require" libpq would verify as well, if it were given a file."""
    return str(RDS_CA) if sslmode.startswith("verify-") else ""


def _tables(name: str, patterns: Any) -> tuple[str, ...] | None:
    """An empty list allows nothing; only a missing one leaves it to the grants."""
    if patterns is None:
        return None
    if not isinstance(patterns, list) or not all(
        isinstance(pattern, str) and pattern.count(".") == 1 for pattern in patterns
    ):
        raise _wrong("SOURCES", f'needs tables like "public.orders" for {name!r}')
    return tuple(patterns)


def _owners(name: str, roles: Any) -> tuple[str, ...]:
    if roles is None:
        return ()
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise _wrong("SOURCES", f"needs owners as a list of roles for {name!r}")
    return tuple(roles)


def _protections(name: str, rules: Any) -> tuple[Protection, ...]:
    """Reads them; a rule that is misspelled must not protect nothing in silence."""
    if rules is None:
        return ()
    fields = {"table", "column", "protect"}
    if not isinstance(rules, list) or not all(
        isinstance(rule, dict)
        and set(rule) == fields
        and all(isinstance(value, str) and value for value in rule.values())
        and rule["table"].count(".") == 1
        and rule["protect"] in PROTECTIONS
        for rule in rules
    ):
        raise _wrong(
            "SOURCES",
            "needs required_protection as a list of table, column and protect"
            f' ("hash", "mask" or "exclude") for {name!r}',
        )
    return tuple(Protection(**rule) for rule in rules)
