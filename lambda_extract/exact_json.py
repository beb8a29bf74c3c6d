"""Which JSON a VARIANT holds exactly, as conditions in PostgreSQL's SQL. Pure.

PARSE_JSON (docs.snowflake.com, sql-reference/functions/parse_json and data types) keeps
a number of up to 38 digits as it is; one that is longer, or written with an exponent,
becomes a DOUBLE. Of a key that stands twice it keeps the last. Text of a VARIANT is
UTF-8, which has no place for half a surrogate pair; that NUL fares well is nowhere
said.

jsonb cannot hold any of these except long numbers. The texts go through
`psycopg2.sql.SQL.format`, hence the doubled braces; `{t}` stands for the JSON as text.
"""

from lambda_extract.watch import LARGEST_TEXT_BYTES

TOO_LONG = f"pg_catalog.octet_length({{t}}) > {LARGEST_TEXT_BYTES}"

_WITHOUT_STRINGS = r"""pg_catalog.regexp_replace({t}, '"(\\.|[^"\\])*"', '', 'g')"""
_MANY_DIGITS = (
    "CASE WHEN {t} ~ '[0-9.]{{39}}'"
    f" THEN {_WITHOUT_STRINGS} ~ '[0-9]{{{{39}}}}|[0-9.]{{{{40}}}}' ELSE FALSE END"
)
# Pairs of backslashes first: what follows them is no escape. Then whole characters.
_HALF_CHARACTER = (
    r"pg_catalog.regexp_replace(pg_catalog.regexp_replace({t}, '\\\\', '', 'g'),"
    r" '\\u[dD][89abAB]..\\u[dD][c-fC-F]..', '', 'g') ~ '\\u(0000|[dD][89a-fA-F])'"
)
# A DOUBLE gives back the shortest text that means it. Where PostgreSQL's own double
# does, nothing is lost; exponents near the end of its range are not tried.
_INEXACT_EXPONENT = (
    "EXISTS (SELECT 1 FROM pg_catalog.regexp_matches("
    f"{_WITHOUT_STRINGS}, '[-0-9.]+[eE][-+0-9]+', 'g') AS m (number)"
    " WHERE CASE WHEN pg_catalog.length(m.number[1]) > 40 OR m.number[1]"
    " ~ '[eE][-+]?0*(2[5-9][0-9]|[3-9][0-9]{{2}}|[0-9]{{4}})' THEN TRUE"
    " ELSE m.number[1]::float8::text::numeric <> m.number[1]::numeric END)"
)
_COLONS = r"""pg_catalog.length(pg_catalog.regexp_replace(
    pg_catalog.regexp_replace(TEXT, '"(\\.|[^"\\])*"', '', 'g'), '[^:]', '', 'g'))"""
# jsonb drops all but the last of equal keys, and with each a colon.
_KEY_TWICE = (
    _COLONS.replace("TEXT", "{t}")
    + " <> "
    + _COLONS.replace("TEXT", "{t}::jsonb::text")
)
# SQL/JSON knows a faster way, from PostgreSQL 16 on.
_KEY_TWICE_16 = "{t} IS NOT JSON WITH UNIQUE KEYS"
_UNIQUE_KEYS_SINCE = 160_000


def long_number(text: str) -> str:
    """Returns the condition that JSON without free text has a number too long.

    Args:
        text: SQL expression of the JSON as text.
    """
    return _of(f"{TOO_LONG} OR {_MANY_DIGITS}", text)


def inexact(text: str) -> str:
    """Returns the condition that JSON written by anybody is not exact in a VARIANT.

    CASE keeps the order: later tests fail on what the earlier ones find.
    """
    cases = (TOO_LONG, _HALF_CHARACTER, _MANY_DIGITS, _INEXACT_EXPONENT)
    tests = " ".join(f"WHEN {case} THEN TRUE" for case in cases)
    return _of(f"CASE {tests} ELSE {_KEY_TWICE} END", text)


def key_twice(text: str, server_version: int) -> str:
    """Returns the quick wire's condition that an object has a key twice.

    Args:
        server_version: As PostgreSQL counts it, e.g. 150004.
    """
    if server_version >= _UNIQUE_KEYS_SINCE:
        return _of(_KEY_TWICE_16, text)
    return inexact(text)


def _of(condition: str, text: str) -> str:
    return condition.replace("{t}", text)
