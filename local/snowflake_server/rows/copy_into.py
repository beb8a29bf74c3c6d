"""COPY INTO a table from CSV files, with Snowflake's rules for NULL, '' and casts."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import duckdb
import zstandard
from botocore.exceptions import BotoCoreError, ClientError

from local.snowflake_server.core.catalog import Column, Table
from local.snowflake_server.core.errors import SnowflakeError, compilation, unsupported
from local.snowflake_server.core.names import encode, quoted
from local.snowflake_server.core.results import COPY, NUMBER, TEXT, Result, made
from local.snowflake_server.core.scan import Scanner, one_of
from local.snowflake_server.core.session import Session
from local.snowflake_server.core.statement import Statement
from local.snowflake_server.engine import Account
from local.snowflake_server.objects import stages
from local.snowflake_server.objects.stages import Stage
from local.snowflake_server.rows.csv_text import parse_csv

MOST_FILES = 1000

_OPTIONS = {
    "FILES": Scanner.strings,
    "FILE_FORMAT": lambda scanner: format_reference(scanner),
    "ON_ERROR": one_of("ABORT_STATEMENT"),
    "FORCE": Scanner.boolean,
    "PURGE": Scanner.boolean,
    "TRUNCATECOLUMNS": Scanner.boolean,
    "ENFORCE_LENGTH": Scanner.boolean,
    "RETURN_FAILED_ONLY": Scanner.boolean,
    "SIZE_LIMIT": Scanner.number,
}
_UNSUPPORTED = {
    "TRUNCATECOLUMNS": True,
    "ENFORCE_LENGTH": False,
    "RETURN_FAILED_ONLY": True,
}


def format_reference(scanner: Scanner) -> dict[str, Any]:
    """FILE_FORMAT = (FORMAT_NAME = ... or options)."""
    scanner.expect("(")
    found = scanner.options({"FORMAT_NAME": _format_name, **stages.FORMAT_OPTIONS})
    scanner.expect(")")
    return found


def _format_name(scanner: Scanner) -> tuple[str, ...]:
    if scanner.at_string:
        return Scanner(scanner.string()).path()
    return scanner.path()


def install(account: Account) -> None:
    """Load history; in DuckDB, so that it commits and rolls back with the rows."""
    account.duck.execute(
        "CREATE TABLE _loads (table_number BIGINT, file VARCHAR, etag VARCHAR, "
        "row_count BIGINT)"
    )


@dataclass
class _Load:
    """One COPY statement, read."""

    table: Table
    columns: list[Column]
    stage: Stage
    path: str
    options: dict[str, Any]
    format: dict[str, Any]
    rows: list[tuple[Any, ...]] = field(default_factory=list)


def copy_into(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """COPY INTO table [(columns)] FROM @stage/path FILES = (...) ...

    Raises:
        SnowflakeError: Anything in a file that does not fit; nothing is loaded then.
    """
    load = _read(account, statement, scanner)
    files = _fetch(load)

    def work(connection: duckdb.DuckDBPyConnection) -> int:
        load.rows.clear()
        return sum(
            _load_file(connection, load, name, etag, content)
            for name, (etag, content) in files.items()
        )

    total = account.write(statement.session, work)
    if load.options.get("PURGE"):
        _purge(load, list(files))
    return _result(load, total)


_NOTHING = "Copy executed with 0 files processed."


def _result(load: _Load, total: int) -> Result:
    if not load.rows:
        return made({"status": TEXT}, [(_NOTHING,)], statement_type=COPY, affected=0)
    columns = {
        "file": TEXT,
        "status": TEXT,
        "rows_parsed": NUMBER,
        "rows_loaded": NUMBER,
        "error_limit": NUMBER,
        "errors_seen": NUMBER,
        "first_error": TEXT,
        "first_error_line": NUMBER,
        "first_error_character": NUMBER,
        "first_error_column_name": TEXT,
    }
    return made(columns, load.rows, statement_type=COPY, affected=None)


def _read(account: Account, statement: Statement, scanner: Scanner) -> _Load:
    session = statement.session
    scanner.expect("INTO")
    if scanner.peek().startswith("@"):
        raise unsupported("COPY INTO a location")
    table = account.catalog.table(account.existing_name(session, scanner.path()))
    columns = list(table.columns)
    if scanner.peek() == "(":
        columns = [table.column(c) for c in scanner.listed(Scanner.identifier)]
    scanner.expect("FROM")
    if scanner.peek() == "(":
        raise unsupported("COPY with a transformation")
    location = stages.location_in(statement.text)
    stage, path = stages.find(account, statement, location)
    scanner.skip_to(
        set(_OPTIONS) | {"PATTERN", "VALIDATION_MODE", "MATCH_BY_COLUMN_NAME"}
    )
    options = scanner.options(_OPTIONS)
    scanner.end()
    for key, value in _UNSUPPORTED.items():
        if options.get(key) is value:
            raise unsupported(f"COPY with {key} = {value}")
    chosen = chosen_format(account, session, options)
    if len(options.get("FILES", ())) > MOST_FILES:
        raise compilation(f"The number of files exceeds the limit of {MOST_FILES}.")
    return _Load(
        table=table, columns=columns, stage=stage, path=path, options=options,
        format=chosen,
    )  # fmt: skip


def chosen_format(
    account: Account, session: Session, options: dict[str, Any]
) -> dict[str, Any]:
    """All options of the file format that a COPY names or describes.

    Raises:
        SnowflakeError: There is no such format, or this stand-in cannot read it.
    """
    given = dict(options.get("FILE_FORMAT", {}))
    chosen = dict(stages.CSV_DEFAULTS)
    if "FORMAT_NAME" in given:
        name = account.name(session, given.pop("FORMAT_NAME"))
        chosen |= account.catalog.thing("FILE FORMAT", name).properties
    chosen |= given
    _check_format(chosen)
    return chosen


# What the reader below implements; any other value is refused, not ignored.
_ONLY = {
    "FIELD_OPTIONALLY_ENCLOSED_BY": ('"',),
    "ESCAPE_UNENCLOSED_FIELD": ("NONE",),
    "EMPTY_FIELD_AS_NULL": (True,),
    "NULL_IF": ((),),
    "REPLACE_INVALID_CHARACTERS": (False,),
    "RECORD_DELIMITER": ("\n", "\\n"),
    "PARSE_HEADER": (False,),
    "SKIP_BLANK_LINES": (False,),
    "MULTI_LINE": (True,),
    "TRIM_SPACE": (False,),
    "ERROR_ON_COLUMN_COUNT_MISMATCH": (True,),
}


def _check_format(chosen: dict[str, Any]) -> None:
    for key, allowed in _ONLY.items():
        if chosen[key] not in allowed:
            raise unsupported(f"COPY from a file format with {key} = {chosen[key]!r}")


def _fetch(load: _Load) -> dict[str, tuple[str, bytes]]:
    """Name -> (etag, content). Read before the write lock is taken: S3 may be slow."""
    wanted = load.options.get("FILES")
    if load.stage.folder is not None:
        return _fetch_local(load, wanted)
    bucket, prefix = stages.split_url(load.stage.url or "", load.path)
    if wanted is None:
        names = [row[0].partition(f"{bucket}/")[2] for row in _listed(load)]
    else:
        joint = "" if not prefix or prefix.endswith("/") else "/"
        names = [f"{prefix}{joint}{name.lstrip('/')}" for name in wanted]
    found = {}
    client = stages.s3()
    for name in dict.fromkeys(names):
        try:
            reply = client.get_object(Bucket=bucket, Key=name)
            found[f"s3://{bucket}/{name}"] = (reply["ETag"], reply["Body"].read())
        except client.exceptions.NoSuchKey as error:
            raise _missing(name) from error
        except (ClientError, BotoCoreError) as error:
            raise stages.s3_error(error) from error
    return found


def _listed(load: _Load) -> list[tuple[Any, ...]]:
    return sorted(stages.listed(load.stage, load.path))


def _missing(name: str) -> SnowflakeError:
    return SnowflakeError(
        100016,
        "22000",
        f"Remote file '{name}' was not found. There are several potential causes. The "
        "file might not exist. The required credentials may be missing or invalid.",
    )


def _fetch_local(
    load: _Load, wanted: tuple[str, ...] | None
) -> dict[str, tuple[str, bytes]]:
    folder = load.stage.folder
    assert folder is not None
    if wanted is None:
        prefix = len(load.stage.name.name) + 1
        wanted = tuple(row[0][prefix:] for row in _listed(load))
        paths = {name: folder / name for name in wanted}
    else:
        paths = {name: folder / load.path / name for name in wanted}
    found = {}
    for name, path in paths.items():
        if not path.is_file():
            raise _missing(name)
        content = path.read_bytes()
        found[name] = (str(hash(content)), content)
    return found


def _load_file(
    connection: duckdb.DuckDBPyConnection,
    load: _Load,
    name: str,
    etag: str,
    content: bytes,
) -> int:
    number = load.table.number
    known = connection.execute(
        "SELECT count(*) FROM _loads WHERE table_number = ? AND file = ? AND etag = ?",
        [number, name, etag],
    ).fetchall()
    if known[0][0] and not load.options.get("FORCE"):
        return 0
    rows = _insert(connection, load, name, content)
    connection.execute(
        "INSERT INTO _loads VALUES (?, ?, ?, ?)", [number, name, etag, rows]
    )
    load.rows.append((name, "LOADED", rows, rows, 1, 0, None, None, None, None))
    return rows


def _insert(
    connection: duckdb.DuckDBPyConnection, load: _Load, name: str, content: bytes
) -> int:
    data = decompressed(content, load.format["COMPRESSION"], name)
    if not data:
        return 0
    table = parse_csv(
        data,
        width=len(load.columns),
        delimiter=load.format["FIELD_DELIMITER"].replace("\\t", "\t"),
        skip=load.format["SKIP_HEADER"],
        name=name,
        skip_mark=load.format["SKIP_BYTE_ORDER_MARK"],
    )
    names = ", ".join(quoted(encode(c.name)) for c in load.columns)
    casts = ", ".join(cast_text(f"c{at}", c) for at, c in enumerate(load.columns))
    connection.register("_file", table)
    try:
        connection.execute(
            f"INSERT INTO {load.table.physical} ({names}) SELECT {casts} FROM _file"
        )
    except duckdb.Error as error:
        raise _explained(load, name, error) from error
    connection.unregister("_file")
    return int(table.num_rows)


def _explained(load: _Load, name: str, error: duckdb.Error) -> SnowflakeError:
    text = str(error).split("\n\nLINE ")[0]
    if "CHECK constraint" in text:
        return SnowflakeError(
            100078,
            "22000",
            f"User string is too long and would be truncated\n  File '{name}'\n{text}",
        )
    if "NOT NULL constraint" in text:
        return SnowflakeError(
            100072, "22000", f"NULL result in a non-nullable column\n  File '{name}'"
        )
    return SnowflakeError(100038, "22018", f"{text}\n  File '{name}'")


def decompressed(content: bytes, compression: str, name: str) -> bytes:
    """The text of a file.

    Raises:
        SnowflakeError: It is not what its compression says.
    """
    if compression == "AUTO":
        endings = {".zst": "ZSTD", ".gz": "GZIP"}
        compression = next((v for k, v in endings.items() if name.endswith(k)), "NONE")
    try:
        if compression == "ZSTD":
            with zstandard.ZstdDecompressor().stream_reader(
                BytesIO(content), read_across_frames=True
            ) as reader:
                return reader.read()
        if compression == "GZIP":
            return gzip.decompress(content)
    except (zstandard.ZstdError, OSError, EOFError) as error:
        raise SnowflakeError(
            100033, "22000", f"Invalid {compression} data in file '{name}': {error}"
        ) from error
    return content


_DATE = r"\d{4}-\d{2}-\d{2}"
_TIME = r"\d{2}:\d{2}:\d{2}(\.\d{1,9})?"
_SHAPES = {
    "DATE": _DATE,
    "TIME": _TIME,
    "TIMESTAMP_NTZ": f"{_DATE}[ T]{_TIME}",
    "TIMESTAMP_TZ": rf"{_DATE}[ T]{_TIME}([+-]\d{{2}}(:?\d{{2}})?|Z)?",
    "TIMESTAMP_LTZ": rf"{_DATE}[ T]{_TIME}([+-]\d{{2}}(:?\d{{2}})?|Z)?",
    "NUMBER": r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?",
    # Documented are inf, -inf and NaN, in any case.
    "FLOAT": r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|(?i:-?inf|nan)",
}


def cast_text(name: str, column: Column) -> str:
    """The expression that turns the text of a field into the column's value."""
    kind = column.type
    if kind.base == "VARCHAR":
        return name
    if kind.base == "DECFLOAT":
        return f"_decfloat({name})"
    if kind.base == "BINARY":
        return f"unhex({name})"
    if kind.base in ("VARIANT", "ARRAY", "OBJECT"):
        return f"CAST(_parse_json({name}, '') AS JSON)"
    cast = f"CAST({name} AS {kind.duck})"
    shape = _SHAPES.get(kind.base)
    if shape is None:
        return cast
    what = f"'{kind.base} ''' || {name} || ''' is not recognized'"
    return (
        f"CASE WHEN {name} IS NULL OR regexp_full_match({name}, '{shape}') "
        f"THEN {cast} ELSE error({what}) END"
    )


def _purge(load: _Load, names: list[str]) -> None:
    """Remove loaded files; failures are silent, as in Snowflake."""
    for name in names:
        if load.stage.folder is not None:
            (load.stage.folder / load.path / name).unlink(missing_ok=True)
            continue
        bucket, _, key = name.removeprefix("s3://").partition("/")
        try:
            stages.s3().delete_object(Bucket=bucket, Key=key)
        except (ClientError, BotoCoreError):
            continue
