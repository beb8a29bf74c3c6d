"""What goes wrong with PostgreSQL while rows travel."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg2
import psycopg2.extensions
import pytest
from psycopg2 import sql

from lambda_extract import contract
from lambda_extract.credentials.secrets import Credentials
from lambda_extract.errors import (
    AuthenticationError,
    ExtractError,
    LandingError,
    SourceError,
)
from lambda_extract.landing.stores import FolderStore, Upload
from lambda_extract.operations.extract import extract
from lambda_extract.settings import Source
from lambda_extract.source.database import (
    application_name,
    connected,
    later_timeouts,
    translate,
)

from tests.unit.lambda_extract.conftest import MakeTable, Reader

# More than the block that is collected before anything is written.
MANY = (
    "INSERT INTO {table} SELECT i, repeat('x', 1000) FROM generate_series(1, 20000) i"
)
COLUMNS = "id int PRIMARY KEY, v text"
WHOLE = contract.Partition("00000")


class BreakingStore(FolderStore):
    """Calls `action` at the first compressed bytes."""

    def __init__(self, folder: Path, action: Any) -> None:
        super().__init__(folder)
        self._action = action

    def open(self, path: str) -> Upload:
        upload = super().open(path)
        write = upload.write

        def acting(data: bytes) -> None:
            action, self._action = self._action, lambda: None
            action()
            write(data)

        upload.write = acting  # type: ignore[method-assign]
        return upload


def run_with(reader: Reader, action: Any) -> contract.ExtractReply:
    request = contract.ExtractRequest(
        run_id="r1", table=reader.spec, part="p1", partition=WHOLE
    )
    with reader.database() as database:
        return extract(database, request, BreakingStore(reader.folder, action))


def test_a_session_that_is_ended_in_the_middle_is_told_and_leaves_no_file(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table(COLUMNS, MANY)

    def terminate() -> None:
        with owner.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'aurora_sync:test'"
            )

    with pytest.raises(ExtractError) as refused:
        run_with(reader, terminate)
    assert (refused.value.code, refused.value.retryable) == ("source_unreachable", True)
    assert not list(reader.folder.rglob("*.zst"))


def test_a_failure_of_the_landing_ends_the_copy(make_table: MakeTable) -> None:
    reader = make_table(COLUMNS, MANY)

    def fail() -> None:
        raise LandingError("landing_denied", "S3 refused.")

    with pytest.raises(LandingError):
        run_with(reader, fail)
    assert not list(reader.folder.rglob("*.zst"))


def test_an_extraction_over_its_budget_asks_for_a_smaller_window(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table(COLUMNS, "INSERT INTO {table} VALUES (1, 'x')")
    view = f"{reader.spec.relation}_slow"
    with owner.cursor() as cursor:
        cursor.execute(
            f"CREATE VIEW {view} AS"
            f" SELECT id, v || pg_sleep(20)::text AS v FROM {reader.spec.relation}"
        )
        cursor.execute(f"GRANT SELECT ON {view} TO aurora_sync")
    source = Source("shop", "127.0.0.1", "shop", {}, reader.aurora.port, "disable")
    request = contract.ExtractRequest(
        run_id="r1",
        table=contract.TableSpec("slow", "shop", "public", view),
        part="p1",
        partition=WHOLE,
    )
    with pytest.raises(ExtractError) as refused:
        with connected(
            source,
            Credentials(reader.user, ""),
            application_name="aurora_sync:test",
            budget_seconds=0.5,
        ) as database:
            extract(database, request, FolderStore(reader.folder))
    assert (refused.value.code, refused.value.retryable) == ("window_too_large", True)


def test_the_session_says_who_it_is_and_cannot_run_forever(
    make_table: MakeTable,
) -> None:
    reader = make_table(COLUMNS)
    with reader.database() as database:
        for name, value in {
            "lock_timeout": "10s",
            "row_security": "off",
            "search_path": "pg_catalog",
            "TimeZone": "UTC",
            "client_encoding": "UTF8",
        }.items():
            assert database.row(sql.SQL(f"SHOW {name}")) == (value,)
        for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
            (limit,) = database.row(
                sql.SQL(f"SELECT setting::int FROM pg_settings WHERE name = '{name}'")
            )
            assert 20_000 < limit <= 30_000


def test_an_application_name_fits_into_63_bytes() -> None:
    assert application_name("orders", "r1") == "aurora_sync:orders:r1"
    assert len(application_name("Größe" * 20, "r1").encode()) == 63


def test_no_text_of_the_server_is_passed_on() -> None:
    error = translate(psycopg2.DataError("value 'secret' is wrong"))
    assert "secret" not in str(error)
    assert error.code == "source_error"


def test_a16_a_cluster_that_wakes_up_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Aurora Serverless takes about 15 s and more to resume from a pause."""
    asked: dict[str, Any] = {}

    def connect(**parameters: Any) -> None:
        asked.update(parameters)
        raise psycopg2.OperationalError("timeout expired")

    monkeypatch.setattr(psycopg2, "connect", connect)
    source = Source("shop", "127.0.0.1", "shop", {}, 5432, "disable")
    with pytest.raises(SourceError) as refused:
        with connected(
            source, Credentials("u", ""), application_name="a", budget_seconds=60
        ):
            pass
    assert asked["connect_timeout"] == 35 and refused.value.retryable


def test_a_session_that_is_used_again_in_a_snapshot_reads_as_a_new_one(
    make_table: MakeTable,
) -> None:
    """Its first statement begins a READ ONLY transaction and settles all settings."""
    with make_table(COLUMNS).database() as database:
        database.begin_snapshot()
        database.reset("aurora_sync:next", deadline=time.monotonic() + 30)
        assert database.row(sql.SQL("""
            SELECT current_setting('transaction_read_only'),
                current_setting('transaction_isolation'),
                current_setting('application_name')
            """)) == ("on", "read committed", "aurora_sync:next")


@pytest.mark.parametrize(("seconds", "budget"), [(0.1, 30.0), (30.0, 0.1)])
def test_a_trial_ends_within_its_own_time_and_within_the_budget(
    make_table: MakeTable, seconds: float, budget: float
) -> None:
    statement = sql.SQL("COPY (SELECT pg_sleep(0.8)) TO STDOUT")
    with make_table(COLUMNS).database() as database:
        database.reset("aurora_sync:test", deadline=time.monotonic() + budget)
        with pytest.raises(SourceError) as refused:
            database.try_copy(statement, seconds=seconds)
    assert refused.value.code == "window_too_large"


@pytest.mark.parametrize(
    ("version", "names"),
    [
        (130099, []),
        (140000, ["idle_session_timeout"]),
        (160099, ["idle_session_timeout"]),
        (170000, ["idle_session_timeout", "transaction_timeout"]),
    ],
)
def test_a_timeout_is_lifted_since_the_first_version_that_knows_it(
    version: int, names: list[str]
) -> None:
    connection: Any = SimpleNamespace(server_version=version)
    assert later_timeouts(connection) == names


@pytest.mark.parametrize(
    ("state", "code", "kind"),
    [
        ("28P01", "source_authentication", AuthenticationError),
        ("28000", "source_authentication", AuthenticationError),
        ("42501", "permission_denied", SourceError),
        ("57014", "window_too_large", SourceError),
    ],
)
def test_only_a_refused_login_lets_the_secret_be_read_again(
    make_table: MakeTable, state: str, code: str, kind: type[SourceError]
) -> None:
    """Whoever connects reads the secret again after an AuthenticationError."""
    fails = sql.SQL(f"DO $$ BEGIN RAISE USING ERRCODE = '{state}'; END $$")
    with make_table(COLUMNS).database() as database:
        with pytest.raises(SourceError) as failed:
            database.execute(fails)
    assert type(failed.value) is kind
    assert (failed.value.code, failed.value.sqlstate) == (code, state)
