"""A source whose log is recorded, and replies of its captures."""

import dataclasses
from typing import Any

from snowflake.snowpark import Row

from lambda_extract.contract import (
    CaptureReply,
    ErrorDetail,
    File,
    LogIdentity,
    LogLeaf,
    SlotState,
    TableChanges,
)
from snowpark.captures.records import LogSource
from snowpark.settings.table import TableSettings
from tests.unit.snowpark.samples import RUN_ID, settings

LOG = {"log_slot": "slot", "log_publication": "publication"}
ORDERS: TableSettings = settings(mode="log", cursor=None, deletes="log", **LOG)
ITEMS = dataclasses.replace(ORDERS, name="items", relation="items")
assert ORDERS.log_spec is not None
SOURCE = LogSource("shop", ORDERS.log_spec, 8_192_000_000, "whole", (ITEMS, ORDERS))
IDENTITY = LogIdentity(7, "5.6", "d", ("1:id",), (LogLeaf(7, 8, "p"),))
SLOT = SlotState("0/100", "0/90", "0/200", 272, "reserved")
REFUSED = ErrorDetail("replica_identity", "No key.", False, "Add one.")


def key_file(number: int = 0, keys: int = 2) -> File:
    path = f"changes/shop/{RUN_ID}/c1/orders-{number:05d}.keys.gz"
    return File(path, keys, 30, "ab" * 32)


def captured(*tables: TableChanges, **changes: Any) -> CaptureReply:
    """Returns a capture of [0/100, 0/200)."""
    values: dict[str, Any] = {
        "run_id": RUN_ID,
        "part": "c1",
        "from_lsn": "0/100",
        "to_lsn": "0/200",
        "complete": True,
        "captured_at": "2026-01-02 03:04:05+00",
        "server": "7:00000001",
        "slot": SLOT,
        "tables": tables,
        "commits": 1,
        "changes": 2,
        "seconds": 0.25,
    }
    return CaptureReply(**{**values, **changes})


def link_row(version: int = 4, kind: str = "capture", **changes: Any) -> Row:
    """Returns a row of `read_latest_capture`."""
    values = {
        "VERSION": version,
        "KIND": kind,
        "REASON": None,
        "TO_LSN": "0/100",
        "SERVER": "7:00000001",
        "RUN_ID": "r0",
        "OLDEST": 1,
        "OPEN_TRANSACTION": None,
    }
    return Row(**(values | changes))
