"""PURE: the settings of one table, with every default filled in."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Literal

from lambda_extract.contract import (
    ColumnSpec,
    CursorSpec,
    FilterTerm,
    Limits,
    LogSpec,
    TableSpec,
)
from lambda_extract.contract_paths import LoadMethod
from snowpark.names import target_name

Mode = Literal["incremental", "full", "log"]


Drift = Literal["evolve", "freeze", "fail"]


TypeChange = Literal["fail", "new_column"]


Deletes = Literal["none", "soft_column", "key_compare", "log"]


@dataclass(frozen=True)
class TableSettings:
    """One configured table with every default filled in.

    Attributes:
        name: Configured name, lower case.
        relation: PostgreSQL table.
        target_database: None: the database of the sync itself.
        file_bytes: Compressed bytes at which a file is cut.
        max_parallel: Extractions of one snapshot at once.
        where: Filter of the rows, in postfix order; empty: all rows.
        type_change: What happens to a column whose new type Snowflake cannot give it.
        backfill_new_columns: Read the whole table if a column is new in the target.
        delete_column: Source column that says whether a row is deleted.
        delete_check_minutes: Shortest time between two comparisons of all keys.
        max_delete_percent: Above it, a comparison of keys, or the reload of a full
            table, deletes nothing and fails.
        load_method: Who loads the files of increments and snapshots.
        pipe_wait_seconds: Longest wait for a pipe to load the files of one manifest.
        source_changed: What happens if the source is another one, or went back in
            time, so that rows behind the watermark are not those delivered.
        duplicate_keys: What happens where rows of the source share their key.
        on_truncate: What happens if a table of mode "log" was emptied by TRUNCATE.
        log_slot: Replication slot of the source, in mode "log".
        log_publication: What the slot is asked for.
        log_max_wal_bytes: WAL of one capture.
        log_on_huge: What happens if one transaction is larger than any capture.
    """

    name: str
    source: str
    schema: str
    relation: str
    target_schema: str
    target_table: str
    mode: Mode
    target_database: str | None = None
    group: str | None = None
    cursor: str | None = None
    key: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    columns: tuple[ColumnSpec, ...] = ()
    where: tuple[FilterTerm, ...] = ()
    trim_char: bool = False
    margin_seconds: float = 5.0
    lookback_seconds: float | None = None
    lookback_values: int | None = None
    time_zone: str = ""
    null_cursor: Literal["load", "ignore", "fail"] = "load"
    chunk_rows: int = 1_000_000
    file_bytes: int = 150_000_000
    max_parallel: int = 8
    special_values: Literal["null", "fail"] = "null"
    schema_drift: Drift = "evolve"
    type_change: TypeChange = "fail"
    backfill_new_columns: bool = False
    freshness_sla_minutes: int | None = None
    deletes: Deletes = "none"
    delete_column: str | None = None
    delete_action: Literal["soft", "hard"] = "soft"
    delete_check_minutes: int = 1440
    max_delete_percent: float = 10.0
    load_method: LoadMethod = "copy"
    pipe_wait_seconds: int = 600
    source_changed: Literal["reload", "fail"] = "reload"
    duplicate_keys: Literal["fail", "warn"] = "fail"
    on_truncate: Literal["delete", "fail"] = "delete"
    log_slot: str = ""
    log_publication: str = ""
    log_max_wal_bytes: int = 8_192_000_000
    log_on_huge: Literal["whole", "fail"] = "whole"

    @property
    def deletes_softly(self) -> bool:
        """True if the target has a _SYNC_DELETED_AT."""
        return self.deletes != "none" and self.delete_action == "soft"

    @property
    def origin(self) -> str:
        """What the watermark belongs to; another origin needs a reload.

        A column that is protected from now on is part of it: without a reload its plain
        values would stay in the target. So is the filter: rows that it lets in from now
        on may be older than the watermark, and those it keeps out would stay.
        And trimmed blanks: a key would not be found with them.
        """
        # No column has such a name: a watermark of the log is none of a cursor.
        cursor: object = ["log"] if self.mode == "log" else self.cursor
        origin: list[object] = [self.source, self.schema, self.relation, cursor]
        origin.append(self.target)
        marked = sorted((c.name, c.protect) for c in self.columns if c.protect)
        if marked:
            origin.append(hashlib.sha256(json.dumps(marked).encode()).hexdigest())
        trims = {c.name: c.trim_char for c in self.columns if c.trim_char is not None}
        if self.trim_char or any(trims.values()):
            origin.append(
                f"trim_char {json.dumps([self.trim_char, sorted(trims.items())])}"
            )
        if self.where:
            terms = json.dumps([dataclasses.astuple(term) for term in self.where])
            digest = hashlib.sha256(terms.encode()).hexdigest()
            origin.append(f"where {digest}")
        return json.dumps(origin)

    @property
    def route(self) -> str:
        """Source table and target, to which the knowledge of their columns belongs."""
        return json.dumps([self.source, self.schema, self.relation, self.target])

    @property
    def target(self) -> str:
        """Quoted name of the target table."""
        return target_name(
            database=self.target_database,
            schema=self.target_schema,
            table=self.target_table,
        )

    @property
    def table_spec(self) -> TableSpec:
        """The table as the wire knows it."""
        return TableSpec(
            name=self.name,
            source=self.source,
            schema=self.schema,
            relation=self.relation,
            key=self.key,
            exclude=self.exclude,
            special_values=self.special_values,
            columns=self.columns,
            trim_char=self.trim_char,
            where=self.where,
        )

    @property
    def cursor_spec(self) -> CursorSpec | None:
        """The cursor as the wire knows it; None in full mode."""
        if self.cursor is None:
            return None
        return CursorSpec(
            column=self.cursor,
            margin_seconds=self.margin_seconds,
            lookback_seconds=self.lookback_seconds,
            lookback_values=self.lookback_values,
            time_zone=self.time_zone,
            null_policy=self.null_cursor,
        )

    @property
    def log_spec(self) -> LogSpec | None:
        """The log as the wire knows it; None in other modes."""
        if self.mode != "log":
            return None
        return LogSpec(self.log_slot, self.log_publication)

    @property
    def limits(self) -> Limits:
        """The sizes of one extraction."""
        return Limits(chunk_rows=self.chunk_rows, file_bytes=self.file_bytes)

    def to_json(self) -> str:
        """Returns the settings as stored in SYNC_TABLES."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "TableSettings":
        """Reads what `to_json` wrote."""
        data = json.loads(text)
        for name in ("key", "exclude"):
            data[name] = tuple(data[name])
        data["columns"] = tuple(ColumnSpec(**c) for c in data.get("columns", ()))
        data["where"] = tuple(
            FilterTerm(**{**term, "values": tuple(term["values"])})
            for term in data.get("where", ())
        )
        return cls(**data)
