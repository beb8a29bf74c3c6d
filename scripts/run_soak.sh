#!/usr/bin/env bash
# Runs random schedules of changes, transactions, syncs and faults: run_soak.sh --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/prepare_environment.sh
exec .venv/bin/python -m scripts.run_soak "$@"
