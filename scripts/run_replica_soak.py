"""Random schedules of late commits while a reader's replay stands still and goes on.

    scripts/run_replica_soak.sh [--schedules N] [--seed S] [--swapped]

Schedule number K has the seed S + K. With --swapped the position is taken before the
proof, and rows are lost: it is counted.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from local.aurora import running_aurora
from local.standby import running_standby
from tests.replicas import ROLE, prepare
from tests.soak.replica import run_schedule


def main(arguments: list[str] | None = None) -> int:
    """Runs the schedules; fails if a row is missing, or if none is with --swapped."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--schedules", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--swapped", action="store_true")
    options = parser.parse_args(arguments)
    os.environ["SOURCE_SHOP_USER"] = ROLE
    seeds = range(options.seed, options.seed + options.schedules)
    started = time.monotonic()
    lost: dict[int, set[int]] = {}
    repeated: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running_aurora(folder / "writer") as writer:
            prepare(writer)
            with running_standby(writer, folder / "reader") as reader:
                for number in seeds:
                    try:
                        outcome = run_schedule(
                            writer, reader, folder, number, swapped=options.swapped
                        )
                    except Exception:
                        print(f"Seed {number} failed:")
                        raise
                    repeated.update(outcome.repeated)
                    if outcome.missing:
                        lost[number] = outcome.missing
    seconds = time.monotonic() - started
    rows = sum(map(len, lost.values()))
    print(
        f"{options.schedules} schedules, seeds {seeds.start} to {seeds.stop - 1}, in"
        f" {seconds:.0f} s: {rows} rows were missed, in {len(lost)} of them"
        f" {sorted(lost)[:10]}. Asked for again: {dict(repeated)}."
    )
    return 1 if bool(lost) != options.swapped else 0


if __name__ == "__main__":
    sys.exit(main())
