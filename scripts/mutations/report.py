"""PURE: the outcome of a mutation run, as text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scripts.mutations.source import Mutant


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant.

    Attributes:
        noticed: By any test.
        by: The test that noticed it.
        tests: How many tests were run for it.
    """

    mutant: Mutant
    noticed: bool
    by: str
    tests: int


@dataclass(frozen=True)
class Limits:
    """Percent of the mutants that have to be noticed, in all and in each module."""

    total: float = 0.0
    module: float = 0.0


def percent(outcomes: Sequence[Outcome]) -> float:
    """Returns how many of a hundred were noticed."""
    if not outcomes:
        return 100.0
    return 100.0 * sum(one.noticed for one in outcomes) / len(outcomes)


def by_module(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """Returns the outcomes of each module."""
    found: dict[str, list[Outcome]] = {}
    for one in sorted(outcomes, key=lambda o: (o.mutant.module, o.mutant.edit.start)):
        found.setdefault(one.mutant.module, []).append(one)
    return found


def table(outcomes: Sequence[Outcome], equivalent: dict[str, int]) -> Iterator[str]:
    """Yields one line for each module, and the total.

    Args:
        equivalent: Module -> mutants that are left out as equivalent.
    """
    modules = by_module(outcomes)
    width = max([len(module) for module in modules] + [len("module")])
    head = ("mutants", "noticed", "survivors", "equivalent")
    yield f"{'module':{width}}  " + "  ".join(
        f"{name:>10}" for name in head
    ) + "       %"
    for module, ones in modules.items():
        yield _row(module, width, ones, equivalent.get(module, 0))
    yield _row("total", width, outcomes, sum(equivalent.values()))


def _row(name: str, width: int, ones: Sequence[Outcome], equivalent: int) -> str:
    noticed = sum(one.noticed for one in ones)
    numbers = (len(ones), noticed, len(ones) - noticed, equivalent)
    text = "  ".join(f"{number:>10}" for number in numbers)
    return f"{name:{width}}  {text}  {percent(ones):6.1f}"


def survivors(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yields the place, the change and the number of tests of each survivor."""
    for ones in by_module(outcomes).values():
        for one in ones:
            if not one.noticed:
                yield from _survivor(one)


def _survivor(one: Outcome) -> Iterator[str]:
    mutant = one.mutant
    ran = f"{one.tests} tests run it" if one.tests else "no test runs it"
    where = f" in {mutant.place.function}" if mutant.place.function else ""
    yield f"{mutant.module}:{mutant.line}{where}: {mutant.edit.kind}; {ran}"
    for sign, lines in (("-", mutant.before), ("+", mutant.after)):
        for line in lines.split("\n"):
            yield f"    {sign} {line}"


def below(outcomes: Sequence[Outcome], limits: Limits) -> list[str]:
    """Returns a line for each limit that is not kept."""
    found = []
    total = percent(outcomes)
    if total < limits.total:
        found.append(
            f"total: {total:.1f} % noticed, at least {limits.total:g} % wanted"
        )
    for module, ones in by_module(outcomes).items():
        share = percent(ones)
        if share < limits.module:
            wanted = f"at least {limits.module:g} % wanted"
            found.append(f"{module}: {share:.1f} % noticed, {wanted}")
    return found
