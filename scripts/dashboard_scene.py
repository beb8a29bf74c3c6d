"""Invented ledgers for the dashboard: a calm day and an incident, of any size.

The tables are configured by the product itself; what happened to them is written into
the ledgers, so that a year of it takes seconds.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lambda_extract.errors import CODES as EXTRACTION
from snowpark.errors import CODES

Ask = Callable[..., Any]

_AREAS = ("sales", "stock", "billing", "people", "web", "shipping")
_NOUNS = (
    "orders", "order_items", "customers", "addresses", "products", "prices",
    "invoices", "payments", "refunds", "shipments", "returns", "suppliers",
    "stock_levels", "warehouses", "employees", "shifts", "sessions", "page_views",
    "coupons", "reviews",
)  # fmt: skip
_GROUPS = ("hourly", "half_hourly", "nightly")
_HOUR = 60


@dataclass(frozen=True)
class Failing:
    """What the last runs of some tables ran into."""

    tables: slice
    code: str
    message: str
    minutes: int


_FAILING = (
    Failing(
        slice(0, 3),
        "source_unreachable",
        "PostgreSQL did not answer within 10 s.",
        135,
    ),
    Failing(
        slice(3, 4),
        "too_many_deletes",
        "4,210 of 9,800 rows are gone from the source (43 %); at most 10 % may go.",
        65,
    ),
)


def names(number: int, suffix: str = "") -> list[str]:
    """Returns so many names of tables."""
    made = []
    for index in range(number):
        area = _AREAS[index % len(_AREAS)]
        noun = _NOUNS[(index // len(_AREAS)) % len(_NOUNS)]
        round_ = index // (len(_AREAS) * len(_NOUNS))
        made.append(f"{area}.{noun}{f'_{round_ + 1}' if round_ else ''}{suffix}")
    return made


def configure(ask: Ask, tables: Sequence[str]) -> None:
    """Configures the tables, in groups with schedules, and starts those."""
    groups = {
        "hourly": {"schedule": {"cron": "5 * * * *", "time_zone": "Europe/Berlin"}},
        "half_hourly": {"schedule": {"every_minutes": 30}},
        "nightly": {"schedule": {"cron": "30 2 * * *", "time_zone": "UTC"}},
    }
    config = {
        "version": 1,
        "max_removed_tables": 100_000,
        "sources": {"shop": {"time_zone": "UTC"}},
        "groups": groups,
        "defaults": {"source": "shop", "cursor": "updated_at", "target_schema": "SHOP"},
        "tables": {
            name: {
                "schema": name.split(".")[0],
                "table": name.split(".")[1],
                "target_table": name.replace(".", "_").upper(),
                "group": _GROUPS[index % 2],
                "freshness_sla_minutes": 2 * _HOUR,
            }
            for index, name in enumerate(tables)
        },
    }
    ask("CALL APPLY_CONFIG(%s, FALSE, TRUE)", json.dumps(config))
    ask("CALL APPLY_TASKS()")


def calm(ask: Ask, tables: Sequence[str], *, days: int) -> None:
    """Every table was synced each hour of so many days."""
    _runs(ask, tables, days=days, since=0)


def incident(ask: Ask, tables: Sequence[str], *, days: int) -> None:
    """As calm, and then this and that happens to some tables, if they are there."""
    late, never, warned = tables[4:5], tables[5:6], tables[6:8]
    failing = tables[_FAILING[0].tables.start : _FAILING[-1].tables.stop]
    others = (*late, *never, *warned, *failing)
    calm(ask, [name for name in tables if name not in others], days=days)
    _runs(ask, late, days=days, since=5)
    _runs(ask, failing, days=days, since=3)
    calm(ask, warned, days=days)
    warning = {
        "code": "cursor_not_indexed",
        "message": "The cursor column updated_at leads no index: each sync reads the"
        " whole table.",
        "hint": "CREATE INDEX CONCURRENTLY ON the table (updated_at).",
    }
    for name in warned:
        ask(_WARNED, name, json.dumps([warning]))
    for one in _FAILING:
        known = CODES.get(one.code) or EXTRACTION[one.code]
        for minutes in range(one.minutes, 0, -_HOUR // 2):
            for name in tables[one.tables]:
                ask(
                    _FAILED, f"f{minutes}", name, -minutes, -minutes, one.code,
                    one.message, known.retryable, known.hint,
                )  # fmt: skip
    if len(tables) > 10:
        ask("CALL PAUSE_TABLE(%s, 'moving to another schema until noon')", tables[8])
        ask(_RUNNING, tables[9])
        ask(_PLAN, tables[9], json.dumps({"partitions": [[1]] * 40}))
        ask(_PARTS, tables[9])


def _runs(ask: Ask, tables: Sequence[str], *, days: int, since: int) -> None:
    for part in _parts(tables):
        ask(_RUNS.format(hours=24 * days - since, names=part), since)


def _parts(tables: Sequence[str]) -> list[str]:
    return [_listed(tables[at : at + 100]) for at in range(0, len(tables), 100)]


def _listed(tables: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in tables)


# A run of each table for each hour back from the given one, ten minutes ago.
_RUNS = """
INSERT INTO control.sync_runs (
    run_id, table_name, kind, status, started_at, finished_at, windows,
    rows_extracted, rows_inserted, rows_updated, rows_deleted, files, bytes,
    extract_seconds, load_seconds, merge_seconds, statements, null_cursor_rows
)
SELECT
    'r' || TO_VARCHAR(h.hour), t.table_name, 'increment',
    IFF(MOD(h.hour, 4) = 0, 'succeeded', 'unchanged'),
    DATEADD('second', -h.hour * 3600 - 640, CURRENT_TIMESTAMP()),
    DATEADD('second', -h.hour * 3600 - 600, CURRENT_TIMESTAMP()), 1,
    IFF(MOD(h.hour, 4) = 0, 500 + MOD(h.hour * 37, 400), 0), 9, 40, 0, 1,
    120000 + MOD(h.hour * 1237, 90000),
    2 + MOD(h.hour, 5), 1 + MOD(h.hour, 3), 2, 12, -1
FROM control.sync_current_tables AS t
CROSS JOIN (
    SELECT SEQ4() + %s AS hour FROM TABLE(GENERATOR(ROWCOUNT => {hours}))
) AS h
WHERE t.table_name IN ({names})
"""
_WARNED = """
INSERT INTO control.sync_runs (
    run_id, table_name, kind, status, started_at, finished_at, rows_extracted, bytes,
    extract_seconds, warnings
)
SELECT
    'w', %s, 'increment', 'succeeded', DATEADD('minute', -8, CURRENT_TIMESTAMP()),
    DATEADD('minute', -7, CURRENT_TIMESTAMP()), 12, 4000, 31, PARSE_JSON(%s)
"""
_FAILED = """
INSERT INTO control.sync_runs (
    run_id, table_name, kind, status, started_at, finished_at, error_code,
    error_message, error_retryable, error_hint
)
SELECT
    %s, %s, 'increment', 'failed', DATEADD('minute', %s, CURRENT_TIMESTAMP()),
    DATEADD('minute', %s, CURRENT_TIMESTAMP()), %s, %s, %s, %s
"""
_RUNNING = """
UPDATE control.sync_leases
SET run_id = 'r', acquired_at = DATEADD('minute', -26, CURRENT_TIMESTAMP()),
    expires_at = DATEADD('hour', 1, CURRENT_TIMESTAMP())
WHERE table_name = %s
"""
_PLAN = """
INSERT INTO control.sync_parts (
    table_name, snapshot_id, part, run_id, identity_sha256, message, recorded_at
)
SELECT %s, 's', '#plan', 'r', 'i', %s, CURRENT_TIMESTAMP()
"""
_PARTS = """
INSERT INTO control.sync_parts (
    table_name, snapshot_id, part, run_id, identity_sha256, message, recorded_at
)
SELECT
    %s, 's', 'p' || TO_VARCHAR(SEQ4()), 'r', 'i', '{"rows": 38214}',
    CURRENT_TIMESTAMP()
FROM TABLE(GENERATOR(ROWCOUNT => 17))
"""
