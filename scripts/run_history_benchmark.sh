#!/usr/bin/env bash
# Measures a MERGE into a history beside a plain one: run_history_benchmark.sh --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/prepare_environment.sh
exec .venv/bin/python -m scripts.run_history_benchmark "$@"
