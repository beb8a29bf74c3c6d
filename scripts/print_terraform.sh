#!/usr/bin/env bash
# Prints inputs and outputs of terraform/ into its README: print_terraform.sh [--write]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/prepare_environment.sh
exec .venv/bin/python -m scripts.print_terraform "$@"
