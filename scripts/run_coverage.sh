#!/usr/bin/env bash
# Prints how much of both deployed sides the unit tests run, all in one process: what a
# test starts as a process of its own does not count. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/prepare_environment.sh
COVERAGE_FILE="$(mktemp)"
export COVERAGE_FILE
trap 'rm -f "$COVERAGE_FILE"' EXIT
.venv/bin/python -m coverage run --source=snowpark,lambda_extract \
    -m pytest -q -p no:cacheprovider tests/unit "$@"
.venv/bin/python -m coverage report --skip-covered --sort=cover
for side in snowpark lambda_extract; do
    echo "$side: $(.venv/bin/python -m coverage report --include="$side/*" | tail -1)"
done
