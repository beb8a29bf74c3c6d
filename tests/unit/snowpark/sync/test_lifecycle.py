"""The life of a run: its id, what it drops, and what it says when it fails."""

import contextlib
import json
import re
from datetime import datetime, timezone

import pytest

from snowpark.errors import SyncError
from snowpark.ledger.run import Run, Seconds, Tally
from snowpark.load.staging import Job
from snowpark.session import Snowflake
from snowpark.sync import lifecycle
from tests.unit.snowpark.samples import RUN_ID, settings, state
from tests.unit.snowpark.scripted import Scripted, Stop

# Folders of S3, names of staging tables and every ledger row hold it: its form is that
# of all earlier releases.
_FORM = re.compile(r"\d{8}T\d{6}-[0-9a-f]{12}")


def a_run() -> Run:
    staged = [Job(settings(), RUN_ID, purpose).staging for purpose in ("ROWS", "KEYS")]
    return Run(RUN_ID, "orders", "now", staged=staged)


def test_the_id_of_a_run_says_when_it_began_and_is_its_own() -> None:
    before = datetime.now(timezone.utc)
    runs = [lifecycle.new_run("orders") for _ in range(3)]
    assert len({run.id for run in runs}) == 3
    for run in runs:
        assert _FORM.fullmatch(run.id) and _FORM.fullmatch(RUN_ID)
        begun = datetime.fromisoformat(run.started_at)
        assert before <= begun <= datetime.now(timezone.utc)
        assert run.id.startswith(f"{begun:%Y%m%dT%H%M%S}-")
        assert run.table == "orders" and not run.recorded and run.staged == []


def test_the_id_of_a_later_run_sorts_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([datetime(2026, 1, 2, 9, 59, 59), datetime(2026, 1, 2, 10)])

    class Clock:
        """Two moments of one morning."""

        @staticmethod
        def now(_: object) -> datetime:
            return next(times)

    monkeypatch.setattr(lifecycle, "datetime", Clock)
    first, second = lifecycle.new_run("a"), lifecycle.new_run("a")
    assert first.id < second.id


def test_work_that_ends_well_leaves_no_staging_table_and_no_lease() -> None:
    session, run = Scripted(), a_run()
    told = lifecycle.run_owned(Snowflake(session), state(), run, lambda: None)
    assert told["run_id"] == RUN_ID and told["status"] == "unchanged"
    assert session.names == ["drop_staging", "drop_staging", "release_lease"]
    assert session.values("release_lease") == [("orders", RUN_ID)]
    assert run.staged == []


@pytest.mark.parametrize("recorded", [True, False])
def test_work_that_fails_is_recorded_once_and_named(recorded: bool) -> None:
    def work() -> None:
        raise SyncError("internal_error", "Broken.")

    session, run = Scripted(), a_run()
    run.recorded = recorded
    with pytest.raises(SyncError) as caught:
        lifecycle.run_owned(Snowflake(session), state(), run, work)
    assert (caught.value.table, caught.value.run_id) == ("orders", RUN_ID)
    assert session.names.count("insert_run") == (not recorded)
    assert session.names[-3:] == ["drop_staging", "drop_staging", "release_lease"]


@pytest.mark.parametrize("error", [None, "lease_lost"])
def test_a_line_of_the_log_tells_a_run_to_the_millisecond(
    caplog: pytest.LogCaptureFixture, error: str | None
) -> None:
    run = a_run()
    seconds = Seconds(extract=1.23456, load=0.0049, merge=20.0006)
    run.tally = Tally("snapshot", rows=12, bytes=340, files=5, seconds=seconds)

    def work() -> None:
        if error:
            raise SyncError(error, "Gone.")

    caplog.set_level("INFO", "aurora_sync")
    with contextlib.suppress(SyncError):
        lifecycle.run_owned(Snowflake(Scripted()), state(), run, work)
    line = caplog.records[-1].getMessage()
    begin = "run failed " if error else "run succeeded "
    assert line.startswith(begin)
    told = {
        "table": "orders",
        "run_id": RUN_ID,
        "kind": "snapshot",
        "rows": 12,
        "bytes": 340,
        "extract_seconds": 1.235,
        "load_seconds": 0.005,
        "merge_seconds": 20.001,
    }
    more = {"error_code": error} if error else {}
    assert json.loads(line.removeprefix(begin)) == told | more


def test_whatever_is_left_the_lease_goes_back() -> None:
    """A table that cannot be dropped now is dropped by tidying; a lease would wait."""
    session = Scripted(Stop("drop_staging"))
    with pytest.raises(SyncError) as caught:
        lifecycle.run_owned(Snowflake(session), state(), a_run(), lambda: None)
    assert caught.value.run_id == RUN_ID
    assert session.names == ["drop_staging", "release_lease"]
