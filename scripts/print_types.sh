#!/usr/bin/env bash
# Prints what each PostgreSQL type becomes; --write puts it into docs/TYPES.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/prepare_environment.sh
exec .venv/bin/python -m scripts.print_types "$@"
