"""The proof that nothing is left behind the watermark, against a real PostgreSQL."""

import contextlib
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg2
import psycopg2.extensions
import psycopg2.extras
import pytest

from lambda_extract.contract import Bound, CursorSpec, CursorValue, PendingBound
from lambda_extract.cursor import bound
from lambda_extract.cursor import proof as cursor_proof
from lambda_extract.cursor.bound import IntegerBound, integer_bound
from lambda_extract.cursor.proof import Proof
from lambda_extract.errors import ExtractError
from lambda_extract.operations import extract
from lambda_extract.source.database import Database
from local.aurora import Aurora

from tests.unit.lambda_extract.conftest import MakeTable, Reader

TIME_TABLE = "id bigint PRIMARY KEY, updated_at {type} NOT NULL DEFAULT now()"
INSTANT = TIME_TABLE.format(type="timestamptz")
INDEX = "CREATE INDEX ON {table} (updated_at);"
OLD_ROWS = INDEX + """
    INSERT INTO {table}
    SELECT i, now() - interval '1 day' + i * interval '1 minute'
    FROM generate_series(1, 10) AS i;
    """


@pytest.fixture
def slow(aurora: Aurora) -> Iterator[psycopg2.extensions.connection]:
    """Another session of the application; its transaction is opened by `BEGIN`."""
    with contextlib.closing(aurora.connect("shop")) as connection:
        yield connection


def insert(connection: psycopg2.extensions.connection, reader: Reader, id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {reader.spec.relation} (id) VALUES (%s)",
            [id],
        )


def run(connection: psycopg2.extensions.connection, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def wait_until_active(connection: psycopg2.extensions.connection, pid: int) -> None:
    """Returns when that session's statement waits for a lock."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT state = 'active' AND wait_event_type = 'Lock'"
                " FROM pg_stat_activity WHERE pid = %s",
                [pid],
            )
            if cursor.fetchone() == (True,):
                return
    raise AssertionError("the session never waited")


def instant(value: CursorValue | None) -> datetime:
    assert value is not None
    return datetime.fromisoformat(value.value)


def test_a_row_committed_late_behind_the_newest_row_still_arrives(
    make_table: MakeTable,
    owner: psycopg2.extensions.connection,
    slow: psycopg2.extensions.connection,
) -> None:
    reader = make_table(INSTANT, OLD_ROWS)
    run(slow, "BEGIN")
    insert(slow, reader, 100)  # Its updated_at is now.
    run(owner, "SELECT pg_sleep(0.05)")
    insert(owner, reader, 101)  # Later, but committed first.
    first = reader.sync("updated_at", margin_seconds=0.0)
    assert "101" in reader.ids(first)
    assert first.bound is not None and first.bound.held_back
    assert first.bound.oldest_transaction is not None
    run(slow, "COMMIT")
    second = reader.sync("updated_at", first.bound, margin_seconds=0.0)
    assert "100" in reader.ids(second)


def test_of_two_open_writers_the_older_bounds_though_it_commits_last(
    make_table: MakeTable,
    aurora: Aurora,
    owner: psycopg2.extensions.connection,
    slow: psycopg2.extensions.connection,
) -> None:
    """Fails if the newest open transaction is taken for the oldest."""
    reader = make_table(INSTANT, OLD_ROWS)
    with contextlib.closing(aurora.connect("shop")) as younger:
        run(slow, "BEGIN")
        insert(slow, reader, 100)
        run(owner, "SELECT pg_sleep(0.05)")
        run(younger, "BEGIN")
        insert(younger, reader, 101)
        run(owner, "SELECT pg_sleep(0.05)")
        insert(owner, reader, 102)
        first = reader.sync("updated_at", margin_seconds=0.0)
        assert first.bound is not None and first.bound.held_back
        run(younger, "COMMIT")
    second = reader.sync("updated_at", first.bound, margin_seconds=0.0)
    assert reader.ids(second) == ["101", "102"]
    assert second.bound is not None and second.bound.held_back
    run(slow, "COMMIT")
    third = reader.sync("updated_at", second.bound, margin_seconds=0.0)
    assert reader.ids(third) == ["100", "101", "102"]


@pytest.mark.parametrize("moment", ["before the proof", "before the snapshot"])
def test_whenever_a_transaction_commits_its_row_arrives_in_one_of_two_syncs(
    make_table: MakeTable,
    owner: psycopg2.extensions.connection,
    slow: psycopg2.extensions.connection,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    """Fails if the snapshot is taken before the proof: then the row is lost."""
    reader = make_table(INSTANT, OLD_ROWS)
    run(slow, "BEGIN")
    insert(slow, reader, 100)
    run(owner, "SELECT pg_sleep(0.05)")
    insert(owner, reader, 101)
    if moment == "before the proof":
        honest_proof = cursor_proof.read_proof

        def proof_after_commit(*arguments: object) -> Proof:
            run(slow, "COMMIT")
            return honest_proof(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(extract, "read_proof", proof_after_commit)
    else:
        honest_begin = Database.begin_snapshot

        def begin_after_commit(self: Database) -> None:
            run(slow, "COMMIT")
            honest_begin(self)

        monkeypatch.setattr(Database, "begin_snapshot", begin_after_commit)
    first = reader.sync("updated_at", margin_seconds=0.0)
    monkeypatch.undo()
    second = reader.sync("updated_at", first.bound, margin_seconds=0.0)
    assert "100" in reader.ids(first) + reader.ids(second)


def test_without_open_transactions_the_watermark_reaches_the_newest_row(
    make_table: MakeTable,
) -> None:
    reader = make_table(INSTANT, OLD_ROWS)
    reply = reader.sync("updated_at")
    assert reply.bound is not None and reply.position is not None
    assert reply.bound.watermark == reply.position
    assert not reply.bound.held_back


def test_the_margin_holds_fresh_rows_back_and_an_idle_sync_sends_nothing(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table(INSTANT, OLD_ROWS)
    insert(owner, reader, 100)
    first = reader.sync("updated_at", margin_seconds=60.0)
    assert first.bound is not None and first.bound.held_back
    assert first.bound.overlap is not None and first.bound.overlap.rows == 1
    second = reader.sync("updated_at", first.bound, margin_seconds=60.0)
    assert second.unchanged
    assert (second.files, second.rows) == ((), 0)
    run(owner, f"UPDATE {reader.spec.relation} SET updated_at = now() WHERE id = 100")
    third = reader.sync("updated_at", second.bound, margin_seconds=60.0)
    assert not third.unchanged
    assert reader.ids(third) == ["100"]


def test_unchanged_rows_still_let_the_watermark_move(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table(INSTANT, OLD_ROWS)
    insert(owner, reader, 100)
    first = reader.sync("updated_at", margin_seconds=60.0)
    second = reader.sync("updated_at", first.bound, margin_seconds=0.0)
    assert second.unchanged and second.bound is not None and first.bound is not None
    assert instant(second.bound.watermark) > instant(first.bound.watermark)
    assert second.bound.overlap is not None and second.bound.overlap.rows == 0


def test_the_watermark_never_moves_back(make_table: MakeTable) -> None:
    reader = make_table(INSTANT, OLD_ROWS)
    far = CursorValue("2999-01-01 00:00:00+00", "timestamp with time zone")
    reply = reader.sync("updated_at", Bound(watermark=far))
    assert reply.bound is not None and reply.bound.watermark == far


def test_a_prepared_transaction_keeps_the_watermark_where_it_is(
    make_table: MakeTable, slow: psycopg2.extensions.connection
) -> None:
    reader = make_table(INSTANT, OLD_ROWS)
    first = reader.sync("updated_at")
    run(slow, "BEGIN")
    insert(slow, reader, 100)
    run(slow, f"PREPARE TRANSACTION '{reader.spec.relation}'")
    try:
        fresh = reader.sync("updated_at")
        assert fresh.bound is not None
        assert fresh.bound.watermark is None and fresh.bound.held_back
        second = reader.sync("updated_at", first.bound, margin_seconds=0.0)
        assert second.bound is not None and first.bound is not None
        assert second.bound.watermark == first.bound.watermark
    finally:
        run(slow, f"COMMIT PREPARED '{reader.spec.relation}'")
    assert "100" in reader.ids(reader.sync("updated_at", second.bound))


def test_a_role_that_cannot_see_transactions_is_refused_unless_it_looks_back(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table(INSTANT, OLD_ROWS)
    run(owner, f"GRANT SELECT ON {reader.spec.relation} TO unprivileged")
    reader.user = "unprivileged"
    with pytest.raises(ExtractError) as refused:
        reader.sync("updated_at")
    assert refused.value.code == "cannot_see_transactions"
    assert "pg_read_all_stats" in refused.value.hint
    insert(owner, reader, 100)
    reply = reader.sync("updated_at", lookback_seconds=7200.0)
    assert reply.bound is not None and reply.bound.watermark == reply.position


def test_a_lookback_reads_behind_the_watermark_again(make_table: MakeTable) -> None:
    reader = make_table(INSTANT, OLD_ROWS)
    first = reader.sync("updated_at", lookback_seconds=150.0)
    assert first.bound is not None and first.bound.overlap is not None
    assert first.bound.overlap.rows == 3
    second = reader.sync("updated_at", first.bound, lookback_seconds=150.0)
    assert second.unchanged
    without_memory = Bound(watermark=first.bound.watermark)
    third = reader.sync("updated_at", without_memory, lookback_seconds=150.0)
    assert reader.ids(third) == ["8", "9", "10"]


def test_extractions_of_our_own_hold_nothing_back(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table(INSTANT, OLD_ROWS)
    insert(owner, reader, 100)
    with reader.database() as other:
        other.begin_snapshot()
        run(owner, "SELECT pg_sleep(0.05)")
        insert(owner, reader, 101)
        run(owner, "SELECT pg_sleep(0.05)")
        reply = reader.sync("updated_at", margin_seconds=0.0)
    assert reply.bound is not None and not reply.bound.held_back


@pytest.mark.parametrize(
    ("type_name", "step"),
    [("timestamp", "1 minute"), ("timestamptz(0)", "1 minute"), ("date", "1 day")],
)
def test_every_time_type_can_be_a_cursor(
    make_table: MakeTable,
    owner: psycopg2.extensions.connection,
    type_name: str,
    step: str,
) -> None:
    reader = make_table(
        TIME_TABLE.format(type=type_name),
        INDEX + f"""
        INSERT INTO {{table}} SELECT i, now() - interval '20 days'
            + i * interval '{step}' FROM generate_series(1, 10) AS i
        """,
    )
    first = reader.sync("updated_at", time_zone="UTC")
    assert first.rows == 10 and first.bound is not None
    assert first.bound.watermark == first.position
    insert(owner, reader, 100)
    second = reader.sync("updated_at", first.bound, time_zone="UTC")
    assert reader.ids(second) == ["100"]
    assert second.bound is not None and second.bound.held_back


def test_a_date_is_proven_only_for_days_before_today(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table(TIME_TABLE.format(type="date"), INDEX)
    insert(owner, reader, 1)
    reply = reader.sync("updated_at", margin_seconds=0.0, time_zone="UTC")
    assert reply.bound is not None and reply.bound.watermark is not None
    today = datetime.now(UTC).date()
    assert reply.bound.watermark.value == str(today - timedelta(days=1))


def test_local_time_uses_the_smaller_offset_before_the_clock_goes_back(
    aurora: Aurora,
) -> None:
    """25 October 2026, 00:30 UTC is 02:30 in summer time; an hour later it is again."""
    moment = bound.typed("2026-10-25 00:30:00+00", "timestamptz")
    local = bound._local_time(moment, moment, "Europe/Berlin")
    with contextlib.closing(aurora.connect("shop")) as connection:
        with connection.cursor() as cursor:
            cursor.execute(bound.sql.SQL("SELECT {}::text").format(local))
            assert cursor.fetchone() == ("2026-10-25 01:30:00",)


def test_an_unknown_time_zone_is_a_bad_request(make_table: MakeTable) -> None:
    reader = make_table(TIME_TABLE.format(type="timestamp"), OLD_ROWS)
    with pytest.raises(ExtractError) as refused:
        reader.sync("updated_at", time_zone="Europe/Atlantis")
    assert refused.value.code == "bad_request"


# --- integer cursors ------------------------------------------------------------------

INTEGER = "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text"


def add(connection: psycopg2.extensions.connection, reader: Reader) -> None:
    run(connection, f"INSERT INTO {reader.spec.relation} (note) VALUES ('x')")


def test_an_integer_maximum_is_proven_once_older_transactions_have_ended(
    make_table: MakeTable,
    owner: psycopg2.extensions.connection,
    slow: psycopg2.extensions.connection,
) -> None:
    reader = make_table(INTEGER)
    add(owner, reader)
    first = reader.sync("id")
    assert first.bound == Bound(
        CursorValue("1", "bigint"), overlap=first.bound and first.bound.overlap
    )
    run(slow, "BEGIN")
    add(slow, reader)  # 2, not committed yet
    add(owner, reader)  # 3
    second = reader.sync("id", first.bound)
    assert reader.ids(second) == ["3"]
    assert second.bound is not None and second.bound.pending_bound is not None
    assert second.bound.watermark == CursorValue("1", "bigint")
    assert second.bound.pending_bound.value == "3"
    third = reader.sync("id", second.bound)
    assert third.unchanged and third.bound is not None
    assert third.bound.pending_bound == second.bound.pending_bound
    run(slow, "COMMIT")
    last = reader.sync("id", third.bound)
    assert reader.ids(last) == ["2", "3"]
    assert last.bound is not None
    assert last.bound.watermark == CursorValue("3", "bigint")
    assert last.bound.pending_bound is None


def test_a_pending_bound_is_proven_beside_newer_transactions(
    make_table: MakeTable,
    owner: psycopg2.extensions.connection,
    slow: psycopg2.extensions.connection,
) -> None:
    reader = make_table(INTEGER)
    run(slow, "BEGIN")
    add(slow, reader)
    add(owner, reader)
    first = reader.sync("id")
    run(slow, "COMMIT")
    run(slow, "BEGIN")
    add(slow, reader)  # 3: began after the bound was seen
    second = reader.sync("id", first.bound)
    run(slow, "ROLLBACK")
    assert second.bound is not None
    assert second.bound.watermark == CursorValue("2", "bigint")


def test_a_sequence_with_a_cache_is_refused_without_lookback(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table(INTEGER)
    add(owner, reader)
    run(owner, f"ALTER SEQUENCE {reader.spec.relation}_id_seq CACHE 20")
    with pytest.raises(ExtractError) as refused:
        reader.sync("id")
    assert refused.value.code == "sequence_cache"
    assert reader.sync("id", lookback_values=1000).rows == 1


def test_a_sequence_that_counts_down_is_refused(make_table: MakeTable) -> None:
    reader = make_table(
        "id bigint GENERATED ALWAYS AS IDENTITY (INCREMENT -1) PRIMARY KEY"
    )
    with pytest.raises(ExtractError) as refused:
        reader.sync("id")
    assert refused.value.code == "cursor_type_unsupported"


@pytest.mark.parametrize(
    ("column", "code"),
    [("missing", "cursor_not_found"), ("note", "cursor_type_unsupported")],
)
def test_unfit_cursors_are_refused(
    make_table: MakeTable, column: str, code: str
) -> None:
    reader = make_table(INTEGER)
    with pytest.raises(ExtractError) as refused:
        reader.sync(column)
    assert refused.value.code == code


def test_a_watermark_of_another_type_is_refused(make_table: MakeTable) -> None:
    reader = make_table(INTEGER)
    other = Bound(watermark=CursorValue("2026-01-01", "date"))
    with pytest.raises(ExtractError) as refused:
        reader.sync("id", other)
    assert refused.value.code == "cursor_type_unsupported"
    assert "RESYNC_TABLE" in refused.value.hint


SEEN = "2026-01-01 00:00:00+00"


@pytest.mark.parametrize(
    ("proof", "pending", "expected"),
    [
        (Proof(SEEN, maximum=7), None, IntegerBound(7, None)),
        (Proof(SEEN, maximum=0), None, IntegerBound(0, None)),
        (Proof(SEEN, maximum=None), None, IntegerBound(None, None)),
        (
            Proof(SEEN, oldest="x", maximum=7),
            None,
            IntegerBound(None, PendingBound("7", SEEN)),
        ),
        (
            Proof(SEEN, prepared=True, maximum=7),
            None,
            IntegerBound(None, PendingBound("7", SEEN)),
        ),
        (
            Proof(SEEN, oldest="x", maximum=9),
            PendingBound("7", "earlier"),
            IntegerBound(None, PendingBound("7", "earlier")),
        ),
        (
            Proof(SEEN, oldest="x", maximum=9, pending_proven=True),
            PendingBound("7", "earlier"),
            IntegerBound(7, PendingBound("9", SEEN)),
        ),
        (
            Proof(SEEN, oldest="x", maximum=7, pending_proven=True),
            PendingBound("7", "earlier"),
            IntegerBound(7, None),
        ),
        (
            Proof(SEEN, maximum=5, pending_proven=True),
            PendingBound("-7", "earlier"),
            IntegerBound(5, None),
        ),
    ],
)
def test_integer_bounds(
    proof: Proof, pending: PendingBound | None, expected: IntegerBound
) -> None:
    assert integer_bound(proof, pending) == expected


def test_a_plan_takes_its_bound_before_any_part_is_read(
    make_table: MakeTable,
    owner: psycopg2.extensions.connection,
    slow: psycopg2.extensions.connection,
) -> None:
    reader = make_table(INSTANT, OLD_ROWS)
    run(slow, "BEGIN")
    insert(slow, reader, 100)
    insert(owner, reader, 101)
    cursor = CursorSpec("updated_at", margin_seconds=0.0)
    reply = reader.plan(cursor=cursor)
    run(slow, "COMMIT")
    increment = reader.sync("updated_at", reply.bound)
    assert {"100", "101"} <= set(reader.ids(increment))


def test_a_session_that_hides_its_transaction_is_refused(
    make_table: MakeTable, slow: psycopg2.extensions.connection
) -> None:
    reader = make_table(INSTANT, OLD_ROWS)
    run(slow, "SET track_activities = off")
    run(slow, "BEGIN")
    insert(slow, reader, 100)
    with pytest.raises(ExtractError) as refused:
        reader.sync("updated_at")
    assert refused.value.code == "cannot_see_transactions"
    assert "track_activities" in refused.value.message
    run(slow, "ROLLBACK")
    run(slow, "SET track_activities = on")
    assert reader.sync("updated_at").rows == 10


@pytest.mark.parametrize("written_before", [True, False])
def test_a_session_that_shows_itself_again_holds_the_watermark_back(
    make_table: MakeTable,
    owner: psycopg2.extensions.connection,
    slow: psycopg2.extensions.connection,
    written_before: bool,
) -> None:
    """When its transaction began is never shown; if it has written, or waits, is."""
    reader = make_table(INSTANT, OLD_ROWS)
    run(slow, "SET track_activities = off")
    run(slow, "BEGIN")
    if written_before:
        insert(slow, reader, 100)
    run(slow, "SET track_activities = on")
    run(owner, "SELECT pg_sleep(0.05)")
    insert(owner, reader, 101)
    first = reader.sync("updated_at", margin_seconds=0.0)
    assert first.bound is not None and first.bound.held_back
    if not written_before:
        insert(slow, reader, 100)
    run(slow, "COMMIT")
    second = reader.sync("updated_at", first.bound, margin_seconds=0.0)
    assert "100" in reader.ids(second)


def test_a_session_that_shows_itself_again_while_it_writes_is_seen(
    make_table: MakeTable,
    owner: psycopg2.extensions.connection,
    slow: psycopg2.extensions.connection,
) -> None:
    """Its state is active then, and its transaction's number tells."""
    reader = make_table(INSTANT, OLD_ROWS)
    run(slow, "SET track_activities = off")
    run(slow, "BEGIN")
    insert(slow, reader, 100)
    run(slow, "SET track_activities = on")
    insert(owner, reader, 101)
    run(owner, "SELECT pg_advisory_lock(4711)")
    waits = threading.Thread(
        target=run, args=(slow, "SELECT pg_advisory_xact_lock(4711)")
    )
    waits.start()
    try:
        wait_until_active(owner, slow.info.backend_pid)
        first = reader.sync("updated_at", margin_seconds=0.0)
    finally:
        run(owner, "SELECT pg_advisory_unlock(4711)")
        waits.join()
    assert first.bound is not None and first.bound.held_back
    run(slow, "COMMIT")
    second = reader.sync("updated_at", first.bound, margin_seconds=0.0)
    assert "100" in reader.ids(second)


@pytest.mark.parametrize("written_before", [True, False])
def test_a_writer_on_a_replication_connection_holds_the_watermark_back(
    make_table: MakeTable,
    aurora: Aurora,
    owner: psycopg2.extensions.connection,
    written_before: bool,
) -> None:
    """Also one that has begun, and so fixed its now(), but has not written yet."""
    reader = make_table(INSTANT, OLD_ROWS)
    dsn = aurora.dsn("shop")
    with contextlib.closing(
        psycopg2.connect(
            dsn,
            connection_factory=psycopg2.extras.LogicalReplicationConnection,
        )
    ) as walsender:
        run(walsender, "BEGIN")
        run(walsender, "SELECT now()")
        if written_before:
            run(walsender, f"INSERT INTO {reader.spec.relation} (id) VALUES (100)")
        run(owner, "SELECT pg_sleep(0.05)")
        insert(owner, reader, 101)
        first = reader.sync("updated_at", margin_seconds=0.0)
        assert first.bound is not None and first.bound.held_back
        if not written_before:
            run(walsender, f"INSERT INTO {reader.spec.relation} (id) VALUES (100)")
        run(walsender, "COMMIT")
    second = reader.sync("updated_at", first.bound, margin_seconds=0.0)
    assert "100" in reader.ids(second)


@pytest.mark.parametrize("type_name", ["timestamp", "timestamp(3)", "date"])
def test_a_time_without_a_zone_is_no_cursor_until_the_zone_is_said(
    make_table: MakeTable, type_name: str
) -> None:
    reader = make_table(TIME_TABLE.format(type=type_name), OLD_ROWS)
    with pytest.raises(ExtractError) as refused:
        reader.sync("updated_at")
    assert (refused.value.code, refused.value.retryable) == ("time_zone_missing", False)
    with pytest.raises(ExtractError) as refused:
        reader.plan(cursor=CursorSpec("updated_at"))
    assert refused.value.code == "time_zone_missing"
    assert reader.sync("updated_at", time_zone="America/New_York").rows == 10


def test_a_late_row_in_local_time_arrives_when_its_zone_is_said(
    make_table: MakeTable,
    owner: psycopg2.extensions.connection,
    slow: psycopg2.extensions.connection,
) -> None:
    zone = "America/New_York"
    now = f"DEFAULT (now() AT TIME ZONE '{zone}')"
    reader = make_table(
        f"id bigint PRIMARY KEY, updated_at timestamp NOT NULL {now}", INDEX
    )
    run(slow, "BEGIN")
    insert(slow, reader, 1)
    run(owner, "SELECT pg_sleep(0.05)")
    insert(owner, reader, 2)
    first = reader.sync("updated_at", margin_seconds=0.0, time_zone=zone)
    run(slow, "COMMIT")
    second = reader.sync("updated_at", first.bound, margin_seconds=0.0, time_zone=zone)
    assert "1" in reader.ids(second)
