#!/usr/bin/env bash
# Syncs while pgbench writes at full speed, then compares: run_pressure.sh --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/prepare_environment.sh
exec .venv/bin/python -m scripts.run_pressure "$@"
