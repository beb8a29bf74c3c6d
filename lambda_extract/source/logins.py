"""Why a login failed, by the phrases of libpq and of the server.

libpq gives no SQLSTATE for a failed connection, only text in English or the server's
language. So the known phrases are looked for, and nothing of the text is passed on: it
may quote the session's options, and with them a key.
"""

from dataclasses import dataclass

from lambda_extract.errors import AuthenticationError, SourceError
from lambda_extract.settings import Source

POOLER_HINT = (
    "Set host of the source to the cluster's own endpoint: RDS Proxy and PgBouncer do"
    " not take the session settings on which the extraction rests (options=-c ...)."
)


@dataclass(frozen=True)
class Refusal:
    """One reason.

    Attributes:
        phrases: Any of them stands in the text; all parts of a tuple must.
        code: One of errors.CODES.
        message: With the place of the source in it.
        hint: What to do; empty if the code's own hint is right.
    """

    phrases: tuple[tuple[str, ...], ...]
    code: str
    message: str
    hint: str = ""


REFUSALS = (
    # First: a pooler's text quotes our settings, whatever words are in them.
    Refusal(
        (
            ("unsupported startup parameter",),
            ("unsupported options startup parameter",),
            ("RDS Proxy", "command-line options"),
        ),
        "pooler_refused",
        "{where} is a pooler that refuses the settings of a session.",
        POOLER_HINT,
    ),
    Refusal(
        (("authentication failed",), ("no pg_hba.conf entry",)),
        "source_authentication",
        "PostgreSQL of {where} refused the login.",
    ),
    Refusal(
        (("no password supplied",), ("password is required",)),
        "source_authentication",
        "PostgreSQL of {where} asks for a password.",
    ),
    # A leased role that is gone, if no password is asked for; the second, if it went
    # while the session began.
    Refusal(
        (('role "', "does not exist"), ("invalid role OID",)),
        "source_authentication",
        "PostgreSQL of {where} has no such user.",
    ),
    Refusal(
        (("is not permitted to log in",),),
        "source_authentication",
        "PostgreSQL of {where} has the user, but with NOLOGIN.",
        "ALTER ROLE ... LOGIN.",
    ),
    Refusal(
        (("permission denied for database",),),
        "permission_denied",
        "The user may not connect to the database of {where}.",
        "GRANT CONNECT ON DATABASE ... TO the reader role.",
    ),
    Refusal(
        (
            ("too many connections",),
            ("connection slots",),
            ("too many clients",),
            ("no more connections allowed",),
        ),
        "too_many_connections",
        "PostgreSQL of {where} has no connection left.",
    ),
    Refusal(
        (("database", "does not exist"), ("is not currently accepting connections",)),
        "database_not_found",
        "PostgreSQL of {where} has no database {dbname!r} that takes connections.",
    ),
    Refusal(
        (
            ("database system is starting up",),
            ("database system is shutting down",),
            ("not yet accepting connections",),
            ("in recovery mode",),
        ),
        "source_unreachable",
        "PostgreSQL of {where} is starting or shutting down.",
        "A retry helps as soon as it is up.",
    ),
    Refusal(
        (("could not translate host name",),),
        "source_unreachable",
        "The host name of {where} is not known.",
        "Check host of the source, and DNS of the Lambda's VPC.",
    ),
)


def refusal(text: str, source: Source) -> SourceError:
    """Returns our error for the text of a failed connection."""
    where = f"source {source.name!r} ({source.host}:{source.port})"
    for known in REFUSALS:
        if any(all(part in text for part in phrase) for phrase in known.phrases):
            kind = (
                AuthenticationError
                if known.code == "source_authentication"
                else SourceError
            )
            message = known.message.format(where=where, dbname=source.dbname)
            return kind(known.code, message[0].upper() + message[1:], hint=known.hint)
    if "SSL" in text or "certificate" in text:
        return SourceError(
            "source_unreachable",
            f"No TLS connection to PostgreSQL of {where} (sslmode {source.sslmode}).",
            hint=_tls_hint(text),
        )
    return SourceError(
        "source_unreachable", f"PostgreSQL of {where} could not be reached."
    )


def _tls_hint(text: str) -> str:
    """Says which part of the verification failed, by libpq's and OpenSSL's phrases."""
    if "root certificate file" in text:
        return "There is no usable file at sslrootcert of the source: correct its path."
    if "does not match host name" in text:
        return (
            "The certificate is another host's: set host of the source to the"
            " cluster's own endpoint, not to an address or an alias."
        )
    # The second one: a CA of the same name with another key.
    if "certificate verify failed" in text or "signature failure" in text:
        return (
            "No CA certificate of sslrootcert has signed the server's. For a new AWS"
            " region: scripts/package_lambda.sh --rds-ca with Amazon's newest bundle."
        )
    return (
        "Check sslmode and sslrootcert of the source, and whether the server has TLS."
    )
