"""What one cycle of a group costs: a simulation of its statements, workers and lanes.

Two shapes: a call for each table (SYNC_TABLE), and a graph with one extraction and
lanes. Each table is a job that takes its turn at what is scarce: places of the
warehouse, workers of Lambda, sessions of PostgreSQL. Numbers come from `cost_inputs`.
"""

import heapq
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scripts.cost_inputs import LAMBDA_GB, inputs
from snowpark.groups import lanes as groups_lanes
from snowpark.groups.lanes import Past

_SEED = 16


@dataclass(frozen=True)
class Table:
    """One table in this cycle.

    Attributes:
        rows: That have changed; 0: none.
        moved: Its watermark moves.
    """

    name: str
    rows: int
    moved: bool = True

    def read_seconds(self, i: Mapping[str, float]) -> float:
        """Returns what a worker takes for it, once it is connected."""
        megabytes = self.rows * i["row_bytes"] / 1e6
        return i["look_seconds"] + megabytes / i["read_megabytes_per_second"]

    def load_seconds(self, i: Mapping[str, float]) -> float:
        """Returns what its load takes, without the time of small statements."""
        if not self.rows:
            return 0.0
        return i["load_seconds"] + self.rows / i["load_rows_per_second"]


@dataclass(frozen=True)
class Cycle:
    """What one cycle has cost.

    Attributes:
        statements: Sent by procedures.
        procedures: Calls of procedures.
        invocations: Of Lambda: POSTs, polls and workers.
        sessions: PostgreSQL sessions that were opened.
        sessions_at_once: At most.
        requests: Requests of the external function's protocol: POSTs and polls.
        lambda_seconds: Of workers and of requests.
        wall_seconds: From beginning to end; the warehouse works that long.
        megabytes: Compressed, in files.
        puts: Objects written to S3, and lists read.
        gets: Objects read.
    """

    statements: int
    procedures: int
    requests: int
    invocations: int
    sessions: int
    sessions_at_once: int
    lambda_seconds: float
    wall_seconds: float
    megabytes: float
    puts: int
    gets: int

    def usd(self, i: Mapping[str, float]) -> float:
        """Returns what is paid for it, with the time until the warehouse suspends."""
        warehouse = self.wall_seconds + i["suspend_seconds"]
        return (
            warehouse / 3600 * i["warehouse_credits"] * i["credit"]
            + self.lambda_seconds * LAMBDA_GB * i["lambda_gb_second"]
            + self.invocations * i["lambda_request"]
            + self.requests * i["api_request"]
            + self.puts * i["s3_put"]
            + self.gets * i["s3_get"]
        )


class Pool:
    """Something of which there are only so many; who comes first is served first."""

    def __init__(self, size: float) -> None:
        self._free = [0.0] * max(1, int(size))
        self._ends: list[tuple[float, float]] = []

    def take(self, at: float) -> float:
        """Returns from when on one of them is there; `give` has to follow."""
        return max(at, heapq.heappop(self._free))

    def give(self, began: float, at: float) -> None:
        """Gives it back."""
        heapq.heappush(self._free, at)
        self._ends.append((began, at))

    @property
    def most(self) -> int:
        """How many were taken at once, at most."""
        moments = [(b, 1) for b, _ in self._ends] + [(e, -1) for _, e in self._ends]
        now = most = 0
        for _, change in sorted(moments):
            now += change
            most = max(most, now)
        return most


def tables(i: Mapping[str, float], seed: int = _SEED) -> list[Table]:
    """Returns the tables of one cycle; the same seed makes the same ones."""
    chance = random.Random(seed)
    number = round(i["tables"])
    changed = round(number * i["changed_share"])
    moved = round((number - changed) * i["moved_share"])
    rows = [
        max(1, round(i["rows_per_change"] * chance.lognormvariate(0, i["row_spread"])))
        for _ in range(changed)
    ]
    rows += [0] * (number - changed)
    made = [
        Table(f"t{n:05d}", count, bool(count) or n < changed + moved)
        for n, count in enumerate(rows)
    ]
    # A group is not sorted by what has changed.
    chance.shuffle(made)
    return made


def polls(seconds: float, i: Mapping[str, float]) -> tuple[int, float]:
    """Returns how many polls a reply takes that comes after so long, and the last."""
    count, at, delay = 0, 0.0, i["poll_first_seconds"]
    while True:
        count, at = count + 1, at + delay
        if at >= seconds:
            return count, at
        delay = min(2 * delay, i["poll_longest_seconds"])


def held_polls(seconds: float, i: Mapping[str, float]) -> tuple[int, float, float]:
    """Returns the same of a group, whose polls wait for its reply, and how long."""
    count, at, held, delay = 0, 0.0, 0.0, i["poll_first_seconds"]
    while True:
        count, at = count + 1, at + delay
        waits = min(i["poll_hold_seconds"], max(0.0, seconds - at))
        held, at = held + waits, at + waits
        if at >= seconds:
            return count, at, held
        delay = min(2 * delay, i["poll_longest_seconds"])


# --- a call for each table ------------------------------------------------------------


def per_table(given: Mapping[str, float]) -> Cycle:
    """Returns what a cycle costs in which each table is a call of its own."""
    i = inputs(given)
    calls, workers = Pool(i["calls_at_once"]), Pool(i["lambda_concurrency"])
    statements = requests = 0
    worked = wall = megabytes = 0.0
    jobs = tables(i)
    for table in jobs:
        kind = "changed" if table.rows else "idle"
        own = round(i[f"table_statements_{kind}"])
        own += 1 if not table.rows and table.moved else 0
        began = calls.take(0.0)
        # Lease and state come before the extraction, the rest behind it.
        asked = began + i["procedure_seconds"] + 2 * i["statement_seconds"]
        started = workers.take(asked)
        busy = i["connect_seconds"] + table.read_seconds(i)
        ended = started + i["worker_start_seconds"] + busy
        workers.give(started, ended)
        count, seen = polls(ended - asked, i)
        rest = (own - 3) * i["statement_seconds"] + table.load_seconds(i)
        end = asked + seen + rest
        calls.give(began, end)
        wall = max(wall, end)
        worked += busy
        statements += own
        requests += 1 + count
        megabytes += _compressed(table, i)
    files = sum(1 for table in jobs if table.rows)
    return Cycle(
        statements=statements,
        procedures=len(jobs),
        requests=requests,
        invocations=requests + len(jobs),
        sessions=len(jobs),
        sessions_at_once=workers.most,
        lambda_seconds=worked + requests * i["call_seconds"],
        wall_seconds=wall,
        megabytes=megabytes,
        # Claim, start, reply; and a file.
        puts=3 * len(jobs) + files,
        gets=requests + 2 * len(jobs),
    )


# --- one call for all tables ----------------------------------------------------------


@dataclass
class _Extraction:
    """What the extractions of a group come to."""

    at: float
    requests: int = 0
    workers: int = 0
    sent: int = 0
    busy: float = 0.0
    puts: int = 0
    gets: int = 0
    most: int = 0


def per_group(given: Mapping[str, float]) -> Cycle:
    """Returns what a cycle costs of a graph with one extraction and lanes."""
    i = inputs(given)
    jobs = tables(i)
    statement = i["statement_seconds"]
    root = root_statements(i, jobs)
    done = _extracted(i, jobs, i["procedure_seconds"] + 4 * statement)
    at = done.at + (root - 4) * statement
    loads = [table for table in jobs if table.rows]
    statements, ends = root, [at]
    for lane in _lanes(i, loads):
        own = lane_statements(i, len(lane))
        small = i["procedure_seconds"] + own * statement
        ends.append(at + small + sum(table.load_seconds(i) for table in lane))
        statements += own
    finish = finish_statements(i, bool(loads))
    wall = max(ends) + i["procedure_seconds"] + finish * statement
    files = len(loads)
    return Cycle(
        statements=statements + finish,
        procedures=1 + len(ends),
        requests=done.requests,
        invocations=done.requests + done.workers,
        sessions=done.workers,
        sessions_at_once=done.most,
        lambda_seconds=done.busy + done.requests * i["call_seconds"],
        wall_seconds=wall,
        megabytes=sum(_compressed(table, i) for table in loads),
        puts=done.puts + files,
        gets=done.gets,
    )


def call_statements(given: Mapping[str, float]) -> int:
    """Returns how many statements one SYNC_GROUP sends."""
    i = inputs(given)
    jobs = tables(i)
    changed = sum(1 for table in jobs if table.rows)
    own = round(i["changed_statements"]) * changed + (1 if changed else 0)
    return round(i["group_statements"]) + _growing(i, jobs) + own


def root_statements(i: Mapping[str, float], jobs: Sequence[Table]) -> int:
    """Returns how many statements EXTRACT_LANES sends."""
    changed = sum(1 for table in jobs if table.rows)
    # What the last loads took is read only if there are fewer lanes than tables.
    past = 1 if changed > i["lanes"] else 0
    return round(i["root_statements"]) + _growing(i, jobs) + past


def lane_statements(i: Mapping[str, float], tables: int) -> int:
    """Returns how many statements LOAD_LANE sends."""
    given_back = math.ceil(tables / i["leases_per_statement"])
    own = round(i["changed_statements"]) * tables
    return round(i["lane_statements"]) + own + given_back


def finish_statements(i: Mapping[str, float], worked: bool) -> int:
    """Returns how many statements FINISH_GROUP sends."""
    return round(i["finish_statements"]) + (1 if worked else 0)


def _growing(i: Mapping[str, float], jobs: Sequence[Table]) -> int:
    """Returns the statements of an extraction that grow with the tables."""
    changed = sum(1 for table in jobs if table.rows)
    idle = len(jobs) - changed
    moved = sum(1 for table in jobs if table.moved and not table.rows)
    lists = math.ceil(idle / 1000)
    return (
        math.ceil(len(jobs) / i["group_parts"])
        + math.ceil(moved / i["marks_per_statement"])
        + math.ceil(idle / i["rows_per_statement"])
        + math.ceil((changed + lists) / i["steps_per_statement"])
        # Whether a list of thousands is whole is asked once more.
        + (1 if len(jobs) >= 1000 else 0)
    )


def _extracted(i: Mapping[str, float], jobs: Sequence[Table], at: float) -> _Extraction:
    """Asks for all tables, up to 500 by one request, one request after the other."""
    done = _Extraction(at)
    left = list(jobs)
    while left:
        chunk, rest = left[: int(i["group_parts"])], left[int(i["group_parts"]) :]
        late = _request(i, chunk, done)
        if len(late) == len(chunk):
            # Nothing has moved: each would ask for itself.
            late = []
        left = late + rest
    return done


def _request(
    i: Mapping[str, float], chunk: Sequence[Table], done: _Extraction
) -> list[Table]:
    """Sends one request; returns the tables that are not in its reply."""
    size = min(int(i["max_parallel"]), len(chunk), int(i["lambda_concurrency"]))
    began = done.at
    first = began + i["worker_start_seconds"] + i["connect_seconds"]
    free = [(first, began, number) for number in range(size)]
    heapq.heapify(free)
    workers, late, end = size, list[Table](), first
    for table in chunk:
        at, since, number = heapq.heappop(free)
        if at - began > i["reply_seconds"] - i["worker_budget_seconds"] - 15:
            late.append(table)
            heapq.heappush(free, (at, since, number))
            continue
        if at - since > i["worker_budget_seconds"] / 2:
            # Its successor has all of its time.
            workers, since = workers + 1, at
            at += i["worker_start_seconds"] + i["connect_seconds"]
        at += table.read_seconds(i)
        done.busy += table.read_seconds(i)
        end = max(end, at)
        heapq.heappush(free, (at, since, number))
    count, seen, held = held_polls(end - began, i)
    done.at = began + seen
    done.sent += 1
    done.requests += 1 + count
    done.workers += workers
    done.busy += workers * i["connect_seconds"] + held
    done.most = max(done.most, size)
    parts = len(chunk) - len(late)
    # Claim and reply; of a worker its mark, two beats, what it has done, two lists; of
    # a part its claim. Each worker reads the claim, and the last what all have done.
    done.puts += 2 + 6 * workers + parts
    done.gets += count + round(held / i["poll_look_seconds"]) + 2 * workers
    return late


def _lanes(i: Mapping[str, float], loads: Sequence[Table]) -> list[list[Table]]:
    """Returns the tables of each lane that has work, as the product assigns them."""
    by_name = {table.name: table for table in loads}
    past = {table.name: Past(table.load_seconds(i)) for table in loads}
    places = groups_lanes.assign(list(by_name), past, int(i["lanes"]))
    lanes: dict[int, list[Table]] = {}
    for name, place in places.items():
        lanes.setdefault(place.lane, []).append(by_name[name])
    return [lanes[number] for number in sorted(lanes)]


def _compressed(table: Table, i: Mapping[str, float]) -> float:
    return table.rows * i["row_bytes"] / i["compression"] / 1e6
