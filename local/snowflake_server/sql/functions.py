"""Functions: which ones Snowflake has, and those that DuckDB has to be taught."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation, localcontext
from typing import Any

import duckdb
import pyarrow
from fakesnow import macros

from local.snowflake_server.core.errors import SnowflakeError, unsupported

# Every function that may be called. Anything else is refused, so that a statement that
# only DuckDB understands is found here and not in a real account.
ALLOWED = frozenset("""
    ABS ANY_VALUE APPROX_COUNT_DISTINCT ARRAY_AGG ARRAY_CONSTRUCT ARRAY_SIZE AVG
    BASE64_ENCODE BITAND BITOR BITXOR BOOLAND_AGG BOOLOR_AGG CEIL CEILING CHARINDEX
    CHAR_LENGTH CHR COALESCE CONCAT CONCAT_WS CONTAINS CONVERT_TIMEZONE COUNT
    CURRENT_ACCOUNT CURRENT_DATABASE CURRENT_DATE CURRENT_REGION CURRENT_ROLE
    CURRENT_SCHEMA CURRENT_SESSION CURRENT_TIME CURRENT_TIMESTAMP
    CURRENT_TRANSACTION CURRENT_USER
    CURRENT_VERSION CURRENT_WAREHOUSE DATE DATEADD DATEDIFF DATE_PART DATE_TRUNC DAY
    DECODE DENSE_RANK DIV0 ENDSWITH EQUAL_NULL EXTRACT FIRST_VALUE FLATTEN FLOOR
    GENERATOR GET GETDATE GET_PATH GREATEST GREATEST_IGNORE_NULLS HASH HEX_ENCODE
    HOUR IFF IFNULL
    IS_NULL_VALUE LAG LAST_DAY LAST_VALUE LEAD LEAST LEFT LEN LENGTH LISTAGG LN
    LOCALTIMESTAMP LOWER LPAD LTRIM MAX MAX_BY MD5 MD5_HEX MEDIAN MIN MINUTE MIN_BY MOD
    MONTH NTILE NULLIF NULLIFZERO NVL NVL2 OBJECT_AGG OBJECT_CONSTRUCT
    OBJECT_CONSTRUCT_KEEP_NULL OBJECT_KEYS OCTET_LENGTH PARSE_JSON PERCENTILE_CONT
    POSITION POW POWER QUARTER RANDOM RANK REGEXP_LIKE REGEXP_REPLACE REGEXP_SUBSTR
    REPEAT REPLACE REVERSE RIGHT RLIKE ROUND ROW_NUMBER RPAD RTRIM SECOND SEQ4 SEQ8
    SYSTEM$CANCEL_ALL_QUERIES
    SHA1 SHA2 SHA2_HEX SIGN SPLIT SPLIT_PART SQRT STARTSWITH STDDEV STDDEV_POP
    STDDEV_SAMP SUBSTR SUBSTRING SUM SYSDATE SYSTIMESTAMP TIMEADD TIMEDIFF TIMESTAMPADD
    TIMESTAMPDIFF TO_ARRAY TO_BINARY TO_BOOLEAN TO_CHAR TO_DATE TO_DECFLOAT TO_DECIMAL
    TO_DOUBLE TO_JSON TO_NUMBER TO_NUMERIC TO_OBJECT TO_TIME TO_TIMESTAMP
    TO_TIMESTAMP_LTZ TO_TIMESTAMP_NTZ TO_TIMESTAMP_TZ TO_VARCHAR TO_VARIANT TRIM TRUNC
    TRUNCATE TRY_CAST TRY_PARSE_JSON TRY_TO_BOOLEAN TRY_TO_DATE TRY_TO_DECIMAL
    TRY_TO_DOUBLE TRY_TO_NUMBER TRY_TO_NUMERIC TRY_TO_TIME TRY_TO_TIMESTAMP
    TRY_TO_TIMESTAMP_LTZ TRY_TO_TIMESTAMP_NTZ TRY_TO_TIMESTAMP_TZ TYPEOF UPPER
    UUID_STRING VARIANCE VAR_POP VAR_SAMP WEEK YEAR ZEROIFNULL
    """.split())

# Parsed without a name of their own: CAST, CASE, AND, EXISTS, ...
SYNTAX = frozenset("""
    And Or Xor Cast TryCast Case If Exists Extract Array JSONExtract JSONExtractScalar
    Coalesce DecodeCase Trim Substring StrPosition CurrentDate CurrentTime
    CurrentTimestamp CurrentUser Localtimestamp Localtime TsOrDsToDate Explode
    RegexpLike
    """.split())

# These lose their name while they are parsed, so the text must contain it.
NAMELESS = {
    "ArgMax": r"\bMAX_BY\s*\(",
    "ArgMin": r"\bMIN_BY\s*\(",
    "GroupConcat": r"\bLISTAGG\s*\(",
    "JSONObject": r"\bOBJECT_CONSTRUCT_KEEP_NULL\s*\(",
    "Struct": r"\bOBJECT_CONSTRUCT\s*\(",
}

# Context functions -> the value that a session puts in.
CONTEXT = {
    "CURRENT_USER": "user",
    "CURRENT_ROLE": "role",
    "CURRENT_SESSION": "session",
    "CURRENT_DATABASE": "database",
    "CURRENT_SCHEMA": "schema",
    "CURRENT_WAREHOUSE": "warehouse",
    "CURRENT_ACCOUNT": "account",
    "CURRENT_REGION": "region",
    "CURRENT_VERSION": "version",
    "CURRENT_TRANSACTION": "transaction",
}

_MACROS = """
CREATE OR REPLACE MACRO _json(x) AS CASE typeof(x)
    WHEN 'JSON' THEN TRY_CAST(CAST(x AS VARCHAR) AS JSON) ELSE to_json(x) END;
CREATE OR REPLACE MACRO _not_decimal_to_varchar(x) AS CASE typeof(x)
    WHEN 'JSON' THEN json_extract_string(TRY_CAST(CAST(x AS VARCHAR) AS JSON), '$')
    WHEN 'TIMESTAMP' THEN
        strftime(TRY_CAST(CAST(x AS VARCHAR) AS TIMESTAMP), '%Y-%m-%d %H:%M:%S.%g')
    WHEN 'TIMESTAMP WITH TIME ZONE' THEN
        strftime(TRY_CAST(CAST(x AS VARCHAR) AS TIMESTAMP), '%Y-%m-%d %H:%M:%S.%g')
        || ' +0000'
    WHEN 'BLOB' THEN hex(TRY_CAST(x AS BLOB))
    WHEN 'DOUBLE' THEN regexp_replace(CAST(x AS VARCHAR), '\\.0$', '')
    ELSE CAST(x AS VARCHAR) END;
CREATE OR REPLACE MACRO _to_varchar(x) AS CASE
    WHEN typeof(x) LIKE 'DECIMAL%' THEN
        regexp_replace(CAST(x AS VARCHAR), '^(-?)[.]', '\\1' || '0.')
    ELSE _not_decimal_to_varchar(x) END;
CREATE OR REPLACE MACRO _format_time(x, f) AS strftime(
    TRY_CAST(CASE typeof(x) WHEN 'TIME' THEN '1970-01-01 ' ELSE '' END
        || CAST(x AS VARCHAR) AS TIMESTAMP), f);
CREATE OR REPLACE MACRO _formatted(x, kind, f, other) AS CASE
    WHEN typeof(x) = kind THEN _format_time(x, f) ELSE other END;
CREATE OR REPLACE MACRO _limit(x, n) AS CASE
    WHEN length(x) > n
    THEN error('String ''' || left(x, 40) || ''' is too long and would be truncated')
    ELSE x END;
CREATE OR REPLACE MACRO _to_array(x) AS CASE
    WHEN x IS NULL OR json_type(to_json(x)) = 'NULL' THEN NULL
    WHEN json_type(to_json(x)) = 'ARRAY' THEN _json(x) ELSE json_array(x) END;
CREATE OR REPLACE MACRO _to_object(x) AS CASE
    WHEN x IS NULL OR json_type(to_json(x)) = 'NULL' THEN NULL
    WHEN json_type(to_json(x)) = 'OBJECT' THEN _json(x)
    ELSE error('Failed to cast variant value to OBJECT') END;
CREATE OR REPLACE MACRO _to_binary(x) AS CASE typeof(x)
    WHEN 'BLOB' THEN TRY_CAST(x AS BLOB) ELSE unhex(CAST(x AS VARCHAR)) END;
CREATE OR REPLACE MACRO _typeof(x) AS CASE json_type(to_json(x))
    WHEN 'UBIGINT' THEN 'INTEGER' WHEN 'BIGINT' THEN 'INTEGER'
    WHEN 'NULL' THEN 'NULL_VALUE' ELSE json_type(to_json(x)) END;
CREATE OR REPLACE MACRO _divide(x, y) AS CASE
    WHEN y = 0 THEN CAST(error('Division by zero') AS DOUBLE) ELSE x / y END;
CREATE OR REPLACE MACRO _only_json(x, what) AS CASE
    WHEN x IS NULL THEN NULL WHEN typeof(x) = 'JSON' THEN CAST(x AS JSON)
    WHEN typeof(x) LIKE '%[]' OR typeof(x) LIKE 'STRUCT%' THEN to_json(x)
    ELSE error('Expression type does not match column data type, expecting ' || what
        || ' but got ' || typeof(x)) END;
CREATE OR REPLACE MACRO "system$cancel_all_queries"(x) AS '0 queries cancelled';
CREATE OR REPLACE MACRO _json_keys(x) AS to_json(list_sort(json_keys(x)));
"""


class Duplicate(ValueError):
    """An object of a JSON text has the same key twice."""


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Duplicate("duplicate object attribute")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"unexpected {name}")


_STRICT = json.JSONDecoder(
    object_pairs_hook=_no_duplicates, parse_constant=_refuse_constant, parse_float=str
)
_LAST_WINS = json.JSONDecoder(parse_constant=_refuse_constant)


def parse_json(text: str | None, *, last_wins: bool) -> str | None:
    """PARSE_JSON: the text itself if it is one JSON value, NULL for blank text.

    Args:
        text: JSON text.
        last_wins: The option 'd': of equal keys the last one counts.

    Raises:
        ValueError: No JSON, or equal keys without the option.
    """
    if text is None or not text.strip():
        return None
    text = text.strip(" \t\r\n")
    try:
        _STRICT.decode(text)
    except Duplicate:
        if not last_wins:
            raise
        return json.dumps(_LAST_WINS.decode(text), ensure_ascii=False)
    return text


def _parse_column(texts: pyarrow.ChunkedArray, modes: pyarrow.ChunkedArray) -> Any:
    modes_list = modes.to_pylist()
    found = []
    for text, mode in zip(texts.to_pylist(), modes_list, strict=True):
        try:
            found.append(parse_json(text, last_wins="d" in mode))
        except ValueError as error:
            if "t" not in mode:
                raise ValueError(f"Error parsing JSON: {error}") from error
            found.append(None)
    return pyarrow.array(found, pyarrow.string())


def decfloat(text: str | None) -> str | None:
    """A DECFLOAT as canonical text: 38 significant digits, equal numbers equal text.

    Raises:
        ValueError: No number, or out of range.
    """
    if text is None:
        return None
    try:
        with localcontext() as context:
            context.prec = 38
            number = (+Decimal(text.strip())).normalize()
    except InvalidOperation as error:
        raise ValueError(f"Numeric value '{text[:60]}' is not recognized") from error
    if not number.is_finite() or not -16383 <= number.adjusted() <= 16384:
        raise ValueError(f"Numeric value '{text[:60]}' is out of range of DECFLOAT")
    if -38 <= number.adjusted() < 38:
        return f"{number:f}"
    return str(number).replace("E+", "e").replace("E", "e")


def decfloat_order(text: str | None) -> str | None:
    """A text for each DECFLOAT that sorts as the number does."""
    if text is None:
        return None
    number = Decimal(text)
    if not number:
        return "1"
    digits = "".join(map(str, number.as_tuple().digits)).rstrip("0")
    place = number.adjusted() + 20_000
    if number > 0:
        return f"2{place:05d}{digits}"
    # The larger, the smaller: nines' complement, and a longer one comes first.
    turned = digits.translate(str.maketrans("0123456789", "9876543210"))
    return f"0{99_999 - place:05d}{turned}~"


def _order_column(texts: pyarrow.ChunkedArray) -> Any:
    return pyarrow.array(
        [decfloat_order(t) for t in texts.to_pylist()], pyarrow.string()
    )


def _decfloat_column(texts: pyarrow.ChunkedArray) -> Any:
    return pyarrow.array([decfloat(t) for t in texts.to_pylist()], pyarrow.string())


def install(connection: duckdb.DuckDBPyConnection) -> None:
    """Teach a DuckDB instance what Snowflake's functions need."""
    connection.execute(macros.creation_sql("memory"))
    connection.execute(_MACROS)
    options: dict[str, Any] = {"type": "arrow", "null_handling": "special"}
    connection.create_function(
        "_parse_json", _parse_column, ["VARCHAR", "VARCHAR"], "VARCHAR", **options
    )
    connection.create_function(
        "_decfloat", _decfloat_column, ["VARCHAR"], "VARCHAR", **options
    )
    connection.create_function(
        "_decfloat_order", _order_column, ["VARCHAR"], "VARCHAR", **options
    )


def unknown(name: str) -> SnowflakeError:
    """The error for a function that Snowflake (or this stand-in) does not have."""
    return SnowflakeError(
        2140, "42601", f"SQL compilation error:\nUnknown function {name.upper()}"
    )


_FORMAT = (
    ("YYYY", "%Y"), ("HH24", "%H"), ("HH12", "%I"), ("FF3", "%g"), ("FF6", "%f"),
    ("FF9", "%n"), ("MON", "%b"), ("MMMM", "%B"), ("MM", "%m"), ("DD", "%d"),
    ("MI", "%M"), ("SS", "%S"), ("DY", "%a"), ("YY", "%y"), ("TZH:TZM", "+00:00"),
    ("TZHTZM", "+0000"),
    ("AM", "%p"), ("PM", "%p"), ("FF", "%n"),
)  # fmt: skip


def time_format(text: str, *, known_only: bool = False) -> str:
    """Snowflake's date format as strftime's.

    Args:
        text: The format.
        known_only: Letters that are no element are refused.
    """
    result, at = "", 0
    while at < len(text):
        if text[at] == '"':
            end = text.find('"', at + 1)
            result, at = result + text[at + 1 : end], end + 1
            continue
        for key, value in _FORMAT:
            if text[at : at + len(key)].upper() == key:
                result, at = result + value, at + len(key)
                break
        else:
            if known_only and text[at].isalpha() and text[at].upper() != "T":
                raise unsupported(f"output format '{text}'")
            result, at = result + text[at].replace("%", "%%"), at + 1
    return result
