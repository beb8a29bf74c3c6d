#!/usr/bin/env bash
# Prints docs/CONTROL.md from a deployment, or from a local one: print_control.sh [--write]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/prepare_environment.sh
exec .venv/bin/python -m scripts.print_control "$@"
