#!/usr/bin/env bash
# Runs the test suite, from nothing. Arguments go to pytest: run_tests.sh -k lease
# The scenarios of many tables or many minutes have a run of their own: run_tests.sh -m large
# Older PostgreSQL majors as well, fetched by fetch_postgresql.sh: run_tests.sh -m versions
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
"$root/scripts/prepare_environment.sh"
cd "$root"
# Four processes: many tests wait, for a time-out or for a statement of another one.
exec .venv/bin/python -m pytest --numprocesses=4 --dist=worksteal -m "not large and not versions" "$@"
