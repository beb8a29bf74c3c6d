"""Which JSON a VARIANT holds exactly, as conditions in PostgreSQL's SQL. Pure.

PARSE_JSON (docs.snowflake.com, sql-reference/functions/parse_json and data types) keeps
a number of up to 38 digits as it is; one that is longer, or written with an exponent,
becomes a DOUBLE. Of a key that stands twice it keeps the last. Text of a VARIANT is
UTF-8, which has no place for half a surrogate pair; that NUL fares well is nowhere
said.

jsonb cannot hold any of these except long numbers. The texts go through
`psycopg2.sql.SQL.format`, so braces are doubled; `{t}` stands for the JSON as text.
"""

from lambda_extract.values.watch import LARGEST_TEXT_BYTES

TOO_LONG = f"pg_catalog.octet_length({{t}}) > {LARGEST_TEXT_BYTES}"

_WITHOUT_STRINGS = r"""pg_catalog.regexp_replace({t}, '"(\\.|[^"\\])*"', '', 'g')"""
_LONG_NUMBER = f"{_WITHOUT_STRINGS} ~ '[0-9]{{{{39}}}}|[0-9.]{{{{40}}}}'"
_MAY_BE_LONG = "[0-9.]{{39}}"
# Pairs of backslashes first: what follows them is no escape. Then whole characters.
_HALF_CHARACTER = (
    r"pg_catalog.regexp_replace(pg_catalog.regexp_replace({t}, '\\\\', '', 'g'),"
    r" '\\u[dD][89abAB]..\\u[dD][c-fC-F]..', '', 'g') ~ '\\u(0000|[dD][89a-fA-F])'"
)
_MAY_BE_HALF = r"\\u(0000|[dD][89a-fA-F])"
# A DOUBLE gives back the shortest text that means it. If PostgreSQL's own double
# does, nothing is lost; exponents near the end of its range are not tried.
_INEXACT_EXPONENT = (
    "EXISTS (SELECT 1 FROM pg_catalog.regexp_matches("
    f"{_WITHOUT_STRINGS}, '[-0-9.]+[eE][-+0-9]+', 'g') AS m (number)"
    " WHERE CASE WHEN pg_catalog.length(m.number[1]) > 40 OR m.number[1]"
    " ~ '[eE][-+]?0*(2[5-9][0-9]|[3-9][0-9]{{2}}|[0-9]{{4}})' THEN TRUE"
    " ELSE m.number[1]::float8::text::numeric <> m.number[1]::numeric END)"
)
# Not [-:], or every other UUID would be one.
_MAY_BE_EXPONENT = r"(^|[[:space:]:,\[])-?[0-9][0-9.]*[eE]"
# One search finds what the expensive tests are for: they take 0.3 ms for 1 kB of JSON.
_SUSPICIOUS = f"{{t}} ~ '{_MAY_BE_LONG}|{_MAY_BE_HALF}|{_MAY_BE_EXPONENT}'"
_ALTERED = (
    f"CASE WHEN {_HALF_CHARACTER} THEN TRUE WHEN {_LONG_NUMBER} THEN TRUE"
    f" ELSE {_INEXACT_EXPONENT} END"
)
# SQL/JSON knows this from PostgreSQL 16 on.
_KEY_TWICE_16 = "{t} IS NOT JSON WITH UNIQUE KEYS"
_UNIQUE_KEYS_SINCE = 160_000
# Before, jsonb does: it drops all but the last of equal keys. A key ends with a quote
# and a colon (json_build_object puts a space between), and so does text that escapes
# its quote, in the same way on both sides. What could make the counts differ without
# that (jsonb writes an escaped quote, colon or space plainly), or what jsonb refuses,
# is looked at in full.
_ENDS = (
    "2 * pg_catalog.length(TEXT)"
    " - pg_catalog.length(pg_catalog.replace(TEXT, '\":', '\"'))"
    " - pg_catalog.length(pg_catalog.replace(TEXT, '\" :', '\" '))"
)
_UNLIKE_JSONB = (
    r"""{t} ~ '\\u(00(00|2[02]|3[aA])|[dD][89a-fA-F])"""
    r"""|"([[:space:]]{{2,}}|[\t\n\r]):"""
    rf"""|{_MAY_BE_EXPONENT}[-+]?[0-9]{{{{3}}}}'"""
)
_FEWER_KEYS = (
    f"CASE WHEN {_UNLIKE_JSONB} THEN TRUE ELSE "
    + _ENDS.replace("TEXT", "{t}")
    + " <> "
    + _ENDS.replace("TEXT", "{t}::jsonb::text")
    + " END"
)
_COLONS = r"""pg_catalog.length(pg_catalog.regexp_replace(
    pg_catalog.regexp_replace(TEXT, '"(\\.|[^"\\])*"', '', 'g'), '[^:]', '', 'g'))"""
_FEWER_COLONS = (
    f"CASE WHEN {_FEWER_KEYS} THEN "
    + _COLONS.replace("TEXT", "{t}")
    + " <> "
    + _COLONS.replace("TEXT", "{t}::jsonb::text")
    + " ELSE FALSE END"
)


def long_number(text: str) -> str:
    """Returns the condition that JSON without free text has a number too long.

    Args:
        text: SQL expression of the JSON as text.
    """
    long = f"CASE WHEN {{t}} ~ '{_MAY_BE_LONG}' THEN {_LONG_NUMBER} ELSE FALSE END"
    return _of(f"{TOO_LONG} OR {long}", text)


def inexact(text: str, server_version: int) -> str:
    """Returns the condition that JSON written by anybody is not exact in a VARIANT.

    CASE keeps the order: jsonb fails on what the earlier tests find.

    Args:
        text: SQL expression of the JSON as text.
        server_version: As PostgreSQL counts it, e.g. 150004.
    """
    twice = _FEWER_COLONS
    if server_version >= _UNIQUE_KEYS_SINCE:
        twice = _KEY_TWICE_16
    altered = f"CASE WHEN {_SUSPICIOUS} THEN {_ALTERED} ELSE FALSE END"
    tests = f"WHEN {TOO_LONG} THEN TRUE WHEN {altered} THEN TRUE"
    return _of(f"CASE {tests} ELSE {twice} END", text)


def key_twice(text: str, server_version: int) -> str:
    """Returns the quick wire's condition that an object may have a key twice."""
    if server_version >= _UNIQUE_KEYS_SINCE:
        return _of(_KEY_TWICE_16, text)
    return _of(_FEWER_KEYS, text)


def _of(condition: str, text: str) -> str:
    return condition.replace("{t}", text)
