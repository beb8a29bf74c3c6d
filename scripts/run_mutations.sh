#!/usr/bin/env bash
# Changes the product in small ways and counts what the tests notice: --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/prepare_environment.sh
exec .venv/bin/python -m scripts.run_mutations "$@"
