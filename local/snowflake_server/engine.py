"""The account: its state, and how one statement goes through it."""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO, Any, NoReturn

import duckdb
from sqlglot import exp

from local.snowflake_server.core.access import Need
from local.snowflake_server.core.catalog import Catalog, full_name
from local.snowflake_server.core.errors import SnowflakeError, from_duckdb
from local.snowflake_server.core.faults import Faults
from local.snowflake_server.core.names import Name
from local.snowflake_server.core.physical import drop_physical
from local.snowflake_server.core.results import Result
from local.snowflake_server.core.session import Session
from local.snowflake_server.core.statement import Statement
from local.snowflake_server.core.transactions import Scope, WriteLock
from local.snowflake_server.sql import functions
from local.snowflake_server.sql.translate import (
    Translated,
    Translator,
    parse,
    put_binds,
)

_CACHED_STATEMENTS = 2000
_CACHED_TEXT = 20_000


@dataclass(frozen=True)
class Settings:
    """How a local Snowflake is started.

    Attributes:
        home: Folder for stages and unpacked code.
        queries_file: Query history, one JSON object per line; None keeps none.
        lock_timeout_seconds: How long a writer waits for another one.
        start_poll_seconds: First delay between polls of an external function.
    """

    home: Path
    queries_file: Path | None = None
    lock_timeout_seconds: float = 60.0
    start_poll_seconds: float = 0.02


class Account:
    """A Snowflake account: all its state; statements come in through `run`."""

    def __init__(self, settings: Settings) -> None:
        """Open an empty DuckDB in memory."""
        self.settings = settings
        self.duck = duckdb.connect(
            ":memory:", config={"lambda_syntax": "ENABLE_SINGLE_ARROW"}
        )
        self.duck.execute("SET GLOBAL TimeZone = 'UTC'")
        functions.install(self.duck)
        self.catalog = Catalog()
        self.lock = WriteLock(timeout_seconds=settings.lock_timeout_seconds)
        self.faults = Faults()
        self.external_errors: dict[str, Exception] = {}
        self.execute: Callable[[Account, Statement], Result] = _not_started
        self.describe: Callable[[Account, Statement], Result] = _not_started
        self.register_view: Callable[[Account, Session, str, str, str], str] = (
            _not_started
        )
        self.runner: Any = None
        self.scheduler: Any = None
        self.pipes: Any = None
        self.notifications: list[dict[str, Any]] = []
        self.scoped_urls: dict[str, Any] = {}
        self._translated: OrderedDict[tuple[Any, ...], Translated] = OrderedDict()
        self._cache_lock = threading.Lock()
        self._history = _open_history(settings.queries_file)
        self._history_lock = threading.Lock()

    def new_session(self, *, user: str, role: str) -> Session:
        """A session with a connection of its own."""
        scope = Scope(connection=self.duck, lock=self.lock)
        return Session(scope=scope, user=user, role=role)

    def close_session(self, session: Session) -> None:
        """Roll back what a session left open and drop its temporary tables."""
        with session.lock:
            session.scope.rollback()
            for name in session.temporary.values():
                table = self.catalog.table(name)
                session.scope.write(partial(drop_physical, table=table))
                del self.catalog.relations[name]
            session.temporary.clear()
            session.scope.close()

    def run(self, statement: Statement, *, describe_only: bool = False) -> Result:
        """Run one statement of a client: faults, the statement itself, its history.

        Raises:
            SnowflakeError: The statement failed.
        """
        started, error, rows = time.perf_counter(), None, None
        try:
            self.faults.visit("before", statement, self._slip_in)
            do = self.describe if describe_only else self.execute
            result = do(self, statement)
            rows = result.rows
            self.faults.visit("after", statement, self._slip_in)
            return result
        except SnowflakeError as failure:
            error = failure.message
            raise
        except duckdb.Error as failure:
            failed = self._failure(statement, failure)
            error = failed.message
            raise failed from failure
        except BaseException as failure:
            error = f"{type(failure).__name__}: {failure}"
            raise
        finally:
            if not describe_only:
                took = (time.perf_counter() - started) * 1000
                self._record(statement, milliseconds=took, rows=rows, error=error)

    def _slip_in(self, text: str, beside: Statement) -> None:
        self.execute(self, Statement(text, beside.session))

    def _failure(self, statement: Statement, failure: duckdb.Error) -> SnowflakeError:
        told = self.external_errors.pop(statement.query_id, None)
        return told if isinstance(told, SnowflakeError) else from_duckdb(failure)

    def _record(
        self,
        statement: Statement,
        *,
        milliseconds: float,
        rows: int | None,
        error: str | None,
    ) -> None:
        if self._history is None:
            return
        line = json.dumps(
            {
                "at": datetime.now(UTC).isoformat(),
                "session": statement.session.id,
                "query_id": statement.query_id,
                "procedure": statement.session.procedure,
                "text": statement.text,
                "milliseconds": round(milliseconds, 3),
                "rows": rows,
                "error": error,
            },
            ensure_ascii=False,
        )
        with self._history_lock:
            self._history.write(line + "\n")
            self._history.flush()

    def name(self, session: Session, parts: tuple[str, ...]) -> Name:
        """Complete a name with the session's database and schema."""
        return full_name(parts, database=session.database, schema=session.schema)

    def existing_name(self, session: Session, parts: tuple[str, ...]) -> Name:
        """Complete the name of a table; a temporary table goes first."""
        name = self.name(session, parts)
        return session.temporary.get(name, name)

    def translator(self, session: Session) -> Translator:
        """A translator that sees the catalog as the session does."""
        return Translator(
            catalog=self.catalog,
            database=session.database,
            schema=session.schema,
            temporary=session.temporary,
            information_schema=partial(self.register_view, self, session),
        )

    def translated(
        self,
        session: Session,
        text: str,
        change: Callable[[exp.Expr, Translator], str] | None = None,
    ) -> Translated:
        """DuckDB's form of a statement, from the cache while the catalog allows.

        Args:
            session: Gives the current database and schema.
            text: The statement.
            change: Generates the SQL if plain translation is not enough.
        """
        formats = session.output_formats
        shown = tuple(sorted(formats.items()))
        key = (text, session.database, session.schema, change, shown)
        with self._cache_lock:
            found = self._translated.get(key)
        if found is not None and not session.temporary and self._still_true(found):
            self.permit(session, found)
            return found
        translator = self.translator(session)
        translator.formats = formats
        statement = parse(text)
        if change is None:
            found = translator.finish(statement)
        else:
            found = translator.generated(change(statement, translator))
        if len(text) <= _CACHED_TEXT and not session.temporary:
            with self._cache_lock:
                self._translated[key] = found
                _shrink(self._translated)
        self.permit(session, found)
        return found

    def permit(self, session: Session, found: Translated) -> None:
        """Fail unless the session's role holds what a statement needs.

        Raises:
            SnowflakeError: It does not, or it may use no warehouse.
        """
        access = self.catalog.access
        for need in found.needs:
            access.demand(session.role, need)
        if found.needs:
            self.permit_warehouse(session)

    def may_take(self, user: str, role: str) -> bool:
        """Whether a user may work with a role.

        Who is no user of CREATE USER is the account's administrator, who takes any.
        """
        if user not in self.catalog.in_account["USER"]:
            return True
        return role in self.catalog.access.roles_of_user(user)

    def permit_warehouse(self, session: Session) -> None:
        """Fail unless the session has a warehouse that its role may use.

        A procedure and a task work with what their caller has.
        """
        if session.caller is not None or session.user == "SYSTEM":
            return
        need = Need(("USAGE", "OPERATE"), "WAREHOUSE", (session.warehouse or "",))
        if not self.catalog.access.may(session.role, need):
            raise SnowflakeError(
                606,
                "57P03",
                "No active warehouse selected in the current session. Select an active "
                "warehouse with the 'use warehouse' command.",
            )

    def _still_true(self, found: Translated) -> bool:
        relations = self.catalog.relations
        return all(
            (relation := relations.get(name)) is not None
            and relation.version == version
            for name, version in found.uses
        )

    def ready(
        self, statement: Statement, found: Translated
    ) -> tuple[str, dict[str, Any]]:
        """The final SQL of a statement and the values beside it."""
        return put_binds(found.parts, statement.values)

    def ddl(
        self, session: Session, work: Callable[[duckdb.DuckDBPyConnection], Any]
    ) -> Any:
        """Run DDL: it commits what was open, and then itself."""
        session.scope.commit()
        return session.scope.write(work)

    def write(
        self, session: Session, work: Callable[[duckdb.DuckDBPyConnection], Any]
    ) -> Any:
        """Run DML; without autocommit it begins a transaction."""
        if not session.autocommit and not session.scope.explicit:
            session.begin()
        return session.scope.write(work)

    def close(self) -> None:
        """Let files and the engine go."""
        if self._history is not None:
            self._history.close()
        self.duck.close()


def _shrink(cache: OrderedDict[Any, Any]) -> None:
    while len(cache) > _CACHED_STATEMENTS:
        cache.popitem(last=False)


def _open_history(path: Path | None) -> IO[str] | None:
    if path is None:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("a", encoding="utf-8")


def _not_started(*_given: Any) -> NoReturn:
    raise SnowflakeError(2, "0A000", "The account has not been opened.")
