"""The rows of changed keys as they are now, through the wire of every extraction.

A key without a row is delivered, too, marked as gone. Partitions that are new or were
apart for a while are read as a whole beside the keys, in the same snapshot.
"""

import dataclasses
import time
from collections.abc import Iterable, Iterator, Sequence

from psycopg2 import sql

from lambda_extract.changes.keyfiles import read_file
from lambda_extract.changes.pgoutput import Key, key_columns
from lambda_extract.changes.published import (
    Difference,
    Published,
    difference,
    read_identity,
    read_tables,
)
from lambda_extract.contract import (
    CaptureTable,
    ChangeSet,
    Column,
    ExtractReply,
    ExtractRequest,
    LogSpec,
    TableSpec,
)
from lambda_extract.contract_paths import changes_folder, is_key_file
from lambda_extract.errors import RequestError, SourceError
from lambda_extract.log import seconds_since
from lambda_extract.rows.copy import CopyTarget, copy_statements
from lambda_extract.rows.parts import read_size
from lambda_extract.rows.query import guarded
from lambda_extract.rows.wire import Wire, build_wire
from lambda_extract.source.catalog import SourceColumn, SourceTable, read_table
from lambda_extract.source.database import Database
from lambda_extract.source.described import describe
from lambda_extract.source.durable import make_durable
from lambda_extract.source.snapshot import require_key, snapshot

# Keys of one statement, and their bytes: more make its text and its plan too large, and
# fewer let PostgreSQL scan a table of a million rows for each of many statements.
KEYS_PER_STATEMENT = 100_000
BYTES_PER_STATEMENT = 4 << 20
# Never most of a table, however small it is.
_FEW_KEYS = 10_000
# Keys of one extraction that are remembered, so as not to be read twice.
_REMEMBERED = 500_000
GONE = Column(
    name="_SYNC_GONE",
    type="boolean",
    snowflake_type="BOOLEAN",
    nullable=False,
    role="gone",
)
# Equal values of these types have equal texts.
_EQUAL_IS_SAME = ("int2", "int4", "int8", "uuid", "date", "bool", "oid")


def extract_changes(
    database: Database, request: ExtractRequest, target: CopyTarget, changes: ChangeSet
) -> ExtractReply:
    """Extracts the present rows of changed keys.

    Raises:
        ExtractError: See errors.CODES.
    """
    started = time.monotonic()
    _check_paths(request.table, changes)
    table = require_key(read_table(database, request.table))
    published = read_published(database, changes.log, table)
    (extracted_at,) = database.row(sql.SQL("SELECT statement_timestamp()::text"))
    with snapshot(database, table):
        identity = read_identity(database, published)
        described = describe(database, table)
        found = difference(changes.known, identity, truncated=changes.truncated)
        if not found.moved and _is_mostly_changed(database, table, changes, target):
            found = Difference("many_keys")
        wire = _with_gone(build_wire(table, careful=target.careful))
        statements: Iterable[sql.Composable] = ()
        if not found.moved:
            keys = _keys(target, changes, len(table.key))
            statements = _statements(database, table, wire, keys, found)
        copied = copy_statements(database, table, wire, statements, target)
    return ExtractReply(
        run_id=request.run_id,
        part=request.part,
        extracted_at=extracted_at,
        columns=wire.columns,
        key=table.key,
        files=copied.files,
        rows=copied.rows,
        bytes=copied.bytes,
        altered=copied.altered,
        # Without rows, too: what is told to be gone must be gone for good.
        warnings=make_durable(database),
        seconds=seconds_since(started),
        relation_id=table.oid,
        log=found.bound(identity),
        described=described,
    )


def read_published(database: Database, log: LogSpec, table: SourceTable) -> Published:
    """Looks whether the log tells all changes of a table.

    Raises:
        SourceError: not_published, replica_identity, log_unsupported, ...
    """
    spec = table.spec
    protected = tuple(column.name for column in spec.columns if column.protect)
    wanted = CaptureTable(spec.name, spec.schema, spec.relation, spec.key, protected)
    (found,) = read_tables(database, database.source, log, [wanted])
    if not isinstance(found, Published):
        raise found
    if found.oid != table.oid or found.key != table.key:
        raise SourceError("source_error", "The table was altered at this very moment.")
    return found


def _check_paths(table: TableSpec, changes: ChangeSet) -> None:
    """A request may name files of its own source's captures alone.

    Raises:
        RequestError: bad_request.
    """
    folder = changes_folder(table.source)
    if not all(is_key_file(file.path, folder) for file in changes.files):
        raise RequestError("bad_request", "/changes/files: not of this source.")


def _is_mostly_changed(
    database: Database, table: SourceTable, changes: ChangeSet, target: CopyTarget
) -> bool:
    """Returns whether to read the table costs less than to read rows by their keys.

    A key of several captures counts once, as far as one window has all of them.

    Raises:
        SourceError: changes_expired.
    """
    told = sum(file.rows for file in changes.files) + changes.more_keys
    if not changes.whole_percent or told <= _FEW_KEYS:
        return False
    rows = read_size(database, table).rows
    most = max(rows * changes.whole_percent // 100, _FEW_KEYS)
    if rows < 0 or told <= most:
        return False
    of_window = sum(1 for _ in _keys(target, changes, len(table.key)))
    return of_window + changes.more_keys > most


def _keys(target: CopyTarget, changes: ChangeSet, columns: int) -> Iterator[Key]:
    """Yields each key once, as far as memory allows.

    Raises:
        SourceError: changes_expired.
    """
    seen: set[Key] = set()
    for file in changes.files:
        for key in read_file(target.store, file, columns):
            if key in seen:
                continue
            if len(seen) < _REMEMBERED:
                seen.add(key)
            yield key


def _with_gone(wire: Wire) -> Wire:
    return dataclasses.replace(
        wire,
        columns=(*wire.columns, GONE),
        expressions=(*wire.expressions, sql.Identifier(GONE.name)),
    )


def _statements(
    database: Database,
    table: SourceTable,
    wire: Wire,
    keys: Iterator[Key],
    found: Difference,
) -> Iterator[sql.Composable]:
    for oid in found.leaves:
        yield copy_leaf(table, wire, oid, _constraint(database, oid))
    for batch in _batches(keys):
        split = [key_columns(key, len(table.key)) for key in batch]
        yield copy_keys(table, wire, split)


def _batches(keys: Iterable[Key]) -> Iterator[list[Key]]:
    """Yields the keys of one statement after the other."""
    batch: list[Key] = []
    size = 0
    for key in keys:
        if len(batch) == KEYS_PER_STATEMENT or size + len(key) > BYTES_PER_STATEMENT:
            if batch:
                yield batch
            batch, size = [], 0
        batch.append(key)
        size += len(key)
    if batch:
        yield batch


def _constraint(database: Database, oid: int) -> str:
    (text,) = database.row(
        sql.SQL("SELECT pg_catalog.pg_get_partition_constraintdef({}::oid)").format(
            sql.Literal(oid)
        )
    )
    return text or "TRUE"


def copy_leaf(
    table: SourceTable, wire: Wire, oid: int, constraint: str
) -> sql.Composable:
    """Returns the COPY of all rows of one partition, read through its table.

    Args:
        constraint: PostgreSQL's own text of what its rows fulfil; it names each column
            plainly, and makes PostgreSQL look at this partition alone.
    """
    of_leaf = sql.SQL("({}) AND tableoid = {}::oid").format(
        sql.SQL(constraint), sql.Literal(oid)
    )
    if table.kind == "r":
        of_leaf = sql.SQL("TRUE")
    if table.filter is not None:
        of_leaf = sql.SQL("({}) AND ({})").format(of_leaf, table.filter)
    names = sql.SQL(", ").join(sql.Identifier(c.name) for c in table.columns)
    rows = sql.SQL("SELECT {}, FALSE AS {} FROM {} WHERE {}").format(
        names, sql.Identifier(GONE.name), table.name, of_leaf
    )
    return _copy(wire, rows)


def copy_keys(
    table: SourceTable, wire: Wire, keys: Sequence[tuple[str, ...]]
) -> sql.Composable:
    """Returns the COPY of the rows of some keys; keys without a row are marked.

    Equality may be coarser than the texts that Snowflake compares (numeric 1 and 1.00).
    Then the row is delivered with its own spelling, and that of the log as gone: beside
    each other, so that the row counts if Snowflake takes both for one key.
    """
    columns = [c for name in table.key if (c := table.column(name)) is not None]
    own = _rows_of_keys(table, columns)
    spelled = [c for c in columns if not _equal_is_same(c)]
    if spelled:
        own = sql.SQL("{} UNION ALL {}").format(
            own, _other_spellings(table, columns, spelled)
        )
    return _copy(wire, sql.SQL("{} {}").format(_with_keys(columns, keys), own))


def _with_keys(
    columns: Sequence[SourceColumn], keys: Sequence[tuple[str, ...]]
) -> sql.Composable:
    """Returns the keys as a relation k, of the types of the table."""
    texts = [sql.Identifier(f"k{i}") for i in range(len(columns))]
    arrays = (
        sql.SQL("pg_catalog.unnest({}::text[])").format(
            sql.Literal(_array([key[i] for key in keys]))
        )
        for i in range(len(columns))
    )
    typed = (
        sql.SQL("w.{}::{} AS {}").format(
            text, sql.SQL(column.base_type), sql.Identifier(column.name)
        )
        for text, column in zip(texts, columns, strict=True)
    )
    return sql.SQL(
        "WITH k AS MATERIALIZED (SELECT {} FROM ROWS FROM ({}) AS w ({}))"
    ).format(*(sql.SQL(", ").join(part) for part in (typed, arrays, texts)))


def _rows_of_keys(
    table: SourceTable, columns: Sequence[SourceColumn]
) -> sql.Composable:
    of_key = {column.name for column in columns}
    first = sql.Identifier(columns[0].name)
    mine = sql.SQL(
        "CASE WHEN t.{first} IS NULL THEN k.{name} ELSE t.{name} END AS {name}"
    )
    selected = [
        (
            mine.format(first=first, name=sql.Identifier(column.name))
            if column.name in of_key
            else sql.SQL("t.{}").format(sql.Identifier(column.name))
        )
        for column in table.columns
    ]
    return sql.SQL("SELECT {}, t.{} IS NULL AS {} FROM k LEFT JOIN {} ON {}").format(
        sql.SQL(", ").join(selected),
        first,
        sql.Identifier(GONE.name),
        table.rows,
        _equal("t", columns),
    )


def _other_spellings(
    table: SourceTable,
    columns: Sequence[SourceColumn],
    spelled: Sequence[SourceColumn],
) -> sql.Composable:
    of_key = {column.name for column in columns}
    selected = [
        sql.SQL("k.{}" if column.name in of_key else "t.{}").format(
            sql.Identifier(column.name)
        )
        for column in table.columns
    ]
    differs = sql.SQL(" OR ").join(
        sql.SQL('u.{name}::text COLLATE "C" <> k.{name}::text COLLATE "C"').format(
            name=sql.Identifier(column.name)
        )
        for column in spelled
    )
    # No row joins: all but the key is NULL, of its type.
    return sql.SQL(
        "SELECT {}, TRUE FROM k JOIN {} AS u ON {} AND ({}) LEFT JOIN {} ON FALSE"
    ).format(
        sql.SQL(", ").join(selected),
        table.name,
        _equal("u", columns),
        differs,
        table.rows,
    )


def _equal(alias: str, columns: Sequence[SourceColumn]) -> sql.Composable:
    return sql.SQL(" AND ").join(
        sql.SQL("{alias}.{name} = k.{name}").format(
            alias=sql.SQL(alias), name=sql.Identifier(column.name)
        )
        for column in columns
    )


def _equal_is_same(column: SourceColumn) -> bool:
    base = column.base
    return base.schema == "pg_catalog" and base.name in _EQUAL_IS_SAME


def _copy(wire: Wire, rows: sql.Composable) -> sql.Composable:
    statement = sql.SQL("SELECT {} FROM ({}) AS s").format(
        sql.SQL(", ").join(wire.expressions), rows
    )
    return guarded(statement, wire)


def _array(values: Sequence[str]) -> str:
    """Returns the text of an array of texts."""
    quoted = (
        '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values
    )
    return "{" + ",".join(quoted) + "}"
