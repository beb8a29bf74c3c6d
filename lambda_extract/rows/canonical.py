"""Canonical text of rows in PostgreSQL, for digests; SQL is composed, not executed.

snowpark/columns/canonical.py gives the same text of the same value in Snowflake; the
rules are stated here, once. A text starts from the wire expression, so that what the
extract replaces by NULL, hashes or masks is compared as it travels.

- NUMBER: plain digits without zeros at the end of a fraction, so that the scale of the
  target does not matter.
- DECFLOAT: sign, significant digits and exponent, whatever notation an engine prints.
- FLOAT: the 64 bits (IEEE 754) as hex digits, or nan. -0 is 0.
- VARCHAR, BINARY: MD5 of the UTF-8 bytes, of the lower-case hex digits.
- DATE, TIME, TIMESTAMP: ISO with six digits of a second, in UTC.
- VARIANT, ARRAY, OBJECT: MD5 of the document as jsonb prints it: keys by length and
  then by bytes, one space after ":" and ","; and its numbers plain, without zeros at
  the end of a fraction. So 1.50, 1.5 and 15e-1 are one number, and "1.5" is none.

Two values have no canonical text. One that a sync refuses is REFUSED, which no target
holds. A document that one of the engines cannot put into this form is INCOMPARABLE_IN_
SOURCE or _TARGET: neither equal nor different, and VALIDATE_TABLE names its column.

None of these texts holds a "|", which separates columns, or is "~", which is NULL.
"""

from collections.abc import Sequence

from psycopg2 import sql

from lambda_extract.contract import INCOMPARABLE_IN_SOURCE
from lambda_extract.errors import RequestError
from lambda_extract.rows.query import TRUE
from lambda_extract.rows.wire import mapping_of
from lambda_extract.source.catalog import SourceTable
from lambda_extract.values.mappings import Mapping

MOMENT = "'YYYY-MM-DD HH24:MI:SS.US'"
REFUSED = "!refused"
# As jsonb a text may need 32 times its size while it is read; PostgreSQL ends at 1 GB.
LARGEST_DOCUMENT_BYTES = 4_194_304
# Sign, digits and exponent of a decimal text {t}, with or without an exponent.
_MANTISSA = "pg_catalog.ltrim(pg_catalog.split_part({t}, 'e', 1), '-+ ')"
_DIGITS = f"pg_catalog.replace({_MANTISSA}, '.', '')"
DECIMAL_FORM = (
    f"CASE WHEN pg_catalog.btrim({_DIGITS}, '0') = '' THEN '0' ELSE"
    " CASE WHEN pg_catalog.strpos(pg_catalog.split_part({t}, 'e', 1), '-') > 0"
    " THEN '-' ELSE '' END"
    f" || pg_catalog.btrim({_DIGITS}, '0') || 'e' ||"
    f" (pg_catalog.length(pg_catalog.split_part({_MANTISSA}, '.', 1))"
    f" - pg_catalog.length({_DIGITS})"
    f" + pg_catalog.length(pg_catalog.ltrim({_DIGITS}, '0'))"
    " + COALESCE(NULLIF(pg_catalog.split_part({t}, 'e', 2), ''), '0')::integer)::text"
    " END"
)
_NUMBER = (
    "CASE WHEN pg_catalog.strpos({t}, '.') > 0"
    " THEN pg_catalog.rtrim(pg_catalog.rtrim({t}, '0'), '.') ELSE {t} END"
)
# The bits. Their shortest texts differ between engines if one lies halfway between
# two floats; -0 plus 0 is 0.
_FLOAT = (
    "CASE WHEN {f} = 'NaN'::float8 THEN 'nan'"
    " ELSE pg_catalog.encode(pg_catalog.float8send({f} + 0::float8), 'hex') END"
)
# Strings first, so that nothing inside one looks like a number.
_FRACTIONS = (
    r"""("(?:[^"\\]|\\.)*")|(-?[0-9]+)\.0+(?![0-9])|"""
    r"""(-?[0-9]+\.[0-9]*[1-9])0+(?![0-9])"""
)
# jsonb sorts keys by the bytes of the database's encoding.
_OTHER_ORDER = (
    "pg_catalog.getdatabaseencoding() <> 'UTF8' AND pg_catalog.octet_length("
    "pg_catalog.convert_to({j}::text, 'UTF8')) <> pg_catalog.length({j}::text)"
)
_JSON = (
    f"CASE WHEN pg_catalog.octet_length({{j}}::text) > {LARGEST_DOCUMENT_BYTES}"
    f" OR ({_OTHER_ORDER}) THEN '{INCOMPARABLE_IN_SOURCE}'"
    " ELSE pg_catalog.md5(pg_catalog.convert_to(pg_catalog.regexp_replace("
    f"({{j}}::jsonb)::text, '{_FRACTIONS}', '\\1\\2\\3', 'g'), 'UTF8')) END"
)
_TEXTS = {
    "NUMBER": _NUMBER.replace("{t}", "({w})::text"),
    "DECFLOAT": DECIMAL_FORM.replace("{t}", "({w})::text"),
    # A real travels as its own shortest text, which Snowflake reads as a double.
    "FLOAT": _FLOAT.replace("{f}", "({w})::text::float8"),
    "BOOLEAN": "CASE WHEN {w} THEN 'true' ELSE 'false' END",
    # concat() gives the text that COPY writes; a cast would strip a char(n).
    "VARCHAR": "pg_catalog.md5(pg_catalog.convert_to(pg_catalog.concat({w}), 'UTF8'))",
    "BINARY": "pg_catalog.md5({w})",
    "DATE": "({w})::text",
    "TIME": "pg_catalog.to_char({w}, 'HH24:MI:SS.US')",
    "TIMESTAMP_NTZ": f"pg_catalog.to_char({{w}}, {MOMENT})",
    "TIMESTAMP_TZ": f"pg_catalog.to_char(({{w}}) AT TIME ZONE 'UTC', {MOMENT})",
    "VARIANT": _JSON.replace("{j}", "({w})"),
    "ARRAY": _JSON.replace("{j}", "({w})"),
    "OBJECT": _JSON.replace("{j}", "({w})"),
}


def column_text(table: SourceTable, name: str) -> sql.Composable:
    """Returns the canonical text of a column; NULL if NULL travels.

    Raises:
        RequestError: bad_request, if there is no such column.
    """
    family = _mapping(table, name).snowflake_type.partition("(")[0]
    return _where_it_travels(table, name, _TEXTS[family])


def plain_text(table: SourceTable, name: str) -> sql.Composable:
    """Returns the text of a column as it travels, to name a row to a person.

    Raises:
        RequestError: bad_request, if there is no such column.
    """
    return _where_it_travels(table, name, "pg_catalog.concat({w})")


def row_text(table: SourceTable, names: Sequence[str]) -> sql.Composable:
    """Returns the canonical text of several columns; never NULL."""
    texts = [sql.SQL("COALESCE({}, '~')").format(column_text(table, n)) for n in names]
    return sql.SQL(" || '|' || ").join(texts)


def key_hash(table: SourceTable, key: Sequence[str]) -> sql.Composable:
    """Returns the MD5 of a key's canonical text; ASCII, whatever the encoding is."""
    return sql.SQL("pg_catalog.md5({})").format(row_text(table, key))


def only_keys(
    table: SourceTable, condition: sql.Composable, hashes: Sequence[str]
) -> sql.Composable:
    """Returns the condition, limited to rows whose key has one of these hashes."""
    chosen = sql.SQL("{} = ANY({})").format(
        key_hash(table, table.key), sql.Literal(list(hashes))
    )
    if condition is TRUE:
        return chosen
    return sql.SQL("({}) AND {}").format(condition, chosen)


def _where_it_travels(table: SourceTable, name: str, text: str) -> sql.Composable:
    mapping = _mapping(table, name)
    column = sql.Identifier(name)
    wire = sql.SQL(mapping.wire).format(c=column)
    # IS NOT DISTINCT FROM: a composite of NULLs alone IS NULL, and travels.
    absent = "{c} IS NOT DISTINCT FROM NULL"
    if mapping.special:
        absent += f" OR {mapping.special}"
    cases = f"WHEN {absent} THEN NULL"
    if mapping.too_wide:
        # Such a value may fail in a cast, which would end the whole digest.
        cases += f" WHEN {mapping.too_wide} THEN '{REFUSED}'"
    return sql.SQL(f"CASE {cases} ELSE {text} END").format(c=column, w=wire)


def _mapping(table: SourceTable, name: str) -> Mapping:
    source = table.column(name)
    if source is None:
        raise RequestError(
            "bad_request",
            f"Table {table.spec.name!r} has no column {name!r} to digest.",
        )
    return mapping_of(table, source)
