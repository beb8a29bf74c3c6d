#!/usr/bin/env bash
# Runs the whole test suite, from nothing. Arguments go to pytest: run_tests.sh -k lease
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
"$root/scripts/prepare_environment.sh"
cd "$root"
# Four processes: many tests wait, for a time-out or for a statement of another one.
exec .venv/bin/python -m pytest --numprocesses=4 --dist=worksteal "$@"
