"""One table, its source and its runs: what each statement does to them.

    source      a script of changes, which may happen at any moment, one by one
    target      rows, doubled ones included
    ledger      versions and watermarks
    locks       of the target and of the leases, held until a transaction ends
    runs        where each is in its program, and what it knows

Everything is a value, so that states can be compared. A write is kept as the rows it
takes out and the rows it puts in: without a lock two of them can double rows.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

# A row: its key, and the cursor value with which it was written last.
Row = tuple[str, int]
# A change of the source: the row's key, and whether it is there afterwards.
Change = tuple[str, bool]
# A row of the ledger: version, watermark, and the refinement within the version.
Version = tuple[int, int, int]
Weakness = Literal["no fence", "no lock", "no version", "fence first"]


@dataclass(frozen=True)
class Run:
    """Where one run is.

    Attributes:
        at: Position in its program.
        ended: It sends nothing any more.
        base: The newest row of the ledger when it read its state.
        rows: What it has extracted; of keys, with the value 0.
        seen: Changes of the source that had happened by then.
        taken: Rows that its open transaction takes out of the target.
        put: Rows that it puts in.
        pending: What it appends to the ledger.
        locks: What it holds.
    """

    program: tuple[str, ...]
    at: int = 0
    ended: bool = False
    base: Version = (0, 0, 0)
    rows: tuple[Row, ...] = ()
    seen: int = 0
    taken: tuple[Row, ...] = ()
    put: tuple[Row, ...] = ()
    pending: tuple[Version, ...] = ()
    locks: frozenset[str] = frozenset()
    open: bool = False


@dataclass(frozen=True)
class World:
    """A moment.

    Attributes:
        changes: How many changes of the source have happened.
        owner: Run that has the lease.
        expired: The lease may be taken over.
        expiries: How often that may still happen.
        crashes: How many runs may still die.
        tidies: How often TIDY may still move all of the ledger but its newest row.
        broken: What must never be, and is.
    """

    runs: tuple[Run, ...]
    changes: int = 0
    target: tuple[Row, ...] = ()
    ledger: tuple[Version, ...] = ((1, 0, 0),)
    owner: int | None = None
    expired: bool = False
    expiries: int = 1
    crashes: int = 1
    tidies: int = 1
    broken: str = ""


Step = tuple[str, World]


@dataclass(frozen=True)
class Table:
    """What does not change.

    Attributes:
        script: What happens in the source.
        idle: Program of an increment that finds nothing.
        twins: All runs have one id: a step of a group that was repeated while the
            first attempt is still alive.
    """

    script: tuple[Change, ...]
    idle: tuple[str, ...]
    weakness: Weakness | None = None
    twins: bool = False

    # --- the source -------------------------------------------------------------------

    def rows_of(self, changes: int) -> dict[str, int]:
        """Returns the source's rows after so many changes; a cursor counts them."""
        rows: dict[str, int] = {}
        for number, (key, there) in enumerate(self.script[:changes], 1):
            rows.pop(key, None)
            if there:
                rows[key] = number
        return rows

    # --- what may happen next ---------------------------------------------------------

    def steps(self, world: World) -> Iterator[Step]:
        """Yields what may happen next, and the moment after it."""
        if world.changes < len(self.script):
            key, there = self.script[world.changes]
            what = f"source {'writes' if there else 'deletes'} {key}"
            yield what, dataclasses.replace(world, changes=world.changes + 1)
        if world.owner is not None and not world.expired and world.expiries:
            yield "the lease expires", dataclasses.replace(
                world, expired=True, expiries=world.expiries - 1
            )
        if world.tidies and len(world.ledger) > 1:
            yield "TIDY", dataclasses.replace(
                world, ledger=(newest(world.ledger),), tidies=world.tidies - 1
            )
        for number, run in enumerate(world.runs):
            if run.ended:
                continue
            action = run.program[run.at]
            after = self._act(world, number, run, action)
            if after is not None:
                yield f"run {number}: {action}", after
            if world.crashes and run.at > 0:
                dead = _with(world, number, _ended(run))
                yield f"run {number} dies", dataclasses.replace(
                    dead, crashes=world.crashes - 1
                )

    def _act(self, world: World, number: int, run: Run, action: str) -> World | None:
        """Returns the moment after an action; None: it waits for a lock."""
        done = dataclasses.replace(run, at=run.at + 1)
        if run.at + 1 == len(run.program):
            done = dataclasses.replace(done, ended=True)
        how = getattr(self, f"_{action}")
        after: World | None = how(world, number, done)
        return after

    # --- leases -----------------------------------------------------------------------

    def _take(self, world: World, number: int, run: Run) -> World | None:
        if _is_locked(world, number, "leases"):
            return None
        held = world.owner is not None and not world.expired
        if held and not (self.twins and self._owns(world, number)):
            return _with(world, number, _ended(run))
        taken = dataclasses.replace(world, owner=number, expired=False)
        return _with(taken, number, run)

    def _owns(self, world: World, number: int) -> bool:
        """Returns whether the lease says the id of this run."""
        return world.owner is not None and (self.twins or world.owner == number)

    def _read(self, world: World, number: int, run: Run) -> World:
        if not self._owns(world, number):
            return _with(world, number, _ended(run))
        return _with(world, number, dataclasses.replace(run, base=newest(world.ledger)))

    def _hold(self, world: World, number: int, run: Run) -> World | None:
        if _is_locked(world, number, "leases"):
            return None
        if not self._owns(world, number):
            return _with(world, number, _ended(run))
        held = _locked(run, "leases") if run.open else run
        return _with(dataclasses.replace(world, expired=False), number, held)

    def _release(self, world: World, number: int, run: Run) -> World | None:
        if _is_locked(world, number, "leases"):
            return None
        if self._owns(world, number):
            world = dataclasses.replace(world, owner=None, expired=False)
        return _with(world, number, run)

    # --- extractions ------------------------------------------------------------------

    def _plan(self, world: World, number: int, run: Run) -> World:
        return _with(world, number, dataclasses.replace(run, seen=world.changes))

    def _extract(self, world: World, number: int, run: Run) -> World:
        rows = self.rows_of(world.changes)
        if "plan" in run.program:
            # A snapshot's watermark is the bound from before its first part.
            return _with(world, number, dataclasses.replace(run, rows=_sorted(rows)))
        new = {key: value for key, value in rows.items() if value > run.base[1]}
        run = dataclasses.replace(run, rows=_sorted(new), seen=world.changes)
        if not new:
            at = self.idle.index("extract") + 1
            run = dataclasses.replace(run, program=self.idle, at=at)
        return _with(world, number, run)

    def _keys(self, world: World, number: int, run: Run) -> World:
        there = dict.fromkeys(self.rows_of(world.changes), 0)
        return _with(world, number, dataclasses.replace(run, rows=_sorted(there)))

    # --- a commit ---------------------------------------------------------------------

    def _begin(self, world: World, number: int, run: Run) -> World:
        return _with(world, number, dataclasses.replace(run, open=True))

    def _lock(self, world: World, number: int, run: Run) -> World | None:
        if world.target and _is_locked(world, number, "target"):
            return None
        return _with(world, number, self._hold_target(run) if world.target else run)

    def _merge(self, world: World, number: int, run: Run) -> World | None:
        if _is_locked(world, number, "target"):
            return None
        keys = {key for key, _ in run.rows}
        gone = tuple(row for row in world.target if row[0] in keys)
        return _with(world, number, self._write(run, gone, run.rows))

    def _overwrite(self, world: World, number: int, run: Run) -> World:
        # The worst that may be: it neither waits for a lock nor takes one.
        written = dataclasses.replace(run, taken=world.target, put=run.rows)
        return _with(world, number, written)

    def _delete(self, world: World, number: int, run: Run) -> World | None:
        if _is_locked(world, number, "target"):
            return None
        there = {key for key, _ in run.rows}
        gone = tuple(row for row in world.target if row[0] not in there)
        return _with(world, number, self._write(run, gone, ()))

    def _write(self, run: Run, gone: tuple[Row, ...], put: tuple[Row, ...]) -> Run:
        run = dataclasses.replace(run, taken=gone, put=put)
        return self._hold_target(run) if gone or put else run

    def _hold_target(self, run: Run) -> Run:
        return run if self.weakness == "no lock" else _locked(run, "target")

    def _version(self, world: World, number: int, run: Run) -> World:
        version, watermark, refined = run.base
        if not run.open:
            own = (version, max(watermark, run.seen), max(refined, run.seen))
            ledger = (*world.ledger, own)
            return _judged(
                _with(dataclasses.replace(world, ledger=ledger), number, run)
            )
        row = (version + 1, max(watermark, run.seen), 0)
        return _with(world, number, dataclasses.replace(run, pending=(row,)))

    def _touch(self, world: World, number: int, run: Run) -> World:
        version, watermark, _ = newest(world.ledger)
        touched = bool(run.taken or run.put) and version == run.base[0]
        if touched:
            row = (version + 1, watermark, 0)
            run = dataclasses.replace(run, pending=(row,))
        return _with(world, number, run)

    def _fence(self, world: World, number: int, run: Run) -> World | None:
        moves = bool(run.taken or run.put or "overwrite" in run.program)
        if moves and "target" not in run.locks and self.weakness is None:
            # Nothing was there to lock: `fence.check` holds the lease.
            held = self._hold(world, number, run)
            if held is None:
                return None
            world, run = held, held.runs[number]
            if run.ended:
                return world
        newer = sum(row[0] > run.base[0] for row in world.ledger)
        if self.weakness == "no version":
            newer = 0
        lost = newer or not self._owns(world, number) or (moves and not run.pending)
        if lost and self.weakness != "no fence":
            return _with(world, number, _rolled_back(run))
        return _with(world, number, run)

    def _end(self, world: World, number: int, run: Run) -> World | None:
        """Appends the version, if the fence lets it pass: one statement."""
        appended = self._version(world, number, run).runs[number]
        return self._fence(world, number, appended)

    def _commit(self, world: World, number: int, run: Run) -> World:
        target = list(world.target)
        for row in run.taken:
            if row in target:
                target.remove(row)
        after = dataclasses.replace(
            world,
            target=tuple(sorted([*target, *run.put])),
            ledger=world.ledger + run.pending,
        )
        if run.pending:
            base = run.pending[-1]
            run = dataclasses.replace(run, base=base)
        closed = dataclasses.replace(
            run, taken=(), put=(), pending=(), locks=frozenset(), open=False
        )
        return _judged(_with(after, number, closed), world, self)


# --- what must always be so -----------------------------------------------------------


def newest(ledger: tuple[Version, ...]) -> Version:
    """Returns the row of the ledger that counts."""
    return max(ledger, key=lambda row: (row[0], row[2]))


def _judged(
    world: World, before: World | None = None, table: Table | None = None
) -> World:
    broken = _broken(world, before, table) if before and table else ""
    marks = world.ledger
    if len(marks) > 1 and newest(marks)[1] < newest(marks[:-1])[1]:
        broken = broken or "the watermark goes back"
    return dataclasses.replace(world, broken=broken) if broken else world


def _broken(world: World, before: World, table: Table) -> str:
    """Returns what is wrong with the target after a commit."""
    found = dict(world.target)
    if len(found) != len(world.target):
        return "a row is doubled"
    rows = table.rows_of(world.changes)
    watermark = newest(world.ledger)[1]
    for key, value in rows.items():
        if value <= watermark and found.get(key) != value:
            return f"row {key} is behind the watermark and not in the target"
    for key, value in before.target:
        if key in found and found[key] < value:
            return f"row {key} is an older one than before"
        if key not in found and rows.get(key) == value:
            return f"row {key} is gone, and the source has it"
    return ""


# --- small things ---------------------------------------------------------------------


def _with(world: World, number: int, run: Run) -> World:
    runs = (*world.runs[:number], run, *world.runs[number + 1 :])
    return dataclasses.replace(world, runs=runs)


def _ended(run: Run) -> Run:
    """A run that sends nothing any more; what it had open is rolled back."""
    return Run(run.program, at=run.at, ended=True)


def _rolled_back(run: Run) -> Run:
    """A run whose commit was refused: all that it sends is the release."""
    return Run(run.program, at=len(run.program) - 1)


def _locked(run: Run, what: str) -> Run:
    return dataclasses.replace(run, locks=run.locks | {what})


def _is_locked(world: World, number: int, what: str) -> bool:
    others = (run for i, run in enumerate(world.runs) if i != number)
    return any(what in run.locks for run in others)


def _sorted(rows: dict[str, int]) -> tuple[Row, ...]:
    return tuple(sorted(rows.items()))
