#!/usr/bin/env bash
# Measures mode log against other consumers of the log: run_log_benchmark.sh --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/prepare_environment.sh
exec .venv/bin/python -m scripts.run_log_benchmark "$@"
