"""The waiting load step: a pipe loads, a run takes exactly its own files."""

import json
from typing import Any

import pytest
from snowflake.snowpark import Row

from lambda_extract.contract import File
from snowpark.errors import LoadError, SyncError
from snowpark.ledger.lease import LEASE_SECONDS
from snowpark.load import pipe, staging
from snowpark.load.pipe_statements import Pair
from snowpark.load.staging import Job
from snowpark.session import Snowflake
from tests.unit.snowpark.samples import COLUMNS, RUN_ID
from tests.unit.snowpark.scripted import Scripted, Sent, Stop, aligned, settled

FOUND = settled(load_method="snowpipe", pipe_wait_seconds=600)
JOB = Job(FOUND.settings, RUN_ID)
PAIR = Pair("orders", len(COLUMNS))


def file(number: int, run_id: str = RUN_ID, rows: int = 2) -> File:
    path = f"pipe/orders/{len(COLUMNS)}/{run_id}/w00001/{number:05d}.csv.zst"
    return File(path, rows, 120, "ab" * 32)


FILES = (file(0), file(1))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Time passes only by sleeping; returns how long each sleep was."""
    slept: list[float] = []
    monkeypatch.setattr(pipe.time, "sleep", slept.append)
    monkeypatch.setattr(pipe.time, "monotonic", lambda: sum(slept))
    return slept


def history(*files: File, status: str = "Loaded") -> list[Row]:
    return [
        Row(
            FILE_NAME=f.path,
            STATUS=status,
            ROW_COUNT=f.rows,
            FILE_SIZE=f.bytes,
            ERROR_COUNT=0,
        )
        for f in files
    ]


def session_of(landed_after: int = 0, **more: Any) -> Scripted:
    """Returns a session whose pipe has loaded all at a later look."""
    looks: list[int] = []

    def look(_: Sent) -> list[Row]:
        looks.append(1)
        return history(*FILES) if len(looks) > landed_after else history(FILES[0])

    script: dict[str, Any] = {
        "show_pipes": [Row(name=PAIR.pipe)],
        "read_settings": [Row(DATABASE_NAME="SYNC", TOPIC_ARN=None)],
        "copy_history": look,
        "fill_staging": lambda one: [Row(2 * len(one.values))],
        "pipe_status": status("RUNNING"),
    }
    return Scripted(**(script | more))


def status(state: str, **more: Any) -> list[Row]:
    return [Row(STATUS=json.dumps({"executionState": state} | more))]


def stage(session: Scripted, files: tuple[File, ...] = FILES, job: Job = JOB) -> None:
    staging.stage(Snowflake(session), job, aligned(FOUND).columns, files)


def refused(session: Scripted, files: tuple[File, ...] = FILES) -> SyncError:
    with pytest.raises(SyncError) as caught:
        stage(session, files)
    return caught.value


def test_files_that_have_landed_are_taken_at_once(clock: list[float]) -> None:
    session = session_of()
    stage(session)
    assert session.names == [
        "create_staging",
        "show_pipes",
        "copy_history",
        "fill_staging",
    ]
    assert clock == [] and session.values("copy_history") == [(f"{RUN_ID}/",)]
    (tails,) = session.values("fill_staging")
    assert tails == tuple(f.path.split("/", 3)[3] for f in FILES)


def test_a_run_waits_for_the_last_of_its_files(clock: list[float]) -> None:
    session = session_of(landed_after=4)
    stage(session)
    assert session.names.count("copy_history") == 5
    assert clock == [0.25, 0.5, 1.0, 2.0] and "refresh_pipe" not in session.names


def test_pauses_grow_up_to_ten_seconds_and_the_lease_is_held_meanwhile(
    clock: list[float],
) -> None:
    """Once at its beginning, then whenever half of the lease has passed."""
    session = session_of(landed_after=90)
    patient = settled(load_method="snowpipe", pipe_wait_seconds=2000)
    stage(session, job=Job(patient.settings, RUN_ID))
    assert max(clock) == 10.0
    held = session.names.count("hold_lease")
    assert held == 1 + int(sum(clock) // (LEASE_SECONDS / 2)) == 2


def test_a_lost_lease_ends_the_wait(clock: list[float]) -> None:
    error = refused(session_of(landed_after=99, hold_lease=[Row(0)]))
    assert error.code == "lease_lost" and clock == []


def test_a_lost_notification_is_made_good_half_way_once(clock: list[float]) -> None:
    session = session_of(landed_after=50)
    stage(session)
    assert session.names.count("refresh_pipe") == 1
    at = session.names.index("refresh_pipe")
    looks = session.names[:at].count("copy_history")
    assert 300 <= sum(clock[: looks - 1]) <= 310
    assert session.names[at - 1] == "pipe_status"
    assert f"PREFIX = '{RUN_ID}/'" in session.sent[at].text


def test_a_wait_has_an_end(clock: list[float]) -> None:
    error = refused(session_of(landed_after=9999))
    assert error.code == "pipe_timeout" and error.retryable
    assert "not loaded 1 of 2 files after 600 s" in error.message
    assert "RUNNING with ? pending" not in error.message
    assert FILES[1].path in error.message and 600 <= sum(clock) <= 610


def test_a_short_limit_is_not_slept_through(clock: list[float]) -> None:
    found = settled(load_method="snowpipe", pipe_wait_seconds=4)
    job = Job(found.settings, RUN_ID)
    session = session_of(landed_after=9999)
    with pytest.raises(LoadError):
        stage(session, job=job)
    assert max(clock) <= 1.0 and "refresh_pipe" in session.names


@pytest.mark.parametrize("state", ["PAUSED", "STOPPED_MISSING_TABLE"])
def test_a_pipe_that_is_stopped_is_told_half_way(
    state: str, clock: list[float]
) -> None:
    found = status(state, pendingFileCount=7)
    error = refused(session_of(landed_after=9999, pipe_status=found))
    assert error.code == "pipe_stopped" and sum(clock) < 320
    assert f"is {state} with 7 files" in error.message


@pytest.mark.parametrize("found", [[], [Row(STATUS="x")], [Row(STATUS="{}")]])
def test_a_state_that_cannot_be_read_changes_nothing(
    found: list[Row], clock: list[float]
) -> None:
    error = refused(session_of(landed_after=9999, pipe_status=found))
    assert error.code == "pipe_timeout" and "cannot be read" in error.message


@pytest.mark.parametrize("how", ["Load failed", "Partially loaded"])
def test_a_file_that_failed_ends_the_wait_at_once(how: str, clock: list[float]) -> None:
    rows = [*history(FILES[0]), *history(FILES[1], status=how)]
    error = refused(session_of(copy_history=rows))
    assert error.code == "pipe_file_failed" and clock == []
    assert FILES[1].path in error.message and FILES[0].path not in error.message


def test_no_more_than_three_bad_files_are_named(clock: list[float]) -> None:
    files = tuple(file(i) for i in range(5))
    rows = history(*files, status="Load failed")
    error = refused(session_of(copy_history=rows), files)
    assert "5 of 5 files" in error.message
    assert error.message.count(".csv.zst") == 3


def test_files_of_others_beside_ours_say_nothing_of_them(clock: list[float]) -> None:
    """A prefix of the history may hold another table's files, in any order."""
    others = history(file(7, "another-run"), status="Load failed")
    for rows in ([*others, *history(*FILES)], [*history(*FILES), *others]):
        session = session_of(copy_history=rows)
        stage(session)
        assert session.names.count("copy_history") == 1 and clock == []


def test_the_refresh_is_due_once_half_of_the_time_is_over(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted from the beginning of the wait, whatever the clock says."""
    monkeypatch.setattr(pipe.time, "monotonic", lambda: 5000.0 + sum(clock))
    found = settled(load_method="snowpipe", pipe_wait_seconds=3)
    session = session_of(landed_after=9999)
    with pytest.raises(LoadError):
        stage(session, job=Job(found.settings, RUN_ID))
    # Pauses of 0.25, 0.5 and 0.75 s are half of the time.
    at = session.names.index("refresh_pipe")
    assert session.names[:at].count("copy_history") == 4
    assert sum(clock) == 3.0


def test_while_it_waits_the_run_keeps_its_own_lease(clock: list[float]) -> None:
    session = session_of(landed_after=1)
    stage(session)
    assert session.values("hold_lease") == [(LEASE_SECONDS, "orders", RUN_ID)]


def test_rows_that_do_not_arrive_in_the_staging_table_are_missed() -> None:
    error = refused(session_of(fill_staging=[Row(3)]))
    assert error.code == "count_mismatch"


def test_a_value_that_has_not_its_type_is_an_error_of_the_load() -> None:
    error = refused(session_of(stop=Stop("fill_staging", number=100038)))
    assert error.code == "load_failed" and error.__cause__ is not None


@pytest.mark.parametrize(("number", "inserts"), [(1000, [1000]), (1001, [1000, 1])])
def test_many_files_are_taken_some_at_a_time(number: int, inserts: list[int]) -> None:
    files = tuple(file(i) for i in range(number))
    session = session_of(copy_history=history(*files))
    stage(session, files)
    assert [len(v) for v in session.values("fill_staging")] == inserts


# --- the pipe itself ------------------------------------------------------------------


@pytest.mark.parametrize("topic", [None, "arn:topic"])
def test_the_first_files_of_a_table_make_its_pipe_and_are_told_to_it(
    topic: str | None,
) -> None:
    session = session_of(
        show_pipes=[], read_settings=[Row(DATABASE_NAME="SYNC", TOPIC_ARN=topic)]
    )
    files = (file(0), file(1, "20260101T000000-earlier"))
    session.answers["copy_history"] = history(*files)
    stage(session, files)
    session.in_order("show_pipes", "read_settings", "create_landed", "create_pipe")
    session.in_order("create_pipe", "refresh_pipe", "refresh_pipe", "copy_history")
    made = session.only("create_pipe").text
    assert '"SYNC"' in made and ("AWS_SNS_TOPIC" in made) is (topic is not None)
    prefixes = [o.text.split("'")[1] for o in session.sent if o.name == "refresh_pipe"]
    assert prefixes == ["20260101T000000-earlier/", f"{RUN_ID}/"]


def test_pairs_of_other_widths_go_the_table_before_the_pipe_that_finds_it() -> None:
    other = Pair("orders", 5)
    session = session_of(show_pipes=[Row(name=PAIR.pipe), Row(name=other.pipe)])
    stage(session)
    session.in_order("show_pipes", "drop_landed", "drop_pipe", "copy_history")
    assert other.landed in session.only("drop_landed").text
    assert other.pipe in session.only("drop_pipe").text
    assert "create_pipe" not in session.names


def test_landed_rows_are_forgotten_once_all_of_the_run_is_committed() -> None:
    session = Scripted()
    staging.drop_staging(Snowflake(session), JOB, FILES)
    assert session.names == ["drop_staging", "forget_rows"]
    assert session.values("forget_rows") == [(RUN_ID,)]
    assert PAIR.landed in session.only("forget_rows").text
    for files in ((), (File("data/orders/r/p/0.csv.zst", 1, 1, ""),)):
        other = Scripted()
        staging.drop_staging(Snowflake(other), JOB, files)
        assert other.names == ["drop_staging"]
