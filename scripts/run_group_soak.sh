#!/usr/bin/env bash
# Runs random schedules of groups, lanes, kills and take-overs: run_group_soak.sh --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/prepare_environment.sh
exec .venv/bin/python -m scripts.run_group_soak "$@"
