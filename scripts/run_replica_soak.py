"""Random schedules of late commits while a reader's replay stands still and goes on.

    scripts/run_replica_soak.sh [--schedules N] [--swapped]

With --swapped the position is taken before the proof, and rows are lost: it is counted.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from local.aurora import running_aurora
from local.standby import running_standby
from tests.replicas import ROLE, prepare
from tests.soak.replica import run_schedule


def main(arguments: list[str] | None = None) -> int:
    """Runs the schedules; fails if a row is missing, or if none is with --swapped."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--schedules", type=int, default=500)
    parser.add_argument("--swapped", action="store_true")
    options = parser.parse_args(arguments)
    os.environ["SOURCE_SHOP_USER"] = ROLE
    started = time.monotonic()
    lost: dict[int, set[int]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running_aurora(folder / "writer") as writer:
            prepare(writer)
            with running_standby(writer, folder / "reader") as reader:
                for number in range(options.schedules):
                    missing = run_schedule(
                        writer, reader, folder, number, swapped=options.swapped
                    )
                    if missing:
                        lost[number] = missing
    seconds = time.monotonic() - started
    rows = sum(map(len, lost.values()))
    print(
        f"{options.schedules} schedules in {seconds:.0f} s: {rows} rows were missed, in"
        f" {len(lost)} of them {sorted(lost)[:10]}."
    )
    return 1 if bool(lost) != options.swapped else 0


if __name__ == "__main__":
    sys.exit(main())
