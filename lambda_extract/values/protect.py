"""Values that are hashed or masked before they leave PostgreSQL. Pure.

A hash is HMAC-SHA-256 (RFC 2104) of the value's text in UTF-8, as 64 hex digits: equal
texts have equal hashes in every table, column and source that shares the key, so joins
work. PostgreSQL computes it, so that a plain value never leaves it, from two keys that
RFC 2104 derives from the one of the secret store.

The two keys travel as session settings of the login packet, which only this session can
read. A statement would carry them into pg_stat_activity and PostgreSQL's log, and
psycopg2 has no parameters apart from the text. Hashing in Lambda instead would parse
every row in Python and let plain values out of PostgreSQL.
"""

import hashlib
import hmac

HASHED = "VARCHAR(64)"
MASKED = "VARCHAR(16)"
MASK = "***"
# A text that is guessed is found by trying, so a key must not be short.
SHORTEST_KEY = 32

_INNER, _OUTER = "aurora_sync.hash_inner", "aurora_sync.hash_outer"
_BLOCK_BYTES = 64

# IS DISTINCT FROM NULL, because a composite of NULLs alone IS NULL.
MASK_WIRE = f"CASE WHEN {{c}} IS DISTINCT FROM NULL THEN '{MASK}' END"
# A subquery of its own is run once for the statement, not for each row.
_KEY = "(SELECT pg_catalog.decode(pg_catalog.current_setting('{}'), 'hex'))"
HASH_WIRE = (
    f"pg_catalog.encode(pg_catalog.sha256({_KEY.format(_OUTER)}"
    f" || pg_catalog.sha256({_KEY.format(_INNER)}"
    " || pg_catalog.convert_to({c}::text, 'UTF8'))), 'hex')"
)


def session_settings(key: str) -> dict[str, str]:
    """Returns the settings that HASH_WIRE reads: hex digits, safe in any text."""
    secret = key.encode()
    if len(secret) > _BLOCK_BYTES:
        secret = hashlib.sha256(secret).digest()
    secret = secret.ljust(_BLOCK_BYTES, b"\0")
    return {
        _INNER: bytes(byte ^ 0x36 for byte in secret).hex(),
        _OUTER: bytes(byte ^ 0x5C for byte in secret).hex(),
    }


def fingerprint(key: str) -> str:
    """Returns 8 hex digits that tell one key from another, and nothing else of it."""
    text = b"aurora_sync: which key is this?"
    return hmac.new(key.encode(), text, hashlib.sha256).hexdigest()[:8]
