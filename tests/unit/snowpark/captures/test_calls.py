"""START_LOG, CAPTURE_LOG, STOP_LOG, RESYNC_SOURCE: what is asked, and what is kept."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from snowflake.snowpark import Row

from lambda_extract.contract import (
    CaptureReply,
    CaptureRequest,
    DropSlotReply,
    DropSlotRequest,
    Reply,
    Request,
    TableChanges,
)
from snowpark.captures import calls, setup
from snowpark.captures.records import source_of
from snowpark.errors import SyncError, UsageError
from snowpark.ledger.lease import LEASE_SECONDS
from snowpark.session import Snowflake
from tests.unit.snowpark.captures.samples import ITEMS, ORDERS, captured, link_row
from tests.unit.snowpark.samples import RUN_ID, settings
from tests.unit.snowpark.scripted import Killed, Scripted, Stop, replies, stops

Call = Callable[[Snowflake, object, str], dict[str, Any]]
RUNNING = [link_row(4)]
BROKEN = [link_row(4, kind="gap", REASON="stopped", TO_LSN=None)]
CHANGING: tuple[Call, ...] = (calls.start_log, calls.stop_log, calls.resync_source)


def answer(request: Request) -> Reply:
    if isinstance(request, DropSlotRequest):
        return DropSlotReply(request.run_id, existed=True)
    assert isinstance(request, CaptureRequest)
    return captured(
        from_lsn=request.from_lsn or "0/150", part=request.part, run_id=request.run_id
    )


def session_of(link: list[Row] = RUNNING, **more: Any) -> Scripted:
    def extract(one: Any) -> list[Row]:
        return replies(answer)(one)

    script: dict[str, Any] = {
        "read_log_tables": [Row(t.to_json()) for t in (ITEMS, ORDERS)],
        "read_latest_capture": link,
        "extract": extract,
    }
    return Scripted(**(script | more))


def asked(session: Scripted) -> list[tuple[str, Any]]:
    """Returns what was asked of the function: operation, and where a capture begins."""
    return [(r.op, getattr(r, "from_lsn", None)) for r in session.requests]


def recorded(session: Scripted) -> list[tuple[str, int]]:
    """Returns the links that stay: what they are, and their versions."""
    names = ("insert_gap", "insert_capture")
    return [(one.name, one.values[1]) for one in session.kept if one.name in names]


def play(call: Call, session: Scripted) -> dict[str, Any]:
    return call(Snowflake(session), " Shop ", RUN_ID)


# --- START_LOG ------------------------------------------------------------------------


def test_the_first_capture_makes_the_slot_and_begins_the_chain() -> None:
    session = session_of([])
    report = play(calls.start_log, session)
    (request,) = session.requests
    assert isinstance(request, CaptureRequest)
    assert request.create and request.from_lsn is None and request.server == ""
    assert [table.name for table in request.tables] == ["items", "orders"]
    assert recorded(session) == [("insert_capture", 1)]
    assert report == {
        "source": "shop",
        "slot": "slot",
        "version": 1,
        "upto": "0/200",
        "tables": ["items", "orders"],
        "summary": "shop: its log is recorded, up to 0/200.",
    }


def test_a_log_that_was_stopped_begins_behind_a_gap() -> None:
    """What happened while nobody looked is in no capture: each table is read whole."""
    session = session_of(BROKEN)
    report = play(calls.start_log, session)
    assert recorded(session) == [("insert_gap", 5), ("insert_capture", 6)]
    assert "started" in session.only("insert_gap").values
    session.in_order("begin", "insert_gap", "insert_capture", "hold_lease", "commit")
    assert report["version"] == 6
    (request,) = session.requests
    assert isinstance(request, CaptureRequest) and request.create


def test_a_log_that_is_recorded_goes_on_where_it_was() -> None:
    session = session_of()
    report = play(calls.start_log, session)
    assert asked(session) == [("capture", "0/100")]
    (request,) = session.requests
    assert isinstance(request, CaptureRequest) and not request.create
    assert request.server == "7:00000001"
    assert recorded(session) == [("insert_capture", 5)] and report["version"] == 5


# --- STOP_LOG -------------------------------------------------------------------------


def test_the_chain_is_broken_before_the_slot_is_dropped() -> None:
    """A slot that somebody makes anew would look as if nothing had been missed."""
    session = session_of()
    report = play(calls.stop_log, session)
    session.in_order("begin", "insert_gap", "hold_lease", "commit", "extract")
    assert recorded(session) == [("insert_gap", 5)]
    assert asked(session) == [("drop_slot", None)]
    assert session.values("hold_lease") == [(LEASE_SECONDS, "#capture:shop", RUN_ID)]
    assert "stopped" in session.only("insert_gap").values
    assert report == {
        "source": "shop",
        "slot": "slot",
        "summary": "shop: its slot is dropped; its tables of mode log do not sync until"
        " START_LOG.",
    }


@pytest.mark.parametrize("link", [[], BROKEN])
def test_a_chain_that_is_broken_already_gets_no_second_gap(link: list[Row]) -> None:
    session = session_of(link)
    play(calls.stop_log, session)
    assert recorded(session) == [] and asked(session) == [("drop_slot", None)]


# --- RESYNC_SOURCE --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("link", "chain"),
    [
        ([], [("insert_capture", 1)]),
        (BROKEN, [("insert_capture", 5)]),
        (RUNNING, [("insert_gap", 5), ("insert_capture", 6)]),
    ],
)
def test_a_source_begins_anew_behind_a_gap(
    link: list[Row], chain: list[tuple[str, int]]
) -> None:
    session = session_of(link)
    report = play(calls.resync_source, session)
    assert recorded(session) == chain
    assert asked(session) == [("drop_slot", None), ("capture", None)]
    assert report["version"] == chain[-1][1]
    assert report["summary"] == (
        "shop: its log begins anew; the next sync of each table reads it whole, up to"
        " 0/200."
    )
    if len(chain) > 1:
        assert "resync" in session.only("insert_gap").values


def test_wherever_it_stops_no_slot_is_dropped_without_its_gap() -> None:
    for call in (calls.stop_log, calls.resync_source):
        for stop, session, _ in stops(session_of, lambda s: call(s, "shop", RUN_ID)):
            dropped = [op for op, _ in asked(session) if op == "drop_slot"]
            assert not dropped or ("insert_gap", 5) in recorded(session), stop


# --- CAPTURE_LOG ----------------------------------------------------------------------


def test_a_capture_by_hand_goes_on_where_the_chain_ends() -> None:
    session = session_of()
    report = play(calls.capture_log, session)
    assert asked(session) == [("capture", "0/100")]
    assert recorded(session) == [("insert_capture", 5)]
    assert report["summary"] == "shop: its log is recorded, up to 0/200."


# --- whoever else is at work ----------------------------------------------------------


@pytest.mark.parametrize("call", CHANGING)
def test_the_lease_is_taken_before_the_chain_is_read_and_given_back(call: Call) -> None:
    session = session_of()
    play(call, session)
    session.in_order("insert_capture_lease", "take_lease", "read_latest_capture")
    assert session.names[-1] == "release_lease"
    assert session.values("release_lease") == [("#capture:shop", RUN_ID)]
    assert session.values("insert_capture_lease")[0][0] == "#capture:shop"


@pytest.mark.parametrize("call", CHANGING)
def test_whatever_is_refused_the_lease_goes_back(call: Call) -> None:
    for stop, session, error in stops(session_of, lambda s: call(s, "shop", RUN_ID)):
        if isinstance(error, Killed):
            continue
        assert isinstance(error, SyncError) and not session.is_open, stop
        if "take_lease" in session.stays:
            assert "release_lease" in session.names, stop


@pytest.mark.parametrize("call", CHANGING)
def test_a_call_inside_a_transaction_asks_for_nothing(call: Call) -> None:
    session = session_of(stop=Stop("rollback"), read_transaction=[Row("17")])
    session._open = []
    with pytest.raises(UsageError) as caught:
        play(call, session)
    assert caught.value.code == "open_transaction" and session.requests == []
    assert session.values("release_lease") == [("#capture:shop", RUN_ID)]


@pytest.mark.parametrize("call", [*CHANGING, calls.capture_log])
def test_a_source_without_a_log_is_unknown(call: Call) -> None:
    cursor = settings(source="Bank")
    session = session_of(read_log_tables=[Row(ORDERS.to_json()), Row(cursor.to_json())])
    with pytest.raises(UsageError) as caught:
        call(Snowflake(session), "bank", RUN_ID)
    assert caught.value.code == "unknown_log"
    assert caught.value.message.endswith("Sources with such tables: shop.")
    none = session_of(read_log_tables=[])
    with pytest.raises(UsageError) as caught:
        call(Snowflake(none), "bank", RUN_ID)
    assert caught.value.message.endswith("Sources with such tables: none.")
    assert "take_lease" not in session.names


def test_captures_of_changed_tables_are_recorded_with_their_keys() -> None:
    def changed(request: Request) -> CaptureReply:
        reply = answer(request)
        assert isinstance(reply, CaptureReply)
        tables = (TableChanges("orders", whole="too_many_changes"),)
        return captured(
            *tables, from_lsn=reply.from_lsn, part=reply.part, run_id=reply.run_id
        )

    session = session_of(extract=replies(changed))
    play(calls.start_log, session)
    session.in_order("begin", "insert_capture", "insert_capture_tables", "commit")
    assert session.only("insert_capture_tables").values[1] == 5


# --- LOG_SETUP ------------------------------------------------------------------------


def test_what_the_owner_has_to_run_stands_in_its_order() -> None:
    session = session_of()
    report = calls.log_setup(Snowflake(session), "shop")
    assert report["tables"] == ["items", "orders"]
    assert (report["source"], report["slot"]) == ("shop", "slot")
    assert report["publication"] == "publication"
    firsts = [text.split()[0] for text in report["statements"]]
    assert firsts == ["--", "GRANT", "CREATE", "--", "--"]
    assert report["statements"][2] == (
        'CREATE PUBLICATION "publication" FOR TABLE "public"."items",'
        ' "public"."orders" WITH (publish_via_partition_root = true);'
    )
    assert report["summary"] == (
        "shop: run the statements as the owner of the tables, then CALL START_LOG."
    )
    assert session.names == ["read_log_tables", "longest_list"]


def test_a_publication_of_keys_names_their_columns_and_looks_first() -> None:
    keyed = dataclasses.replace(ORDERS, key=("id", 'a"b'), log_publish="keys")
    # One relation of two targets is published once.
    again = dataclasses.replace(keyed, name="again", target_table="again")
    source = source_of("shop", [keyed, again])
    assert source is not None and source.publish == "keys"
    *_, look, create, later, _, told = setup.statements(source)
    assert create == (
        'CREATE PUBLICATION "publication" FOR TABLE "public"."orders" ("id", "a""b")'
        " WITH (publish_via_partition_root = true);"
    )
    row = """('"public"."orders"'::regclass, ARRAY['id', 'a"b']::name[])"""
    assert f"FROM (VALUES {row}) AS w" in look
    assert "(<columns of its key>);" in later and "PostgreSQL 15" in told
