"""CSV files as columns of text, exactly as Snowflake reads them."""

from __future__ import annotations

import pyarrow
import pyarrow.compute as compute
from pyarrow import csv

from local.snowflake_server.core.errors import SnowflakeError

_MARK = "\ufeff".encode()
_BLOCK_BYTES = 16 * 1024 * 1024
_LARGEST_BLOCK_BYTES = 1024 * 1024 * 1024


def parse_csv(
    data: bytes,
    *,
    width: int,
    delimiter: str,
    skip: int,
    name: str,
    skip_mark: bool,
) -> pyarrow.Table:
    """CSV as text columns c0, c1, ...: NULL if unquoted and empty, '' if quoted.

    skip_mark is SKIP_BYTE_ORDER_MARK: U+FEFF at the start is no value.

    Raises:
        SnowflakeError: Wrong number of fields, broken quotes, or no UTF-8.
    """
    names = [f"c{at}" for at in range(width)]
    if not skip_mark and data.startswith(_MARK):
        data = _MARK + data  # pyarrow takes one away, whatever it is told
    if b"\r" in data:
        data = _guard_returns(data)
    try:
        table = csv.read_csv(
            pyarrow.BufferReader(data),
            read_options=csv.ReadOptions(
                column_names=names,
                skip_rows=skip,
                block_size=min(max(_BLOCK_BYTES, len(data)), _LARGEST_BLOCK_BYTES),
            ),
            parse_options=csv.ParseOptions(
                delimiter=delimiter,
                quote_char='"',
                double_quote=True,
                escape_char=False,
                newlines_in_values=True,
                ignore_empty_lines=False,
            ),
            convert_options=csv.ConvertOptions(
                check_utf8=True,
                column_types={n: pyarrow.string() for n in names},
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
    except pyarrow.ArrowInvalid as error:
        raise _csv_error(str(error), name) from error
    if _may_be_blank(table) and _has_blank_line(data):
        raise _csv_error(f"CSV parse error: Expected {width} columns, got 0", name)
    return table


def _may_be_blank(table: pyarrow.Table) -> bool:
    """Whether some row is NULL throughout, as pyarrow reads a blank line."""
    missing = table.column(0).is_null()
    for column in table.columns[1:]:
        missing = compute.and_(missing, column.is_null())
    return bool(compute.any(missing).as_py())


def _has_blank_line(data: bytes) -> bool:
    """Whether two row ends follow each other outside of quotes."""
    outside = data.split(b'"')[::2]
    return outside[0].startswith(b"\n") or any(b"\n\n" in part for part in outside)


def _guard_returns(data: bytes) -> bytes:
    """Refuse carriage returns outside quotes: they would be read as row ends."""
    parts = data.split(b'"')
    if any(b"\r" in outside for outside in parts[::2]):
        raise SnowflakeError(
            100070,
            "22000",
            "Carriage return outside of quotes: rows must end with a line feed alone.",
        )
    return data


def _csv_error(text: str, name: str) -> SnowflakeError:
    if "Expected" in text and "columns" in text:
        return SnowflakeError(
            100080,
            "22000",
            "Number of columns in file does not match that of the corresponding "
            "table, use file format option error_on_column_count_mismatch=false to "
            f"ignore this error\n  File '{name}'\n{text}",
        )
    if "UTF" in text.upper():
        return SnowflakeError(
            100144, "22000", f"Invalid UTF8 detected in string\n  File '{name}'\n{text}"
        )
    return SnowflakeError(100065, "22000", f"{text}\n  File '{name}'")
