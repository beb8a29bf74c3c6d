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
from snowpark.names import CURRENT_SUFFIX, target_name
from snowpark.settings.origin import LOG
from snowpark.sql import qualified

Mode = Literal["incremental", "full", "log"]


Drift = Literal["evolve", "freeze", "fail"]


TypeChange = Literal["fail", "new_column"]


Deletes = Literal["none", "soft_column", "key_compare", "log"]


HistoryTime = Literal["cursor", "extracted"]
_LONGEST_TRIMMED = 80
_LISTS = (
    "key",
    "exclude",
    "cursor_also",
    "history_columns",
    "readers",
    "cluster_by",
)


@dataclass(frozen=True)
class TableSettings:
    """One configured table with every default filled in.

    Attributes:
        name: Configured name, lower case.
        relation: PostgreSQL table.
        target_database: None: the database of the sync itself.
        file_bytes: Compressed bytes at which a file is cut.
        max_parallel: Extractions of one snapshot at once.
        cursor: The cursor column, or the first of several; None in full mode.
        cursor_also: Further cursor columns: the greatest that is not NULL counts.
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
        keys_in_messages: Errors, reports and ledgers may name the keys of rows.
        history: The target keeps every version of a row that was seen.
        history_columns: Source columns whose change makes a version; empty: all.
        history_time: What says since when a version is valid, if the cursor is a time.
        history_days: Closed versions are removed so many days later; None: never.
        current_view: A view of the current versions stands beside the target.
        drop_history: Old versions may be removed, because there is no history any more.
        on_truncate: What happens if a table of mode "log" was emptied by TRUNCATE.
        whole_table_percent: Mode "log": if more of its rows than this have changed, the
            table is read as a whole; 0: never.
        log_slot: Replication slot of the source, in mode "log".
        log_publication: What the slot is asked for.
        log_publish: What LOG_SETUP lets the publication hold.
        log_max_wal_bytes: WAL of one capture.
        log_on_huge: What happens if one transaction is larger than any capture.
        log_on_gap: What happens if the log cannot be read on from where it was.
        comments: The target has the comments of the source.
        primary_key: It declares its key, if that is proven.
        protected_tag: DATABASE.SCHEMA.TAG of protected columns.
        readers: Roles that may select from it, upper case and sorted.
        cluster_by: Source columns.
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
    cursor_also: tuple[str, ...] = ()
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
    keys_in_messages: bool = False
    history: bool = False
    history_columns: tuple[str, ...] = ()
    history_time: HistoryTime = "cursor"
    history_days: int | None = None
    current_view: bool = False
    drop_history: bool = False
    on_truncate: Literal["delete", "fail"] = "delete"
    whole_table_percent: int = 0
    log_slot: str = ""
    log_publication: str = ""
    log_publish: Literal["rows", "keys"] = "rows"
    log_max_wal_bytes: int = 8_192_000_000
    log_on_huge: Literal["whole", "fail"] = "whole"
    log_on_gap: Literal["fail", "resync"] = "fail"
    comments: bool = True
    primary_key: bool = True
    protected_tag: str | None = None
    readers: tuple[str, ...] = ()
    cluster_by: tuple[str, ...] = ()

    @property
    def deletes_softly(self) -> bool:
        """True if the target has a _SYNC_DELETED_AT."""
        if self.history:
            return False
        return self.deletes != "none" and self.delete_action == "soft"

    @property
    def shaped_target(self) -> str:
        """The target, and what it has beside the columns of the source."""
        view = " and a view" if self.current_view else ""
        target = f"{self.target} with history{view}" if self.history else self.target
        extras = (self.comments, self.primary_key, self.protected_tag)
        usual = extras == (True, True, None) and not (self.readers or self.cluster_by)
        if usual:
            return target
        named = json.dumps([*extras, self.readers, self.cluster_by])
        return f"{target} {_digest(named)}"

    @property
    def protected_tag_name(self) -> str:
        """Quoted name of the tag of protected columns; empty: there is none."""
        return qualified(*self.protected_tag.split(".")) if self.protected_tag else ""

    @property
    def current_view_name(self) -> str:
        """Quoted name of the view of the current versions."""
        return target_name(
            database=self.target_database,
            schema=self.target_schema,
            table=f"{self.target_table}{CURRENT_SUFFIX}",
        )

    @property
    def origin(self) -> str:
        """What the watermark belongs to; another origin needs a reload.

        A column that is protected from now on is part of it: without a reload its plain
        values would stay in the target. So is the filter: rows that it lets in from now
        on may be older than the watermark, and those it keeps out would stay.
        And trimmed blanks: a key would not be found with them.
        """
        # A watermark of the log is none of a cursor.
        cursor: object = LOG if self.mode == "log" else self.cursor
        origin: list[object] = [self.source, self.schema, self.relation, cursor]
        origin.append(self.target)
        marked = sorted((c.name, c.protect) for c in self.columns if c.protect)
        if marked:
            origin.append(_digest(json.dumps(marked)))
        trims = {c.name: c.trim_char for c in self.columns if c.trim_char is not None}
        if self.trim_char or any(trims.values()):
            trimmed = json.dumps([self.trim_char, sorted(trims.items())])
            # SYNC_WATERMARKS keeps 1,000 characters of all.
            short = len(trimmed) <= _LONGEST_TRIMMED
            origin.append(f"trim_char {trimmed if short else _digest(trimmed)}")
        if self.where:
            terms = json.dumps([dataclasses.astuple(term) for term in self.where])
            origin.append(f"where {_digest(terms)}")
        if self.cursor_also:
            origin.append(f"cursor_also {_digest(json.dumps(self.cursor_also))}")
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
            keys_in_messages=self.keys_in_messages,
        )

    @property
    def cursors(self) -> tuple[str, ...]:
        """All cursor columns; none in full mode."""
        return () if self.cursor is None else (self.cursor, *self.cursor_also)

    @property
    def cursor_spec(self) -> CursorSpec | None:
        """The cursor as the wire knows it; None in full mode."""
        if self.cursor is None:
            return None
        return CursorSpec(
            column=self.cursor,
            also=self.cursor_also,
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
        for name in _LISTS:
            data[name] = tuple(data.get(name, ()))
        data["columns"] = tuple(ColumnSpec(**c) for c in data.get("columns", ()))
        data["where"] = tuple(
            FilterTerm(**{**term, "values": tuple(term["values"])})
            for term in data.get("where", ())
        )
        return cls(**data)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
