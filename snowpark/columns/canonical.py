"""PURE: canonical text of rows in Snowflake.

lambda_extract/rows/canonical.py gives the same text in PostgreSQL, and has the rules.
snowflake/45_function/020_canonical.sql has the two functions that are called here.
"""

from collections.abc import Sequence

from lambda_extract.contract import INCOMPARABLE_IN_TARGET
from snowpark.columns.column import LoadColumn
from snowpark.columns.types import family
from snowpark.sql import quote

_MOMENT = "'YYYY-MM-DD HH24:MI:SS.FF6'"
# Beyond what the source compares, whatever the notation, and within a VARCHAR argument.
_LARGEST_DOCUMENT = 16_000_000
_MANTISSA = "LTRIM(SPLIT_PART(LOWER({t}), 'e', 1), '-+ ')"
_DIGITS = f"REPLACE({_MANTISSA}, '.', '')"
_DECIMAL_FORM = (
    f"CASE WHEN TRIM({_DIGITS}, '0') = '' THEN '0' ELSE"
    " IFF(CONTAINS(SPLIT_PART(LOWER({t}), 'e', 1), '-'), '-', '')"
    f" || TRIM({_DIGITS}, '0') || 'e' ||"
    f" TO_VARCHAR(LENGTH(SPLIT_PART({_MANTISSA}, '.', 1)) - LENGTH({_DIGITS})"
    f" + LENGTH(LTRIM({_DIGITS}, '0'))"
    " + CAST(COALESCE(NULLIF(SPLIT_PART(LOWER({t}), 'e', 2), ''), '0') AS INTEGER))"
    " END"
)
_NUMBER = (
    "IFF(CONTAINS(TO_VARCHAR({c}), '.'),"
    " RTRIM(RTRIM(TO_VARCHAR({c}), '0'), '.'), TO_VARCHAR({c}))"
)
_JSON = (
    f"IFF(LENGTH(TO_JSON({{v}})) > {_LARGEST_DOCUMENT}, '{INCOMPARABLE_IN_TARGET}',"
    " control.canonical_json(TO_JSON({v}), {v}))"
)
_TEXTS = {
    "NUMBER": _NUMBER,
    "DECFLOAT": _DECIMAL_FORM.replace("{t}", "TO_VARCHAR({c})"),
    "FLOAT": "control.canonical_float({c})",
    "BOOLEAN": "IFF({c}, 'true', 'false')",
    "VARCHAR": "MD5({c})",
    "BINARY": "MD5(LOWER(HEX_ENCODE({c})))",
    "DATE": "TO_VARCHAR({c}, 'YYYY-MM-DD')",
    "TIME": "TO_VARCHAR({c}, 'HH24:MI:SS.FF6')",
    "TIMESTAMP_NTZ": f"TO_VARCHAR({{c}}, {_MOMENT})",
    "TIMESTAMP_TZ": f"TO_VARCHAR(CONVERT_TIMEZONE('UTC', {{c}}), {_MOMENT})",
    "VARIANT": _JSON.replace("{v}", "{c}"),
    "ARRAY": _JSON.replace("{v}", "TO_VARIANT({c})"),
    "OBJECT": _JSON.replace("{v}", "TO_VARIANT({c})"),
}


def column_text(column: LoadColumn) -> str:
    """Returns the canonical text of a target column; NULL if it is NULL."""
    text = _TEXTS[family(column.source.snowflake_type)]
    name = quote(column.name)
    return f"CASE WHEN {name} IS NOT NULL THEN {text.replace('{c}', name)} END"


def row_text(columns: Sequence[LoadColumn]) -> str:
    """Returns the canonical text of several columns; never NULL."""
    return " || '|' || ".join(f"COALESCE({column_text(c)}, '~')" for c in columns)


def key_hash(key: Sequence[LoadColumn]) -> str:
    """Returns the MD5 of a key's canonical text."""
    return f"MD5({row_text(key)})"


def short_hashes(columns: Sequence[LoadColumn]) -> str:
    """Returns 8 hex digits for each column, one after the other."""
    return " || ".join(
        f"LEFT(MD5(COALESCE({column_text(c)}, '~')), 8)" for c in columns
    )
