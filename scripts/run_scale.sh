#!/usr/bin/env bash
# Measures what a group of tables costs on the local stack: run_scale.sh --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/prepare_environment.sh
exec .venv/bin/python -m scripts.run_scale "$@"
