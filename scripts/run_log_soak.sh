#!/usr/bin/env bash
# Runs random schedules of changes that are read through the log: run_log_soak.sh --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/prepare_environment.sh
exec .venv/bin/python -m scripts.run_log_soak "$@"
