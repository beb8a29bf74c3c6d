#!/usr/bin/env bash
# Runs random schedules on a source with a reader: run_replica_soak.sh --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/prepare_environment.sh
exec .venv/bin/python -m scripts.run_replica_soak "$@"
