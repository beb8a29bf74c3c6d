"""A capture is asked for and recorded; what dies on the way changes nothing."""

import dataclasses
from typing import Any

import pytest
from snowflake.snowpark import Row

from lambda_extract.contract import (
    CaptureRequest,
    DropSlotReply,
    DropSlotRequest,
    Reply,
    TableChanges,
)
from snowpark.captures import capture
from snowpark.captures.records import LogSource
from snowpark.errors import SyncError
from snowpark.session import Snowflake
from tests.unit.snowpark.captures.samples import (
    SOURCE,
    captured,
    key_file,
    link_row,
)
from tests.unit.snowpark.samples import RUN_ID
from tests.unit.snowpark.scripted import (
    Scripted,
    Sent,
    Stop,
    refusal,
    replies,
    stops,
)

KEYS = captured(TableChanges("orders", 2, (key_file(),)))


def fitting(*answers: Reply) -> Any:
    """Answers captures with files of their own request."""
    left = list(answers)

    def answer(request: Any) -> Reply:
        found = left.pop(0) if len(left) > 1 else left[0]
        if not hasattr(found, "tables"):
            return found
        assert isinstance(request, CaptureRequest)
        folder = f"changes/shop/{request.run_id}/{request.part}/"
        tables = tuple(
            dataclasses.replace(
                table,
                files=tuple(
                    dataclasses.replace(f, path=folder + f.path.rpartition("/")[2])
                    for f in table.files
                ),
            )
            for table in found.tables
        )
        return dataclasses.replace(found, part=request.part, tables=tables)

    return replies(answer)


def session(*answers: Reply, **others: Any) -> Scripted:
    return Scripted(
        read_latest_capture=[link_row()], extract=fitting(*answers), **others
    )


def play(snowflake: Snowflake) -> object:
    return capture.bring_up_to_date(snowflake, SOURCE, RUN_ID)


def test_a_capture_goes_on_where_the_ledger_ends() -> None:
    found = session(KEYS)
    link = capture.bring_up_to_date(Snowflake(found), SOURCE, RUN_ID)
    assert (link.version, link.to_lsn) == (5, "0/200")
    (request,) = found.requests
    assert isinstance(request, CaptureRequest)
    assert (request.from_lsn, request.server) == ("0/100", "7:00000001")
    assert [table.name for table in request.tables] == ["items", "orders"]
    found.in_order(
        "take_lease",
        "read_latest_capture",
        "extract",
        "begin",
        "insert_capture",
        "insert_capture_tables",
        "hold_lease",
        "commit",
        "release_lease",
    )


def test_a_capture_without_changes_is_one_row() -> None:
    found = session(captured())
    link = capture.bring_up_to_date(Snowflake(found), SOURCE, RUN_ID)
    assert (link.version, found.names) == (
        5,
        [
            "take_lease",
            "read_latest_capture",
            "extract",
            "insert_capture",
            "release_lease",
        ],
    )


def test_a_capture_inside_a_transaction_is_refused() -> None:
    found = session(KEYS)
    # What the lease was taken in is the caller's, and ends when the caller wants.
    found.stop = Stop("rollback", "refused")
    found.answers["read_latest_capture"] = [link_row(OPEN_TRANSACTION="17")]
    with pytest.raises(SyncError) as caught:
        play(Snowflake(found))
    assert caught.value.code == "open_transaction"
    assert not found.requests and "insert_capture" not in found.names


def test_captures_go_on_to_the_end_of_the_log() -> None:
    more = captured(complete=False, to_lsn="0/180")
    found = session(more, captured(from_lsn="0/180"))
    link = capture.bring_up_to_date(Snowflake(found), SOURCE, RUN_ID)
    assert link.version == 6
    assert found.stays.count("insert_capture") == 2


def test_wherever_it_stops_the_chain_is_whole() -> None:
    for stop, found, _ in stops(lambda: session(KEYS), play):
        kept = found.stays
        assert kept.count("insert_capture") <= 1, stop
        found.together("insert_capture", "insert_capture_tables")
        if stop.how == "refused":
            assert "release_lease" in found.names or stop.at == 0, stop


@pytest.mark.parametrize("name", ["insert_capture", "hold_lease"])
def test_a_run_that_was_overtaken_records_nothing(name: str) -> None:
    found = session(KEYS, **{name: [Row(0)]})
    with pytest.raises(SyncError) as caught:
        play(Snowflake(found))
    assert caught.value.code == "lease_lost"
    assert found.commits == 0
    assert "release_lease" in found.names


@pytest.mark.parametrize("name", ["insert_capture", "hold_lease"])
def test_the_lease_is_given_back_outside_of_a_transaction_that_failed(
    name: str,
) -> None:
    """Inside of it, the release would wait for an end that nobody makes."""
    found = session(KEYS, **{name: [Row(0)]})
    with pytest.raises(SyncError):
        play(Snowflake(found))
    found.in_order("begin", name, "rollback", "release_lease")
    assert not found.is_open
    assert "insert_capture" not in found.stays and "release_lease" in found.stays


def test_a_log_that_does_not_fit_is_halved() -> None:
    found = session(refusal("capture_too_large"), refusal("capture_too_large"), KEYS)
    play(Snowflake(found))
    sizes = [r.limits.max_wal_bytes for r in found.requests]  # type: ignore[union-attr]
    assert sizes == [8_192_000_000, 4_096_000_000, 2_048_000_000]
    parts = [r.part for r in found.requests]  # type: ignore[union-attr]
    assert len(set(parts)) == 3


@pytest.mark.parametrize(
    ("most", "asked"),
    [
        (128_000_000, [(128_000_000, False), (64_000_000, False), (64_000_000, True)]),
        (127_999_999, [(127_999_999, False), (127_999_999, True)]),
    ],
)
def test_no_capture_of_less_than_64_megabytes_is_asked_for(
    most: int, asked: list[tuple[int, bool]]
) -> None:
    """What is halved to less than that is given up with the last size asked for."""
    source = dataclasses.replace(SOURCE, max_wal_bytes=most)
    refusals = [refusal("capture_too_large")] * (len(asked) - 1)
    found = session(*refusals, captured(TableChanges("orders", whole="skipped")))
    capture.bring_up_to_date(Snowflake(found), source, RUN_ID)
    requests = [r for r in found.requests if isinstance(r, CaptureRequest)]
    assert [(r.limits.max_wal_bytes, r.skip) for r in requests] == asked


def test_a_transaction_larger_than_any_capture_is_skipped() -> None:
    huge = [refusal("capture_too_large")] * 8
    skipped = captured(TableChanges("orders", whole="skipped"))
    found = session(*huge, skipped)
    play(Snowflake(found))
    assert [r.skip for r in found.requests][-2:] == [False, True]  # type: ignore
    failing = dataclasses.replace(SOURCE, on_huge="fail")
    found = session(*huge, skipped)
    with pytest.raises(SyncError) as caught:
        capture.bring_up_to_date(Snowflake(found), failing, RUN_ID)
    assert caught.value.code == "log_too_large"
    assert not any(r.skip for r in found.requests)  # type: ignore[union-attr]


@pytest.mark.parametrize("rows", [[], [link_row(kind="gap", TO_LSN=None)]])
def test_a_log_that_is_not_recorded(rows: list[Row]) -> None:
    found = session(KEYS)
    found.answers["read_latest_capture"] = rows
    with pytest.raises(SyncError) as caught:
        play(Snowflake(found))
    assert caught.value.code == "log_not_started"
    assert not found.requests


# --- a chain that broke ---------------------------------------------------------------

HEALED = ("slot_missing", "slot_lost", "source_replaced")


def healing(*answers: Reply, link: Row | None = None) -> tuple[Scripted, LogSource]:
    """Returns a session, and a source whose gaps need no person."""

    def answer(request: Any) -> Reply:
        if isinstance(request, DropSlotRequest):
            return DropSlotReply(request.run_id, existed=False)
        if request.create:
            return captured(part=request.part, from_lsn="0/900", to_lsn="0/900")
        return answers[0]

    found = Scripted(read_latest_capture=[link or link_row()], extract=replies(answer))
    return found, dataclasses.replace(SOURCE, on_gap="resync")


def chain(found: Scripted) -> list[tuple[str, int]]:
    names = ("insert_gap", "insert_capture")
    return [(one.name, one.values[1]) for one in found.kept if one.name in names]


@pytest.mark.parametrize("code", HEALED)
def test_a_slot_that_is_gone_is_made_anew_behind_a_gap(code: str) -> None:
    found, source = healing(refusal(code))
    link = capture.bring_up_to_date(Snowflake(found), source, RUN_ID)
    assert (link.version, link.to_lsn, link.oldest) == (6, "0/900", 1)
    assert chain(found) == [("insert_gap", 5), ("insert_capture", 6)]
    # Who looks at the chain sees why.
    assert code in found.only("insert_gap").values
    assert [r.op for r in found.requests] == ["capture", "drop_slot", "capture"]
    begun = found.requests[-1]
    assert isinstance(begun, CaptureRequest)
    assert begun.create and begun.from_lsn is None
    found.in_order("insert_gap", "commit", "insert_capture", "release_lease")


def test_a_gap_stands_behind_what_was_recorded_before_the_chain_broke() -> None:
    """The first capture of the call was kept, the second met no slot any more."""
    answers: list[Reply] = [captured(complete=False, to_lsn="0/180")]

    def answer(request: Any) -> Reply:
        if isinstance(request, DropSlotRequest):
            return DropSlotReply(request.run_id, existed=False)
        if request.create:
            return captured(part=request.part, from_lsn="0/900", to_lsn="0/900")
        if answers:
            return dataclasses.replace(answers.pop(), part=request.part)
        return refusal("slot_missing")

    def latest(_: Sent) -> list[Row]:
        return [link_row(version=4 + found.stays.count("insert_capture"))]

    found = Scripted(read_latest_capture=latest, extract=replies(answer))
    source = dataclasses.replace(SOURCE, on_gap="resync")
    capture.bring_up_to_date(Snowflake(found), source, RUN_ID)
    assert chain(found) == [
        ("insert_capture", 5),
        ("insert_gap", 6),
        ("insert_capture", 7),
    ]


@pytest.mark.parametrize("code", HEALED)
def test_a_slot_that_is_gone_waits_for_a_person_unless_it_is_said(code: str) -> None:
    found, _ = healing(refusal(code))
    with pytest.raises(SyncError) as caught:
        play(Snowflake(found))
    assert caught.value.code == code and chain(found) == []
    assert [r.op for r in found.requests] == ["capture"]


@pytest.mark.parametrize(
    "code", ["slot_moved", "slot_active", "slot_foreign", "source_unreachable"]
)
def test_what_a_new_slot_would_not_heal_stays_an_error(code: str) -> None:
    found, source = healing(refusal(code))
    with pytest.raises(SyncError) as caught:
        capture.bring_up_to_date(Snowflake(found), source, RUN_ID)
    assert caught.value.code == code and chain(found) == []
    assert [r.op for r in found.requests] == ["capture"]


def test_wherever_healing_stops_no_slot_is_made_without_its_gap() -> None:
    source = healing()[1]
    for stop, found, _ in stops(
        lambda: healing(refusal("slot_missing"))[0],
        lambda s: capture.bring_up_to_date(s, source, RUN_ID),
    ):
        touched = [r.op for r in found.requests][1:]
        assert not touched or ("insert_gap", 5) in chain(found), stop


@pytest.mark.parametrize("reason", [*HEALED, "resync"])
def test_a_run_that_died_behind_the_gap_is_made_up_for(reason: str) -> None:
    gap = link_row(kind="gap", TO_LSN=None, REASON=reason)
    found, source = healing(link=gap)
    link = capture.bring_up_to_date(Snowflake(found), source, RUN_ID)
    assert link.version == 5 and chain(found) == [("insert_capture", 5)]
    assert [r.op for r in found.requests] == ["drop_slot", "capture"]


def test_a_log_that_a_person_has_stopped_stays_stopped() -> None:
    found, source = healing(link=link_row(kind="gap", TO_LSN=None, REASON="stopped"))
    with pytest.raises(SyncError) as caught:
        capture.bring_up_to_date(Snowflake(found), source, RUN_ID)
    assert caught.value.code == "log_not_started" and not found.requests


@pytest.mark.parametrize(
    "reply",
    [
        captured(from_lsn="0/101"),
        captured(TableChanges("orders", 2, (key_file(),)), part="c5-0"),
        captured(TableChanges("strange")),
        captured(TableChanges("orders"), TableChanges("orders")),
        captured(
            TableChanges(
                "orders", 2, (dataclasses.replace(key_file(), path="data/o/r/p/0"),)
            )
        ),
    ],
)
def test_a_reply_that_was_not_asked_for(reply: Any) -> None:
    found = session(KEYS)
    found.answers["extract"] = replies(
        lambda request: dataclasses.replace(reply, part=request.part)  # type: ignore
    )
    with pytest.raises(SyncError) as caught:
        play(Snowflake(found))
    assert caught.value.code == "reply_invalid"
    assert "insert_capture" not in found.names


def test_only_a_capture_that_does_not_fit_is_asked_for_again() -> None:
    """Halved to the end, any other error would give the log up without a word."""
    for code in ("slot_moved", "source_unreachable", "log_permission"):
        found = session(refusal(code), KEYS)
        with pytest.raises(SyncError) as caught:
            play(Snowflake(found))
        assert caught.value.code == code and len(found.requests) == 1
        assert "insert_capture" not in found.names
