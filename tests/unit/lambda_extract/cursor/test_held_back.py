"""When a watermark is said to be held back, and the moment it may reach at most."""

import dataclasses
from typing import Any

import psycopg2.extensions
import pytest
from psycopg2 import sql

from lambda_extract.contract import Bound, CursorSpec, CursorValue, Window
from lambda_extract.cursor import bound
from lambda_extract.cursor.column import INSTANT, Cursor
from lambda_extract.cursor.proof import Proof

ANY: Any = None
# A prepared transaction: nothing new is proven.
OPEN = Proof("2026-01-01 00:00:00+00", oldest="2025-12-31 23:00:00+00", prepared=True)
OLD = CursorValue("2025-12-31 12:00:00+00", INSTANT)
NEW = dataclasses.replace(OLD, value="2025-12-31 23:30:00+00")


@pytest.mark.parametrize(
    ("lower", "position", "held_back"),
    [
        # Without rows beyond the watermark nothing is held back, whatever is open.
        (OLD, None, False),
        (None, None, False),
        (OLD, OLD, False),
        (OLD, NEW, True),
        (None, NEW, True),
    ],
)
def test_only_rows_beyond_the_watermark_are_held_back(
    lower: CursorValue | None, position: CursorValue | None, held_back: bool
) -> None:
    found = bound.settle(
        ANY,
        cursor=Cursor(CursorSpec("updated_at"), (), INSTANT),
        proof=OPEN,
        window=Window(lower=lower),
        position=position,
    )
    assert found == Bound(
        watermark=lower,
        held_back=held_back,
        oldest_transaction=OPEN.oldest if held_back else None,
    )


@pytest.mark.parametrize(
    ("precision", "margin", "moment"),
    [
        (6, 0.0, "2025-12-31 23:59:59.999999"),
        (6, 5.0, "2025-12-31 23:59:54.999999"),
        (5, 0.0, "2025-12-31 23:59:59.999989"),
        (3, 0.0, "2025-12-31 23:59:59.998999"),
        (1, 0.0, "2025-12-31 23:59:59.899999"),
        (0, 5.0, "2025-12-31 23:59:53.999999"),
    ],
)
def test_the_watermark_stays_a_microsecond_and_a_rounding_below_the_clock(
    owner: psycopg2.extensions.connection, precision: int, margin: float, moment: str
) -> None:
    """timestamp(p) rounds: a value may lie before the start of its transaction."""
    cursor = Cursor(
        CursorSpec("updated_at", margin_seconds=margin), (), INSTANT, precision
    )
    safe = bound._safe_time(cursor, Proof("2026-01-01 00:00:00+00"))
    with owner.cursor() as session:
        session.execute(sql.SQL("SELECT ({} AT TIME ZONE 'UTC')::text").format(safe))
        assert session.fetchall() == [(moment,)]
