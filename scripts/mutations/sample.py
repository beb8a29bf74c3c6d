"""PURE: which mutants of a module are tried."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable

from scripts.mutations.python_code import is_valid
from scripts.mutations.source import Mutant, Source


def sample(
    source: Source, mutants: Iterable[Mutant], seed: int, number: int
) -> list[Mutant]:
    """Returns a number of mutants, by chance and of every kind in turn.

    Kinds take turns because swapped arguments, say, are many and a cut condition of SQL
    is rare. A mutant's chance depends on the seed and on itself alone: a change
    elsewhere in the module does not draw all others again.

    Args:
        number: At most so many; 0 for all.
    """
    kinds = defaultdict(list)
    for mutant in mutants:
        kinds[mutant.edit.kind].append((_chance(seed, mutant), mutant))
    ranked = [
        (turn, chance, mutant)
        for of_kind in kinds.values()
        for turn, (chance, mutant) in enumerate(sorted(of_kind, key=lambda c: c[0]))
    ]
    chosen: list[Mutant] = []
    for _, _, mutant in sorted(ranked, key=lambda r: r[:2]):
        if number and len(chosen) == number:
            break
        if is_valid(source, mutant):
            chosen.append(mutant)
    return sorted(chosen, key=lambda mutant: mutant.edit.start)


def _chance(seed: int, mutant: Mutant) -> str:
    return hashlib.sha256(f"{seed}:{mutant.key}".encode()).hexdigest()
