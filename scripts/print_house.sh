#!/usr/bin/env bash
# Prints what imports what: modules and imports per folder, the longest chain, circles.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/prepare_environment.sh
exec .venv/bin/python -m scripts.print_house "$@"
