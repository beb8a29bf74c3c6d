"""All orders there are, breadth first: the first that breaks something is shortest."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from tests.interleavings.model import Change, Run, Table, Weakness, World
from tests.interleavings.programs import Kind, program

# A row that is changed while runs are under way, one that appears, one that goes.
SCRIPT: tuple[Change, ...] = (("a", True), ("b", True), ("a", True))
# A row that appears and is changed: an increment that was late has the older one.
REWRITTEN: tuple[Change, ...] = (("a", True), ("b", True), ("b", True))
LOADED = 1


@dataclass(frozen=True)
class Found:
    """What a search has found.

    Attributes:
        states: How many moments there are.
        broken: What was broken first; empty: nothing is.
        way: How it came to that, step by step.
    """

    states: int
    broken: str = ""
    way: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.broken:
            return f"{self.states} states, nothing is lost, doubled or taken back"
        steps = [f"  {number:2}. {step}" for number, step in enumerate(self.way, 1)]
        return "\n".join([f"{self.broken}, after {self.states} states:", *steps])


def search(
    kinds: Sequence[Kind],
    *,
    weakness: Weakness | None = None,
    twins: bool = False,
    script: tuple[Change, ...] = SCRIPT,
    expiries: int = 1,
    crashes: int = 1,
) -> Found:
    """Looks at every order of the statements of runs of these kinds.

    Args:
        weakness: What is taken away from the product.
        twins: The runs have one id, and the lease is no hindrance.
        expiries: How often a lease expires under a run.
        crashes: How many runs die.
    """
    table = Table(script, program("idle"), weakness, twins)
    runs = tuple(Run(_weakened(program(kind), weakness)) for kind in kinds)
    first = World(
        runs,
        changes=LOADED,
        target=tuple(sorted(table.rows_of(LOADED).items())),
        ledger=((1, LOADED, 0),),
        expiries=expiries,
        crashes=crashes,
    )
    came: dict[World, tuple[World, str] | None] = {first: None}
    waiting = deque([first])
    while waiting:
        world = waiting.popleft()
        for what, after in table.steps(world):
            if after in came:
                continue
            came[after] = (world, what)
            if after.broken:
                return Found(len(came), after.broken, _way(came, after))
            waiting.append(after)
    return Found(len(came))


def _weakened(actions: tuple[str, ...], weakness: Weakness | None) -> tuple[str, ...]:
    """Returns the program with its fence before its write."""
    if weakness != "fence first" or not {"fence", "end"} & set(actions):
        return actions
    if "end" in actions:
        at = actions.index("end")
        actions = (*actions[:at], "version", "fence", *actions[at + 1 :])
    rest = [action for action in actions if action != "fence"]
    rest.insert(rest.index("begin") + 1, "fence")
    return tuple(rest)


def _way(came: dict[World, tuple[World, str] | None], world: World) -> tuple[str, ...]:
    steps: list[str] = []
    before = came[world]
    while before is not None:
        world, step = before
        steps.append(step)
        before = came[world]
    return tuple(reversed(steps))
