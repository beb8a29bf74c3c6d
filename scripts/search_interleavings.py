"""Looks at every order of the statements of several runs of one table (FENCING.md)."""

import argparse
import itertools
import sys
import time
from typing import get_args

from tests.interleavings.model import Weakness
from tests.interleavings.programs import Kind
from tests.interleavings.search import REWRITTEN, SCRIPT, search

KINDS = ("increment", "snapshot", "keys", "backfill")


def main(arguments: list[str] | None = None) -> int:
    """Prints what each combination of runs has come to; 1 if anything is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2, help="at the same time")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, help="these runs alone")
    parser.add_argument(
        "--without", choices=get_args(Weakness), help="takes this away first"
    )
    parser.add_argument(
        "--twins", action="store_true", help="all runs have one id, as repeated steps"
    )
    given = parser.parse_args(arguments)
    combinations: list[tuple[Kind, ...]] = (
        [tuple(given.kinds)]
        if given.kinds
        else list(itertools.combinations_with_replacement(KINDS, given.runs))
    )
    broken = 0
    for kinds, script in itertools.product(combinations, (SCRIPT, REWRITTEN)):
        started = time.monotonic()
        found = search(kinds, weakness=given.without, twins=given.twins, script=script)
        seconds = time.monotonic() - started
        print(f"{' + '.join(kinds)} ({seconds:.1f} s): {found}", flush=True)
        broken += bool(found.broken)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
