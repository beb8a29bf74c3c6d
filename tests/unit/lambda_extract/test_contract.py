"""The wire: what a field means that is left out, and what is refused."""

import dataclasses
import hashlib
import inspect
import json
import re
from typing import Any

import pytest

from lambda_extract import (
    contract,
    contract_group,
    contract_replies,
    contract_values,
)

LIMITS = contract.Limits(1_000_000, 150_000_000)
REPLY = {"ok": True, "version": 1}
# Releases of both sides meet: what one does not send means this to the other.
LEFT_OUT: dict[str, dict[str, Any]] = {
    "CursorSpec": {
        "margin_seconds": 5.0,
        "lookback_seconds": None,
        "lookback_values": None,
        "time_zone": "",
        "null_policy": "load",
        "also": (),
    },
    "ColumnSpec": {"rename": "", "type": "", "protect": "", "trim_char": None},
    "TableSpec": {
        "key": (),
        "exclude": (),
        "special_values": "null",
        "columns": (),
        "trim_char": False,
        "where": (),
        "keys_in_messages": False,
    },
    "FilterTerm": {"column": "", "values": (), "operands": 0},
    "File": {"etag": ""},
    "Finding": {"hint": "", "table": ""},
    "CheckTable": {"keyed": True, "cursor": None, "logged": False},
    "CheckRequest": {"tables": (), "log": None, "op": "check", "version": 1},
    "CheckReply": {"ok": True, "op": "check", "version": 1},
    "DiscoverRequest": {"after": (), "op": "discover", "version": 1},
    "DiscoverReply": {
        "not_allowed": 0,
        "hashes": False,
        "proves": True,
        "complete": True,
        "after": (),
        "ok": True,
        "op": "discover",
        "version": 1,
    },
    "FoundColumn": {
        "not_null": False,
        "comment": "",
        "readable": True,
        "cursor_type": "",
        "indexed": False,
        "default": "",
        "trigger": "",
        "required_protection": "",
    },
    "FoundTable": {"key": (), "primary": False, "comment": "", "refused": ()},
    "Limits": {"chunk_rows": 1_000_000, "file_bytes": 150_000_000},
    "Member": {"linked": ""},
    "SourceIdentity": {
        "system": "",
        "timeline": 0,
        "next_transaction": 0,
        "sequence": None,
        "columns": "",
        "types": "",
    },
    "Window": {
        "lower": None,
        "upper": None,
        "pending_bound": None,
        "overlap": None,
        "first": True,
        "identity": None,
    },
    "Partition": {
        "columns": (),
        "lower": None,
        "upper": None,
        "estimated_rows": -1,
        "greatest": False,
    },
    "Described": {"comment": "", "columns": (), "key_enforced": False},
    "Column": {
        "nullable": True,
        "attnum": 0,
        "role": "source",
        "target_name": "",
        "protection": "",
    },
    "AlteredValue": {"sample_keys": ()},
    "Warning": {"hint": ""},
    "Bound": {
        "watermark": None,
        "pending_bound": None,
        "held_back": False,
        "oldest_transaction": None,
        "overlap": None,
    },
    "RowDigest": {"key": (), "columns": ""},
    "ExtractReply": REPLY
    | {
        "bound": None,
        "position": None,
        "complete": True,
        "unchanged": False,
        "null_cursor_rows": -1,
        "altered": (),
        "warnings": (),
        "seconds": 0.0,
        "relation_id": 0,
        "end": None,
        "identity": None,
        "source_changed": "",
        "shared_keys": 0,
        "log": None,
        "described": None,
        "op": "extract",
    },
    "PlanReply": REPLY
    | {
        "bound": None,
        "warnings": (),
        "relation_id": 0,
        "identity": None,
        "key_enforced": False,
        "log": None,
        "described": None,
        "op": "plan",
    },
    "CaptureReply": REPLY
    | {
        "tables": (),
        "commits": 0,
        "changes": 0,
        "seconds": 0.0,
        "warnings": (),
        "op": "capture",
    },
    "DropSlotReply": REPLY | {"op": "drop_slot"},
    "LogBound": {"moved": "", "compare": False, "leaves": 0, "version": 0},
    "LogLeaf": {"linked": ""},
    "SlotState": {
        "safe_wal_bytes": -1,
        "catalog_xmin_age": 0,
        "oldest_transaction": None,
    },
    "TableChanges": {
        "keys": 0,
        "files": (),
        "truncated": False,
        "whole": "",
        "refused": None,
    },
    "CaptureLimits": {"max_wal_bytes": 8 << 30, "max_keys": 2_000_000},
    "CaptureTable": {"key": (), "protected": ()},
    "ChangeSet": {"truncated": False, "whole_percent": 0, "more_keys": 0},
    "CaptureRequest": {
        "tables": (),
        "from_lsn": None,
        "server": "",
        "create": False,
        "skip": False,
        "limits": contract.CaptureLimits(8 << 30, 2_000_000),
        "op": "capture",
        "version": 1,
    },
    "DropSlotRequest": {"op": "drop_slot", "version": 1},
    "DigestReply": REPLY
    | {
        "buckets": (),
        "digests": (),
        "beyond": (),
        "newest": None,
        "complete": True,
        "seconds": 0.0,
        "op": "digest",
    },
    "HealthReply": REPLY | {"op": "health", "release": ""},
    "ErrorReply": {"ok": False, "op": "", "version": 1},
    "ExtractRequest": {
        "limits": LIMITS,
        "cursor": None,
        "window": None,
        "partition": None,
        "key_hashes": (),
        "load_method": "copy",
        "changes": None,
        "op": "extract",
        "version": 1,
    },
    "PlanRequest": {
        "limits": LIMITS,
        "cursor": None,
        "partition": None,
        "one_moment": False,
        "log": None,
        "op": "plan",
        "version": 1,
    },
    "KeysRequest": {"limits": LIMITS, "op": "keys", "version": 1},
    "DigestRequest": {
        "deleted_column": "",
        "step": "buckets",
        "depth": 0,
        "within": (),
        "cursor": None,
        "upto": None,
        "op": "digest",
        "version": 1,
    },
    "HealthRequest": {"op": "health", "version": 1},
    "GroupPart": {
        "limits": LIMITS,
        "cursor": None,
        "window": None,
        "partition": None,
        "load_method": "copy",
        "known": None,
        "changes": None,
    },
    "GroupRequest": {"max_parallel": 8, "op": "group", "version": 1},
    "PartReply": {"reply": None, "error": None, "columns_known": False},
    "GroupReply": REPLY | {"left": (), "op": "group"},
}


def defaults(kind: Any) -> dict[str, Any]:
    found = {}
    for field in dataclasses.fields(kind):
        if field.default is not dataclasses.MISSING:
            found[field.name] = field.default
        elif field.default_factory is not dataclasses.MISSING:
            found[field.name] = field.default_factory()
    return found


def test_what_a_field_means_that_is_left_out() -> None:
    found = {
        kind.__name__: defaults(kind)
        for module in (contract, contract_values, contract_replies, contract_group)
        for kind in vars(module).values()
        if inspect.isclass(kind) and dataclasses.is_dataclass(kind)
        if kind is not contract.Place  # No message.
    }
    assert {name: values for name, values in found.items() if values} == LEFT_OUT
    # 1 == True and 0.0 == 0, but not on the wire.
    for name, values in LEFT_OUT.items():
        for field, value in values.items():
            assert type(found[name][field]) is type(value), (name, field)


TABLE = contract.TableSpec("orders", "shop", "public", "orders")
PART = contract.Partition("p1")
CURSOR = contract.CursorSpec("updated_at")
COLUMN = contract.Column("id", "bigint", "NUMBER(19,0)")
LOG = contract.LogSpec("aurora_sync_shop", "aurora_sync_shop")
FILE = contract.File("changes/shop/r/c1/orders-00000.keys.gz", 2, 30, "0" * 64)
IDENTITY = contract.LogIdentity(
    1, "2.3", "d", ("1:id",), (contract.LogLeaf(1, 4, "p"),)
)
MESSAGES = [
    contract.ExtractRequest("r", TABLE, "w1", cursor=CURSOR, window=contract.Window()),
    contract.ExtractRequest("r", TABLE, "w1", partition=PART),
    contract.PlanRequest("r", TABLE),
    contract.KeysRequest("r", TABLE, "k1", PART),
    contract.DigestRequest("r", TABLE, PART, ("id",), ("id",)),
    contract.HealthRequest("r", "shop"),
    contract.GroupRequest(
        "r",
        (
            contract.GroupPart(
                TABLE,
                "w1",
                cursor=CURSOR,
                window=contract.Window(),
                known=contract.KnownColumns("a", "t", "evolve", "fail", True),
            ),
            contract.GroupPart(TABLE, "p1", partition=PART),
            contract.GroupPart(
                TABLE, "l1", changes=contract.ChangeSet(LOG, (FILE,), IDENTITY)
            ),
        ),
    ),
    contract.CaptureRequest(
        "r", "shop", LOG, "c1", (contract.CaptureTable("orders", "public", "orders"),)
    ),
    contract.DropSlotRequest("r", "shop", LOG),
    contract.ExtractRequest(
        "r", TABLE, "w1", changes=contract.ChangeSet(LOG, (FILE,), IDENTITY)
    ),
]
REPLIES = [
    contract.ExtractReply("r", "w1", "now", (COLUMN,), ("id",), (), 0, 0),
    contract.PlanReply("r", "now", (COLUMN,), ("id",), (PART,), 1, 2),
    contract.DigestReply("r", (COLUMN,)),
    contract.HealthReply("r", "15.4", 0.1, 0.2, 0.3),
    contract.ErrorReply("r", contract.ErrorDetail("c", "m", True, "h")),
    contract.GroupReply(
        "r",
        (
            contract.PartReply(
                0, contract.ExtractReply("r", "w1", "now", (COLUMN,), (), (), 0, 0)
            ),
            contract.PartReply(1, error=contract.ErrorDetail("c", "m", True, "h")),
        ),
        (2,),
    ),
    contract.CaptureReply(
        "r",
        "c1",
        "0/1",
        "0/2",
        True,
        "now",
        "7:00000001",
        contract.SlotState("0/1", "0/1", "0/2", 1, "reserved"),
        (contract.TableChanges("orders", 2, (FILE,)),),
    ),
    contract.DropSlotReply("r", True),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: m.op)
def test_a_request_is_read_as_it_was_written(message: contract.Request) -> None:
    assert contract.decode_request(contract.encode(message)) == message
    text = contract.encode_request(message)
    assert contract.decode_request(text) == message
    # Types as well: 0 is no 0.0, and a request that is kept is compared as text.
    assert contract.encode(contract.decode_request(text)) == contract.encode(message)
    assert len(text) <= len(contract.encode(message))


@pytest.mark.parametrize("message", REPLIES, ids=lambda m: type(m).__name__)
def test_a_reply_is_read_as_it_was_written(message: contract.Reply) -> None:
    assert contract.decode_reply(contract.encode(message)) == message


@pytest.mark.parametrize("version", [0, 2, True, "1", None])
def test_another_version_is_told_as_such(version: object) -> None:
    for message, decode in (
        (MESSAGES[0], contract.decode_request),
        (REPLIES[0], contract.decode_reply),
    ):
        data = contract.to_object(message) | {"version": version}
        with pytest.raises(contract.ContractError) as caught:
            decode(data)
        assert caught.value.pointer == "/version"
        assert caught.value.unsupported_version
        assert caught.value.reason == "this side speaks version 1"


@pytest.mark.parametrize("op", [None, 1, "", "load", ["plan"]])
def test_an_unknown_operation_is_refused(op: object) -> None:
    data = contract.to_object(MESSAGES[2]) | {"op": op}
    with pytest.raises(contract.ContractError) as caught:
        contract.decode_request(data)
    assert caught.value.pointer == "/op"
    assert (
        caught.value.reason
        == "must be one of capture, check, digest, discover, drop_slot, extract,"
        " group, health, keys,"
        " plan"
    )
    assert not caught.value.unsupported_version


@pytest.mark.parametrize(
    ("cursor", "window", "partition", "fits"),
    [
        (True, True, False, True),
        (False, False, True, True),
        (True, False, True, True),
        (False, True, True, True),
        (True, True, True, False),
        (False, False, False, False),
        (True, False, False, False),
        (False, True, False, False),
    ],
)
def test_an_extract_reads_a_window_or_a_partition(
    cursor: bool, window: bool, partition: bool, fits: bool
) -> None:
    request = contract.ExtractRequest(
        "r",
        TABLE,
        "w1",
        cursor=CURSOR if cursor else None,
        window=contract.Window() if window else None,
        partition=PART if partition else None,
    )
    text = contract.encode(request)
    if fits:
        assert contract.decode_request(text) == request
    else:
        with pytest.raises(contract.ContractError, match="either cursor and window"):
            contract.decode_request(text)


@pytest.mark.parametrize("position", [0, 1])
def test_a_type_that_would_be_ddl_is_refused_by_its_place(position: int) -> None:
    columns = [COLUMN, COLUMN]
    columns[position] = dataclasses.replace(COLUMN, snowflake_type="INT); DROP TABLE t")
    for reply in REPLIES[:3]:
        data = dataclasses.replace(reply, columns=tuple(columns))  # type: ignore
        with pytest.raises(contract.ContractError) as caught:
            contract.decode_reply(contract.encode(data))
        assert caught.value.pointer == f"/columns/{position}/snowflake_type"
        assert caught.value.reason == "is no type of a target column"


def test_where_files_have_to_lie_is_said_by_the_request() -> None:
    request = contract.ExtractRequest("r", TABLE, "w1", partition=PART)
    piped = dataclasses.replace(request, load_method="snowpipe")
    keys = contract.KeysRequest("r", TABLE, "k1", PART)
    assert contract.place_of(request).folder(3) == "data/orders/r/w1/"
    assert contract.place_of(piped).folder(3) == "pipe/orders/3/r/w1/"
    assert contract.place_of(keys).folder(3) == "data/orders/r/k1/"


# --- the codec ------------------------------------------------------------------------


def refused(text: Any) -> contract.ContractError:
    with pytest.raises(contract.ContractError) as caught:
        contract.decode_request(text)
    return caught.value


def plan(**changes: Any) -> str:
    return json.dumps(contract.to_object(MESSAGES[2]) | changes)


@pytest.mark.parametrize(
    ("text", "pointer", "reason"),
    [
        ("{", "", "the message is not JSON text"),
        ("[" * 100_000, "", "the message is not JSON text"),
        ("[]", "", "the message is not a JSON object"),
        ('{"a": 1, "a": 1}', "", "an object has the same field twice"),
        (plan(more=1), "/more", "unknown field"),
        (plan(**{"x" * 70: 1}), "/" + "x" * 60, "unknown field"),
        (plan(**{"a b": 1}), "/?", "unknown field"),
        (plan(limits=1), "/limits", "must be an object"),
        (plan(table={}), "/table", "missing field: name, source, schema, relation"),
        (plan(limits={"chunk_rows": "1"}), "/limits/chunk_rows", "must be of type int"),
        (
            plan(limits={"chunk_rows": True}),
            "/limits/chunk_rows",
            "must be of type int",
        ),
        (plan(one_moment=1), "/one_moment", "must be of type bool"),
        (plan(run_id="\ud800"), "/run_id", "holds a character that"),
        (plan(run_id="a\ud800"), "/run_id", "holds a character that"),
    ],
)
def test_what_is_refused_and_where(text: str, pointer: str, reason: str) -> None:
    error = refused(text)
    assert error.pointer == pointer
    assert error.reason.startswith(reason), error.reason
    assert str(error) == f"{pointer or '/'}: {error.reason}"


def test_text_of_any_script_is_read() -> None:
    found = contract.decode_request(plan(run_id="käse \U0001f600"))
    assert found.run_id == "käse \U0001f600"


def test_a_type_that_would_be_ddl_is_refused_in_a_part_of_a_group() -> None:
    wrong = dataclasses.replace(COLUMN, snowflake_type="NUMBER); DROP")
    part = contract.PartReply(
        0, contract.ExtractReply("r", "w1", "now", (wrong,), (), (), 0, 0)
    )
    with pytest.raises(contract.ContractError, match="no type of a target column"):
        contract.decode_reply(contract.encode(contract.GroupReply("r", (part,))))


WINDOW = contract.GroupPart(TABLE, "w1", cursor=CURSOR, window=contract.Window())


@pytest.mark.parametrize(
    ("parts", "max_parallel", "reason"),
    [
        ((), 8, "must hold 1 to 500 parts"),
        ((WINDOW,) * 501, 8, "must hold 1 to 500 parts"),
        ((WINDOW,), 0, "must be 1 or more"),
        ((WINDOW, WINDOW), 8, "places of their own"),
        ((contract.GroupPart(TABLE, "w1"),), 8, "either cursor and window"),
        (
            (
                WINDOW,
                dataclasses.replace(
                    WINDOW, table=dataclasses.replace(TABLE, source="other")
                ),
            ),
            8,
            "must be of one source",
        ),
    ],
)
def test_what_a_group_must_not_be(
    parts: tuple[contract.GroupPart, ...], max_parallel: int, reason: str
) -> None:
    text = contract.encode(contract.GroupRequest("r", parts, max_parallel))
    with pytest.raises(contract.ContractError) as refused:
        contract.decode_request(text)
    # Where it stands, then what is wrong with it.
    assert re.match(rf"/(|(parts|max_parallel)\S*): .*{reason}", str(refused.value))


def test_the_digest_of_columns_is_that_of_all_releases() -> None:
    """The ledger holds it: another one would look at each target again."""
    columns = (COLUMN, dataclasses.replace(COLUMN, name="gone", role="gone"))
    digest = contract_group.columns_digest(
        columns, ("id", "b"), 7, target="t", rules=("evolve", "fail", True)
    )
    shape = [[vars(COLUMN)], ["id", "b"], 7, "t", ["evolve", "fail", True]]
    text = json.dumps(shape, sort_keys=True)
    assert digest == hashlib.sha256(text.encode()).hexdigest()


def test_columns_are_known_by_what_shapes_the_target() -> None:
    reply = contract.ExtractReply("r", "w1", "now", (COLUMN,), ("id",), (), 0, 0)
    digest = contract_group.columns_digest(
        reply.columns,
        reply.key,
        0,
        target="t",
        rules=("evolve", "fail", True),
    )
    known = contract.KnownColumns(digest, "t", "evolve", "fail", True)
    assert contract_group.are_known(reply, known)
    for other in (
        None,
        dataclasses.replace(known, target="u"),
        dataclasses.replace(known, schema_drift="fail"),
        dataclasses.replace(known, deletes_softly=False),
    ):
        assert not contract_group.are_known(reply, other)
    for changed in (
        dataclasses.replace(reply, relation_id=7),
        dataclasses.replace(reply, key=()),
        dataclasses.replace(reply, columns=()),
    ):
        assert not contract_group.are_known(changed, known)


@pytest.mark.parametrize(
    ("names", "shown"),
    [(("a",), "'a'"), (("a", "b"), "'a' or 'b'"), (("a", "b", "c"), "'a', 'b' or 'c'")],
)
def test_cursor_columns_are_named_as_a_person_would(
    names: tuple[str, ...], shown: str
) -> None:
    assert contract_values.shown_columns(names) == shown
