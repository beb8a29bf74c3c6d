#!/usr/bin/env bash
# Times the readers of the present after a year of runs: run_state.sh --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/prepare_environment.sh
exec .venv/bin/python -m scripts.run_state "$@"
