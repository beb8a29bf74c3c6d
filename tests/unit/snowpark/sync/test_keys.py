"""Deletes by comparing keys, and rows that the target has not, read again."""

import dataclasses
from typing import Any

import pytest
from snowflake.snowpark import Row

from lambda_extract.contract import ExtractReply, ExtractRequest, KeysRequest
from snowpark.errors import SyncError, UsageError
from snowpark.ledger.records import TableState
from snowpark.ledger.run import Run
from snowpark.session import Snowflake
from snowpark.sync import keys, missing, sync
from tests.unit.snowpark import samples
from tests.unit.snowpark.samples import COLUMNS, ID, RUN_ID, planned
from tests.unit.snowpark.scripted import (
    Scripted,
    merged,
    refusal,
    replies,
    settled,
    stops,
)
from tests.unit.snowpark.sync.test_increment import nothing, window
from tests.unit.snowpark.sync.test_reload import whole

GONE = ("shared_keys", "count_gone", "flag_gone", "revive", "missing_keys")
FOUND = settled(deletes="key_compare")
HARD = settled(deletes="key_compare", delete_action="hard")


def some_keys(rows: int = 2, **changes: Any) -> ExtractReply:
    """Returns the manifest of a part's keys."""
    file = dataclasses.replace(samples.reply().files[0], rows=rows)
    values: dict[str, Any] = {
        "columns": (ID,),
        "files": (file,),
        "rows": rows,
        "op": "keys",
    }
    return samples.reply(**(values | changes))


def new_run() -> Run:
    run = Run(RUN_ID, "orders", "2026-01-02T03:04:05+00:00")
    run.begin("key_compare", "then")
    return run


def session_of(alive: int = 4, gone: int = 0, **more: Any) -> Scripted:
    """Returns a session with two parts of two keys each."""
    script: dict[str, Any] = {
        "extract": replies(planned(2), some_keys()),
        "shared_keys": [Row(0)],
        "count_gone": [Row(alive, gone)],
        "flag_gone": [Row(gone)],
        "revive": [Row(0)],
        "remove_gone": [Row(gone)],
        "missing_keys": [],
    }
    return Scripted(**(script | more))


def compare(
    session: Scripted,
    found: TableState = FOUND,
    run: Run | None = None,
    confirmed: bool = False,
) -> Run:
    run = run or new_run()
    keys.compare_keys(Snowflake(session), found, run, confirmed=confirmed)
    return run


# --- when -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("deletes", "since", "due"),
    [
        ("key_compare", None, True),
        ("key_compare", 1440, True),
        ("key_compare", 1439, False),
        ("none", None, False),
    ],
)
def test_keys_are_compared_when_their_time_has_come(
    deletes: str, since: int | None, due: bool
) -> None:
    found = dataclasses.replace(settled(deletes=deletes), minutes_since_key_check=since)
    assert keys.is_due(found) is due
    assert not keys.is_due(dataclasses.replace(found, ledger=None))


@pytest.mark.parametrize(
    ("since", "action", "compared"),
    [(None, "sync", True), (5, "sync", False), (5, "confirm_deletes", True)],
)
def test_keys_are_compared_after_the_increment(
    since: int | None, action: Any, compared: bool
) -> None:
    """Read later than any row of the target: what has no key then is gone."""
    found = dataclasses.replace(FOUND, minutes_since_key_check=since)
    script = session_of(4, 4).answers
    session = whole(found, window(2), planned(1), some_keys())
    session.answers |= {n: script[n] for n in GONE}
    if compared and action == "sync":
        with pytest.raises(UsageError):
            sync.sync_table(Snowflake(session), "orders", action)
    else:
        sync.sync_table(Snowflake(session), "orders", action)
    assert any(isinstance(r, KeysRequest) for r in session.requests) is compared
    session.in_order("merge", "commit", *["extract", "count_gone"] * compared)
    assert ("flag_gone" in session.stays) is (action == "confirm_deletes")


# --- what is deleted ------------------------------------------------------------------


def test_gone_rows_are_flagged_and_others_revived_in_one_transaction() -> None:
    session, run = session_of(100, 3, revive=[Row(1)]), new_run()
    compare(session, run=run)
    session.in_order("copy_files", "count_gone", "begin", "flag_gone", "revive")
    session.in_order("revive", "insert_run", "read_fence", "commit", "drop_staging")
    assert "remove_gone" not in session.names and "merge" not in session.names
    assert (run.tally.counts.deleted, run.tally.counts.updated) == (3, 1)
    assert "insert_watermark" not in session.names
    assert session.only("flag_gone").values == (samples.reply().extracted_at, RUN_ID)


def test_gone_rows_are_removed_where_the_target_does_not_flag_them() -> None:
    session, run = session_of(100, 3), new_run()
    compare(session, HARD, run)
    assert run.tally.counts.deleted == 3 and run.tally.counts.updated == 0
    assert {"flag_gone", "revive"}.isdisjoint(session.names)


def test_wherever_it_stops_deletes_and_run_stay_together() -> None:
    def play(snowflake: Snowflake) -> None:
        keys.compare_keys(snowflake, FOUND, new_run(), confirmed=False)

    for stop, session, error in stops(lambda: session_of(100, 3), play):
        session.together("flag_gone", "revive", "insert_run")
        assert not (isinstance(error, SyncError) and session.is_open), stop


@pytest.mark.parametrize(
    ("alive", "gone", "percent", "passes"),
    [
        (100, 10, 10.0, True),
        (100, 11, 10.0, False),
        (10, 10, 100.0, True),
        (0, 0, 0.0, True),
        (1000, 1, 0.0, False),
        (1, 1, 99.9, False),
    ],
)
@pytest.mark.parametrize("confirmed", [True, False])
def test_too_many_deletes_are_stopped_unless_a_person_said_so(
    alive: int, gone: int, percent: float, passes: bool, confirmed: bool
) -> None:
    found = settled(deletes="key_compare", max_delete_percent=percent)
    session = session_of(alive, gone)
    if passes or confirmed:
        compare(session, found, confirmed=confirmed)
        assert "flag_gone" in session.stays
    else:
        with pytest.raises(UsageError) as caught:
            compare(session, found)
        assert caught.value.code == "too_many_deletes"
        assert f"{gone} of {alive} rows" in caught.value.message
        assert "begin" not in session.names


@pytest.mark.usefixtures("slow_clock")
def test_all_parts_of_the_keys_are_staged_before_anything_is_deleted() -> None:
    session = session_of(extract=replies(planned(5), some_keys()))
    run = compare(session, settled(deletes="key_compare", max_parallel=2))
    requests = [r for r in session.requests if isinstance(r, KeysRequest)]
    assert [r.part for r in requests] == [f"keys-p0000{i}" for i in range(1, 6)]
    assert requests[0].limits.chunk_rows == FOUND.settings.chunk_rows * 10
    copied = session.only("copy_files").text
    assert all(f"/{r.part}/" in copied for r in requests)
    sent = [n for n in session.names if n in ("extract", "hold_lease", "begin")]
    assert sent == ["extract", *["extract", "hold_lease"] * 3, "begin"]
    tally = run.tally
    assert (tally.windows, tally.rows, tally.files, tally.bytes) == (5, 10, 5, 600)


def test_a_part_that_is_refused_deletes_nothing() -> None:
    session = session_of(
        extract=replies(planned(2), some_keys(), refusal("worker_lost"))
    )
    with pytest.raises(SyncError) as caught:
        compare(session)
    assert caught.value.code == "worker_lost" and "begin" not in session.names


def test_a_plan_without_parts_deletes_nothing() -> None:
    """Without any key every row of the target would be gone."""
    session = session_of(extract=replies(planned(0)))
    with pytest.raises(SyncError) as caught:
        compare(session)
    assert caught.value.code == "reply_invalid" and "begin" not in session.names


# --- rows that the target has not -----------------------------------------------------


def rows_again(*answers: Any, hashes: int = 2, alive: int = 3) -> Scripted:
    """Returns a session in which the target lacks some rows."""
    found = [Row(f"{i:032x}") for i in range(hashes)]
    return session_of(
        alive,
        0,
        extract=replies(planned(2), some_keys(), some_keys(), *answers),
        missing_keys=found,
    )


def test_rows_that_the_target_has_not_are_read_again_by_their_keys() -> None:
    session, run = rows_again(samples.reply()), new_run()
    compare(session, run=run)
    request = session.requests[-1]
    assert isinstance(request, ExtractRequest)
    assert request.key_hashes == (f"{0:032x}", f"{1:032x}")
    session.in_order(
        "missing_keys", "flag_gone", "commit", "extract", "merge", "commit"
    )
    assert [one.values[2] for one in session.kept if one.name == "insert_run"] == [
        "key_compare",
        "repair",
    ]
    assert run.tally.rows == 2 and run.tally.warnings == () and run.staged == []
    assert "insert_watermark" not in session.names


@pytest.mark.parametrize(
    ("alive", "gone", "looked"),
    [(3, 0, True), (4, 0, False), (5, 0, False), (5, 1, False), (4, 1, True)],
)
def test_nobody_looks_for_missing_rows_if_there_are_as_many_as_keys(
    alive: int, gone: int, looked: bool
) -> None:
    session = session_of(alive, gone)
    compare(session, settled(deletes="key_compare", max_delete_percent=100))
    assert ("missing_keys" in session.names) is looked


def test_many_missing_rows_are_asked_for_in_several_requests() -> None:
    session = rows_again(samples.reply(), hashes=4001)
    session.answers["merge"] = merged(2, 4)
    compare(session, settled(deletes="key_compare", max_parallel=2))
    asked = [r for r in session.requests if isinstance(r, ExtractRequest)]
    assert [len(r.key_hashes) for r in asked] == [2000, 2000, 1]
    assert len({r.part for r in asked}) == 3
    assert len({h for r in asked for h in r.key_hashes}) == 4001


def test_more_missing_rows_than_one_run_reads_are_told() -> None:
    assert missing.MOST_KEYS == 20_000  # docs/ARCHITECTURE.md
    session, run = rows_again(samples.reply(), hashes=missing.MOST_KEYS + 1), new_run()
    session.answers["merge"] = merged(0, 20)
    compare(session, run=run)
    asked = [r for r in session.requests if isinstance(r, ExtractRequest)]
    assert sum(len(r.key_hashes) for r in asked) == missing.MOST_KEYS
    ((code, message, _),) = run.tally.warnings
    assert code == "missing_keys" and f"more than {missing.MOST_KEYS}" in message
    assert session.only("missing_keys").text.endswith(f"LIMIT {missing.MOST_KEYS + 1}")


@pytest.mark.parametrize("rows", [0, 1])
def test_missing_rows_that_are_not_found_any_more_are_told(rows: int) -> None:
    file = dataclasses.replace(samples.reply().files[0], rows=1)
    answer = samples.reply(files=(file,) * rows, rows=rows)
    session = rows_again(answer)
    session.answers["copy_files"] = lambda one: [
        Row(rows_loaded=4 if "KEYS_" in one.text else rows)
    ]
    run = compare(session)
    ((code, message, _),) = run.tally.warnings
    assert code == "missing_keys" and "Of 2 keys" in message
    assert f"{2 - rows} were not found" in message
    assert ("merge" in session.names) is bool(rows)


@pytest.mark.parametrize(
    "answer",
    [
        samples.reply(columns=COLUMNS[:-1]),
        samples.reply(relation_id=9),
        samples.reply(key=("note",)),
    ],
)
def test_rows_of_other_columns_are_not_merged(answer: ExtractReply) -> None:
    session = rows_again(answer)
    with pytest.raises(SyncError) as caught:
        compare(session)
    assert caught.value.code == "columns_changed" and "merge" not in session.names
    # The deletes before are committed and recorded.
    assert session.stays.count("insert_run") == 1


def test_wherever_it_stops_rows_read_again_stay_with_their_run() -> None:
    def play(snowflake: Snowflake) -> None:
        keys.compare_keys(snowflake, FOUND, new_run(), confirmed=False)

    for _, session, _ in stops(lambda: rows_again(samples.reply()), play):
        kinds = [one.values[2] for one in session.kept if one.name == "insert_run"]
        assert kinds.count("repair") == session.stays.count("merge")
        assert kinds.count("key_compare") == session.stays.count("flag_gone")


def test_the_report_tells_of_deletes_though_nothing_was_read() -> None:
    found = dataclasses.replace(FOUND, minutes_since_key_check=None)
    script = session_of(100, 3).answers
    session = whole(found, nothing(1), planned(2), some_keys(), merge=merged(0))
    session.answers |= {n: script[n] for n in GONE}
    report = sync.sync_table(Snowflake(session), "orders")
    assert report["status"] == "succeeded" and report["rows_deleted"] == 3
    assert "4 keys compared: 3 rows are gone" in report["summary"]


@pytest.mark.parametrize("policy", ["fail", "warn"])
@pytest.mark.parametrize("shared", [0, 2])
def test_keys_that_the_source_has_twice_are_told_before_rows_are_called_gone(
    policy: str, shared: int
) -> None:
    session = session_of(shared_keys=[Row(shared)])
    found = settled(deletes="key_compare", duplicate_keys=policy)
    if shared and policy == "fail":
        with pytest.raises(SyncError) as caught:
            compare(session, found)
        assert caught.value.code == "duplicate_keys"
        assert "count_gone" not in session.names
        return
    run = compare(session, found)
    codes = [code for code, _, _ in run.tally.warnings]
    assert codes == (["duplicate_keys"] if shared else [])
