"""One table of mode log: windows of changed keys, and what has to be read otherwise."""

import dataclasses
from typing import Any

import pytest
from snowflake.snowpark import Row

from lambda_extract.contract import (
    CaptureRequest,
    ExtractReply,
    LogBound,
    LogIdentity,
    PlanReply,
    PlanRequest,
    Reply,
    Request,
    Warning,
)
from snowpark.errors import LambdaError, UsageError
from snowpark.ledger.records import TableState, log_identity_of
from snowpark.ledger.run import Run
from snowpark.session import Snowflake
from snowpark.sync import changes, sync
from snowpark.sync.increment import Extracted
from tests.unit.snowpark.captures.samples import IDENTITY, key_file, link_row
from tests.unit.snowpark.groups.test_logs import (
    OTHER,
    Source,
    logged,
    rows_of,
    run_of,
    told_of,
)
from tests.unit.snowpark.samples import RUN_ID, planned
from tests.unit.snowpark.scripted import Scripted, merged, refusal, stops
from tests.unit.snowpark.sync.test_keys import some_keys

FOUND = logged()


class Whole(Source):
    """Answers plans and keys as well, as a table that is read as a whole needs them."""

    parts = 1

    def __call__(self, request: Request) -> Reply:
        if isinstance(request, PlanRequest):
            return dataclasses.replace(planned(self.parts), log=LogBound(IDENTITY))
        if isinstance(request, CaptureRequest):
            return super().__call__(request)
        if request.op == "keys":
            return some_keys()
        return super().__call__(request)


def session_of(
    source: Source, *pending: Row, found: TableState = FOUND, **more: Any
) -> Scripted:
    session = run_of(source, found, pending=pending)
    answers: dict[str, Any] = {
        "shared_keys": [Row(0)],
        "count_gone": [Row(4, 0)],
        "flag_gone": [Row(0)],
        "revive": [Row(0)],
        "missing_keys": [],
        "overwrite": [Row(2)],
        "count_rows": [Row(2)],
    }
    session.answers |= answers | more
    return session


def call(session: Scripted, action: Any = "sync") -> dict[str, Any]:
    return sync.sync_table(Snowflake(session), "orders", action)


def kinds(session: Scripted) -> list[tuple[str, str]]:
    """Returns kind and status of the run rows that stay."""
    return [o.values[2:4] for o in session.kept if o.name == "insert_run"]


def noted(session: Scripted) -> list[tuple[int, LogIdentity | None]]:
    """Returns version and identity of the log rows that stay, in order."""
    found = []
    for one in session.kept:
        if one.name == "insert_watermark":
            identities = [log_identity_of(v) for v in one.values if _is_json(v)]
            found.append((one.values[1], identities[-1] if identities else None))
    return found


def _is_json(value: object) -> bool:
    return isinstance(value, str) and value.startswith('{"')


# --- windows --------------------------------------------------------------------------


def test_changed_keys_are_read_merged_and_committed_with_their_capture() -> None:
    source = Source(rows_of(2))
    session = session_of(source, told_of("orders"))
    report = call(session)
    assert report["status"] == "succeeded" and report["watermark"] == "0/200"
    assert kinds(session) == [("increment", "succeeded")]
    (request,) = source.asked
    assert request.changes is not None and request.changes.files == (key_file(),)
    assert request.changes.known == IDENTITY and not request.changes.truncated
    session.in_order("extract", "copy_files", "begin", "merge", "insert_watermark")
    assert noted(session) == [(8, IDENTITY)]
    mark = session.only("insert_watermark").values
    assert mark[5:7] == ("0/200", "pg_lsn") and 5 in mark


def three_windows(source: Source | None = None, **settings: Any) -> Scripted:
    """Two captures of which the first is cut: its end is reached by the second part."""
    files = "[" + ",".join(_file(number) for number in range(2)) + "]"
    pending = [
        told_of("orders", FILES=files, KEY_COUNT=1800, TO_LSN="0/150"),
        told_of("orders", VERSION=6, FILES=f"[{_file(7)}]", KEY_COUNT=900),
    ]
    small = dataclasses.replace(
        FOUND, settings=dataclasses.replace(FOUND.settings, chunk_rows=1000, **settings)
    )
    source = source or Source(rows_of(2))
    session = session_of(source, *pending, found=small)
    session.answers["read_latest_capture"] = [link_row(6, TO_LSN="0/150")]
    return session


def _file(number: int) -> str:
    file = key_file(number, keys=900)
    return (
        f'{{"path":"{file.path}","rows":{file.rows},"bytes":30,'
        f'"sha256":"{file.sha256}"}}'
    )


def test_the_watermark_is_behind_a_capture_only_once_all_of_it_is_merged() -> None:
    session = three_windows()
    call(session)
    marks = [(v[1], v[5], v[-3]) for v in session.values("insert_watermark")]
    assert marks == [(8, "0/100", 4), (9, "0/150", 5), (10, "0/200", 7)]
    assert session.stays.count("merge") == 3 and session.stays.count("insert_run") == 1
    session.in_order("merge", "merge", "merge", "insert_run", "commit")
    assert session.stays.count("drop_staging") == 1


def test_wherever_it_stops_the_position_is_that_of_the_rows() -> None:
    for _, session, _ in stops(three_windows, lambda s: sync.sync_table(s, "orders")):
        session.together("merge", "insert_watermark")


@pytest.mark.parametrize(("digest", "begins"), [(None, 0), ("of rows", 1)])
def test_changed_keys_become_versions_of_a_history(
    digest: str | None, begins: int
) -> None:
    """And rows that are no versions yet their first ones, if the target held rows."""
    found = logged(history=True)
    assert found.ledger is not None
    if digest is not None:
        ledger = dataclasses.replace(found.ledger, columns_sha256=digest)
        found = dataclasses.replace(found, ledger=ledger)
    session = session_of(
        Source(rows_of(2)),
        told_of("orders"),
        found=found,
        merge_versions=merged(2, 1),
    )
    report = call(session)
    assert (report["rows_inserted"], report["rows_updated"]) == (2, 1)
    assert session.names.count("first_versions") == begins
    session.in_order("begin", "merge_versions", "insert_watermark", "commit")
    assert "merge" not in session.names and noted(session) == [(8, IDENTITY)]


def test_rows_that_were_read_in_vain_move_the_position_all_the_same() -> None:
    """A row that arrives again as it was is no new version of the table either."""
    session = session_of(
        Source(rows_of(2)),
        told_of("orders"),
        found=logged(history=True),
        merge_versions=merged(0, 0),
    )
    assert call(session)["watermark"] == "0/200"
    assert noted(session) == [(7, IDENTITY)]
    (mark,) = [o.values for o in session.kept if o.name == "insert_watermark"]
    assert mark[5:7] == ("0/200", "pg_lsn") and 5 in mark


def test_a_window_in_a_groups_request_is_loaded_once() -> None:
    source = Source(rows_of(2))
    for staged in (True, False):
        session = session_of(source, told_of("orders"))
        run = Run(RUN_ID, "orders", "now")
        session.answers["read_latest_capture"] = [
            link_row(5, RUN_ID=RUN_ID, TO_LSN="0/200")
        ]
        changes.bring_up_to_date(
            Snowflake(session),
            FOUND,
            run,
            reload=False,
            confirmed=False,
            captured=True,
            first=Extracted(dataclasses.replace(rows_of(2), seconds=1.5), staged),
        )
        assert source.asked == [] and source.captures == 0
        assert ("copy_files" in session.names) is not staged
        assert session.stays.count("merge") == 1
        assert run.tally.seconds.extract == 1.5


def test_a_second_sync_of_a_run_captures_the_log_again() -> None:
    """A capture of the same run, from before, does not tell what came after it."""
    source = Source(rows_of(2))
    session = session_of(source, told_of("orders"))
    session.answers["read_latest_capture"] = [link_row(4, RUN_ID=RUN_ID)]
    run = Run(RUN_ID, "orders", "2026-01-02T03:04:05+00:00")
    sync.bring_up_to_date(Snowflake(session), FOUND, run)
    assert source.captures == 1


def test_warnings_of_the_windows_are_told_with_code_message_and_hint() -> None:
    warned = dataclasses.replace(rows_of(2), warnings=(Warning("c", "m", "h"),))
    report = call(session_of(Source(warned), told_of("orders")))
    assert report["warnings"] == [{"code": "c", "message": "m", "hint": "h"}]


def test_sums_are_those_of_all_windows() -> None:
    report = call(three_windows())
    assert report["rows_extracted"] == 6 and report["windows"] == 3
    assert report["files"] == 3 and report["bytes"] == 360


# --- nothing new ----------------------------------------------------------------------


@pytest.mark.parametrize("behind", [0, 1])
def test_an_idle_table_notes_its_position_before_it_is_far_behind(behind: int) -> None:
    assert FOUND.ledger is not None
    early = 5 - changes.CAPTURES_UNNOTED - behind
    ledger = dataclasses.replace(FOUND.ledger, capture_version=early)
    found = dataclasses.replace(FOUND, ledger=ledger)
    session = session_of(Source(rows_of()), found=found)
    session.answers["read_latest_capture"] = [link_row(4, OLDEST=early)]
    report = call(session)
    assert report["status"] == "unchanged"
    assert kinds(session) == [("increment", "unchanged")]
    # The target is what it was, and so is its version.
    assert noted(session) == [(7, IDENTITY)] * behind


def test_another_identity_is_remembered_though_no_row_came() -> None:
    session = session_of(Source(rows_of(identity=OTHER)))
    call(session)
    assert noted(session) == [(7, OTHER)]


# --- what is more than its changed keys -----------------------------------------------


@pytest.mark.parametrize("deletes", ["log", "none"])
@pytest.mark.parametrize("rows", [0, 2])
def test_what_a_table_has_become_is_remembered_once_its_keys_are_compared(
    deletes: str, rows: int
) -> None:
    """A partition that was taken off: no key says which rows went with it."""
    found = logged(deletes=deletes)
    source = Whole(rows_of(rows, identity=OTHER, compare=True))
    session = session_of(source, told_of("orders"), found=found)
    call(session)
    if deletes == "none":
        assert "count_gone" not in session.names
        assert noted(session)[-1][1] == OTHER
        return
    session.in_order("count_gone", "insert_watermark", "release_lease")
    *before, (version, last) = noted(session)
    assert last == OTHER and all(one == IDENTITY for _, one in before)
    assert version == 7 + (rows > 0)
    # A capture without a row is done with: what it tells is told once.
    mark = [o.values for o in session.kept if o.name == "insert_watermark"][-1]
    assert mark[5:7] == ("0/200", "pg_lsn") and 5 in mark
    assert ("key_compare", "succeeded") in kinds(session)


def test_whoever_dies_before_the_keys_are_compared_comes_back() -> None:
    def make() -> Scripted:
        source = Whole(rows_of(2, identity=OTHER, compare=True))
        return session_of(source, told_of("orders"))

    for _, session, _ in stops(make, lambda s: sync.sync_table(s, "orders")):
        remembered = [identity for _, identity in noted(session)]
        if OTHER in remembered:
            assert "count_gone" in session.names
            assert remembered.index(OTHER) == len(remembered) - 1


def moved() -> ExtractReply:
    return rows_of(moved="rewritten")


@pytest.mark.parametrize("first", [moved(), refusal("window_too_large")])
def test_what_no_window_can_say_is_read_as_a_whole(first: Reply) -> None:
    source = Whole(first, rows_of(2), rows_of())
    session = session_of(source, told_of("orders"))
    call(session)
    assert ("snapshot", "succeeded") in kinds(session)
    assert session.stays.count("overwrite") == 1


def shares(source: Source) -> list[tuple[int, int]]:
    """Returns what each window asked: whether to be read by its keys at all."""
    found = [request.changes for request in source.asked]
    return [(c.whole_percent, c.more_keys) for c in found if c is not None]


def test_only_the_first_window_asks_whether_most_rows_have_changed() -> None:
    source = Source(rows_of(2))
    call(three_windows(source, whole_table_percent=30))
    assert shares(source) == [(30, 1800), (0, 0), (0, 0)]


def test_a_table_that_was_just_read_is_not_read_again_for_its_many_keys() -> None:
    """Its parts are of several moments, so that the log is read behind them."""
    source = Whole(rows_of(moved="many_keys"), rows_of(2), rows_of(2))
    source.parts = 2
    found = logged(whole_table_percent=30, delete_action="hard")
    session = session_of(source, told_of("orders"), found=found)
    call(session)
    assert session.stays.count("overwrite") == 1
    assert shares(source) == [(30, 0), (0, 0)]


@pytest.mark.parametrize("code", ["source_unreachable", "worker_lost", "undefined"])
def test_any_other_refusal_is_an_error_and_reloads_nothing(code: str) -> None:
    session = session_of(Whole(refusal(code)), told_of("orders"))
    with pytest.raises(LambdaError) as caught:
        call(session)
    assert caught.value.code == code and "overwrite" not in session.names
    assert kinds(session) == [("increment", "failed")]


def test_a_reply_that_says_nothing_of_the_log_is_refused() -> None:
    silent = dataclasses.replace(rows_of(2), log=None)
    session = session_of(Source(silent), told_of("orders"))
    with pytest.raises(LambdaError) as caught:
        call(session)
    assert caught.value.code == "reply_invalid" and "merge" not in session.names


def test_a_plan_that_says_nothing_of_the_log_loads_nothing() -> None:
    """Without it nobody knows which changes its rows have already."""

    class Silent(Whole):
        """Plans as a function does that knows no log."""

        def __call__(self, request: Request) -> Reply:
            found = super().__call__(request)
            if isinstance(found, PlanReply):
                return dataclasses.replace(found, log=None)
            return found

    session = session_of(Silent(moved(), rows_of(2)), told_of("orders"))
    with pytest.raises(LambdaError) as caught:
        call(session)
    assert caught.value.code == "reply_invalid" and "overwrite" not in session.names


def test_a_table_that_changes_faster_than_it_loads_ends() -> None:
    source = Whole(*[moved(), rows_of(2), rows_of(2)] * 3)
    source.parts = 2  # Of several moments, so that the log is read behind them.
    session = session_of(source, told_of("orders"))
    with pytest.raises(LambdaError) as caught:
        call(session)
    assert caught.value.code == "columns_changed"
    assert session.stays.count("overwrite") == 2


@pytest.mark.parametrize(
    ("policy", "action", "stopped"),
    [
        ("fail", "sync", True),
        ("fail", "confirm_deletes", False),
        ("replicate", "sync", False),
    ],
)
def test_a_table_that_was_emptied_waits_for_a_person_if_it_shall(
    policy: str, action: str, stopped: bool
) -> None:
    source = Whole(rows_of(2))
    found = logged(on_truncate=policy)
    session = session_of(source, told_of("orders", TRUNCATED=True), found=found)
    if stopped:
        with pytest.raises(UsageError) as caught:
            call(session, action)
        assert caught.value.code == "truncated" and source.asked == []
    else:
        call(session, action)
        (request,) = source.asked
        assert request.changes is not None and request.changes.truncated


def test_a_log_that_does_not_tell_the_table_is_an_error_of_its_own() -> None:
    error = {
        "ERROR_CODE": "replica_identity",
        "ERROR_MESSAGE": "No key.",
        "ERROR_RETRYABLE": True,
        "ERROR_HINT": "Add one.",
    }
    source = Source(rows_of(2))
    session = session_of(source, told_of("orders", FILES=None, **error))
    with pytest.raises(LambdaError) as caught:
        call(session)
    assert (caught.value.code, caught.value.message) == ("replica_identity", "No key.")
    assert caught.value.retryable and caught.value.hint == "Add one."
    assert source.asked == []


def test_windows_begin_behind_a_commit_of_the_log() -> None:
    assert FOUND.ledger is not None
    unknown = dataclasses.replace(FOUND.ledger, log_identity=None)
    for ledger in (None, unknown):
        found = dataclasses.replace(FOUND, ledger=ledger)
        with pytest.raises(ValueError, match="behind a commit"):
            changes._Windows(Snowflake(Scripted()), found, Run("r", "o", "n"), False)
