"""What a run of each kind sends, in the order in which the code sends it.

Nothing is written again here: the procedures are played against a scripted session,
and what they sent is kept as far as another run could notice it.
"""

import dataclasses
import time
from collections.abc import Callable
from functools import cache
from typing import Any, Literal

from snowflake.snowpark import Row

from lambda_extract.contract import Bound
from snowpark.ledger.records import TableState
from snowpark.ledger.run import Run
from snowpark.session import Snowflake
from snowpark.sync import backfill, keys, snapshot, sync
from tests.unit.snowpark.samples import RUN_ID, cursor_value, planned, reply
from tests.unit.snowpark.scripted import Scripted, replies, settled, state_row
from tests.unit.snowpark.statement_names import name_of
from tests.unit.snowpark.sync.test_keys import some_keys

Kind = Literal["increment", "idle", "snapshot", "keys", "backfill"]
# What another run can notice, or can change what this one does.
VISIBLE = {
    "take_lease": "take",
    "read_state": "read",
    "begin": "begin",
    "lock_target": "lock",
    "merge": "merge",
    "overwrite": "overwrite",
    "flag_gone": "delete",
    "insert_watermark": "version",
    "insert_touch": "touch",
    "hold_lease": "hold",
    "read_fence": "fence",
    "commit": "commit",
    "release_lease": "release",
}


def sent(session: Scripted) -> list[str]:
    """Returns what of a session others notice; an extraction by what it reads."""
    ops = iter([r.op for r in session.requests])
    found: list[str] = []
    for one in session.sent:
        if one.name == "extract":
            own = len(one.values) if len(one.values) == 1 else len(one.values) // 2
            found.append([next(ops) for _ in range(own)][0])
        elif name_of(one.text) == "insert_end":
            # One statement, of which the script tells in pieces.
            found += ["end"] if one.name == "read_fence" else []
        elif one.name in VISIBLE:
            found.append(VISIBLE[one.name])
    return found


def script(found: TableState, *answers: Any, **more: Any) -> Scripted:
    """Returns a session in which a call takes the lease and all goes well."""
    owner = [RUN_ID]

    def take(one: Any) -> list[Row]:
        owner[0] = one.values[0]
        return [Row(1)]

    script: dict[str, Any] = {
        "take_lease": take,
        "read_state": lambda _: [state_row(found, owner[0])],
        "read_open_parts": [],
        "extract": replies(*answers),
        "shared_keys": [Row(0)],
        "count_gone": [Row(4, 1)],
        "missing_keys": [],
        "revive": [Row(0)],
    }
    return Scripted(**(script | more))


# Its keys have just been compared: a sync is an increment and nothing else.
FOUND = dataclasses.replace(settled(deletes="key_compare"), minutes_since_key_check=0)
WINDOW = reply(Bound(watermark=cursor_value(2)))
NOTHING = reply(Bound(watermark=cursor_value(3)), files=(), rows=0, bytes=0)
PLAN = planned(1)


def _played(work: Callable[[Snowflake, Run], object], *answers: Any) -> list[str]:
    """Returns what a part of a run sends, between its lease and its release."""
    session = script(FOUND, *answers)
    run = Run(RUN_ID, "orders", "2026-01-02T03:04:05+00:00")
    # The lease has just been taken: the worst case is that nobody proves it again.
    work(Snowflake(session, held_at={"orders": time.monotonic()}), run)
    return sent(session)


@cache
def program(kind: Kind) -> tuple[str, ...]:
    """Returns the actions of a run of a kind, in order."""
    whole = script(FOUND, NOTHING if kind == "idle" else WINDOW)
    sync.sync_table(Snowflake(whole), "orders")
    call = sent(whole)
    if kind in ("increment", "idle"):
        return tuple(call)
    body: Callable[[Snowflake, Run], object] = {
        "snapshot": lambda s, run: snapshot.run_snapshot(s, FOUND, run),
        "keys": _compare,
        "backfill": lambda s, run: backfill._backfill(s, FOUND, run, ("a", None)),
    }[kind]
    answers = {"keys": (PLAN, some_keys())}.get(kind, (PLAN, reply()))
    before = call[: call.index("read") + 1]
    return (*before, *_played(body, *answers), call[-1])


def _compare(snowflake: Snowflake, run: Run) -> None:
    run.begin("key_compare", "then")
    keys.compare_keys(snowflake, FOUND, run, confirmed=True)
