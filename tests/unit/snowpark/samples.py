"""Values that several unit tests of the procedures start from."""

from lambda_extract.contract import (
    Bound,
    Column,
    CursorValue,
    ExtractReply,
    File,
    Partition,
    PlanReply,
)
from snowpark.ledger.records import Ledger, TableState
from snowpark.settings.table import TableSettings

RUN_ID = "20260102T030405-0123456789ab"
TIMESTAMPTZ = "timestamp with time zone"

ID = Column("id", "bigint", "NUMBER(19,0)", nullable=False, attnum=1)
NOTE = Column("note", "text", "VARCHAR(134217728)", attnum=2)
DETAILS = Column("details", "jsonb", "VARIANT", attnum=3)
TAGS = Column("tags", "text[]", "ARRAY", attnum=4)
AMOUNT = Column("amount", "numeric", "DECFLOAT", attnum=5)
UPDATED_AT = Column("updated_at", TIMESTAMPTZ, "TIMESTAMP_TZ(6)", attnum=6)
COLUMNS = (ID, NOTE, DETAILS, TAGS, AMOUNT, UPDATED_AT)


def settings(**changes: object) -> TableSettings:
    """Returns an incremental table `orders`."""
    values: dict[str, object] = {
        "name": "orders",
        "source": "shop",
        "schema": "public",
        "relation": "orders",
        "target_schema": "shop",
        "target_table": "orders",
        "mode": "incremental",
        "cursor": "updated_at",
    }
    return TableSettings(**{**values, **changes})  # type: ignore[arg-type]


def cursor_value(day: int) -> CursorValue:
    """Returns a timestamptz cursor value in January 2026."""
    return CursorValue(f"2026-01-{day:02d} 00:00:00+00", TIMESTAMPTZ)


def state(day: int = 1, **changes: object) -> TableState:
    """Returns the state of a table that was loaded up to a day."""
    table = settings(**changes)
    ledger = Ledger(
        version=7,
        origin=table.origin,
        watermark=cursor_value(day),
        pending_bound=None,
        overlap=None,
        columns_sha256="c0ffee",
    )
    return TableState(table, ledger, None)


def reply(bound: Bound | None = None, **changes: object) -> ExtractReply:
    """Returns the manifest of a window with two rows."""
    values: dict[str, object] = {
        "run_id": RUN_ID,
        "part": "w00001",
        "extracted_at": "2026-01-02 03:04:05.678901+00",
        "columns": COLUMNS,
        "key": ("id",),
        "files": (File("data/orders/r/w00001/00000.csv.zst", 2, 120, "ab" * 32),),
        "rows": 2,
        "bytes": 120,
        "bound": bound,
    }
    return ExtractReply(**{**values, **changes})  # type: ignore[arg-type]


def planned(parts: int = 3) -> PlanReply:
    """Returns a plan with so many parts."""
    return PlanReply(
        run_id=RUN_ID,
        planned_at="2026-01-02 03:04:05+00",
        columns=COLUMNS,
        key=("id",),
        partitions=tuple(Partition(f"p{i + 1:05d}") for i in range(parts)),
        estimated_rows=100,
        estimated_bytes=10_000,
        bound=Bound(watermark=cursor_value(1)),
    )
