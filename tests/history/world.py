"""A source, a target with history, and the model of what the target has to hold."""

import dataclasses
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from lambda_extract.contract import Column
from snowpark import sql
from snowpark.columns.alignment import Alignment, Rules
from snowpark.columns import drift
from snowpark.columns.alignment import Source
from snowpark.columns.column import load_columns
from snowpark.columns.shape import Shape
from snowpark.errors import SyncError
from snowpark.load import history, history_table_statements, merge, statements
from snowpark.load import target as load_target
from snowpark.load import target_statements
from snowpark.load.staging import Job
from snowpark.load.statements import Batch
from snowpark.session import Snowflake
from snowpark.settings.table import TableSettings
from tests.history.account import LocalSession
from tests.history.model import History, Values

START = datetime(2026, 1, 1, tzinfo=UTC)
_OWN = ("_SYNC_VALID_FROM", "_SYNC_VALID_TO", "_SYNC_IS_CURRENT", "_SYNC_DELETED")
_KINDS = {
    "id": Column("id", "bigint", "NUMBER(19,0)", nullable=False, attnum=1),
    "v": Column("v", "text", "VARCHAR(100)", attnum=2),
    "w": Column("w", "jsonb", "VARIANT", attnum=3),
    "updated_at": Column(
        "updated_at", "timestamp with time zone", "TIMESTAMP_TZ(6)", attnum=4
    ),
    "added": Column("added", "text", "VARCHAR(100)", attnum=5),
    "later": Column("later", "text", "VARCHAR(100)", attnum=6),
}


@dataclasses.dataclass
class Row:
    """A row of the source."""

    v: str
    w: str
    updated_at: datetime | None


class World:
    """One table: what the source holds, and the histories of target and model.

    Attributes:
        now: The clock of the source; each step moves it.
        source: Rows by key.
        dirty: Keys that changed since they were read.
    """

    def __init__(self, session: LocalSession, name: str, **settings: Any) -> None:
        self.session = session
        self.snowflake = Snowflake(session)
        self.settings = TableSettings(
            name=name,
            source="shop",
            schema="public",
            relation=name,
            target_schema="shop",
            target_table=name,
            history=True,
            time_zone="UTC",
            **({"mode": "incremental", "cursor": "updated_at"} | settings),
        )
        tracked = self.settings.history_columns or ("v", "w", "updated_at")
        self.now = START
        self.source: dict[int, Row] = {}
        self.dirty: set[int] = set()
        self.columns = ["id", "v", "w", "updated_at"]
        self.shape = Shape().of(self.settings.route)
        self.model = History(tuple(tracked))
        self.staged: list[str] = []
        self.created = False
        self.commits = 0
        session.sql(f"DROP TABLE IF EXISTS {self.settings.target}")

    # --- the source -------------------------------------------------------------------

    def tick(self) -> datetime:
        """Moves the clock."""
        self.now += timedelta(seconds=10)
        return self.now

    def write(self, key: int, v: str, w: str, moment: datetime | None) -> None:
        """Inserts or updates a row."""
        self.source[key] = Row(v, w, moment)
        self.dirty.add(key)

    def delete(self, key: int) -> None:
        """Deletes a row."""
        self.source.pop(key, None)

    def add_column(self) -> None:
        """Adds the next column; every row has a value in it at once."""
        for name in ("added", "later"):
            if name not in self.columns:
                self.columns.append(name)
                if not self.settings.history_columns:
                    self.model.tracked += (name,)
                return

    def values(self, key: int) -> Values:
        """Returns a row as it is read."""
        row = self.source[key]
        found: Values = {"v": row.v, "w": row.w, "updated_at": row.updated_at}
        for name in self.columns[4:]:
            found[name] = f"{name} {row.v}"
        return found

    # --- what a sync does -------------------------------------------------------------

    def read(self, keys: Sequence[int], refuse_at: int | None = None) -> None:
        """Reads rows and merges them, as increments, backfills and repairs do."""
        now = self.tick()
        keys = [key for key in keys if key in self.source]
        self._commit(keys, merge.merge_rows, now, refuse_at)
        for key in keys:
            self._tell_model(key, now)

    def read_all(self, refuse_at: int | None = None) -> None:
        """Reads the whole table, as snapshots do."""
        now = self.tick()
        keys = sorted(self.source)
        self._commit(keys, merge.overwrite_rows, now, refuse_at)
        for key in self.model.versions.keys() - self.source.keys():
            self.model.close(key, now)
        for key in keys:
            self._tell_model(key, now)

    def compare_keys(self, refuse_at: int | None = None) -> None:
        """Closes what is gone and reads again what the target lacks."""
        now = self.tick()
        self._commit(sorted(self.source), history.close_gone, now, refuse_at)
        for key in self.model.versions.keys() - self.source.keys():
            self.model.close(key, now)
        self.read([key for key in self.source if self.model.current(key) is None])

    def _tell_model(self, key: int, now: datetime) -> None:
        row = self.source[key]
        cursor = self.settings.cursor and self.settings.history_time == "cursor"
        self.model.read(key, row.updated_at if cursor else None, self.values(key), now)
        self.dirty.discard(key)

    def _commit(
        self,
        keys: Sequence[int],
        write: Callable[[Snowflake, Batch], Any],
        now: datetime,
        refuse_at: int | None,
    ) -> None:
        """Writes rows in one transaction; if it is refused, once more."""
        before = self.table() if refuse_at is not None else None
        try:
            self._try(keys, write, now, refuse_at)
        except SyncError:
            if before:
                assert self.table() == before, "a refused statement left something"
            self._try(keys, write, now)
        self.session.refuse_at = None

    def _try(
        self,
        keys: Sequence[int],
        write: Callable[[Snowflake, Batch], Any],
        now: datetime,
        refuse_at: int | None = None,
    ) -> None:
        columns = load_columns(self._declared())
        source = Source(columns, ("id",), 1)
        job = Job(self.settings, "run", reload=not self.created)
        aligned = self._aligned(source, job)
        moment = f"{now:%Y-%m-%d %H:%M:%S.%f}+00"
        aligned = history.dated(aligned, self.shape, moment)
        self._stage(job, aligned, keys)
        rows = merge.batch(job, aligned, ("id",), moment)
        self.session.refuse_at = refuse_at
        self.snowflake.run(sql.BEGIN)
        try:
            write(self.snowflake, rows)
            self.snowflake.run(sql.COMMIT)
            self.commits += 1
        except SyncError:
            self.session.refuse_at = None
            self.snowflake.run(sql.ROLLBACK)
            raise
        self.shape = aligned.shape

    def _declared(self) -> tuple[Column, ...]:
        """Returns the columns of the files."""
        return tuple(_KINDS[name] for name in self.columns)

    def _rows(self, keys: Sequence[int]) -> list[Values]:
        """Returns the rows of the files."""
        return [{"id": key, **self.values(key)} for key in keys]

    def _aligned(self, source: Source, job: Job) -> Alignment:
        existing = None
        if self.created:
            rows = self.snowflake.run(
                target_statements.describe_target(self.settings.target)
            )
            existing = {str(row["name"]): str(row["type"]) for row in rows}
        rules = Rules.of(self.settings, reload=job.reload)
        aligned = drift.align(source, existing, self.shape, rules)
        done = load_target.apply(self.snowflake, job.target, source, aligned)
        self.created = True
        return done

    def _stage(self, job: Job, aligned: Alignment, keys: Sequence[int]) -> None:
        # The same table again and again: its statements are translated once.
        names = [c.name for c in aligned.columns]
        if self.staged == names:
            self.session.sql(f"DELETE FROM {job.staging}")
        else:
            self.snowflake.run(statements.create_staging(job.staging, aligned.columns))
        self.staged = names
        found = self._rows(keys)
        if not found:
            return
        listed = ", ".join(map(sql.quote, names))
        marks = ", ".join(f"CAST(? AS {c.staging_type})" for c in aligned.columns)
        params: list[Any] = []
        for values in found:
            params += [_wire(values[c.source.name]) for c in aligned.columns]
        lists = ", ".join([f"({marks})"] * len(found))
        self.session.sql(f"INSERT INTO {job.staging} ({listed}) VALUES {lists}", params)

    # --- what has to be ---------------------------------------------------------------

    def table(self) -> list[tuple[Any, ...]]:
        """Returns the versions of the target, in order."""
        if not self.created:
            return []
        rows = self.session.query(
            f"SELECT * FROM {self.settings.target} ORDER BY ID, _SYNC_VALID_FROM"
        )
        names = [c.upper() for c in self.columns]
        return [
            (*(_plain(row.get(n)) for n in names), *(row[n] for n in _OWN))
            for row in rows
        ]

    def expected(self) -> list[tuple[Any, ...]]:
        """Returns the versions of the model, in order."""
        return [
            (
                key,
                *(one.values.get(name) for name in self.columns[1:]),
                one.start,
                one.end,
                one.end is None,
                one.deleted,
            )
            for key, versions in sorted(self.model.versions.items())
            for one in versions
        ]

    def check(self) -> None:
        """Compares target and model, and asks the target for its invariants."""
        if not self.created:
            return
        assert self.table() == self.expected()
        statement = history_table_statements.broken_invariants(
            self.settings.target, ("ID",)
        )
        (row,) = self.session.query(statement.text)
        wrong = {k: v for k, v in row.items() if v and k != "VERSIONS"}
        assert not wrong, wrong

    def check_current(self) -> None:
        """The current versions are the rows of the source."""
        current = {k: self.model.current(k) for k in self.model.versions}
        living = {k: v for k, v in current.items() if v is not None}
        assert living == {key: self.values(key) for key in self.source}


def _wire(value: Any) -> Any:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S.%f}+00"
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ('"', "{"):
        return value.replace("\n", "").replace(" ", "")
    return value
