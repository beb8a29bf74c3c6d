#!/usr/bin/env bash
# Runs random schedules on a table with history: run_history_soak.sh --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/prepare_environment.sh
exec .venv/bin/python -m scripts.run_history_soak "$@"
