#!/usr/bin/env bash
# Prints docs/CONFIGURATION.md from the schema: print_configuration.sh [--write]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/prepare_environment.sh
exec .venv/bin/python -m scripts.print_configuration "$@"
