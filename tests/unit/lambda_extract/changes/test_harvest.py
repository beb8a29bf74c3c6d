"""What a capture makes of the messages of a slot, without a server."""

import dataclasses
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_extract.changes import capture, pgoutput
from lambda_extract.changes.keyfiles import REMEMBERED, Spool, read_file
from lambda_extract.changes.pgoutput import Decoder
from lambda_extract.changes.published import Published
from lambda_extract.changes.slots import Slot
from lambda_extract.contract import (
    CaptureLimits,
    CaptureRequest,
    CaptureTable,
    LogSpec,
    SlotState,
)
from lambda_extract.errors import ExtractError, RequestError, SourceError
from lambda_extract.landing.stores import FolderStore
from tests.unit.lambda_extract.changes.test_pgoutput import (
    BEGIN,
    COMMIT,
    change,
    key,
    relation,
    row,
)

NAMES = ("refused", "idle", "orders", "items")
REQUEST = CaptureRequest(
    run_id="r",
    source="shop",
    log=LogSpec("slot", "publication"),
    tables=tuple(CaptureTable(name, "public", name) for name in NAMES),
    part="c1",
    limits=CaptureLimits(max_keys=10),
)
LOOKED_AT: tuple[Any, ...] = (
    SourceError("replica_identity", "No key."),
    *(Published(n, ("id",), (1,), "5.6", "d") for n in (69, 70, 71)),
)
STATE = SlotState("0/100", "0/90", "0/200", 272, "reserved")
SLOT = Slot(confirmed=0x100, flush=0x200, state=STATE, server="7:1")
OID = {"orders": 70, "items": 71}
RELATIONS = [relation(OID[name], name, {"id": True}) for name in OID]


def inserted(name: str, value: str, xid: int | None = None) -> bytes:
    return change(b"I", OID[name], b"N" + row(value), xid=xid)


def harvest_of(*messages: bytes, **request: Any) -> Any:
    wanted = dataclasses.replace(REQUEST, **request)
    harvest = capture._Harvest(wanted, LOOKED_AT, Spool())
    for message in (*RELATIONS, *messages):
        harvest.take(message)
    return harvest


def told(harvest: Any, folder: Path, job: str = "", **request: Any) -> list[Any]:
    wanted = dataclasses.replace(REQUEST, **request)
    store = FolderStore(folder)
    return list(capture._tables(wanted, LOOKED_AT, harvest, store, job))


def keys_of(table: Any, folder: Path) -> list[bytes]:
    store = FolderStore(folder)
    return [k for file in table.files for k in read_file(store, file, 1)]


def test_a_table_that_is_refused_or_rests_hides_none_behind_it(tmp_path: Path) -> None:
    """A table that is left out would keep its old rows for ever."""
    harvest = harvest_of(BEGIN, inserted("orders", "1"), inserted("items", "2"), COMMIT)
    refused, orders, items = told(harvest, tmp_path)
    assert refused.name == "refused" and refused.refused.code == "replica_identity"
    assert (orders.name, orders.keys, items.name, items.keys) == (
        "orders",
        1,
        "items",
        1,
    )
    assert keys_of(orders, tmp_path) == [key("1")]
    assert keys_of(items, tmp_path) == [key("2")]
    assert (harvest.commits, harvest.changes, harvest.transactions) == (1, 2, {42})


def test_two_tables_of_a_configuration_are_one_of_postgresql(tmp_path: Path) -> None:
    """Each gets all keys; the second one used to take them from the first."""
    same = dataclasses.replace(LOOKED_AT[2])
    other = dataclasses.replace(LOOKED_AT[2], key=("code",))
    looked_at = (LOOKED_AT[2], same, other)
    tables = tuple(CaptureTable(n, "public", "orders") for n in ("a", "b", "c"))
    request = dataclasses.replace(REQUEST, tables=tables)
    harvest = capture._Harvest(request, looked_at, Spool())
    for message in (*RELATIONS, BEGIN, inserted("orders", "1"), COMMIT):
        harvest.take(message)
    store = FolderStore(tmp_path)
    first, second, third = capture._tables(request, looked_at, harvest, store, "")
    for table in (first, second):
        assert keys_of(table, tmp_path) == [key("1")]
    assert first.files[0].path != second.files[0].path
    assert third.refused is not None and third.refused.code == "log_unsupported"


def test_a_table_of_another_key_hides_none_behind_it(tmp_path: Path) -> None:
    orders, items = LOOKED_AT[2:]
    looked_at = (orders, dataclasses.replace(orders, key=("code",)), items)
    tables = tuple(CaptureTable(n, "public", n) for n in ("a", "b", "c"))
    request = dataclasses.replace(REQUEST, tables=tables)
    harvest = capture._Harvest(request, looked_at, Spool())
    for message in (*RELATIONS, BEGIN, inserted("items", "2"), COMMIT):
        harvest.take(message)
    store = FolderStore(tmp_path)
    found = capture._tables(request, looked_at, harvest, store, "")
    assert [table.name for table in found] == ["b", "c"]
    assert found[0].refused is not None and keys_of(found[1], tmp_path) == [key("2")]


def test_files_lie_below_the_capture_and_are_named_by_job_and_table(
    tmp_path: Path,
) -> None:
    harvest = harvest_of(BEGIN, inserted("orders", "1"), COMMIT)
    for job, name in (("", "orders"), ("ab12", "ab12-orders")):
        *_, orders = told(harvest, tmp_path, job)
        (file,) = orders.files
        assert file.path == f"changes/shop/r/c1/{name}-00000.keys.gz"


def test_a_log_that_is_given_up_tells_each_table_as_a_whole(tmp_path: Path) -> None:
    harvest = harvest_of(BEGIN, inserted("orders", "1"), COMMIT)
    found = told(harvest, tmp_path, skip=True)
    assert [(t.name, t.whole) for t in found] == [
        ("refused", ""),
        ("idle", "skipped"),
        ("orders", "skipped"),
        ("items", "skipped"),
    ]
    assert not any(t.files for t in found) and not list(tmp_path.iterdir())


def test_too_many_keys_are_told_and_not_written(tmp_path: Path) -> None:
    messages = [inserted("orders", str(n)) for n in range(30_000)]
    harvest = harvest_of(BEGIN, *messages, COMMIT)
    _, orders = told(harvest, tmp_path)
    assert (orders.whole, orders.keys, orders.files) == ("too_many_changes", 0, ())
    assert harvest.changes == 30_000


def test_a_change_whose_key_the_log_has_not_is_the_whole_table(tmp_path: Path) -> None:
    nothing = change(b"I", OID["orders"], b"N" + row(None))
    harvest = harvest_of(BEGIN, nothing, inserted("items", "2"), COMMIT)
    _, orders, items = told(harvest, tmp_path)
    assert orders.whole == "key_not_in_log" and items.whole == ""


# --- where a capture begins -----------------------------------------------------------


@pytest.mark.parametrize(
    ("lsn", "begin"),
    [(None, 0x100), ("0/100", 0x100), ("0/180", 0x180), ("0/200", 512)],
)
def test_a_capture_begins_where_the_ledger_ends(lsn: str | None, begin: int) -> None:
    request = dataclasses.replace(REQUEST, from_lsn=lsn)
    assert capture._begin(request, SLOT) == begin


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"from_lsn": "0/201"}, "source_replaced"),
        ({"from_lsn": "0/180", "server": "8:1"}, "source_replaced"),
        ({"from_lsn": "0/FF"}, "slot_moved"),
        ({"from_lsn": "nowhere"}, "bad_request"),
    ],
)
def test_a_slot_that_does_not_fit_the_ledger_is_told(
    changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(ExtractError) as caught:
        capture._begin(dataclasses.replace(REQUEST, **changes), SLOT)
    assert caught.value.code == code


@pytest.mark.parametrize(("known", "now"), [("7:1", "7:1"), ("", "7:1"), ("7:1", "")])
def test_a_server_that_is_not_known_is_not_compared(known: str, now: str) -> None:
    request = dataclasses.replace(REQUEST, from_lsn="0/180", server=known)
    assert capture._begin(request, dataclasses.replace(SLOT, server=now)) == 0x180


@pytest.mark.parametrize("name", ["run_id", "part"])
def test_a_path_has_harmless_letters_alone(name: str) -> None:
    with pytest.raises(RequestError) as caught:
        capture._check_path(dataclasses.replace(REQUEST, **{name: "a/../b"}))
    assert caught.value.code == "bad_request" and f"/{name}" in caught.value.message
    capture._check_path(REQUEST)


@given(st.lists(st.sampled_from(["orders", "items", "x", "moved"]), max_size=12))
def test_the_short_way_leads_where_the_long_one_does(kinds: list[str]) -> None:
    """Whatever follows upon what: the same keys, counts and warnings."""
    messages = [BEGIN]
    for number, kind in enumerate(kinds):
        value = str(number % 3)
        if kind == "x":
            messages += [
                COMMIT,
                BEGIN,
                relation(70, "orders", {"id": True, "a": False}),
            ]
        elif kind == "moved":
            old, new = b"K" + row("7"), b"N" + row(value)
            messages.append(change(b"U", 71, old, new))
        else:
            messages.append(inserted(kind, value))
    quick = harvest_of(*messages)
    with pytest.MonkeyPatch.context() as patched:
        # No message begins like this.
        patched.setattr(pgoutput, "PLAIN_BYTES", 0)
        patched.setattr(capture, "PLAIN_BYTES", 1)
        slow = harvest_of(*messages)
    assert (quick.changes, quick.commits) == (slow.changes, slow.commits)
    for one, other in ((quick, slow), (slow, quick)):
        for table, keys in one.tables.items():
            same = other.tables[table]
            assert (keys._open, keys.count, keys.whole) == (
                (same._open, same.count, same.whole)
            )


def test_most_messages_take_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    long: list[bytes] = []
    decode = Decoder.decode
    monkeypatch.setattr(
        Decoder, "decode", lambda self, data: long.append(data) or decode(self, data)
    )
    many = [inserted("orders", str(number)) for number in range(9)]
    harvest = harvest_of(BEGIN, *many, COMMIT)
    assert harvest.changes == 9
    assert [message for message in long if message in many] == many[:1]


def test_keys_of_a_transaction_that_is_rolled_back_take_no_room() -> None:
    """A large one comes in blocks before its end; no commit gives them back."""
    harvest = harvest_of(b"S" + struct.pack(">IB", 77, 1))
    for number in range(3):
        harvest.take(inserted("orders", str(number), xid=77))
    assert harvest._spool.left_to_remember == REMEMBERED - 3
    harvest.take(b"E")
    harvest.take(b"A" + struct.pack(">II", 77, 77))
    assert harvest._spool.left_to_remember == REMEMBERED
    # The same number may come again, of a transaction that commits.
    harvest.take(b"c" + struct.pack(">IBQQq", 77, 0, 900, 950, 0))
    assert harvest.tables == {}
